"""Who owns a turn, and what is answered: danger, then the person on the line, then the bot with a question.

Deterministic and free of side effects: it reads, decides, and says what should happen; `bot.turn` makes it so.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot import choices, filling, repair
from bot.filling import Filing
from bot.forms import RESUME, Progress, Step, resume
from bot.message import Inbound, Reply
from bot.state import State
from handlers import arrivals, calculators, manners, mind, policy, talk
from handlers.declared import Form, forms_of
from handlers.registry import STEERING, handler_of, titles
from handlers.turn import Turn
from intents import Understanding
from knowledge_base import Knowledge
from records.desk import Desk
from records.switches import Switches

CARE = timedelta(minutes=30)
"""How long after words of danger a vague message is still answered with care instead of a menu."""


_NOT_ASKED = frozenset({"out_of_scope", "affirm", "deny", "cancel", "greet", "thanks", "goodbye", "psych_crisis"})
"""Nobody is asked whether he meant one of these."""


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

    @property
    def articles(self) -> tuple[str, ...]:
        """Ids of all articles shown."""
        return tuple(id for reply in self.replies for id in reply.articles)


def decide(situation: Situation) -> Decision:
    """The one owner of this turn and its answer."""
    decision = _owned(situation)
    if decision.owner in ("question", "event", "form") and decision.replies:
        decision = _with_notice(situation, _with_manners(situation, decision))
    state = replace(decision.state, at=situation.now, stale=False)
    return replace(decision, state=state)


def _owned(s: Situation) -> Decision:
    if s.heard is not None and (s.heard.danger or _sure_of_crisis(s.heard)):
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
        state = _offering(s.state, reply) if reply else s.state
        return Decision("event", (reply,) if reply else (), state)
    picked = choices.picked(s.inbound, s.state)
    form = filling.open_form(s.state, s.knowledge)
    if form and (s.heard is not None or filling.spoken(picked)):
        return _form(s, *form, picked)
    if picked:
        return _chosen(s, picked)
    if s.heard is None:
        reply = arrivals.without_words(s.inbound.kind)
        return Decision("event", (reply,), _offering(s.state, reply))
    return _question(s, s.heard)


def _sure_of_crisis(heard: Understanding) -> bool:
    """The classifier may see danger where the detector doesn't; it never overrules it."""
    return heard.intent == "psych_crisis" and heard.band == "answer" and not repair.SKIP.fullmatch(heard.text.strip())


def _crisis(s: Situation) -> Decision:
    recent = s.state.warned_at is not None and s.now - s.state.warned_at < CARE
    times = s.state.warned if recent else 0
    state = replace(s.state, warned=times + 1, warned_at=s.now, offered=(), asking="", misses=0)
    return Decision("crisis", (mind.crisis(times),), state, "psych_crisis", "psych_crisis", danger=True)


def _chosen(s: Situation, choice: str) -> Decision:
    """A choice that was tapped, or answered with its number or its words."""
    goal = choices.goal(choice)
    if goal is None or (goal.region and goal.region not in s.knowledge.regions) or (goal.say and s.heard is None):
        return _nothing(s)
    if goal.form:
        form = filling.named(goal.form, s.knowledge)
        return _opened(s, form, None) if form else _nothing(s)
    if goal.remind:
        return _reminded(s, goal.remind)
    if goal.region:
        topic = s.state.topic or "greet"
        return _answer(s, topic, s.state.aspect, region=goal.region)
    return _answer(s, goal.intent, goal.aspect)


def _nothing(s: Situation) -> Decision:
    """What was tapped leads nowhere: it came from outside, or from long ago."""
    reply = talk.not_understood(0)
    return Decision("question", (reply,), _offering(s.state, reply), intent="out_of_scope")


def _opened(s: Situation, form: Form, heard: Understanding | None, region: str | None = None) -> Decision:
    reply, state = filling.start(form, _knowing(s.state, heard), heard)
    topic = form.intents[0]
    return Decision("form", (reply,), replace(_offering(state, reply), topic=topic), topic, topic, region=region)


def _reminded(s: Situation, choice: str) -> Decision:
    """A wish to be reminded of a day that was worked out."""
    wish = calculators.reminder_of(choice, s.now)
    if wish is None:
        return _nothing(s)
    text = f"好，{wish.at.month}月{wish.at.day}日早上提醒您。不想要了，在“我的记录”里可以取消。"
    reply = Reply(text=text, reminder=(wish.at, wish.text))
    return Decision("question", (reply,), _offering(s.state, reply), s.state.topic, handler=s.state.topic)


