"""Answers: from a handler, from a choice, by opening a form, by promising to remind."""

from dataclasses import replace

from bot import choices, filling, repair
from bot.message import Reply
from bot.situation import Decision, Situation, knowing, offering, turn_of
from handlers import calculators, manners, policy, talk
from handlers.declared import Form
from handlers.registry import STEERING, handler_of, titles
from handlers.turn import Handoff
from intents import Understanding

CALL_BACK = "call_back"
"""The form of a wish to be rung, whatever about."""

_ASKED = 80
_WHOLE = 9
"""From so many characters on a question is kept by itself, as what the next one leans on."""
_BEFORE = 3


def answer(
    s: Situation, intent: str, aspect: str, *, region: str | None = None, second: str | None = None,
    text: str | None = None, sides: tuple[str, ...] = (), about: str = "", earlier: str = "",
) -> Decision:  # fmt: skip
    """What the handler of `intent` says on one side of it; `second` is the other need of the same message, `earlier` the
    question that this one leans on."""
    reply = handler_of(intent)(turn_of(s, intent, aspect, region, text=text, sides=sides, about=about, earlier=earlier))
    replies: tuple[Reply, ...] = (reply,)
    if second and second != intent and second not in STEERING:
        replies = (reply, policy.second(turn_of(s, second, "main", region)))
    state = offering(s.state, *replies)
    misses = s.state.misses + 1 if intent == "out_of_scope" else 0
    if intent not in STEERING and intent != "psych_crisis":
        said = s.state.said if s.state.topic == intent else ""
        told = s.heard is not None and aspect == "main" and len(s.heard.text) >= 5
        if s.heard and told and not (said and (repair.asks(s.heard.text) or len(s.heard.text) < len(said))):
            said = manners.veiled(s.heard.text)[:200]
        state = replace(knowing(state, s.heard, intent), topic=intent, aspect=aspect, said=said)
        if s.heard and text is None:
            short = s.state.topic == intent and len(s.heard.text) < _WHOLE
            leans = s.state.asked if short else ""
            state = replace(state, asked=f"{leans} {manners.veiled(s.heard.text)}".strip()[-_ASKED:])
        others = (second, s.state.topic, *s.state.before)
        state = replace(state, before=tuple(dict.fromkeys(i for i in others if i and i != intent))[:_BEFORE])
        state = replace(state, shown=reply.articles[0] if reply.articles else "")
    return Decision(
        "question", replies, replace(state, misses=misses), intent, handler=intent, region=region or reply.region
    )


def chosen(s: Situation, choice: str) -> Decision:
    """A choice that was tapped, or answered with its number or its words."""
    goal = choices.goal(choice)
    if goal is None or (goal.region and goal.region not in s.knowledge.regions) or (goal.say and s.heard is None):
        return nothing(s)
    if goal.form:
        form = filling.named(goal.form, s.knowledge)
        return opened(s, form, None) if form else nothing(s)
    if goal.remind:
        return _reminded(s, goal.remind)
    if goal.rate:
        return rated(s, goal.rate)
    if goal.tell:
        reply = talk.subscribed(turn_of(s, goal.tell))
        state = replace(offering(s.state, reply), topic=goal.tell)
        return Decision("question", (reply,), state, goal.tell, goal.tell)
    if goal.say:
        return nothing(s)
    if goal.region:
        topic = s.state.topic or "greet"
        return answer(s, topic, s.state.aspect, region=goal.region, text="")
    return answer(s, goal.intent, goal.aspect, text="")


def nothing(s: Situation) -> Decision:
    """What was tapped leads nowhere: it came from outside, or from long ago."""
    reply = talk.not_understood(0)
    return Decision("question", (reply,), offering(s.state, reply), intent="out_of_scope")


def opened(s: Situation, form: Form, heard: Understanding | None, region: str | None = None) -> Decision:
    """A form begins. Where nothing was told of the matter yet, whom to ring comes first."""
    topic = s.state.topic if s.state.topic in form.intents else form.intents[0]
    if heard is not None and heard.band == "answer" and heard.intent in form.intents:
        topic = heard.intent
    lead = ""
    if heard is not None and s.state.topic != topic and form.end == "case":
        main = s.knowledge.main(topic, region or s.region, s.now.date())
        lines = [line for id in (main.hotlines if main else ()) if (line := s.knowledge.hotline(id))][:2]
        if lines and topic not in ("suggestion",):
            lead = "想直接打电话：" + "，".join(f"{line.number}（{line.name}）" for line in lines) + "。"
    place = _district(s, region)
    guessed = not s.state.topic and s.state.asking in ("confirm", "which")  # what it was about was asked, not told
    earlier = s.state.said if guessed or s.state.topic in form.intents else ""
    rung = form.name == CALL_BACK and s.state.topic not in ("", *STEERING)
    about = titles().get(s.state.topic, "") if rung else ""
    step, state = filling.start(form, knowing(s.state, heard, topic), heard, s.now, place, lead, earlier, about)
    reply = step.reply
    turn = turn_of(s, topic, region=region)
    told = form.end == "compute" and step.progress
    if step.progress and (step.done or (told and filling.settled(form, step.progress, turn))):  # all it needs was told
        state = filling.keep(state, None)
        reply = filling.worked_out(form, step.progress, turn)
        state = filling.summed(state, form, step.progress)
    state = replace(offering(state, reply), topic=topic, aspect="main", misses=0)
    return Decision("form", (reply,), state, topic, topic, region=region)


def _district(s: Situation, region: str | None) -> str:
    """The name of the person's district, where it is known that finely."""
    key = region or (s.region if s.region_known else "")
    tree = s.knowledge.regions
    if not key or key not in tree or any(other.parent == key for other in tree.regions.values()):
        return ""
    return tree.name(key)


def _reminded(s: Situation, choice: str) -> Decision:
    """A wish to be reminded of a day that was worked out."""
    wish = calculators.reminder_of(choice, s.now)
    if wish is None:
        return nothing(s)
    text = f"好，{wish.at.month}月{wish.at.day}日早上提醒您。不想要了，在“我的记录”里可以取消。"
    reply = Reply(text=text, reminder=(wish.at, wish.text))
    return Decision("question", (reply,), offering(s.state, reply), s.state.topic, handler=s.state.topic)


def rated(s: Situation, choice: str) -> Decision:
    """The answer to the question how satisfied somebody was; taken once, and the talk goes on where it was."""
    asked = s.desk.rating_asked(s.now) if s.desk else None
    mine = asked is not None and choice.split(":")[1:2] == [str(asked.handoff_id)]
    reply = talk.rated(choice.rpartition(":")[2], mine=mine)
    if mine:
        reply = replace(reply, rating=choice)
    return Decision("event", (reply,), s.state, intent=s.state.topic)


def to_person(s: Situation, reason: str) -> Handoff:
    """A handoff to the queue of what is talked about."""
    return policy.ask_for_person(turn_of(s, s.state.topic or "human_agent"), reason)
