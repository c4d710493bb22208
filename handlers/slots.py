"""What one question of a form accepts: each kind of slot reads a message and gives a value, or says what is missing."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from handlers.days import dated, in_time
from intents import Entity
from intents.numerals import NUMERAL, parse
from intents.numerals import plain as plain_number

YES = re.compile(
    r"(?:(?:是|对|嗯|好|要|有|可以|行|中|得|成|同意|愿意|确认|确定|没错|没问题|系|提交|核对过?|看过|无误|都对|全对|就这样|就这些|交|ok|yes)"
    r"[，,。！!~ 的啊呀了吧滴嘛呗]*)+",
    re.I,
)
NO = re.compile(
    r"(?:不|不是|不对|不要|不用|没有|没|无|否|不行|不同意|不愿意|冇|莫得|唔系|no)[，。！!~ 的啊呀了吧嘛]*", re.I
)
_ENTITY_OF = {
    "date": "date", "amount": "amount", "months": "duration_months", "phone": "phone", "district": "district",
    "room_code": "room_code", "stage": "stage",
}  # fmt: skip
_STAGES = {"kindergarten": "幼儿园", "primary": "小学", "junior": "初中", "senior": "高中"}


@dataclass(frozen=True, slots=True)
class Slot:
    """One question of a form, as its file declares it.

    `kind`: text, choice, date, amount, months, phone, district, room_code, stage, number, yes_no, photo. `why` tells the
    person what the answer is for. `words` are other names of the slot by which a person corrects it. `options` are
    (label, words that mean it) of a choice. `limit`: past, future or near (whichever year is nearer), for dates; `otherwise`: the slot to
    which a day on the other side of today belongs. `unless`: {slot: value, or * for any} that makes it needless; `needs`: a slot that must be filled for it to be asked; `under`: {slot of a birth date: age}, asked only
    when somebody is younger than that; `over`: {slot of a date: years}, asked only when that date lies so far back, and
    otherwise taken to be `default`. `signs` tells how it
    is spotted in a message that answers something else (`handlers.spotting`): firm, place, the unit of a number, or
    anything for a choice. `must`: the one answer with which the form can be filed. `beside`: the slot in whose breath a
    photo is asked for; it has no question of its own. `unasked`: nor has this one, it is only taken where it is told.
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
    under: Mapping[str, int] | None = None
    over: Mapping[str, int] | None = None
    default: str = ""
    needs: str = ""
    signs: str = ""
    must: str = ""
    beside: str = ""
    otherwise: str = ""
    unasked: bool = False

    @property
    def side(self) -> str:
        """On which side of today a day without its year lies; empty where another slot takes those that don't fit."""
        return "" if self.otherwise else self.limit


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
    if slot.kind == "phone" and len(value) == 11:
        return f"{value[:3]}****{value[-4:]}"
    if slot.kind == "amount" and re.fullmatch(r"[\d.]+", value):
        return f"{value}元"
    if slot.kind == "months" and value.isdigit():
        years, months = divmod(int(value), 12)
        return (f"{years}年" if years else "") + (f"{months}个月" if months or not years else "")
    if slot.kind == "date" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        day = date.fromisoformat(value)
        return f"{day.year}年{day.month}月{day.day}日"
    if slot.kind == "stage":
        return _STAGES.get(value, value)
    if slot.kind == "photo":
        return f"{len(value.split())}张"
    return value


def as_entity(kind: str, value: str) -> Entity:
    """A value as if it had been named in a message."""
    return Entity(kind, value, value, 0, 0)


def _found(slot: Slot, entities: tuple[Entity, ...]) -> str:
    wanted = _ENTITY_OF[slot.kind]
    return next((entity.value for entity in entities if entity.type == wanted), "")