def _form(s: Situation, form: Form, progress: Progress, picked: str) -> Decision:
    """The open form takes the message, unless it leads elsewhere."""
    said = filling.spoken(picked)
    if picked and not said:
        return _with_form(s, form, progress, _chosen(s, picked))
    heard = None if said else s.heard
    if heard and heard.intent == "emergency" and heard.band == "answer":
        return _with_form(s, form, progress, _answer(s, "emergency", "main"))
    if s.state.stale and progress.asking != RESUME:
        return _came_back(s, form, progress, heard)
    step = filling.advance(form, progress, said or s.inbound.text, heard, s.now)
    return _stepped(s, form, progress, step, heard)


def _stepped(s: Situation, form: Form, progress: Progress, step: Step, heard: Understanding | None) -> Decision:
    intent = form.intents[0]
    if step.done:
        filled = step.progress or progress
        state = _offering(filling.keep(s.state, None), None)
        if form.end == "compute":
            reply = filling.worked_out(form, filled, _turn(s, intent, "main"))
            return Decision("form", (reply,), _offering(state, reply), intent, handler=intent)
        return Decision("form", (), state, intent, handler=intent, filing=Filing(form, filled))
    state = filling.keep(s.state, step.progress)
    if step.aside and heard is not None:
        if step.person:
            return _with_question(_answer(s, "human_agent", "main"), state, step.reply)
        return _with_question(_question(replace(s, state=replace(s.state, asking="")), heard), state, step.reply)
    return Decision("form", (step.reply,), _offering(state, step.reply), intent, handler=intent)


def _came_back(s: Situation, form: Form, progress: Progress, heard: Understanding | None) -> Decision:
    """After a long time: whether to go on is asked, not assumed; a question of its own is answered first."""
    step = resume(form, progress)
    state = filling.keep(s.state, step.progress)
    if heard and heard.band == "answer" and heard.intent not in (*STEERING, *form.intents):
        return _with_question(_question(s, heard), state, step.reply)
    intent = form.intents[0]
    return Decision("form", (step.reply,), _offering(state, step.reply), intent, handler=intent)


def _with_form(s: Situation, form: Form, progress: Progress, decision: Decision) -> Decision:
    """An answer given while a form is open: the form stays as it is."""
    return replace(decision, state=replace(decision.state, form=progress.packed()))


def _with_question(decision: Decision, state: State, question: Reply) -> Decision:
    """An answer, and then the form's question again. Only the form's choices can be picked by number."""
    answers = tuple(replace(reply, choices=()) for reply in decision.replies)
    kept = replace(_offering(decision.state, question), form=state.form)
    return replace(decision, replies=(*answers, question), state=kept)


def _question(s: Situation, heard: Understanding) -> Decision:
    unlawful = manners.refused(heard.normal)
    if unlawful:
        return Decision("question", (unlawful,), _offering(s.state, unlawful), heard.intent, handler="unsafe")
    if repair.SKIP.fullmatch(heard.text.strip()) and not s.state.asking:
        reply = talk.nothing_open()
        return Decision("question", (reply,), _offering(s.state, reply), heard.intent, handler="cancel")
    if choices.names_a_case(heard.text):
        return _answer(s, "case_status", "main")
    place = _place(s, heard)
    if place and s.state.topic and choices.only_a_place(heard):
        return _answer(s, s.state.topic, s.state.aspect, region=place)
    if s.state.asking == "confirm" and heard.intent == "affirm" and s.state.offered:
        return _chosen(s, s.state.offered[0][1])
    if _needs_care(s, heard):
        state = replace(s.state, warned=s.state.warned + 1)
        return Decision("crisis", (mind.crisis(max(s.state.warned, 1)),), state, heard.intent, "psych_crisis")
    side = choices.side(heard.text)
    if side and s.state.topic:
        return _answer(s, s.state.topic, side, region=place)
    wanted = _wanted_form(s, heard)
    if wanted:
        return _opened(s, wanted, heard, place)
    if heard.band == "answer" or (heard.intent in ("affirm", "deny") and s.state.asking):
        return _answer(s, heard.intent, "main", region=place, second=heard.second)
    return _unsure(s, heard)


