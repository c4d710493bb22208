"""Corrections of what was said before: by the slot's name, by number, by old and new value, or a part of a phone number."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher

from bot import repair
from handlers import slots, spotting
from handlers.slots import Slot
from intents import Entity, Understanding

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""A choice doesn't depend on the day."""
_NUMERALS = "零一二三四五六七八九十"
_DIGITS = re.compile(r"(?<!\d)\d{3,4}(?!\d)")
_NOT_THIS = re.compile(r"(?:不是|并不是|不叫|没有)\s*\d+")
_AT_LAST = re.compile(r"(?:是|为|改成|改为)(?P<value>[^，,。是为]{1,12})[。！!]?$")
"""What a correction ends with (中间给过两千，是11800), which needs no unit."""
_PARTS = (
    ("head", re.compile(r"(?:开头|前面?|头)(?:的)?(?:那)?(?:三|3)(?:位|个|码)"), 0, 3),
    ("middle", re.compile(r"(?:中间|当中)(?:的)?(?:那)?(?:四|4|几)?(?:位|个|码)?"), 3, 7),
    (
        "tail",
        re.compile(
            r"尾号|末尾|最后(?:面)?(?=(?:应该|其实)?(?:是|为|改成)\s*\d{4}(?!\d))|(?:最后|后|后面|末)(?:的)?(?:那)?(?:四|4|几)?(?:位|个|码)"
        ),
        7,
        11,
    ),
)


@dataclass(frozen=True, slots=True)
class Correction:
    """What is wrong (`slot`), what it is instead (`value`; empty when that wasn't said), and for a phone number which
    part of it (`part`)."""

    slot: Slot
    value: str = ""
    part: str = ""


def read(
    wanted: tuple[Slot, ...],
    filled: dict[str, str],
    said: str,
    heard: Understanding,
    now: datetime,
    *,
    at_summary: bool,
) -> Correction | None:
    """The correction that a message makes of `filled`; None when it makes none. `wanted` are the slots in the order
    that the summary numbers them; there (`at_summary`) a number alone names one."""
    partly = _part_of_phone(wanted, filled, said)
    if partly:
        return partly
    said = _SPELT.sub("", said)
    if sum_ := _sum_within(wanted, filled, said, heard):
        return sum_
    if door := _door(wanted, filled, said):
        return door
    if swapped := _swapped(wanted, filled, said, heard):
        return swapped
    wrong = repair.WRONG.search(said) is not None
    if not wrong and not (at_summary and repair.NUMBERED.fullmatch(said)):
        return None
    if moved := _another_time(wanted, filled, said):
        return moved
    slot = _meant(wanted, filled, said, heard, at_summary)
    return Correction(slot, new_value(slot, said, heard, now, filled.get(slot.name, ""))) if slot else None


_SPELT = re.compile(
    r"(?<=[一-龥])[，,。； ]+(?:就是|是)?(?P<word>[一-龥]{1,4})的(?:那个)?(?P<sign>[一-龥])(?:字)?[。！!]?$"
)
"""How a sign of a name is written (赵得贵，得到的得)."""


_NOT_SHORT = re.compile(
    r"(?:哦|噢|啊|说错了|错了|写错了|[，, ])*不是(?P<old>[^，,、 ]{2,8})[，,、 ]+(?P<new>[^，,、 ？?吗呢]{2,8})[。！!]?"
)
"""Old words and new ones without a verb (不是四楼，五楼)."""
_OLD_WRONG = re.compile(
    r"(?P<old>[^，,。 ]{2,12}?)(?:这里|那里|这个)?(?:我)?(?:写|打|说|讲|报|填|记)错了?[，,。 ]*(?:应该|其实)?(?:是|叫|为|改成)(?P<new>[^，,。 ]{1,12})[。！!]?$"
)
"""The old words said to be wrong, and the new ones (江口写错了，是西坞)."""


