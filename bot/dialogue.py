"""Who owns a turn, and what is answered: danger, then the person on the line, then the bot with a question.

Deterministic and free of side effects: it reads, decides, and says what should happen; `bot.turn` makes it so.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot import choices
from bot.message import Inbound, Reply
from bot.state import State
from handlers import arrivals, mind, talk
from handlers.registry import STEERING, handler_of, titles
from handlers.turn import Turn
from intents import Understanding
from knowledge_base import Knowledge
from records.switches import Switches

CARE = timedelta(minutes=30)
"""How long after words of danger a vague message is still answered with care instead of a menu."""


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
    ahead: int
    now: datetime
    knowledge: Knowledge
    switches: Switches


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

    @property
    def articles(self) -> tuple[str, ...]:
        """Ids of all articles shown."""
        return tuple(id for reply in self.replies for id in reply.articles)


def decide(situation: Situation) -> Decision:
    """The one owner of this turn and its answer."""
    decision = _owned(situation)
    if decision.owner in ("question", "event") and decision.replies:
        decision = _with_notice(situation, decision)
    state = replace(decision.state, at=situation.now)
    return replace(decision, state=state)


def _owned(s: Situation) -> Decision:
    if s.heard is not None and s.heard.danger:
        return _crisis(s)
    if s.line == "claimed":
        return Decision("staff", (), s.state, intent=s.heard.intent if s.heard else "")
    if not s.switches.bot_on:
        replies = (talk.switched_off(),) if s.line is None else ()
        return Decision("off", replies, s.state, intent=s.heard.intent if s.heard else "")
    if s.inbound.kind == "event" and not s.inbound.choice:
        reply = arrivals.arrival(s.inbound.event, s.inbound.scene)
        if reply is None and s.inbound.event == "click":
            return _chosen(s, s.inbound.scene)
        return Decision("event", (reply,) if reply else (), _offering(s.state, reply))
    picked = choices.picked(s.inbound, s.state)
    if picked:
        return _chosen(s, picked)
    if s.heard is None:
        reply = arrivals.without_words(s.inbound.kind)
        return Decision("event", (reply,), _offering(s.state, reply))
    return _question(s, s.heard)


def _crisis(s: Situation) -> Decision:
    recent = s.state.warned_at is not None and s.now - s.state.warned_at < CARE
    times = s.state.warned if recent else 0
    state = replace(s.state, warned=times + 1, warned_at=s.now, offered=(), asking="", misses=0)
    return Decision("crisis", (mind.crisis(times),), state, "psych_crisis", "psych_crisis", danger=True)


def _chosen(s: Situation, choice: str) -> Decision:
    """A choice that was tapped, or answered with its number or its words."""
    goal = choices.goal(choice)
    if goal is None or (goal.region and goal.region not in s.knowledge.regions):
        reply = talk.not_understood(0)
        return Decision("question", (reply,), _offering(s.state, reply), intent="out_of_scope")
    if goal.region:
        topic = s.state.topic or "greet"
        return _answer(s, topic, s.state.aspect, region=goal.region)
    return _answer(s, goal.intent, goal.aspect)


def _question(s: Situation, heard: Understanding) -> Decision:
    place = _place(s, heard)
    if place and s.state.topic and choices.only_a_place(heard):
        return _answer(s, s.state.topic, s.state.aspect, region=place)
    if s.state.asking == "confirm" and heard.intent == "affirm" and s.state.offered:
        return _chosen(s, s.state.offered[0][1])
    if _needs_care(s, heard):
        state = replace(s.state, warned=s.state.warned + 1)
        return Decision("crisis", (mind.crisis(max(s.state.warned, 1)),), state, heard.intent, "psych_crisis")
    if heard.band == "answer" or (heard.intent in ("affirm", "deny") and s.state.asking):
        return _answer(s, heard.intent, "main", region=place, second=heard.second)
    if heard.band == "confirm":
        names = dict(titles())
        other = heard.second or (heard.ranking[1][0] if len(heard.ranking) > 1 else None)
        return _asked(s, heard, talk.confirm(heard.intent, other, names))
    if heard.band == "ask" and len(heard.ranking) > 1:
        pair = heard.ranking[0][0], heard.ranking[1][0]
        return _asked(s, heard, talk.which(pair, dict(titles())))
    reply = talk.not_understood(s.state.misses)
    state = replace(_offering(s.state, reply), misses=s.state.misses + 1)
    return Decision("question", (reply,), state, intent=heard.intent)


def _asked(s: Situation, heard: Understanding, reply: Reply) -> Decision:
    return Decision("question", (reply,), _offering(s.state, reply), intent=heard.intent)


def _answer(
    s: Situation, intent: str, aspect: str, *, region: str | None = None, second: str | None = None
) -> Decision:
    turn = Turn(
        text=s.inbound.text,
        intent=intent,
        understanding=s.heard or _unsaid(intent),
        region=region or s.region,
        region_known=bool(region) or s.region_known,
        now=s.now,
        knowledge=s.knowledge,
        aspect=aspect,
        topic=s.state.topic,
        waiting=s.line == "waiting",
        ahead=s.ahead,
        titles=titles(),
    )
    reply = handler_of(intent)(turn)
    if second and second != intent:
        reply = choices.with_second(reply, second, titles()[second])
    state = _offering(s.state, reply)
    misses = s.state.misses + 1 if intent == "out_of_scope" else 0
    if intent not in STEERING and intent != "psych_crisis":
        state = replace(state, topic=intent, aspect=aspect)
    return Decision(
        "question", (reply,), replace(state, misses=misses), intent, handler=intent, region=region or reply.region
    )  # fmt: skip


def _offering(state: State, reply: Reply | None) -> State:
    if reply is None:
        return state
    return replace(state, offered=tuple((c.label, c.id) for c in reply.choices), asking=reply.asking)


def _place(s: Situation, heard: Understanding) -> str | None:
    """The region key of a district named in the message, if it is one of ours."""
    for entity in heard.entities:
        if entity.type == "district":
            return s.knowledge.regions.of_name(entity.value)
    return choices.city(heard.normal, s.knowledge)


def _needs_care(s: Situation, heard: Understanding) -> bool:
    """After words of danger, a vague message gets care; a clear question gets its answer."""
    if s.state.warned_at is None or s.now - s.state.warned_at > CARE or s.line == "claimed":
        return False
    return heard.intent in STEERING or heard.intent in ("psych_support", "psych_crisis") or heard.band != "answer"


def _with_notice(s: Situation, decision: Decision) -> Decision:
    """Put the emergency notice above the answer, once for each person and notice."""
    notice = s.switches.notice
    if not notice or s.state.notice == notice:
        return decision
    first, *rest = decision.replies
    first = replace(first, text=f"【通知】{notice}\n\n{first.text}")
    return replace(decision, replies=(first, *rest), state=replace(decision.state, notice=notice))


def _unsaid(intent: str) -> Understanding:
    """What stands in for understanding where a choice was tapped and nothing had to be understood."""
    return Understanding("", "", intent, 1.0, ((intent, 1.0),), "answer", None, (), False, 0.0, "choice")
