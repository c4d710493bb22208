"""What a decision rests on, and what it is."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from bot.filling import Filing
from bot.message import Inbound, Reply
from bot.state import State
from handlers.registry import titles
from handlers.turn import Turn
from intents import Understanding
from intents.understander import Bands
from knowledge_base import Knowledge
from records.desk import Desk
from records.switches import Switches


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision rests on."""

    inbound: Inbound
    heard: Understanding | None
    """None for what has no words."""
    state: State
    line: str | None
    region: str
    region_known: bool
    now: datetime
    knowledge: Knowledge
    switches: Switches
    desk: Desk | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who owned the turn, what is said, and what is remembered."""

    owner: str
    replies: tuple[Reply, ...]
    state: State
    intent: str = ""
    """What the person was taken to want."""
    handler: str = ""
    """The intent whose handler answered; empty where the bot only asked back, or was silent."""
    danger: bool = False
    region: str | None = None
    filing: Filing | None = None
    """A form to be filed; its receipt is the last thing said."""
    withdraw: bool = False
    """The person no longer wants a member of staff."""
    draft: tuple[Reply, ...] = ()
    """An answer that staff see before it goes out; `replies` then only says so."""

    @property
    def articles(self) -> tuple[str, ...]:
        """Ids of all articles shown."""
        return tuple(id for reply in self.replies for id in reply.articles)


def turn_of(
    s: Situation, intent: str, aspect: str = "main", region: str | None = None, *, text: str | None = None,
    sides: tuple[str, ...] = (), about: str = "", earlier: str = "",
) -> Turn:  # fmt: skip
    """The situation as a handler sees it."""
    return Turn(
        text=s.inbound.text if text is None else text,
        intent=intent,
        understanding=s.heard or unsaid(intent),
        region=region or s.region,
        region_known=bool(region) or s.region_known,
        now=s.now,
        knowledge=s.knowledge,
        aspect=aspect,
        topic=s.state.topic,
        waiting=s.line == "waiting",
        titles=titles(),
        sides=sides,
        plain=s.state.plain,
        misses=s.state.misses,
        shown=s.state.shown if intent == s.state.topic else "",
        about=about,
        earlier=earlier,
        desk=s.desk,
    )


def unsaid(intent: str) -> Understanding:
    """What stands in for understanding where a choice was tapped and nothing had to be understood."""
    return Understanding("", "", intent, 1.0, ((intent, 1.0),), "answer", None, (), False, 0.0, "choice")


def rebanded(heard: Understanding, switches: Switches) -> Understanding:
    """`heard` with its band by the thresholds that staff set; as it was where they set none."""
    if not (switches.answer_from or switches.confirm_from):
        return heard
    usual = _bands()
    sure = switches.answer_from or usual.answer
    likely = min(switches.confirm_from or usual.confirm, sure)
    low = heard.band if heard.band in ("ask", "person") else "ask"
    band = "answer" if heard.probability >= sure else "confirm" if heard.probability >= likely else low
    return replace(heard, band=band)


@cache
def _bands() -> Bands:
    return Bands.load()


_LASTING = ("phone", "district", "born")
"""What is said about a person and stays so, whatever the topic."""


def knowing(state: State, heard: Understanding | None, topic: str) -> State:
    """`state` with what the message named kept for a form about the same subject."""
    kept = dict(state.known)
    if topic != state.topic:
        kept = {kind: value for kind, value in kept.items() if kind in _LASTING}
    for entity in heard.entities if heard else ():
        if entity.type == "id_number":
            kept["born"] = f"{entity.value[6:10]}-{entity.value[10:12]}-{entity.value[12:14]}"
        else:
            kept[entity.type] = entity.value
    return replace(state, known=tuple(kept.items()))


def offering(state: State, *replies: Reply | None) -> State:
    """`state` with the choices of `replies` on offer, in the order they are numbered."""
    given = [reply for reply in replies if reply is not None]
    if not given:
        return replace(state, offered=(), asking="", pending=())
    offered = tuple((choice.label, choice.id) for reply in given for choice in reply.choices)
    return replace(state, offered=offered, asking=given[-1].asking, pending=given[-1].pending)