def _swapped(wanted: tuple[Slot, ...], filled: dict[str, str], said: str, heard: Understanding) -> Correction | None:
    """Old words and new ones (不是305，是503), where the old ones stand within an answer: only they change."""
    pair = repair.NOT_BUT.search(said)
    old = (pair["old"] or pair["old2"] or "").strip("，,。！! 的吧了") if pair else ""
    new = (pair["new"] or pair["new2"] or "").strip("，,。！! 的吧了") if pair else ""
    if not pair and (short := _NOT_SHORT.fullmatch(said)) is not None:
        old, new = short["old"], short["new"]
    elif not pair and (named := _OLD_WRONG.search(said)):
        old, new = named["old"], named["new"]
    new = re.split("[，,。 ]", new)[0]  # 是渔金村 说错了
    if len(old) < 2 or not new or len(new) > 12:
        return None
    places = {e.value for e in heard.entities if e.type == "district"}
    where = any(e.type == "district" and old.startswith(e.text) for e in heard.entities)
    if where and len(places) > 1:
        return None  # another district: the town goes with it
    if any(e.type != "district" and filled.get(s.name) == e.value for s in wanted for e in heard.entities):
        return None
    within = [s for s in wanted if s.kind == "text" and old in filled.get(s.name, "")]
    if not within or len(re.sub(r"\D", "", old)) > 6:
        return None
    slot = next((s for s in within if where and s.signs == "place"), within[0])
    value = filled[slot.name]
    whole = (
        re.search(rf"{re.escape(old)}(?:[街镇乡]道?|[村室号幢栋])?", value) if new[-1:] in "道镇乡村室号幢栋" else None
    )
    return Correction(slot, value.replace(whole[0] if whole else old, new, 1))


NAME_WRONG = re.compile(r"(?:名字|姓名|名).{0,6}错|姓[一-龥]{1,2}[，, ]*不姓|不姓[一-龥]{1,2}[，, ]*姓")
"""A name was wrong."""
_SUM = re.compile(
    r"(?:[\d,]+(?:\.\d+)?|[一二两三四五六七八九][一二两三四五六七八九十百千万零]*[百千万][一二三四五六七八九十百千万零]*)(?:多)?(?:块钱?|元)?"
)


def _sum_within(wanted: tuple[Slot, ...], filled: dict[str, str], said: str, heard: Understanding) -> Correction | None:
    """A sum put right (错了，一千五) that stands within a story, where the form has no question of its own for it."""
    given = [e for e in heard.entities if e.type == "amount"]
    if len(given) != 1 or not repair.WRONG.search(said) or any(s.kind == "amount" for s in wanted) or len(said) > 16:
        return None
    for slot in wanted:
        value = filled.get(slot.name, "")
        sums = [found for found in _SUM.finditer(value) if slot.kind == "text" and slot.least >= 4]
        if len(sums) == 1 and len(sums[0][0]) >= 2:
            return Correction(slot, value[: sums[0].start()] + given[0].text + value[sums[0].end() :])
    return None


_DOORPLATE = re.compile(r"门牌|房号|房间号|几号|室号|楼号|门号")


def _door(wanted: tuple[Slot, ...], filled: dict[str, str], said: str) -> Correction | None:
    """The number of a house or a room (门牌号报错了，是502), put in the place of the last one of the address."""
    given = re.search(r"(?<!\d)(\d{1,4})(?:号|室)?[，, 吧了。！!]*$", _NOT_THIS.sub("", said))
    slot = next((s for s in wanted if s.signs == "place" and re.search(r"\d", filled.get(s.name, ""))), None)
    if not (slot and given and _DOORPLATE.search(said) and repair.WRONG.search(said)):
        return None
    return Correction(slot, re.sub(r"\d+(?=\D*$)", given[1], filled[slot.name]))


def phone_with(phone: str, part: str, digits: str) -> str:
    """`phone` with one of its parts replaced; empty when the digits don't fit it."""
    _, _, start, end = next(row for row in _PARTS if row[0] == part)
    return phone[:start] + digits + phone[end:] if len(digits) == end - start else ""


def part_name(part: str) -> str:
    """How a part of a phone number is spoken of."""
    return {"head": "前三位", "middle": "中间四位", "tail": "后面四位"}[part]


def _part_of_phone(wanted: tuple[Slot, ...], filled: dict[str, str], said: str) -> Correction | None:
    slot = next((slot for slot in wanted if slot.kind == "phone" and filled.get(slot.name)), None)
    if slot is None or len(said) > 40 or re.search(r"\d{11}", said):
        return None
    for name, pattern, _, _ in _PARTS:
        if pattern.search(said) and (name != "middle" or re.search("位|手机|电话|号", said)):
            # 尾号是2381不是2318: what it is not doesn't count.
            given = _DIGITS.findall(_NOT_THIS.sub("", said))
            value = phone_with(filled[slot.name], name, given[-1]) if given else ""
            return Correction(slot, value, name)
    four = re.search(r"(?<!\d)\d{4}(?!\d)", _NOT_THIS.sub("", said))
    if four and re.search("电话|手机|号码", said) and repair.WRONG.search(said):  # 电话不对，是7799
        return Correction(slot, phone_with(filled[slot.name], "tail", four[0]), "tail")
    return None


