"""What one question of a form accepts: each kind of slot reads a message and gives a value, or says what is missing."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from intents import Entity

YES = re.compile(
    r"(?:是|是的|对|对的|嗯+|好|好的|要|有|有的|可以|行|同意|确认|确定|没错|没问题|系|yes|ok)[，。！!~ 的啊呀了吧]*",
    re.I,
)
NO = re.compile(r"(?:不|不是|不对|不要|不用|没有|没|否|不行|不同意|冇|no)[，。！!~ 的啊呀了吧]*", re.I)
_ENTITY_OF = {
    "date": "date", "amount": "amount", "months": "duration_months", "phone": "phone", "district": "district",
    "room_code": "room_code", "stage": "stage",
}  # fmt: skip
_STAGES = {"kindergarten": "幼儿园", "primary": "小学", "junior": "初中", "senior": "高中"}
_NUMERALS = "零一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class Slot:
    """One question of a form, as its file declares it.

    `kind`: text, choice, date, amount, months, phone, district, room_code, stage, number, yes_no. `why` tells the
    person what the answer is for. `words` are other names of the slot by which a person corrects it. `options` are
    (label, words that mean it) of a choice. `limit`: past or future, for dates. `private`: shown masked.
    """

    name: str
    label: str
    ask: str
    kind: str = "text"
    why: str = ""
    optional: bool = False
    words: tuple[str, ...] = ()
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()
    limit: str = ""
    least: int = 0
    most: int = 0
    unless: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What a slot made of a message: a value as it is stored, or a fault as it is said; neither, if it isn't for it."""

    value: str = ""
    fault: str = ""


def entity_type(slot: Slot) -> str:
    """The entity that fills a slot from anywhere in a message; empty for none."""
    return _ENTITY_OF.get(slot.kind, "")


def read(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    """Read the answer to `slot` out of a message."""
    return _READERS[slot.kind](slot, text.strip(), entities, now)


def shown(slot: Slot, value: str) -> str:
    """A stored value as a person reads it; numbers that identify somebody are masked."""
    if slot.kind == "phone":
        return f"{value[:3]}****{value[-4:]}"
    if slot.kind == "amount":
        return f"{value}元"
    if slot.kind == "months":
        years, months = divmod(int(value), 12)
        return (f"{years}年" if years else "") + (f"{months}个月" if months or not years else "")
    if slot.kind == "date":
        day = date.fromisoformat(value)
        return f"{day.year}年{day.month}月{day.day}日"
    if slot.kind == "stage":
        return _STAGES[value]
    return value


def _found(slot: Slot, entities: tuple[Entity, ...]) -> str:
    wanted = _ENTITY_OF[slot.kind]
    return next((entity.value for entity in entities if entity.type == wanted), "")


def _text(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    least, most = slot.least or 1, slot.most or 300
    if len(text) < least:
        return Read(fault="能再写详细一点吗？" + slot.ask)
    if len(text) > most:
        return Read(fault=f"太长了，请用{most}个字以内说。")
    return Read(text)


def _choice(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    number = re.fullmatch(r"(?:选|第)?\s*(\d{1,2})\s*(?:个|项)?", text)
    if number and 1 <= int(number[1]) <= len(slot.options):
        return Read(slot.options[int(number[1]) - 1][0])
    hits = [label for label, words in slot.options if label == text or any(word in text for word in (label, *words))]
    if len(hits) == 1:
        return Read(hits[0])
    return Read(fault="请选一个：" + "、".join(label for label, _ in slot.options))


def _date(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    if not value:
        return Read(fault="没看出是哪一天。可以这样写：2026年3月5日，或者“上个月15号”。")
    day = date.fromisoformat(value)
    if slot.limit == "past" and day > now.date():
        return Read(fault=f"{day.year}年{day.month}月{day.day}日还没到，请再看一下日期。")
    if slot.limit == "future" and day < now.date():
        return Read(fault=f"{day.year}年{day.month}月{day.day}日已经过了，请再看一下日期。")
    if not 1900 <= day.year <= 2100:
        return Read(fault="这个年份不对，请再看一下。")
    return Read(value)


def _amount(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    plain = re.fullmatch(r"[¥￥]?\s*(\d{1,9}(?:\.\d{1,2})?)", text.replace(",", "").replace("，", ""))
    if not value and plain:
        value = plain[1]
    return Read(value) if value else Read(fault="请写个数字，比如“8500元”。")


def _months(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    plain = re.fullmatch(r"(\d{1,3})", text)
    if not value and plain:
        value = plain[1]
    return Read(value) if value else Read(fault="请写多久，比如“三个月”或“一年半”。")


def _phone(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    return Read(value) if value else Read(fault="这不像11位手机号，请再看一下，数字中间不用空格。")


def _district(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    return Read(value) if value else Read(fault="请写区县，比如海曙、慈溪、中山；不知道就写镇或街道的名字。")


def _room_code(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    return Read(value) if value else Read(fault="房间码像“NB-FH-000123”，印在门上的标签里。看不清就说“跳过”。")


def _stage(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    if not value:
        value = next((key for key, name in _STAGES.items() if name in text), "")
    return Read(value) if value else Read(fault="请说是幼儿园、小学、初中还是高中。")


def _number(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    found = re.search(r"\d{1,6}", text)
    value = int(found[0]) if found else _NUMERALS.find(next((c for c in text if c in _NUMERALS), "?"))
    if "两" in text and not found:
        value = 2
    if value < 0:
        return Read(fault="请写个数字，比如“3”。")
    if value < slot.least or (slot.most and value > slot.most):
        return Read(fault=f"这个数要在{slot.least}到{slot.most}之间，请再看一下。")
    return Read(str(value))


def _yes_no(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    if NO.fullmatch(text) or text.startswith(("没", "不", "冇")):
        return Read("否")
    if YES.fullmatch(text) or text.startswith(("是", "有", "对", "要", "同意")):
        return Read("是")
    return Read(fault="请回答“是”或“否”。")


_READERS: dict[str, Callable[[Slot, str, tuple[Entity, ...], datetime], Read]] = {
    "text": _text, "choice": _choice, "date": _date, "amount": _amount, "months": _months, "phone": _phone,
    "district": _district, "room_code": _room_code, "stage": _stage, "number": _number, "yes_no": _yes_no,
}  # fmt: skip
KINDS = frozenset(_READERS)
