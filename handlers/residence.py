"""Where people live: registering it, changing it, the rooms and their codes."""

from dataclasses import replace

from handlers import policy
from handlers.registry import handles
from handlers.turn import Choice, Reply, Turn


@handles("residence_register", "residence_update", "rental_rules", "rental_hazard_report")
def residence(turn: Turn) -> Reply:
    """What the rules say, and how to go on."""
    return policy.answer(turn)


@handles("rental_qr_report")
def rental_qr_report(turn: Turn) -> Reply:
    """What a missing or torn code means for registering, and a person who sends somebody to the room."""
    reply = policy.answer(turn)
    offers = (Choice("告诉工作人员是哪间房", "human_agent"), Choice("没有码怎么登记", "residence_register"))
    known = tuple(choice for choice in reply.choices if choice.id != "human_agent")
    return replace(reply, choices=(*offers, *known)[:5])