_DOOR = re.compile(r"(\d+)(幢|栋|号楼|单元|室|号(?!码))")
"""A part of an address (13幢)."""


def _meant(
    wanted: tuple[Slot, ...], filled: dict[str, str], said: str, heard: Understanding, at_summary: bool
) -> Slot | None:
    """Which filled slot a correction is about."""
    number = repair.NTH.search(said) or (repair.NUMBERED.fullmatch(said) if at_summary else None)
    if number:
        at = int(number[1]) if number[1].isdigit() else _NUMERALS.find(number[1])
        return wanted[at - 1] if 1 <= at <= len(wanted) else None
    full = [slot for slot in wanted if filled.get(slot.name)]
    named = [slot for slot in full if any(word in said for word in (slot.label, *slot.words))]
    kinds = {entity.type for entity in heard.entities}
    by_kind = [slot for slot in full if slots.entity_type(slot) in kinds]
    places = [slot for slot in wanted if slot.signs == "place"]
    where = "district" in kinds and not by_kind and not spotting.firm(said)
    if where and places and not any(slot in places for slot in named):
        return places[0]  # 厂在镇海不在海曙 is about where, though it names the works
    door = _DOOR.search(said)
    if door and not by_kind and (stood := [s for s in places if re.search(rf"\d+{door[2]}", filled.get(s.name, ""))]):
        return stood[0]
    both = [slot for slot in named if slot in by_kind]
    if both or named or by_kind:
        return (both or named or by_kind)[0]
    for slot in full:
        value = filled[slot.name]
        if len(value) >= 2 and (value in said or slots.shown(slot, value) in said):
            return slot
    if any(word in said for word in ("刚才", "上一", "前面", "上面", "刚刚")) and not NAME_WRONG.search(said):
        return (
            next(slot for slot in full if slot.name == list(filled)[-1])
            if list(filled)[-1] in {s.name for s in full}
            else None
        )
    given = repair.NEW_VALUE.search(said)
    return _alike(full, filled, given["value"], heard.entities) if given else None


def _alike(full: list[Slot], filled: dict[str, str], value: str, entities: tuple[Entity, ...]) -> Slot | None:
    """The slot whose answer looks like `value` misspelt (宏达制衣厂, 宏大制衣厂), or is of its sort."""

    def likeness(slot: Slot) -> float:
        return SequenceMatcher(None, filled[slot.name], value).ratio()

    best = max(full, key=likeness, default=None)
    if best is not None and likeness(best) >= 0.5:
        return best
    picked = [s for s in full if s.kind == "choice" and slots.read(s, value, entities, _ANY_DAY).value]
    if len(picked) == 1:
        return picked[0]
    return next((slot for slot in full if slot.signs and spotting.spotted(slot, value, entities)), None)


def _moved(old: str, new: str, gone: str, entities: tuple[Entity, ...]) -> str:
    """A place whose district was wrong (是镇海不是海曙): the rest of it stays. Empty where it isn't that."""
    district = next((e for e in entities if e.type == "district" and e.text in new), None)
    wrong = re.search(rf"{re.escape(gone.rstrip('区市县'))}[区市县]?", old) if len(gone) >= 2 else None
    if district is None or wrong is None or re.search("镇|街道|乡", old[wrong.end() :]):
        return ""  # a town of the wrong district is wrong too
    more = new.replace(district.text, "", 1).strip("区市县，, ")
    spoken = district.value if district.value.startswith(district.text[:2]) else district.text
    return new if more else old.replace(wrong[0], spoken, 1)


_WRONG_PART = re.compile(r"(?:而)?不(?:是|住|在|叫)(?:在)?[^，,。；; ]{1,20}?(?=是|住|在|[，,。；; ]|$)")


def _without_wrong(said: str) -> str:
    """What a correction says beside the words that it takes back, at the same places of the text."""
    return _WRONG_PART.sub(lambda found: "，" * len(found[0]), said)


_TO = re.compile(r"(?:改成|改到|改为|换成|换到|还是)(?P<value>[^，,。 ]{1,14})")


def _another_time(wanted: tuple[Slot, ...], filled: dict[str, str], said: str) -> Correction | None:
    """Another time that suits (改成后天吧，明天要加班), whatever the reason told with it."""
    slot = next((s for s in wanted if s.signs == "when" and filled.get(s.name)), None)
    given = _TO.search(said)
    new = slots.when(slot, given["value"].rstrip("吧了啊")) if slot and given else ""
    return Correction(slot, _moved_hour(filled[slot.name], new)) if slot and new else None


