"""Dates in what people write, relative to a clock: 上个月15号, 下周一, 国庆节, 三天前, 2026年3月5日.

Lunar dates (正月, 腊月, 农历三月初五, 八月十五, 除夕, 春节) are left alone: guessing their day would be worse than asking.
A day comes out as YYYY-MM-DD, a month with its year (2025年8月) as YYYY-MM.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta

from intents import numerals

Found = tuple[int, int, str]

_YEAR_WORDS = {
    "大前年": -3,
    "前年": -2,
    "去年": -1,
    "上年": -1,
    "旧年": -1,
    "今年": 0,
    "本年": 0,
    "明年": 1,
    "来年": 1,
    "后年": 2,
}
_STEP = {"上上": -2, "上": -1, "前": -1, "这": 0, "本": 0, "当": 0, "": 0, "下": 1, "下下": 2}
_DAYS = {
    "大前天": -3,
    "前天": -2,
    "前日": -2,
    "前晚": -2,
    "昨天": -1,
    "昨日": -1,
    "昨晚": -1,
    "昨夜": -1,
    "昨儿": -1,
    "昨个": -1,
    "寻日": -1,
    "琴日": -1,
    "今天": 0,
    "今日": 0,
    "今晚": 0,
    "今早": 0,
    "今晨": 0,
    "今儿": 0,
    "今个": 0,
    "明天": 1,
    "明日": 1,
    "明早": 1,
    "明晚": 1,
    "明儿": 1,
    "明个": 1,
    "听日": 1,
    "后天": 2,
    "后日": 2,
    "后儿": 2,
    "大后天": 3,
}
_HOLIDAYS = {
    "元旦": (1, 1),
    "情人节": (2, 14),
    "妇女节": (3, 8),
    "三八": (3, 8),
    "植树节": (3, 12),
    "愚人节": (4, 1),
    "五一": (5, 1),
    "劳动节": (5, 1),
    "五四": (5, 4),
    "青年节": (5, 4),
    "六一": (6, 1),
    "儿童节": (6, 1),
    "建党节": (7, 1),
    "建军节": (8, 1),
    "教师节": (9, 10),
    "国庆": (10, 1),
    "十一": (10, 1),
    "双十一": (11, 11),
    "双11": (11, 11),
    "双十二": (12, 12),
    "双12": (12, 12),
    "平安夜": (12, 24),
    "圣诞": (12, 25),
}

_N = r"(?:\d{1,2}|[一二三四五六七八九十两廿卅]{1,3})"
_YEAR = (
    r"(?:(?P<year>(?:19|20)\d\d|[一二][〇零○0-9一二三四五六七八九]{3}|(?<!\d)[012]\d)年的?|(?P<yearword>大前年|前年|去年|"
    r"上年|旧年|今年|本年|明年|来年|后年)的?)"
)
_LUNAR = re.compile(r"(?:农历|阴历|旧历|古历|老历|农历的|阴历的|闰)\s*$")
_PLACE_BEFORE = re.compile(
    r"(?:[路街巷弄村道里坊园区组队幢栋楼层座牌排东西南北环]|编号|门牌|第|每月|每个月|月|[年A-Za-z\d.\-/#])\s*$"
)
_THING_AFTER = (
    r"(?!\s*(?:楼|线|门|院|房|室|幢|栋|座|厅|馆|厂|车|店|机|床|库|仓|口|出口|台|窗|桌|柜|弄|区|井|炉|岗|坑|塔|码|令|文|公告|电池|宿舍|公寓|工地|工位|地块|"
    r"地铁|基坑|技师|员工|选手|学生|球衣|病床|小区|大院|桥|墩|模|刀|井|称|召|数|子|手|牌|大街|胡同|仓库|单元|内|游|均|间|元素|码头|航站))"
)

_FULL = re.compile(rf"{_YEAR}?(?P<month>{_N})月(?:份|的)?(?P<day>{_N})(?P<mark>号|日|)")
_ISO = re.compile(
    r"(?<![\d.\-/])(?P<year>(?:19|"
    r"20)\d\d)(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?![\d.]*\d)"
)
_COMPACT = re.compile(
    r"(?<![0-9A-Za-z\-号码单])(?P<year>19\d\d|20\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|"
    r"3[01])(?![0-9A-Za-z])"
)
_MONTH_EDGE = re.compile(rf"{_YEAR}?(?P<month>{_N})月(?:份|的)?(?P<edge>底|末|初)(?![薪一二三四五六七八九十])")
_YEAR_MONTH = re.compile(rf"{_YEAR}(?P<month>{_N})月份?(?!初|[一二三四五六七八九十\d])")
_REL_MONTH = re.compile(
    rf"(?P<step>上上|下下|上|这|本|当|下)个?月(?:份|的)?(?:(?P<day>{_N})(?:号|日)|(?P<edge>底|末|初)(?![薪一二三四五六七八九十]))"
)
_EDGE = re.compile(r"(?<![个\d一二三四五六七八九十正腊冬上下本每])月(?P<edge>底|末|初)(?![薪一二三四五六七八九十])")
_YEAR_END = re.compile(
    r"(?:(?P<yearword>大前年|前年|去年|今年|明年|后年)的?年?|(?P<year>20\d\d)年?年|"
    r"(?<![\d一二三四五六七八九十去今明前后每半全])年)(?P<edge>底|末)(?![薪])"
)
_WEEKDAY = re.compile(
    r"(?P<step>上上|下下|上|这|本|下)?(?P<ge>个?)(?:周|星期|礼拜)(?P<day>[一二三四五六日天1-6])(?![次趟回休天个班年两三四五六到至\-~—、])"
)
_AGO = re.compile(
    r"(?P<half>半)?(?P<n>(?:\d{1,3}|[一二三四五六七八九十两百]{1,3}))?(?P<ge>个)?(?P<half2>半)?(?:多|来)?"
    r"(?P<unit>天|日|周|星期|礼拜|月|年)(?P<half3>半)?(?:多)?(?:以|之)?(?P<way>前(?![面台提夫妻任途科列门脚卫])|后(?![面台来悔果勤厨妈爸]))"
)
_DAY_WORD = re.compile(rf"(?:{'|'.join(sorted(_DAYS, key=len, reverse=True))})(?!津|头条|性的|之星|方舟)")
_HOLIDAY = re.compile(
    rf"{_YEAR}?(?:(?P<name>元旦|情人节|妇女节|植树节|愚人节|劳动节|青年节|儿童节|建党节|建军节|教师节|平安夜|双十一|双11|双十二|双12"
    r"|(?<![王李张刘陈杨黄赵周吴徐孙马胡朱郭何罗高林姓叫])国庆(?!路|街|村|新村|巷|小区|哥|叔|师傅|桥)|圣诞(?!树|老人|帽)|清明(?!上河|路|街|桥|茶)"
    r"|(?<![\d一二三四五六七八九十〇零百千万两半点块第周期拜])(?:五一|六一|三八|五四|十一(?=(?:国庆|长假|假期|小长假|放假|黄金周|期间|过后|回家|回老家|之前|之后|以后|前后)))"
    r"(?!路|广场|大道|大街|街|巷|村|新村|中学|小学|小区|劳动奖|大队|农场|桥|厂|市场|线|红旗|班|年|运动|精神|公园|商城|[\d一二三四五六七八九十〇零百千万点块元个号月]))"
    r"(?:劳动节|妇女节|儿童节|青年节|国庆节?)?节?)"
)
_BARE_DAY = re.compile(rf"(?P<day>{_N})(?P<mark>号|日){_THING_AFTER}")
_DOTTED = re.compile(r"(?<![\d.])(?P<month>\d{1,2})[./](?P<day>\d{1,2})(?:号|日)")
_RANGE_JOIN = re.compile(r"\s*(?:到|至|—|-|~|和|、|或者?|跟)+\s*$")


# Every date has one of these: most messages have none, and need not be searched nine times over.
_TIMELY = re.compile(
    r"[年月日天号周期拜节旦庆诞夜昨今寻琴听前后]|[清明]明|明[早晚儿个]|五一|六一|三八|五四|十一|双1|\d[./\-]\d|\d{8}"
)


def find(text: str, today: date) -> list[Found]:
    """All dates of folded `text` (see entities.fold) as (start, end, ISO), in order, never overlapping."""
    if not _TIMELY.search(text):
        return []
    taken: list[Found] = []
    for finder in (_iso, _full, _month_edges, _relative_months, _weekdays, _ago, _holidays, _day_words, _year_ends):
        for start, end, value in finder(text, today):
            if all(end <= s or start >= e for s, e, _ in taken):
                taken.append((start, end, value))
    _bare_days(text, today, taken)
    return sorted(t for t in taken if t[2])


def _number(text: str) -> int:
    text = text.replace("廿", "二十").replace("卅", "三十")
    value = numerals.parse(text)
    return int(value) if value is not None else 0


_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")


def _year_of(match: re.Match[str], today: date) -> int:
    groups = match.groupdict()
    if word := groups.get("yearword"):
        return today.year + _YEAR_WORDS[word]
    if written := groups.get("year"):
        digits = written.translate(_DIGITS)  # 二〇二五, and as phones mix it: 二0二五
        return int(digits) if len(digits) > 2 else 2000 + int(digits)
    return today.year


def _iso_day(year: int, month: int, day: int) -> str:
    """ISO day, or "" where no such day exists (2月30号): the span is then taken and dropped."""
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _lunar(text: str, start: int) -> bool:
    return bool(_LUNAR.search(text[max(0, start - 4) : start]))


def _iso(text: str, today: date) -> Iterator[Found]:
    for pattern in (_ISO, _COMPACT):
        for m in pattern.finditer(text):
            if value := _iso_day(int(m["year"]), int(m["month"]), int(m["day"])):
                yield m.start(), m.end(), value


def _full(text: str, today: date) -> Iterator[Found]:
    for m in _FULL.finditer(text):
        if not m["mark"] and not (
            m["day"].isdigit() and not re.match(r"[\d.:：点个人岁年月万千百块元到至\-~]", text[m.end() :])
        ):
            # 八月十五 without 号 or 日 is the lunar way of saying it; the span is taken so that no part of it is read
            yield m.start(), m.end(), ""
            continue
        value = "" if _lunar(text, m.start()) else _iso_day(_year_of(m, today), _number(m["month"]), _number(m["day"]))
        yield m.start(), m.end(), value
    for m in _DOTTED.finditer(text):
        yield m.start(), m.end(), _iso_day(today.year, int(m["month"]), int(m["day"]))


def _edge(year: int, month: int, edge: str) -> str:
    if not 1 <= month <= 12:
        return ""
    return _iso_day(year, month, 1 if edge == "初" else calendar.monthrange(year, month)[1])


def _month_edges(text: str, today: date) -> Iterator[Found]:
    for m in _MONTH_EDGE.finditer(text):
        yield (
            m.start(),
            m.end(),
            "" if _lunar(text, m.start()) else _edge(_year_of(m, today), _number(m["month"]), m["edge"]),
        )
    for m in _YEAR_MONTH.finditer(text):
        month = _number(m["month"])
        valid = 1 <= month <= 12 and not _lunar(text, m.start("month"))
        yield m.start(), m.end(), f"{_year_of(m, today):04d}-{month:02d}" if valid else ""


def _shift_month(today: date, months: int) -> tuple[int, int]:
    index = today.year * 12 + today.month - 1 + months
    return index // 12, index % 12 + 1


def _relative_months(text: str, today: date) -> Iterator[Found]:
    for m in _REL_MONTH.finditer(text):
        year, month = _shift_month(today, _STEP[m["step"]])
        yield (
            m.start(),
            m.end(),
            _iso_day(year, month, _number(m["day"])) if m["day"] else _edge(year, month, m["edge"]),
        )
    for m in _EDGE.finditer(text):
        yield m.start(), m.end(), _edge(today.year, today.month, m["edge"])


def _year_ends(text: str, today: date) -> Iterator[Found]:
    for m in _YEAR_END.finditer(text):
        yield m.start(), m.end(), _iso_day(_year_of(m, today), 12, 31)


def _weekdays(text: str, today: date) -> Iterator[Found]:
    monday = today - timedelta(days=today.weekday())
    for m in _WEEKDAY.finditer(text):
        before = text[max(0, m.start() - 3) : m.start()]
        if (m["ge"] and not m["step"]) or re.search(r"[每一两三四五六七八九十几\d半整到至\-~—、和]$", before):
            continue
        day = "一二三四五六日".find(m["day"].replace("天", "日")) if not m["day"].isdigit() else int(m["day"]) - 1
        yield m.start(), m.end(), (monday + timedelta(days=7 * _STEP[m["step"] or ""] + day)).isoformat()


def _ago(text: str, today: date) -> Iterator[Found]:
    for m in _AGO.finditer(text):
        unit, ge = m["unit"], bool(m["ge"])
        if not (m["n"] or m["half"]) or (unit == "月" and not ge) or (unit == "日" and m["way"] == "前"):
            continue
        if re.search(r"[\d.第几每年]$", text[: m.start()][-1:]):
            continue
        amount = (_number(m["n"]) if m["n"] else 0) + (0.5 if m["half"] or m["half2"] or m["half3"] else 0)
        if amount:
            sign = -1 if m["way"] == "前" else 1
            yield m.start(), m.end(), _moved(today, unit, amount * sign)


def _moved(today: date, unit: str, amount: float) -> str:
    if unit in ("天", "日", "周", "星期", "礼拜"):
        days = amount * (1 if unit in ("天", "日") else 7)
        return (today + timedelta(days=int(days))).isoformat()
    months = amount * (12 if unit == "年" else 1)
    year, month = _shift_month(today, int(months))
    if not 1 <= year <= 9999:
        return ""
    day = min(today.day, calendar.monthrange(year, month)[1])
    rest = months - int(months)
    return (date(year, month, day) + timedelta(days=int(30 * rest))).isoformat()


def _holidays(text: str, today: date) -> Iterator[Found]:
    for m in _HOLIDAY.finditer(text):
        year = _year_of(m, today)
        name = m["name"]
        yield m.start(), m.end(), _clear_bright(year) if name == "清明" else _iso_day(year, *_HOLIDAYS[name])


def _clear_bright(year: int) -> str:
    """清明 follows the sun, not the moon: the almanac's formula, right for 1901–2099."""
    base = 5.59 if year < 2000 else 4.81
    short = year % 100
    return _iso_day(year, 4, int(short * 0.2422 + base) - short // 4)


def _day_words(text: str, today: date) -> Iterator[Found]:
    for m in _DAY_WORD.finditer(text):
        yield m.start(), m.end(), (today + timedelta(days=_DAYS[m.group()])).isoformat()


def _bare_days(text: str, today: date, taken: list[Found]) -> None:
    """15号 is a day of this month, or of the month just named (9月1日到10日); house and room numbers are not."""
    for m in _BARE_DAY.finditer(text):
        start, end = m.span()
        if any(start < e and end > s for s, e, _ in taken) or _PLACE_BEFORE.search(text[max(0, start - 4) : start]):
            continue
        if _lunar(text, start):
            continue
        day = _number(m["day"])
        before = next((t for t in sorted(taken, reverse=True) if t[1] <= start), None)
        if before and len(before[2]) == 10 and _RANGE_JOIN.fullmatch(text[before[1] : start]):
            first = date.fromisoformat(before[2])
            value = _iso_day(first.year, first.month, day)
        else:
            value = _iso_day(today.year, today.month, day)
        taken.append((start, end, value))
