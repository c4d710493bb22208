"""What one message fills of an open form: the answer that was asked for, others beside it, the story it tells."""

import re
from dataclasses import replace
from datetime import datetime

from bot import repair
from bot.asking import Message, Progress, wanted
from handlers import days, slots, spotting
from handlers.declared import Form
from handlers.slots import Slot

TOLD = ("what", "story")
"""Slots that hold what happened."""


_NO_STORY = ("phone", "room_code", "date", "district")


def story(form: Form, progress: Progress, m: Message) -> Progress:
    """A long answer that isn't what was asked for: the story that the form asks for later."""
    if (
        len(re.findall(r"[一-龥]", m.said)) < 6
        or len(m.said) < 8
        or repair.plainly_asks(m.said)
        or (len(m.said) <= 16 and repair.asks(m.said))
        or (len(m.said) < 12 and any(e.type in _NO_STORY for e in m.heard.entities))
        or (any(e.type == "phone" for e in m.heard.entities) and len(re.sub(r"\d", "", m.said)) <= 12)
    ):
        return progress
    told = next((s for s in wanted(form, progress, m.today) if s.kind == "text" and s.name in TOLD), None)
    if told is None or m.said in progress.value(told.name):
        return progress
    both = "；".join(part for part in (progress.value(told.name), m.said) if part)
    return progress.put(told.name, both) if len(both) <= (told.most or 300) else progress


def told_again(form: Form, progress: Progress, asked: Slot, m: Message) -> Progress | None:
    """The story again, in more words, where a place was asked for: it belongs to the story."""
    if asked.kind != "text" or asked.name != "place" or any(e.type == "district" for e in m.heard.entities):
        return None
    told = next((s for s in form.slots if s.name in TOLD and progress.value(s.name)), None)
    said = set(re.findall(r"[一-龥]", m.said))
    if told is None or len(said) < 6 or spotting.place(m.said, m.heard.entities):
        return None
    known = progress.value(told.name)
    if known not in m.said and len(said & set(known)) < 0.55 * len(said):
        return None
    longer = m.said if known in m.said else f"{known}；{m.said}"
    return progress.put(told.name, longer[: told.most or 300])


def renamed(form: Form, progress: Progress, asked: Slot, m: Message) -> Progress | None:
    """Nothing but a firm's name where a place was asked for: the firm's better name."""
    named = next((s for s in form.slots if s.signs == "firm" and progress.value(s.name)), None)
    firm = spotting.firm(m.said)
    if any(e.type == "district" for e in m.heard.entities):
        return None
    if named is None or asked.signs != "place" or not firm or spotting.leftover(m.said, [firm]):
        return None
    return progress.put(named.name, firm)


_DOOR = re.compile(
    r"(?:就?在|是)?(?P<door>[^，,。 ]{0,6}(?:\d+|[一二三四五六七八九十]+)(?:号楼|号|栋|幢|单元|室|楼|弄)[^，,。 ]{0,10})"
)


def finer_place(form: Form, progress: Progress, asked: Slot, m: Message) -> Progress:
    """A house or a stairway told after the street, when something else was asked (12号楼一楼楼梯口，我不想留名)."""
    slot = next((s for s in form.slots if s.signs == "place" and s is not asked), None)
    value = progress.value(slot.name) if slot else ""
    if slot is None or not value or re.search(r"\d", value) or repair.asks(m.said) or repair.WRONG.search(m.said):
        return progress
    clause = re.split("[，,。；; ]", m.said)[0]
    found = _DOOR.fullmatch(clause)
    phone = any(e.type == "phone" and e.text in clause for e in m.heard.entities)
    whole = f"{value}{found['door']}" if found and not phone else ""
    return (
        progress.put(slot.name, whole[: slot.most or 120])
        if whole and found and found["door"] not in value
        else progress
    )


def not_unnamed(after: Progress, before: Progress, asked: Slot) -> Progress:
    """Whoever leaves his number when asked whether to stay unnamed doesn't mean to."""
    if asked.name != "anonymous" or after.value("anonymous"):
        return after
    told = after.value("phone") and not before.value("phone")
    return after.put("anonymous", "否") if told else after