def finer_time(old: str, said: str, slot: Slot) -> str:
    """A time told again and more finely (下午三点以后打), beside at most a number to ring; empty where that isn't all."""
    new = slots.when(slot, said)
    rest = re.sub(r"[\d -]{11,}|[，,。打来回电话给我吧就再请的 ]", "", said.replace(new, "") if new else said)
    return _moved_hour(old, new) if new and not rest else ""


def _moved_hour(old: str, new: str) -> str:
    """A time whose hour alone was told anew (改成四点半): the day and its part stay as they were."""
    only = re.fullmatch(
        r"(?:今|明|后|大后)天|(?P<next>[下这])?(?P<week>周|星期|礼拜)[一二三四五六日天末]|\d{1,2}[号日]", new
    )
    if only:
        whole = re.match(
            r"(?:今|明|后|大后)天|(?P<next>[下这])?(?:周|星期|礼拜)[一二三四五六日天末]|\d{1,2}[号日]", old
        )
        step = (whole["next"] or "") if whole and only["week"] and not only["next"] else ""
        return step + new + (old[whole.end() :] if whole else "")
    if not re.match(
        r"(?:早上|上午|中午|下午|傍晚|晚上|夜里)?(?:\d{1,2}|[一二两三四五六七八九十]{1,3})(?:点|[:：])", new
    ):
        return new
    before = re.match(
        r"(?P<day>(?:今|明|后|大后)天|(?:这|下)?(?:周|星期|礼拜)[一二三四五六日天末]|\d{1,2}[号日]|今晚|明晚|每天|平时)?的?(?P<part>早上|上午|中午|下午|傍晚|晚上|夜里)?",
        old,
    )
    day, part = (before["day"] or "", before["part"] or "") if before else ("", "")
    return day + ("" if re.match("早|上|中|下|傍|晚|夜", new) else part) + new


def new_value(slot: Slot, said: str, heard: Understanding, now: datetime, old: str = "") -> str:
    """The value that a correction gives; empty when it only says that something is wrong."""
    pair = repair.NOT_BUT.search(said)
    if pair:
        gone = pair["old"] or pair["old2"] or ""
        new = (pair["new"] or pair["new2"] or "").strip("，,。！! 的吧了")
        if slots.entity_type(slot):
            new = re.split("[，,。 ]", new)[0]  # 是9600 我算错了
        entities = tuple(e for e in heard.entities if e.text not in gone and e.value not in gone)
        if slot.signs == "place" and len(new) >= 2 and new in old:
            return old  # right as it stands
        if slot.signs == "place" and (again := spotting.place(_without_wrong(said), heard.entities)):
            return again
        if slot.signs == "place" and (moved := _moved(old, new, gone, entities)):
            return moved
        return slots.read(slot, new, entities, now).value if new else ""
    if slot.signs == "place" and (door := _DOOR.search(said)) and (stood := re.search(rf"\d+{door[2]}", old)):
        return old.replace(stood[0], door[0], 1)
    kind = slots.entity_type(slot)
    last = _AT_LAST.search(said) if kind == "amount" else None
    if last and re.search(r"\d", last["value"]):
        within = tuple(entity for entity in heard.entities if entity.text in last["value"])
        if value := slots.read(slot, last["value"].strip(), within, now).value:
            return value
    if kind:
        # The last one named is the right one: “不是三月，是五月”.
        values = [entity.value for entity in heard.entities if entity.type == kind and entity.value != old]
        if values:
            day = next((e.text for e in heard.entities if e.type == kind and e.value == values[-1]), "")
            whole = kind == "date" and re.fullmatch(r"\d{4}-\d\d-\d\d", old) is not None
            part = re.fullmatch(r"(?:(?P<month>\d{1,2})月)?(?P<day>\d{1,2})[号日]?", day) if whole else None
            if part is None:
                return values[-1]
            month = f"{int(part['month']):02}" if part["month"] else old[5:7]  # the year stays, and what isn't said
            return f"{old[:4]}-{month}-{int(part['day']):02}"
    given = repair.NEW_VALUE.search(said)
    if not given:
        return ""
    if slot.signs == "when":
        return _moved_hour(old, slots.when(slot, given["value"]) or given["value"])
    value = re.sub(
        r"^(?:第.{1,2}[项个条]|.{0,2}"
        + "|".join(map(re.escape, (slot.label, *slot.words)))
        + r")(?:改成|应该|是|为|，)*",
        "",
        given["value"],
    ).strip("，,。 ")
    return slots.read(slot, value, heard.entities, now).value if value else ""