def _text(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    least, most = slot.least or 1, slot.most or 300
    if most <= 20:  # a name
        text = re.sub(
            r"^(?:你|您)?(?:就)?(?:叫我|我叫|我姓|我是|叫|我(?=[小老阿][一-龥]{1,2}$))(?=.)|(?:就行|就好|就可以|好了|吧)+了?$",
            "",
            text,
        )
    named = re.match(
        rf"(?:{'|'.join(map(re.escape, (slot.label, *slot.words)))})(?:就?是|有|叫做?|在|：|:)(?=.{{2}})", text
    )
    if named and most < 200 and least < 4:
        text = text[named.end() :]
    if len(text) < least:
        return Read(fault="能再写详细一点吗？" + slot.ask)
    if len(text) > most:
        return Read(fault=f"太长了，请用{most}个字以内说。")
    return Read(text)


_DAY = (
    r"(?:今天|今晚|明天|明晚|后天|大后天|周末|工作日|每天|平时|(?:这|下)?(?:周|星期|礼拜)[一二三四五六日天]"
    r"(?:到(?:周|星期|礼拜)?[一二三四五六日天])?|\d{1,2}[号日])的?"
)
_PART = r"(?:早上|上午|中午|下午|傍晚|晚上|夜里|下班)"
_HOUR = rf"(?:{_PART})?(?:\d{{1,2}}|[一二两三四五六七八九十]{{1,3}})(?:点|[:：]\d{{2}})(?:半|钟|多)?"
_WHEN = re.compile(
    rf"(?:{_DAY})?(?:{_HOUR}(?:(?:到|至|-){_HOUR})?|{_PART})(?:以?后|之后|以?前|之前|左右)?|今晚|明晚|{_DAY}(?=(?:都|全天|一天|整天))"
)


def when(slot: Slot, text: str) -> str:
    """A time that suits, as it was said (明天下午三点以后); the label where it says no more than that."""
    said = max((found[0] for found in _WHEN.finditer(text)), key=len, default="")
    if not said and (day := re.fullmatch(_DAY, text.strip("吧了。！! "))):
        return day[0]
    if not said:
        return ""
    return next((label for label, words in slot.options if said in (label, *words)), said)


_PLAIN_YES = re.compile(r"(?:是|有|对|嗯+)(?:的|了|啊|呀)?[。！! ]*")


def _choice(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    if slot.signs == "when" and (said := when(slot, text)):
        return Read(said)
    number = re.fullmatch(r"(?:选|第)?\s*(\d{1,2})\s*(?:个|项)?", text)
    if number and 1 <= int(number[1]) <= len(slot.options):
        return Read(slot.options[int(number[1]) - 1][0])
    whole = [label for label, _ in slot.options if label in text]
    some = [label for label, words in slot.options if any(word in text for word in words)]
    firm = [label for label in some if label not in ("其他", "都行", "随时")]
    for hits in (whole, some, firm):
        if len(hits) == 1:
            return Read(hits[0])
    against = [label for label, _ in slot.options if label[0] in "没否" and label != "没有"]
    others = [label for label, _ in slot.options if label not in (*against, "不知道", "不清楚", "其他")]
    if len(against) == len(others) == 1 and (NO.fullmatch(text) or _PLAIN_YES.fullmatch(text)):
        return Read((against if NO.fullmatch(text) else others)[0])  # 没有, where 申请了 and 没申请 are offered
    return Read(fault="请选一个：" + "、".join(label for label, _ in slot.options))


def _date(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    named = next((entity for entity in entities if entity.type == "date"), None)
    if named is None:
        return Read(fault="没看出是哪一天。可以这样写：2026年3月5日，或者“上个月15号”。")
    day = date.fromisoformat(in_time(dated(named), slot.side, now.date()).value)
    if slot.limit == "past" and day > now.date():
        return Read(fault=f"{day.year}年{day.month}月{day.day}日还没到，请再看一下日期。")
    if slot.limit == "future" and day < now.date():
        return Read(fault=f"{day.year}年{day.month}月{day.day}日已经过了，请再看一下日期。")
    if not 1900 <= day.year <= 2100:
        return Read(fault="这个年份不对，请再看一下。")
    return Read(day.isoformat())


def _amount(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    plain = re.fullmatch(r"[¥￥]?\s*(\d{1,9}(?:\.\d{1,2})?)", text.replace(",", "").replace("，", ""))
    if not value and plain:
        value = plain[1]
    value = value or _rough(text)
    return _bounded(slot, value) if value else Read(fault="请写个数字，比如“8500元”。")


def _months(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    plain = re.fullmatch(r"(\d{1,3})(?:个)?", text)
    if not value and plain:
        value = plain[1]
    value = value or span(text, now) or _rough(text.removesuffix("月").removesuffix("个"))
    return _bounded(slot, value) if value else Read(fault="请写多久，比如“三个月”或“一年半”。")


_MONTH = re.compile(
    r"(?:(?P<year>\d{4})[年./-]|(?P<word>今|去|前)年)?\s*(?P<month>1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])(?:月份?|(?=[、，,和到至~—-]))"
)
_TO_NOW = re.compile(r"(?:到|至)(?:现在|今天|目前|这个月|本月|如今)|(?:开始|起|以来|之后)")
_TIMES = re.compile(r"([一二两三四五六七八九十]+|\d{1,2})个(?:多|半)?月")
_WORDS = "零一二三四五六七八九十"


def span(text: str, now: datetime) -> str:
    """How many months a message names by their names: 8月到10月, 八月和九月, 从今年6月开始; empty for none.

    A month without a year is the last one of that name; up to now the running month doesn't count.
    """
    counted = _TIMES.search(text)
    if counted and (number := parse(counted[1])) is not None:
        return plain_number(number)
    named: list[int] = []
    for found in _MONTH.finditer(text):
        month = int(found["month"]) if found["month"].isdigit() else _numeral(found["month"])
        year = _year(found, month, now, named[-1] if named else 0)
        named.append(year * 12 + month - 1)
    if not named:
        return ""
    if _TO_NOW.search(text):
        return str(max(1, now.year * 12 + now.month - 1 - named[0]))
    if len(named) == 2 and re.search(r"到|至|[~—-]", text):
        return str(named[1] - named[0] + 1) if named[1] >= named[0] else ""
    return str(len(set(named)))


def _numeral(text: str) -> int:
    return 10 + (_WORDS.index(text[1:]) if text[1:] else 0) if text[0] == "十" else _WORDS.index(text)


def _year(found: re.Match[str], month: int, now: datetime, before: int) -> int:
    """The year of a named month: as said; else that of the one named `before` it, or the last one of that name."""
    if found["year"]:
        return int(found["year"])
    if found["word"]:
        return now.year - ("今", "去", "前").index(found["word"])
    if before:
        return before // 12 + (month - 1 < before % 12)
    return now.year - (month > now.month)


def _bounded(slot: Slot, value: str) -> Read:
    """A number, if it lies where the slot's numbers lie."""
    number = Decimal(value)
    if number < slot.least or (slot.most and number > slot.most):
        return Read(fault=f"“{slot.label}”要在{slot.least}到{slot.most}之间，请再看一下。")
    return Read(value)


_NOT = re.compile(r"(?:不(?:用|要|想|需要|必|愿意)?|无需|用不着|没必要|别)$")


def signed(signs: str, text: str) -> str:
    """Whether words about a yes-or-no question are there: `是`, `否` where they are negated (不匿名); empty without."""
    found = re.search(signs, text)
    if found is None:
        return ""
    return "否" if _NOT.search(text[: found.start()]) else "是"


_SOME = re.compile(r"[\d二两三四五六七八九十百千万]")
_NONE = re.compile(r"(?:没|从(?:来)?没|还没|[一1](?:次|个|天|小时|分|回)?(?:也|都)(?:没|无|不)|零|0(?!\d|\.))")
"""None at all, in words."""


def _none(text: str) -> bool:
    """Whether none at all is meant (没有, 一个都没来), not that it wasn't counted (没细算，差不多8000)."""
    return NO.fullmatch(text) is not None or (_NONE.match(text) is not None and not _SOME.search(text.lstrip("一1零0")))


def _rough(text: str) -> str:
    """A bare number in words, or none at all (一个都没有); empty for neither."""
    if _none(text):
        return "0"
    return next((value for part in re.split("[，,。；; ]+", text) if (value := _bare(part))), "")


def _bare(text: str) -> str:
    said = re.sub(
        r"^(?:大概|大约|差不多|可能|有|就|也就|总共|一共|快|不到|是)+|(?:左右|多|吧|了|的样子|上下|次|回|遍|个|岁|级|年|小时|平方?米?|平|元|块钱?)+$",
        "",
        text,
    )
    value = parse(said)
    return plain_number(value) if value is not None else ""


def _phone(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    value = _found(slot, entities)
    if value:
        return Read(value)
    digits = re.sub(r"\D", "", text)
    if 7 <= len(digits) <= 15 and len(digits) != 11:
        more = f"少了{11 - len(digits)}位" if len(digits) < 11 else f"多了{len(digits) - 11}位"
        return Read(fault=f"这个号码是{len(digits)}位，手机号要11位，{more}，请再发一遍。")
    return Read(fault="这不像11位手机号，请再看一下，整个号码一起发。" if digits else "")


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
    if _none(text) or (slot.signs and re.search(rf"[一1](?:{slot.signs})(?:都|也)没", text)):
        return _bounded(slot, "0")
    if "人" in slot.signs and re.fullmatch(r"(?:就|只有?|光)(?:是)?(?:我|俺)(?:自己|本人)?(?:一个人?)?[。！!]?", text):
        return Read("1")
    found = re.search(rf"{NUMERAL}(?=\s*(?:{slot.signs or '个|次|人|口|年|级|岁|平|小时'}))", text) or re.search(
        r"\d{1,9}", text
    )
    about = re.search(
        r"[一二三四五六七八九两]?十[几多来]|几十|好几[个十百]?|[一二三四五六七八九两几][一二三四五六七八九十]?百(?:多|来)?|上百|[二三四五六七八九]{2}十?|[两三四五六七八][三四五六七八九](?=个|人)",
        text,
    )
    if "人" in slot.signs and about:  # told to people, never counted with
        return Read(about[0])
    number = parse(found[0]) if found else None
    said = plain_number(number) if number is not None else _rough(text)
    if not said or not said.isdigit():
        return Read(fault="请写个数字，比如“3”。")
    return _bounded(slot, said)


def _yes_no(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    if slot.signs and (said := signed(slot.signs, text)):
        return Read(said)
    if re.match(r"没问题|没错|不错", text):
        return Read("是")
    if NO.fullmatch(text) or re.match(
        r"没|不|冇|莫|唔|无|还没|暂时没|自己不|我没|我不|都没|目前没|现在没|早没|已经没", text
    ):
        return Read("否")
    if YES.fullmatch(text) or re.match(
        r"是|有|对|要|同意|我?(?:有|是|办了|交了|在)|都有|已经|办(?:好|过)?了|交(?:着|过)?|当然|肯定|算是", text
    ):
        return Read("是")
    return Read(fault="请回答“是”或“否”。")


def _photo(slot: Slot, text: str, entities: tuple[Entity, ...], now: datetime) -> Read:
    """Words are no photo; a picture that is sent fills the slot by itself (`bot.snapshots`)."""
    return Read(fault="请直接把照片发过来；没有就说“跳过”。")


_READERS: dict[str, Callable[[Slot, str, tuple[Entity, ...], datetime], Read]] = {
    "text": _text, "choice": _choice, "date": _date, "amount": _amount, "months": _months, "phone": _phone,
    "district": _district, "room_code": _room_code, "stage": _stage, "number": _number, "yes_no": _yes_no,
    "photo": _photo,
}  # fmt: skip
KINDS = frozenset(_READERS)