def told_already(form: Form, progress: Progress, m: Message) -> str:
    """A word about an answer that was given before and comes again; empty where nothing is repeated."""
    for slot in form.slots:
        value = progress.value(slot.name)
        if value and any(e.type == slots.entity_type(slot) and value.startswith(e.value) for e in m.heard.entities):
            return f"“{slot.label}”已经记下了：{slots.shown(slot, value)}。"
    return ""


_BESIDE = re.compile(
    r"(?<![一-龥])我?(?:姓|叫)[一-龥]{1,4}(?![一-龥])|(?:照片|图片?)(?:也)?(?:没有|没拍|没|就不发|不发)了?(?![一-龥])|没(?:有)?(?:照片|图)(?![一-龥])"
)
"""What is said beside an answer: one's name, that there is no picture."""


def taken(form: Form, progress: Progress, slot: Slot, m: Message) -> tuple[Progress, str]:
    """What a message fills: first what can only be another slot's, then the rest for the one that was asked."""
    after, used = spotted(form, progress, slot, m)
    said, entities = m.said, m.heard.entities
    own = repair.SELF.fullmatch(said)
    if own and slot.kind != "text":
        late = tuple(e for e in entities if e.start >= own.start("value"))
        said, entities = own["value"], late
    if slot.kind == "text" and slot.signs == "place" and not used and _BESIDE.sub("", said).strip("，,。 ") == "":
        return after, "" if repair.asks(said) else f"好。{slot.ask}"
    if slot.kind == "text":
        said = _PUT_RIGHT.sub("", said) or said
    if slot.kind == "text" and used:
        rest = spotting.leftover(_BESIDE.sub("，", said) if slot.name not in ("name", "who") else said, used)
        if not rest or (slot.signs in ("firm", "place") and _NO_NAME.search(rest)):
            return after, ""
        said = said if slot.least >= 4 else rest  # a story is kept whole
    if (slot.signs in ("firm", "place") and (used or len(said) > 12 or re.search("[ ，,]", said))) or (
        slot.signs.startswith("=") and len(said) > 6
    ):
        said = spotting.spotted(slot, said, entities) or said
    if slot.signs == "firm" and not spotting.firm(said) and (named := _CALLED.match(said)):
        said = named["name"]
    if slot.signs == "firm" and not spotting.firm(said) and (shop := _SHOP.search(said)):
        said = shop["name"]
    if slots.entity_type(slot) and slot.signs:  # a value that is another slot's isn't this one's
        others = {value for name, value in after.filled if progress.value(name) != value}
        entities = tuple(e for e in entities if e.value not in others)
    read = slots.read(slot, said, entities, m.now)
    if read.fault and slot.otherwise and entities and not after.value(slot.otherwise):
        other = form.slot(slot.otherwise)
        day = slots.read(other, said, entities, m.now).value
        return (after.put(other.name, day), "") if day else (after, read.fault)
    if slot.signs == "place" and read.value and read.value != m.said:
        after = _told_beside(form, after, m, [read.value, *used])
    return (after.put(slot.name, finer(form, slot, read.value, m)) if read.value else after), read.fault


def _told_beside(form: Form, progress: Progress, m: Message, used: list[str]) -> Progress:
    """What is told beside an address (…15幢，一屋住了十几个): the story that the form asks for next."""
    told = next((s for s in wanted(form, progress, m.today) if s.kind == "text" and s.name in TOLD), None)
    if told is None or progress.value(told.name) or repair.asks(m.said):
        return progress
    rest = spotting.leftover(_BESIDE.sub("，", m.said), used)
    long = len(re.findall(r"[一-龥]", rest)) >= 6 and not _NO_STORY_HERE.search(rest)
    return progress.put(told.name, rest[: told.most or 300]) if long else progress


_NO_STORY_HERE = re.compile(r"留名|名字|匿名|电话|手机|号码|我姓|我叫|照片|错了|写错|说错")
_TOWN = re.compile(r"[一-龥]{2,4}(?:街道|镇|乡)")


def finer(form: Form, slot: Slot, value: str, m: Message) -> str:
    """A district with the town that was named in it, for whoever reads what is filed (余姚市低塘街道)."""
    if slot.kind != "district" or form.end == "compute":
        return value
    named = next((e for e in m.heard.entities if e.type == "district" and e.value == value), None)
    found = _TOWN.search(m.said, m.said.find(value[:2]) + 2 if value[:2] in m.said else (named.start if named else 0))
    return f"{value}{found[0].lstrip('市区县')}" if found and value[:2] not in found[0] else value