def _unsure(s: Situation, heard: Understanding) -> Decision:
    """Below the answering band: ask whether it was meant, ask which of two, or say that it wasn't understood."""
    askable = [intent for intent, _ in heard.ranking if intent not in _NOT_ASKED]
    if heard.intent not in _NOT_ASKED and askable:
        others = [intent for intent in (heard.second, *askable) if intent and intent != heard.intent]
        if heard.band == "confirm" or (heard.band == "ask" and not others):
            return _asked(s, heard, talk.confirm(heard.intent, others[0] if others else None, dict(titles())))
        if heard.band == "ask":
            return _asked(s, heard, talk.which((heard.intent, others[0]), dict(titles())))
    if heard.intent == "out_of_scope" and heard.band == "confirm":
        return _answer(s, "out_of_scope", "main")
    reply = talk.not_understood(s.state.misses)
    state = replace(_offering(s.state, reply), misses=s.state.misses + 1)
    return Decision("question", (reply,), state, heard.intent, handler="out_of_scope")


def _wanted_form(s: Situation, heard: Understanding) -> Form | None:
    """The one form that a message asks to fill here and now, of its own subject or of the last one."""
    if not choices.wants_form(heard.text) or (choices.bare_start(heard.text) and not s.state.topic):
        return None
    named = heard.band == "answer" and heard.intent not in STEERING and not choices.bare_start(heard.text)
    subject = heard.intent if named else s.state.topic
    if choices.wants_sum(heard.text):
        return calculators.wanted(heard.normal, subject, s.region, s.knowledge)
    if not subject or heard.second:
        return None
    return next(iter(forms_of(subject)), None)


def _asked(s: Situation, heard: Understanding, reply: Reply) -> Decision:
    return Decision("question", (reply,), _offering(s.state, reply), intent=heard.intent)


def _answer(
    s: Situation, intent: str, aspect: str, *, region: str | None = None, second: str | None = None
) -> Decision:  # fmt: skip
    reply = handler_of(intent)(_turn(s, intent, aspect, region))
    replies: tuple[Reply, ...] = (reply,)
    if second and second != intent and second not in STEERING:
        replies = (reply, policy.second(_turn(s, second, "main", region)))
    state = _offering(s.state, *replies)
    misses = s.state.misses + 1 if intent == "out_of_scope" else 0
    if intent not in STEERING and intent != "psych_crisis":
        state = _knowing(replace(state, topic=intent, aspect=aspect), s.heard)
    return Decision(
        "question", replies, replace(state, misses=misses), intent, handler=intent, region=region or reply.region
    )


def _turn(s: Situation, intent: str, aspect: str, region: str | None = None) -> Turn:
    return Turn(
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
        desk=s.desk,
    )


def _knowing(state: State, heard: Understanding | None) -> State:
    """`state` with what the message named kept for a form about the same subject."""
    if heard is None or not heard.entities:
        return state
    named = {**dict(state.known), **{e.type: e.value for e in heard.entities if e.type != "id_number"}}
    return replace(state, known=tuple(named.items()))


def _offering(state: State, *replies: Reply | None) -> State:
    """`state` with the choices of `replies` on offer, in the order they are numbered."""
    given = [reply for reply in replies if reply is not None]
    if not given:
        return replace(state, offered=(), asking="")
    offered = tuple((choice.label, choice.id) for reply in given for choice in reply.choices)
    return replace(state, offered=offered, asking=given[-1].asking)


def _place(s: Situation, heard: Understanding) -> str | None:
    """The region key of a district or city named in the message, if it is one of ours."""
    for entity in heard.entities:
        if entity.type == "district":
            return s.knowledge.regions.of_name(entity.value)
    return choices.city(heard.normal, s.knowledge)


def _needs_care(s: Situation, heard: Understanding) -> bool:
    """After words of danger, a vague message gets care; a clear question gets its answer."""
    if s.state.warned_at is None or s.now - s.state.warned_at > CARE or s.line == "claimed":
        return False
    return heard.intent in STEERING or heard.intent in ("psych_support", "psych_crisis") or heard.band != "answer"


def _with_manners(s: Situation, decision: Decision) -> Decision:
    """An apology for somebody who is angry, and a word to somebody who typed an ID number."""
    if s.heard is None:
        return decision
    first, *rest = decision.replies
    if manners.angry(s.heard.normal) and not first.urgent:
        first = manners.soothed(first)
    if any(entity.type == "id_number" for entity in s.heard.entities):
        first = replace(first, text=f"{first.text}\n\n{manners.ID_NUMBER}")
    return replace(decision, replies=(first, *rest))


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
