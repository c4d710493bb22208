"""Children: school places, exams, the child's card."""

from dataclasses import replace

from handlers import policy
from handlers.registry import handles
from handlers.turn import Choice, Reply, Turn


@handles("local_exam", "child_card")
def schooling(turn: Turn) -> Reply:
    """What the rules say, and how to go on."""
    return policy.answer(turn)


@handles("school_enrollment")
def school_enrollment(turn: Turn) -> Reply:
    """The rules of the district; every district has its own, so an unknown one is asked for."""
    reply = policy.answer(turn)
    tree = turn.knowledge.regions
    districts = [key for key, region in tree.regions.items() if region.parent == turn.region]
    if not districts:
        return reply
    # Naming the district comes first; what can be filed or worked out is offered with its rules.
    choices = tuple(Choice(tree.regions[key].short, f"region={key}") for key in districts)
    return replace(reply, text=f"{reply.text}\n\n各区县要求不一样，孩子准备在哪里上学？", choices=choices)