_PUT_RIGHT = re.compile(
    r"^(?:哦|噢|啊|不好意思|对不起|[，, ])*(?:地点|地址|地方|名字|厂名|单位)?(?:我|刚才|也|又)*(?:说|写|讲|记|打|搞|填|报|弄)错了?[，,。 ]*(?:应该|其实)?是?"
)
"""Leads up to the right answer (地点说错了，是附海镇)."""
_NO_NAME = re.compile(r"欠|不是|多少钱|块钱|工资|一共|总共")
"""What no firm and no place is called."""
_CALLED = re.compile(
    r"(?:名字|厂名|店名|单位|公司|老板)?(?:就)?(?:是|叫做?)?(?P<name>[一-龥A-Za-z]{2,12})[，, ]+在[一-龥]{2,6}(?:那边|这边|做|干活)?[。！!]?$"
)
"""A name, and where it is (名字是阿强装修，在江北)."""
_SHOP = re.compile(r"在[^，,。 ]{2,8}的(?P<name>[一-龥A-Za-z]{3,12})(?=[，,。 ]|$)")
"""A shop or a works by its name alone (在象山的大海水产)."""


def spotted(form: Form, progress: Progress, asked: Slot | None, m: Message) -> tuple[Progress, list[str]]:
    """Fill open slots that weren't asked for where the message can only mean them; and the words that did."""
    used: list[str] = []
    asked_kind = slots.entity_type(asked) if asked else ""
    for slot in wanted(form, progress, m.today):
        if progress.value(slot.name) or slot is asked or slot not in wanted(form, progress, m.today):
            continue
        kind = slots.entity_type(slot)
        if kind and kind != asked_kind and form.alone(kind) and not slot.unasked:
            found = next(
                (e for e in reversed(m.heard.entities) if e.type == kind and allowed(slot, e.value, m.now)), None
            )
            value, words = (found.value, found.text) if found else ("", "")
            if not value and slot.kind == "months" and (between := _BETWEEN.search(m.said)):
                value, words = slots.span(between[0], m.now), between[0]
            if asked and asked.signs == "place" and kind == "district":
                continue
        elif asked is not None and asked.kind == "text" and asked.least >= 4 and slot.kind == "choice":
            continue  # a story names many things
        elif asked is not None and slot.kind == "choice" and len(m.said) <= 8:
            value = slots.read(slot, m.said, (), m.now).value
            words = m.said if value else ""
        else:
            value = spotting.spotted(slot, m.said, [days.in_time(e, slot.side, m.today) for e in m.heard.entities])
            words = spotting.words_of(slot, m.said, value)
        if value:
            progress = progress.put(slot.name, finer(form, slot, value, m))
            used.append(words)
    left = _NO_PHONE.search(m.said) and next((s for s in form.slots if s.kind == "phone" and s.optional), None)
    if left and not progress.value(left.name) and left.name not in progress.skipped:
        progress = replace(progress, skipped=(*progress.skipped, left.name))
    return progress, [word for word in used if word]


_NO_PHONE = re.compile(
    r"(?:不|别)(?:想|要|用|方便|愿意?)?(?:留|写|填|给|说)(?:我的?)?(?:电话|手机|号码)|(?:电话|手机号?|号码)(?:就|也|都|先)?(?:不|别)(?:想|要|用|方便|愿意?)?(?:留|写|填|给|说)"
)
"""No number is to be left."""


_BETWEEN = re.compile(
    r"(?:(?:\d{4}|今|去|前)年)?(?:1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月份?(?:到|至|-|—|~)(?:(?:\d{4}|今|去)年)?"
    r"(?:1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月份?|(?:1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月份?(?:[、，,和 ]*(?:1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月份?)+"
)
"""Months named from one to another, or one by one."""


def allowed(slot: Slot, value: str, now: datetime) -> bool:
    """Whether a value that wasn't asked for may fill a slot: a day on the right side of today."""
    if slot.kind != "date":
        return True
    return not slots.read(slot, "", (slots.as_entity("date", value),), now).fault
