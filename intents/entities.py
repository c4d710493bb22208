"""Entities: the districts, numbers, dates and amounts in a message, each checked and brought to one form.

Values: `district` the official name, `phone` 11 digits, `id_number` 18 characters with X upper case, `date` ISO,
`stage` kindergarten | primary | junior | senior, `amount` yuan, `duration_months` months, `room_code` NB-FH-000123.
All values are strings. What only looks like one (an order number, a wrong checksum, 15号楼, 五一路) is left out.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path

import yaml

from . import amounts, dates
from .understanding import Entity

HERE = Path(__file__).resolve().parent
LONGEST = 1500  # characters read; WeChat allows some 600, and nobody writes what they need behind that

_TRADITIONAL = str.maketrans(
    "區縣鎮鄉餘寧侖號個兩萬塊錢圓後禮週節慶勞動兒園學級農曆歷陰閏這當曉億貳贰叁參肆陸壹伍柒捌玖拾佰仟紙鳳蘭龍觀慈谿駱駝莊橋東領終",
    "区县镇乡余宁仑号个两万块钱元后礼周节庆劳动儿园学级农历历阴闰这当晓亿二二三三四六一五七八九十百千纸凤兰龙观慈溪骆驼庄桥东领终",
)
_FORMAL_SIX = re.compile("陆(?=[万千百十仟佰拾元块角])")  # else 陆埠, 大陆
_HALF = str.maketrans(
    {"—": "-", "–": "-", "－": "-", "‐": "-", "−": "-", "﹣": "-", "　": " ", "\u00a0": " ", "。": "。"}
)

_Span = tuple[int, int, str]


def fold(text: str) -> str:
    """`text` in half width and simplified characters, one character for each, so that positions stay the same."""
    if not text.isascii():
        text = "".join(c if "\u4e00" <= c <= "\u9fff" or (c < "\u2000" and c != "\xa0") else _half(c) for c in text)
        text = _FORMAL_SIX.sub("六", text).translate(_TRADITIONAL)
    return text.translate(_HALF).lower()[: len(text)] if len(text.lower()) == len(text) else text.translate(_HALF)


def _half(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char)
    return folded if len(folded) == 1 else char


def extract(text: str, now: datetime) -> tuple[Entity, ...]:
    """The entities of `text` in the order they stand; `now` gives relative dates their day. Never raises."""
    text = text[:LONGEST]
    folded = fold(text)
    found: list[Entity] = []
    kinds = (
        ("id_number", _id_numbers(folded, now.date())),
        ("room_code", _room_codes(folded)),
        ("phone", _phones(folded)),
        ("date", dates.find(folded, now.date())),
        ("stage", _stages(folded)),
        ("duration_months", amounts.durations(folded)),
        ("amount", amounts.amounts(folded)),
        ("district", _districts(folded)),
    )
    for kind, spans in kinds:
        for start, end, value in spans:
            if all(end <= e.start or start >= e.end for e in found):
                found.append(Entity(kind, value, text[start:end], start, end))
    return tuple(sorted(found, key=lambda e: e.start))


# --- numbers that belong to somebody -------------------------------------------------------------------------

_ID = re.compile(r"(?<![0-9a-z])\d{6}[ -]?\d{8}[ -]?\d{3}[\dx](?![0-9a-z])")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def valid_id_number(number: str) -> bool:
    """Whether 18 characters are an identity number: the check character of GB 11643-1999 holds and the birthday exists."""
    if not re.fullmatch(r"\d{17}[\dX]", number):
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    remainder = sum(w * int(d) for w, d in zip(_ID_WEIGHTS, number[:17], strict=True)) % 11
    return born.year >= 1900 and "10X98765432"[remainder] == number[17]


def _id_numbers(text: str, today: date) -> Iterator[_Span]:
    for m in _ID.finditer(text):
        number = re.sub(r"[ -]", "", m.group()).upper()
        if valid_id_number(number) and number[6:14] <= today.strftime("%Y%m%d"):
            yield m.start(), m.end(), number


_ROOM = re.compile(r"(?<![0-9a-z])(nb|zs)[\s\-_杠.]{0,3}([a-z]{2})[\s\-_杠.]{0,3}(\d[\s\d]{4,10}\d)(?![0-9a-z])")


def _room_codes(text: str) -> Iterator[_Span]:
    for m in _ROOM.finditer(text):
        digits = re.sub(r"\s", "", m[3])
        if len(digits) == 6:
            yield m.start(), m.end(), f"{m[1]}-{m[2]}-{digits}".upper()


_SPOKEN = str.maketrans("零〇○一二三四五六七八九幺两", "00012345678912")
_D = r"[0-9零〇○一二三四五六七八九幺]"
_PHONE = re.compile(
    rf"(?<![0-9a-z.])(?:\(?\+?86\)?[ -]?)?[1一幺][ -]?[3-9三四五六七八九](?:[ \-.,，、]{{0,2}}{_D}){{9}}(?![0-9a-z零〇一二三四五六七八九幺])"
)
_NOT_A_PHONE = re.compile(
    r"(?:单号|订单|订单编号|编号|流水|流水号|案号|运单|快递|工号|卡号|账号|帐号|合同号|受理号|业务号|序列号|号段|发票号|条码|学号|qq号?|"
    r"微信号)[是为:： 号]{0,3}$"
)


def _phones(text: str) -> Iterator[_Span]:
    for m in _PHONE.finditer(text):
        number = re.sub(r"\D", "", m.group().translate(_SPOKEN))
        number = number[2:] if len(number) == 13 and number.startswith("86") else number
        if len(number) != 11 or _NOT_A_PHONE.search(text[max(0, m.start() - 8) : m.start()]):
            continue
        if re.search(r"\d{4}[ -]$", text[max(0, m.start() - 5) : m.start()]) or re.match(
            r"[ -]\d{4}", text[m.end() :][:5]
        ):
            continue  # four by four: the middle of a bank card
        yield m.start(), m.end(), number


# --- school stages -----------------------------------------------------------------------

_STAGES = (
    (
        "kindergarten",
        r"幼儿园(?:[大中小]班)?|幼儿班|学前班|托儿所|入园|(?<=[上读念])(?:大|小)班(?=[了的吗呢，。,？?]|$)|托班|幼稚园|幼小班",
    ),
    (
        "junior",
        r"小升初|小学升初中|升初中|初中|初级中学|(?<![年大月当起最十廿])初[一二三](?![个直始起定步样十五号日])(?:年级)?|[七八九789]年级",
    ),
    (
        "primary",
        r"幼升小|小学(?:[一二三四五六1-6]年级)?|[一二三四五六1-6]年级|小[一二三四五六](?=年级|新生|入学|的?学生|报名)(?:年级)?|(?<=[上读念])小[一二三四五六]",
    ),
    (
        "senior",
        r"初升高|初中升高中|升高中|高中|职高|高职班|(?<![最提身更拔增长楼]) ?高[一二三](?![点些筹截倍样直定个米层次级头楼号度丈尺等])(?:年级)?",
    ),
)
_STAGE = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _STAGES))


_SCHOOLED = re.compile(r"学历|文化|文凭|程度")


def _stages(text: str) -> Iterator[_Span]:
    for m in _STAGE.finditer(text):
        if _SCHOOLED.match(text, m.end()):
            continue  # what somebody once learnt, not where a child goes
        start = m.start() + (len(m.group()) - len(m.group().lstrip()))
        yield start, m.end(), str(m.lastgroup)


# --- places ---------------------------------------------------------------------------------------------------

_NOT_A_PLACE = r"(?!\s*[东西南北中一二三四五六七八九]?(?:路|街(?!道)|大道|大学|公园|装|舰|陵|狼|大街|巷|弄|国际机场))"


# Where a name that could be a word is a place: 从姜山搬来, 小港那边.
_THERE = r"(?<=[从在到住去来往搬])"
_NEAR = r"(?=[这那][边里儿块]|附近|镇上|街上)"


@cache
def _places() -> tuple[re.Pattern[str], dict[str, str]]:
    table = yaml.safe_load((HERE / "lookups" / "towns.yml").read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    spoken: dict[str, str] = {}
    for district, row in table.items():
        for name in row["names"]:
            names[name] = names[name + district[-1]] = district
        names |= dict.fromkeys(row["towns"], district)
        spoken |= dict.fromkeys(row["spoken"], district)
    sure, likely = ("|".join(sorted(map(re.escape, some), key=len, reverse=True)) for some in (names, spoken))
    pattern = rf"(?<![孙])(?:(?:{sure})(?:街道|镇|乡)?|{_THERE}(?:{likely})|(?:{likely}){_NEAR}){_NOT_A_PLACE}"
    return re.compile(pattern), {**spoken, **names}


def _named(found: str, names: dict[str, str]) -> str:
    """The district of a name as found, with or without 镇, 乡 or 街道."""
    return names.get(found) or names[re.sub(r"(?:街道|镇|乡)$", "", found)]


def _districts(text: str) -> Iterator[_Span]:
    pattern, names = _places()
    last: _Span | None = None
    for m in pattern.finditer(text):
        value = _named(m.group(), names)
        elsewhere = re.search(r"(?:重庆|南京|渝)市?$", text[max(0, m.start() - 4) : m.start()])
        if value == "江北区" and (elsewhere or text.startswith("机场", m.end())):
            continue
        if last and last[2] == value and re.fullmatch(r"[\s,，区市县的]*", text[last[1] : m.start()]):
            continue  # 慈溪市观海卫镇 is one place
        last = (m.start(), m.end(), value)
        yield last
