"""Entities: the districts, numbers, dates and amounts in a message, each checked and brought to one form.

Values: `district` the official name, `phone` 11 digits, `id_number` 18 characters with X upper case, `date` ISO,
`stage` kindergarten | primary | junior | senior, `amount` yuan, `duration_months` months, `room_code` NB-FH-000123.
All values are strings. What only looks like one (an order number, a wrong checksum, 15号楼, 五一路) is left out.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import yaml

from . import dates, numerals
from .understanding import Entity

HERE = Path(__file__).resolve().parent
LONGEST = 4000  # characters read; nobody writes an entity they need behind that

_TRADITIONAL = str.maketrans(
    "區縣鎮鄉餘寧侖號個兩萬塊錢圓後禮週節慶勞動兒園學級農曆歷陰閏這當曉億貳叁參陸壹伍柒捌玖拾佰仟紙鳳蘭龍觀慈谿駱駝莊橋東領終",
    "区县镇乡余宁仑号个两万块钱元后礼周节庆劳动儿园学级农历历阴闰这当晓亿二三三六一五七八九十百千纸凤兰龙观慈溪骆驼庄桥东领终",
)
_HALF = str.maketrans({"—": "-", "–": "-", "－": "-", "‐": "-", "−": "-", "﹣": "-", "　": " ", "\u00a0": " ", "。": "。"})

_Span = tuple[int, int, str]


def fold(text: str) -> str:
    """`text` in half width and simplified characters, one character for each, so that positions stay the same."""
    if not text.isascii():
        text = "".join(_half(c) if ord(c) > 0x2000 or ord(c) == 0xA0 else c for c in text).translate(_TRADITIONAL)
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
        ("id_number", _id_numbers(folded, now.date())), ("room_code", _room_codes(folded)), ("phone", _phones(folded)),
        ("date", dates.find(folded, now.date())), ("stage", _stages(folded)), ("duration_months", _durations(folded)),
        ("amount", _amounts(folded)), ("district", _districts(folded)),
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
_PHONE = re.compile(rf"(?<![0-9a-z.])(?:\(?\+?86\)?[ -]?)?[1一幺][ -]?[3-9三四五六七八九](?:[ \-.,，、]{{0,2}}{_D}){{9}}(?![0-9a-z零〇一二三四五六七八九幺])")
_NOT_A_PHONE = re.compile(r"(?:单号|订单|订单编号|编号|流水|流水号|案号|运单|快递|工号|卡号|账号|帐号|合同号|受理号|业务号|序列号|号段|发票号|条码|学号|qq号?|微信号)[是为:： 号]{0,3}$")


def _phones(text: str) -> Iterator[_Span]:
    for m in _PHONE.finditer(text):
        number = re.sub(r"\D", "", m.group().translate(_SPOKEN))
        number = number[2:] if len(number) == 13 and number.startswith("86") else number
        if len(number) != 11 or _NOT_A_PHONE.search(text[max(0, m.start() - 8) : m.start()]):
            continue
        if re.search(r"\d{4}[ -]$", text[max(0, m.start() - 5) : m.start()]) or re.match(r"[ -]\d{4}", text[m.end() :][:5]):
            continue  # four by four: the middle of a bank card
        yield m.start(), m.end(), number


# --- school stages, durations, amounts -----------------------------------------------------------------------

_STAGES = (
    ("kindergarten", r"幼儿园(?:[大中小]班)?|幼儿班|学前班|托儿所|入园|(?<=[上读念])(?:大|小)班(?=[了的吗呢])|幼稚园|幼小班"),
    ("junior", r"小升初|小学升初中|升初中|初中|初级中学|(?<![年大月当起最十廿])初[一二三](?![个直始起定步样十五号日])(?:年级)?|[七八九789]年级"),
    ("primary", r"幼升小|小学(?:[一二三四五六1-6]年级)?|[一二三四五六1-6]年级|小[一二三四五六](?=年级|新生|入学|的?学生|报名)(?:年级)?|(?<=[上读念])小[一二三四五六]"),
    ("senior", r"初升高|初中升高中|升高中|高中|职高|高职班|(?<![最提身更拔增长楼]) ?高[一二三](?![点些筹截倍样直定个米层次级头楼号度丈尺等])(?:年级)?"),
)
_STAGE = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _STAGES))


def _stages(text: str) -> Iterator[_Span]:
    for m in _STAGE.finditer(text):
        if re.match(r"学历|文化|文凭|程度", text[m.end() :][:2]):
            continue
        start = m.start() + (len(m.group()) - len(m.group().lstrip()))
        yield start, m.end(), str(m.lastgroup)


_MN = r"(?:\d{1,3}(?:\.\d)?|[一二三四五六七八九十两俩仨]{1,3})"
_DURATION = re.compile(
    rf"(?:(?P<years>{_MN})(?:周)?年(?P<half>半)?多?零?(?:(?P<and>{_MN})个(?P<andhalf>半)?月)?"
    rf"|(?P<halfyear>大?半年)(?:多|来)?|(?P<months>{_MN})(?:多|来|几)?个(?:多|来)?(?P<mhalf>半)?(?:多)?月|(?P<halfmonth>半个(?:多|来)?月)|(?P<some>个把月))"
)
_RATE_AFTER = re.compile(
    r"(?:级|前|以前|之前|后|以后|之后|[一几两二三四五]?次|[一几两]?[签检审回趟换交付结]|到头|四季|之计|代|夜|轮|份|生|底|初|末|中|\d+(?:块|元|千|百|万|$)|"
    r"(?:多少钱|多少|几|要多少|交多少|大概多少|才|就|只|最多|最低|至少|得|给|能拿|能挣|挣|赚|拿|工资|房租|租金|收|要)*(?:\d|[一二三四五六七八九两](?=[百千万]))|(?:要|得|能|大概|大约|一共)?(?:交|付|拿|挣|赚|给)?多少钱|多少钱|的?工资多少|大的?|底|薪|岁)"
)


def _durations(text: str) -> Iterator[_Span]:
    for m in _DURATION.finditer(text):
        before, after = text[max(0, m.start() - 3) : m.start()], text[m.end() : m.end() + 14]
        if re.search(r"[每第\d.岁几数同零又]$|(?:[块元千百万多]钱?|多少钱|[\d]|/)$|上下", before) or _RATE_AFTER.match(after):
            continue
        if value := _months_in(m):
            yield m.start(), m.end(), value


def _months_in(m: re.Match[str]) -> str | None:
    if m["halfyear"]:
        return "6"
    if m["halfmonth"]:
        return "0.5"
    if m["some"]:
        return "1"
    if m["months"]:
        months = numerals.parse(m["months"])
        return None if months is None else numerals.plain(months + (Decimal("0.5") if m["mhalf"] else 0))
    years = numerals.parse(m["years"])
    if years is None or years > 60 or (years > 20 and m["years"].isdigit() and not m["and"] and not m["half"]):
        return None
    more = numerals.parse(m["and"]) if m["and"] else Decimal(0)
    if more is None:
        return None
    months = years * 12 + (6 if m["half"] else 0) + more + (Decimal("0.5") if m["andhalf"] else 0)
    return numerals.plain(months)


_NUM = numerals.NUMERAL
_CURRENCY = r"(?:多|来|几|把)?(?:块钱?|元钱?|圆|大洋|rmb|软妹币|人民币)"
_MEASURED = (
    r"(?![\d.]|\s*(?:人|个|户|平|公里|里|步|次|字|张|件|名|口|克|米|瓦|卡|伏|赫|斤|吨|亩|天|年|月|日|号|岁|分|点|度|%|％|倍|份|台|辆|位|家|间|套|栋|幢|楼|层|只|条|头|遍|颗|粒|字|小时|多人|多个|多户|余人|余户|多名|多家|多平|多公里|多步|多次|多张|多台|多辆|"
    r"毫|升|吋|寸|米|集|本|页|题|课时|工时|学时|班|村|路|丈|军|山|古|般|万|里|载|古|斤|把|棵|种|样|年|顷|流明|人次|粉|点赞|阅读|像素|转|胎|床|床位|座|房|室|码|期|届|届|只|吨|箱|包|瓶|盒|袋|桶))"
)
_AMOUNT = re.compile(
    rf"(?P<sign>[¥￥$]|rmb|人民币)\s?(?P<signed>{_NUM})(?:{_CURRENCY})?"
    rf"|(?P<whole>{_NUM})\s?(?P<unit>{_CURRENCY})(?P<rest>[0-9一二三四五六七八九](?:毛|角)?(?![0-9个百千万十小]))?"
    rf"|(?P<big>{_NUM})(?:多|来|左右|出头|不到)?"
)
_BARE_BLOCK = re.compile(r"(?:一|二|两|三|四|五|六)块(?!钱|\d)")
_BLOCK_THING = re.compile(r"(?:地|砖|石|板|玻璃|肉|表|电池|屏|布|牌|田|儿|去|来|住|干|吃|过|走|上|玩|做|租|办|砖头|瓷砖|黑|疤|伤|木|铁|糖|豆腐|蛋糕|区域|内容|业务|的)")
_MONEY_BEFORE = re.compile(
    r"(?:工资|底薪|月薪|年薪|时薪|日薪|薪水|押金|房租|租金|月租|租|定金|订金|保证金|中介费|违约金|费|费用|补贴|补助|补偿|赔偿|赔|欠|欠我|欠了|欠薪|薪|罚|罚款|罚了|扣|扣了|扣我|借|借了|交|交了|付|付了|退|退了|退我|给|给我|给了|发|发了|挣|赚|拿|拿到手|到手|收|收了|收我|花|花了|转|转了|转账|存|一共|总共|"
    r"每月|一个月|每个月|每年|一年|一天|每天|每小时|价|价格|金额|收入|基数|奖金|提成|加班费|医药费|钱|还剩|还差|贷款|贷了|红包|至少|只有|报销)(?:了|是|才|就|有|要|只|大概|大约|差不多|都|:|：|我|他|她|你|我们|俺|将近|快|能|个|款|\s)*$"
)


def _amounts(text: str) -> Iterator[_Span]:
    for m in _AMOUNT.finditer(text):
        start, end = m.span()
        before, after = text[max(0, start - 14) : start], text[end : end + 6]
        if re.search(r"[0-9a-z.\-:第]$", before) or (m["big"] and re.match(r"[a-z\-:/]", after)):
            continue
        if m["big"]:
            yield from _unitless(text, m, before, after)
            continue
        value = numerals.parse(m["signed"] or m["whole"])
        if value is None or (m["whole"] and not _is_money(m, after)):
            continue
        if m["rest"]:
            value += Decimal(numerals.parse(m["rest"][0]) or 0) / 10
        yield start, end, numerals.plain(value)


def _is_money(m: re.Match[str], after: str) -> bool:
    """三块地 and 一块走 are no money; neither is 元旦 or 3元月."""
    if m["unit"].endswith("块") and not m["rest"]:
        if m["whole"] in ("一", "1") or (len(m["whole"]) == 1 and _BLOCK_THING.match(after)):
            return False
    return not (m["unit"] in ("元", "圆") and re.match(r"旦|月|宵|素|件|老", after))


def _unitless(text: str, m: re.Match[str], before: str, after: str) -> Iterator[_Span]:
    """3千5, 两万三, 三千多 speak for themselves; 4500 only behind a word for money."""
    number = m["big"]
    value = numerals.parse(number)
    if value is None or re.match(_MEASURED[3:-1].join(("(?:", ")")), after):
        return
    end = m.end()
    if not number.isdigit() and re.search(r"[千万百]", number) and number[0] not in "千万百亿":
        spoken = bool(re.search(r"[千万]", number)) or value >= 300 and bool(_MONEY_BEFORE.search(before))
        if spoken and value >= 100:
            yield m.start(), end, numerals.plain(value)
    elif re.fullmatch(r"[\d,.]+", number) and 50 <= value < 10_000_000 and _MONEY_BEFORE.search(before):
        kind = re.match(r"[kw](?![a-z])", after)
        yield m.start(), end, numerals.plain(value)
        del kind


# --- places ---------------------------------------------------------------------------------------------------

_NOT_A_PLACE = r"(?!\s*[东西南北中]?(?:路|街(?!道)|大道|大学|装|舰|陵|狼|大街|巷|弄|国际机场))"


@cache
def _places() -> tuple[re.Pattern[str], dict[str, str]]:
    table = yaml.safe_load((HERE / "lookups" / "towns.yml").read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    for district, row in table.items():
        for name in row["names"]:
            names[name] = names[name + district[-1]] = district
        for town in row["towns"]:
            names[town] = district
    longest_first = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    return re.compile(rf"(?<![孙])(?P<name>{longest_first})(?P<kind>街道|镇|乡)?{_NOT_A_PLACE}"), names


def _districts(text: str) -> Iterator[_Span]:
    pattern, names = _places()
    last: _Span | None = None
    for m in pattern.finditer(text):
        value = names[m["name"]]
        if re.search(r"(?:重庆|南京|市?沙坪|渝)(?:市)?$", text[max(0, m.start() - 4) : m.start()]) and value == "江北区":
            continue
        if last and last[2] == value and re.fullmatch(r"[\s,，区市县的]*", text[last[1] : m.start()]):
            continue  # 慈溪市观海卫镇 is one place
        last = (m.start(), m.end(), value)
        yield last
