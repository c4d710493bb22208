"""Which form a message wants filled in here and now: by its own words, or because it begins to answer one."""

import re

from bot import answering, choices, following, naming, repair
from bot.elsewhere import place_of
from bot.situation import Situation
from handlers import calculators, spotting
from handlers.declared import Form, forms, forms_of, named_in
from handlers.registry import STEERING
from handlers.slots import entity_type
from handlers.spotting import leftover, spotted
from intents import Understanding

SURE = 0.9
"""From here on a wish to file something is about what it was taken for, and not about the last topic."""
_REPORTS_HIM = re.compile(
    r"(?:那|那么|好|行|[，, ])*我?(?:就)?(?:要|想|得)?(?:去)?(?:投诉|举报|告)(?:他|她|他们|这家|这个?厂|老板|厂里|单位|公司|房东|包工头)[，,。 ]*"
    r"(?:你|请|麻烦|可以|能)*(?:帮我|给我|帮忙)?(?:登记|报上去|报|填|弄|记)(?:一?下|上)?(?:吧|吗|呗)?[。！!]*"
)


_APPOINTS = re.compile(
    r"(?:那|就|我|想|要|好|行|[，, ])*(?:预约|约)(?:一?下|一?个|在|到)*(?:今|明|后天|大后|[这下](?:周|个?星期|个?礼拜)|周|星期|礼拜|上午|下午|晚上|早上|\d)[^？?]{0,20}"
)
"""Names the time at which one would be rung (约明天下午吧，我在鄞州)."""


def wanted(s: Situation, heard: Understanding) -> Form | None:
    """The one form that a message asks to fill here and now, of its own subject or of the last one."""
    if form := calculators.called(heard.text.strip(), place_of(s, heard) or s.region, s.knowledge):
        return form
    spoken = (s.state.topic, *s.state.before) if choices.starts_and_tells(heard.text) else ()
    if _REPORTS_HIM.fullmatch(heard.text.strip()):  # him who was just talked about
        spoken = (s.state.topic,)
    tells = next((form for intent in spoken for form in forms_of(intent) if form.end != "compute"), None)
    if tells:
        return tells
    first = re.split("[，,。；! ！ ]", heard.text.strip(), maxsplit=1)[0]
    started = len(first) < len(heard.text.strip()) and choices.bare_start(first)
    same = naming.names(s.state.topic, heard.text) or not following.moves_on(s, heard, below=0.3)
    if started and s.state.topic and same:
        kept = next((form for form in forms_of(s.state.topic) if form.end == "case"), None)
        if kept:  # 帮我登记一下 我要申请，我在余姚，工伤赔偿谈不拢, after free lawyers
            return kept
    if _APPOINTS.fullmatch(heard.text.strip()):
        dated = (form for form in forms_of(s.state.topic) if any(slot.signs == "when" for slot in form.slots))
        return next(dated, forms()[answering.CALL_BACK])
    bare = bool(s.state.topic) and choices.bare_start(heard.text)
    if not choices.wants_form(heard.text):
        return None
    likely = heard.band == "answer" or (heard.band == "confirm" and bool(forms_of(heard.intent)))
    sure = likely and heard.intent not in STEERING and not bare
    stays = not following.moves_on(s, heard, below=0.3)
    if (
        sure
        and stays
        and forms_of(s.state.topic)
        and heard.probability < SURE
        and not naming.names(heard.intent, heard.text)
    ):
        sure = False
    subject = heard.intent if sure else s.state.topic
    if choices.wants_sum(heard.text):
        return calculators.wanted(heard.normal, subject, s.state.topic, place_of(s, heard) or s.region, s.knowledge)
    direct = [form for form in forms().values() if choices.named_right_away(heard.normal, form.names)]
    if len(direct) == 1 and direct[0].name != "suggestion":
        return direct[0]
    outright = forms()[answering.CALL_BACK] if choices.wants_call(heard.text) else named_in(heard.normal)
    if outright and outright.name == answering.CALL_BACK:
        asked = heard.intent if heard.band == "answer" else s.state.topic
        near = (*forms_of(asked), *forms_of(s.state.topic))
        own = next((form for form in near if form.name.endswith("_appointment")), None)
        return own or outright
    if outright and not (sure and heard.intent != "suggestion" and forms_of(heard.intent)):
        return outright  # 投诉 alone is a suggestion; what it names is the matter
    if not subject or heard.second:
        return None
    return next(iter(forms_of(subject)), None)


def told(s: Situation, heard: Understanding) -> Form | None:
    """The form of the last topic that a message begins to answer though nobody opened it (an address, a firm, a sum)."""
    if not s.state.topic or repair.asks(heard.text) or heard.second:
        return None
    own = forms_of(s.state.topic)
    # Whoever leaves a number or an address wants somebody to ring or to come.
    where = len(spotting.place(heard.text, heard.entities))
    left = any(e.type == "phone" for e in heard.entities) or where >= 6
    more = where >= 4 and re.search("[，,。 ].{3}", heard.text.strip()) is not None
    form = next(
        (form for form in own if form.eager or (form.end == "case" and (left or (more and _places(form))))), None
    )
    if form is None:
        return None
    clear = heard.band == "answer" and heard.intent not in (s.state.topic, "out_of_scope")
    clear = clear and not (more and _places(form) and heard.probability < SURE)
    if clear and not _nothing_else(form, heard) and not following.surely(s, heard):
        return None
    if form.told and heard.intent == s.state.topic and len(heard.text) >= 8 and s.state.aspect == "main":
        return form
    told = [
        slot for slot in form.slots if slot.signs in ("firm", "place") and spotted(slot, heard.text, heard.entities)
    ]
    sums = {e.type for e in heard.entities} & {"amount", "duration_months", "phone", "room_code"}
    return form if told or sums & {entity_type(slot) for slot in form.slots} else None


def _places(form: Form) -> bool:
    """Whether a form asks for an address."""
    return any(slot.signs == "place" for slot in form.slots)


def _nothing_else(form: Form, heard: Understanding) -> bool:
    """Whether a message is nothing but a firm's name or a place: then it answers, whatever it sounds like."""
    text = heard.text.strip()
    told = [value for slot in form.slots if slot.signs in ("firm", "place")
            if (value := spotted(slot, text, heard.entities))]  # fmt: skip
    return bool(told) and len(text) <= 24 and not leftover(text, told)
