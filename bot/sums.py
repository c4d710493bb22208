"""A sum told anew: from another day, for somebody else, with one thing put right, or begun by the day it starts from."""

import re
from dataclasses import replace

from bot import answering, filling, repair
from bot.answering import answer
from bot.asking import Progress
from bot.elsewhere import place_of
from bot.sides import kin
from bot.situation import Decision, Situation, offering, turn_of
from handlers import calculators, days, slots
from handlers.declared import Form
from handlers.registry import STEERING
from handlers.slots import entity_type
from intents import Understanding
from knowledge_base import RuleInputError

_DAY_ASKED = re.compile("什么时候|啥时候|哪天|几号|到期|过期|来得及|还能|多久|多少")


_WHEN_THEN = re.compile(
    r"(?:那么?|我|他|她|到底|最早|最快|[，, ])*(?:要|得|该|等)?(?:到)?(?:什么时候|啥时候|几时|哪(?:一)?天|几号|几月份?|多久(?=才|就|能|可以|够))(?:才|就)?(?:能|可以|够|满|行|好|去|办|申请)*[呢啊呀了？?。 ]*"
)
"""Asks for the day that was just worked out (那我什么时候可以)."""


def again(s: Situation, heard: Understanding) -> Decision | None:
    """After a sum: the same one from another day, for somebody else (我老婆的是2月1号发的), or with what was supposed
    in it said outright."""
    name = dict(s.state.known).get("sum", "")
    form = filling.named(name, s.knowledge) if name and s.state.topic else None
    if form is None or s.state.topic not in form.intents:
        return None
    elsewhere = heard.band == "answer" and heard.intent not in (*form.intents, *STEERING)
    if _WHEN_THEN.fullmatch(heard.text.strip()) and not heard.entities and s.state.shown == name:
        told = tuple((n.removeprefix("slot:"), value) for n, value in s.state.known if n.startswith("slot:"))
        reply = filling.worked_out(form, Progress(form.name, told), turn_of(s, s.state.topic))
        return Decision("question", (reply,), offering(s.state, reply), s.state.topic, s.state.topic)
    mended = _mended(s, form, heard)
    if mended:
        return mended
    kinds = {entity_type(slot) for slot in form.slots} & {"date", "duration_months", "amount"}
    again = s.state.shown == name or kin(heard.text) or _DAY_ASKED.search(heard.text)
    if again and not elsewhere and {e.type for e in heard.entities} & kinds:
        return answering.opened(s, form, heard)
    supposed = (slot for slot in form.slots if slot.default and s.state.shown == name and len(heard.text) <= 10)
    if not any(slots.read(slot, heard.text, heard.entities, s.now).value for slot in supposed):
        return None
    given = filling.summed_from(s.state, form)
    return answering.opened(replace(s, state=replace(s.state, known=(*s.state.known, *given))), form, heard)


def _mended(s: Situation, form: Form, heard: Understanding) -> Decision | None:
    """After a sum: one thing it was worked out from was wrong (说错了，是七月份才登记的); the rest stays."""
    if s.state.shown != form.name or not repair.WRONG.search(heard.text) or repair.asks(heard.text):
        return None
    progress = Progress(form.name, tuple((name.removeprefix("slot:"), value) for name, value in s.state.known if name.startswith("slot:")))  # fmt: skip
    step = filling.advance(form, progress, heard.text, heard, s.now)
    if step.progress is None or step.progress.filled == progress.filled or step.aside:
        return None
    turn = turn_of(s, s.state.topic)
    done = step.done or filling.settled(form, step.progress, turn)
    state = filling.keep(s.state, None if done else step.progress)
    reply = step.reply
    if done:
        reply = filling.worked_out(form, step.progress, turn)
        state = filling.summed(state, form, step.progress)
    return Decision("form", (reply,), offering(state, reply), s.state.topic, s.state.topic)


_NOW_ASKED = re.compile(
    "几时|来得及|还能(?:不能)?(?:再)?(?:要|告|申请|仲裁|追|讨|报|认|办)|过期|到期|有效期|就到了|过没过|超(?:期|过|时)|晚不晚|什么时候|啥时候|哪天|几号|能不能办|够不够|够了"
)


def told(s: Situation, heard: Understanding) -> Decision | None:
    """A day from which a limit or a condition can be worked out, told or asked about (8月3号受的伤，还来得及吗)."""
    heard = _with_month(s, heard)
    if not any(e.type == "date" for e in heard.entities):
        return None
    asked = _NOW_ASKED.search(heard.text) is not None
    if heard.second and not (asked and heard.intent == s.state.topic):
        return None  # a day of the topic, and a question about it, are one need
    own = heard.intent if heard.band == "answer" and asked and heard.intent not in STEERING else s.state.topic
    if not own or (repair.asks(heard.text) and not asked):
        return None
    for row in calculators.calculators():
        form = own in row.intents and calculators.form_of(
            f"{calculators.PREFIX}{row.topic}:{place_of(s, heard) or s.region}", s.knowledge
        )
        first = next(slot for slot in form.slots if not slot.unasked) if form else None
        if form and first and first.kind == "date" and form.alone("date"):
            return answering.opened(s, form, heard, place_of(s, heard))
    return None


_SAYS_WHEN = re.compile("登记|受伤|出事|发证|签注")
"""What happened in a month that is named without its year (四月份登记的)."""


def _with_month(s: Situation, heard: Understanding) -> Understanding:
    """`heard` with a month that was named without its year, where it tells when something happened or corrects that."""
    if any(e.type == "date" for e in heard.entities):
        return heard
    tells = repair.WRONG.search(heard.text) or _SAYS_WHEN.search(heard.text)
    month = days.month_said(heard.text, s.now) if tells else None
    return replace(heard, entities=(*heard.entities, days.dated(month))) if month else heard


_LEFT = re.compile("走了?|不干|不做|离职|辞|离开|离厂|回老家")


def owed_to_a_leaver(s: Situation, heard: Understanding) -> Decision | None:
    """Whether wages can still be asked for, reckoned from the day that somebody says he left."""
    owed = "wage_arrears" in (heard.intent, s.state.topic) and heard.intent in (
        "wage_arrears",
        "labor_dispute",
        "out_of_scope",
    )
    day = next(
        (days.in_time(days.dated(e), "past", s.now.date()).value for e in heard.entities if e.type == "date"), ""
    )
    if not (owed and day and _LEFT.search(heard.text) and _NOW_ASKED.search(heard.text)) or heard.second:
        return None
    region = place_of(s, heard) or s.region
    if s.knowledge.rules.find("arbitration_limit", region) is None:
        return None
    try:
        outcome = s.knowledge.rules.evaluate("arbitration_limit", region, {"wages": True, "left_on": day}, s.now.date())
    except RuleInputError:
        return None
    decision = answer(s, "wage_arrears", "main", region=place_of(s, heard))
    first, *rest = decision.replies
    lines = "\n".join([f"{outcome.rule.title}：{outcome.result}", *outcome.trace])
    return replace(decision, replies=(replace(first, text=f"{lines}\n\n{first.text}"), *rest))
