"""The residence permit: applying, the yearly endorsement, replacing it, what it is good for."""

from dataclasses import replace

from handlers import policy
from handlers.registry import handles
from handlers.turn import Choice, Reply, Turn

_NEXT = {
    "permit_application": Choice("办下来有什么好处", "permit_benefits"),
    "permit_renewal": Choice("证丢了或坏了", "permit_replacement"),
    "permit_replacement": Choice("快到期要签注", "permit_renewal"),
    "permit_benefits": Choice("怎么申领", "permit_application"),
}


@handles("permit_application", "permit_renewal", "permit_replacement", "permit_benefits")
def permit(turn: Turn) -> Reply:
    """The answer, the other sides of it, and the neighbour it is most often mixed up with."""
    reply = policy.answer(turn)
    *sides, human = reply.choices
    return replace(reply, choices=(*sides[:3], _NEXT[turn.intent], human))
