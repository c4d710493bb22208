"""Sums of money and lengths of time: 4500块, 3千5, 两万三, 三千多; 半年, 一年半, 三个多月.

What is a price per month (一个月4500) is an amount and no duration; what is counted in people, metres or acres, and
words that only hold a number (一块去, 千万, 三块地), are neither.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from . import numerals

Span = tuple[int, int, str]

# --- durations ------------------------------------------------------------------------------------------------

_N = r"(?:\d{1,3}(?:\.\d)?|[一二三四五六七八九十两俩仨]{1,3})"
_MORE = r"(?:多(?![少大长])|来)?"
_DURATION = re.compile(
    rf"(?P<years>{_N})周?年(?P<half>半)?{_MORE}(?:零?(?P<and>{_N})个(?P<andhalf>半)?月)?"
    rf"|(?P<halfyear>[大小]?半年){_MORE}"
    rf"|(?P<months>{_N})(?:多|来)?个(?:多|来)?(?P<mhalf>半)?月{_MORE}"
    rf"|(?P<halfmonth>半个(?:多|来)?月)|(?P<some>个把月)|(?P<short>俩|仨)月"
)
_NOT_BEFORE = re.compile(r"(?:[每第\d.几数又周零]|岁零?|[块元千百万]钱?|多少钱|/)$")
_NOT_AFTER = re.compile(
    r"级|以?前|以?后|之[前后计]|[一几两二三四五]?次|一?[签检审换交付结]|到头|四季|代|夜|轮|份|生|[底初末中]|薪|岁|大(?![多概约])|制|期"
)
_RATE = re.compile(
    r"(?:的?(?:工资|房租|租金|底薪|保底)|要|才|就|只|最多|最低|至少|得|给|能|挣|赚|拿|到手|收|交|付|大概|差不多|左右|是)*"
    r"(?:\d|[一二两三四五六七八九]+[百千万]|多少钱|几千|几百|[一几]?次|一交|一付)|多少|[^,，。?？]{0,4}[一两三四几][回次趟分签考]"
)


def durations(text: str) -> Iterator[Span]:
    """The lengths of time in folded `text`, in months (half a month is 0.5)."""
    for m in _DURATION.finditer(text):
        before, after = text[max(0, m.start() - 4) : m.start()], text[m.end() : m.end() + 14]
        if _NOT_BEFORE.search(before) or _NOT_AFTER.match(after):
            continue
        if m.group() in ("一年", "一个月", "1年", "1个月", "半年", "三个月", "3个月") and _RATE.match(after):
            continue  # 一个月4500, 一年去一回: a rate, not how long it took
        if value := _months(m):
            yield m.start(), m.end(), value


def _months(m: re.Match[str]) -> str | None:
    if m["halfyear"]:
        return "6"
    if m["halfmonth"] or m["some"]:
        return "0.5" if m["halfmonth"] else "1"
    if m["short"]:
        return "2" if m["short"] == "俩" else "3"
    if m["months"]:
        months = numerals.parse(m["months"])
        return None if months is None else numerals.plain(months + (Decimal("0.5") if m["mhalf"] else 0))
    years, more = numerals.parse(m["years"]), numerals.parse(m["and"]) if m["and"] else Decimal(0)
    # 98年 and 25年 without more are years of the calendar
    if years is None or more is None or years > (20 if m["years"].isdigit() else 60):
        return None
    return numerals.plain(years * 12 + (6 if m["half"] else 0) + more + (Decimal("0.5") if m["andhalf"] else 0))


# --- money ----------------------------------------------------------------------------------------------------

_UNIT = r"[多来几]?(?:块钱?|元钱?|圆|大洋|rmb|软妹币|人民币)"
_AMOUNT = re.compile(
    rf"(?P<sign>[¥￥$]|rmb|人民币)\s?(?P<signed>{numerals.NUMERAL})(?:{_UNIT})?"
    rf"|"
    rf"(?P<whole>{numerals.NUMERAL})\s?(?P<unit>{_UNIT})(?P<rest>[0-9一二三四五六七八九](?![0-9个百千万十小天月年斤次位人间平晚张本周号]))?"
    rf"|(?P<bare>{numerals.NUMERAL})(?P<more>多|来|[kw](?![a-z0-9]))?"
)
# What a number counts when it isn't money.
_COUNTED = re.compile(
    r"[多余几来]?\s?(?:人|个(?!月)|户|平|公里|里|步|次|字|张|件|名|口|克|米|瓦|卡|伏|赫|斤|吨|亩|天|年|月|日|号|岁|分|点|度|[%％]|倍|份|"
    r"台|辆|位|家|间|套|栋|幢|楼|"
    r"层|只|条|头|遍|颗|粒|小时|毫|升|寸|集|本|页|题|课时|学时|班|村|路|丈|军|山|古|万|亿|吨|把|棵|种|样|顷|转|期|届|箱|包|瓶|盒|袋|桶|座|房|"
    r"室|码|股|度|流明|版|师|秒|级|区|街|弄|岛|佛|手|别|[a-z])"
)
_BLOCK_OF = re.compile(
    r"儿|去|来|住|干|吃|过(?!节)|走|上|玩|做|租|办|聊|学|地|砖|石|板|玻璃|肉|表|电池|屏|布|牌|田|瓷|黑|疤|木|铁|糖|豆腐|蛋糕|区|内容|业务"
)
_MONEY_BEFORE = re.compile(
    r"(?:工资|底薪|[月年时日]薪|薪水?|押金|房租|租金|月租|租|[定订]金|保证金|[费税]|补[贴助偿]|赔偿金?|赔|欠|罚款?|扣|借|交|付|退|给|发|挣|赚|拿|到手|收|花|"
    r"转账?|存|一共|总共|总计|每月|每个月|一个?月|每年|一年|每天|一天|每小时|一小时|价格?|金额|收入|基数|奖金|提成|钱|报销|还[剩差欠]|剩下?的?|赞助|[涨降加]到?|涨了|彩礼|"
    r"贷款?|红包|至少|只有|预算|少于|低于|超过)"
    r"(?:了|是|才|就|有|要|只|大概|大约|差不多|都|:|我们?|他们?|她|你|俺|将近|快|能|款|为|也|共|老板|\s)*$"
)
_MONEY_AFTER = re.compile(
    r"(?:就|还|都|一直|死活|到现在|也)*(?:没|不|不肯|没有|不打算)(?:给|发|退|结|还|赔|付)|的?(?:工资|押金|工钱|赔偿|欠款|货款)"
)
_JOIN = re.compile(r"\s*(?:到|至|-|~|—)\s*$")


def amounts(text: str) -> Iterator[Span]:
    """The sums of money in folded `text`, in yuan."""
    last = -1
    for m in _AMOUNT.finditer(text):
        start, end = m.span()
        before, after = text[max(0, start - 14) : start], text[end : end + 8]
        if re.search(r"[0-9a-z.\-:第#]$", before) and not _JOIN.search(before):
            continue
        if m["bare"]:
            spans = list(_bare(m, before, after, ranged=last == start - 1 and bool(_JOIN.search(before))))
            last = spans[-1][1] if spans else last
            yield from spans
            continue
        value = numerals.parse(m["signed"] or m["whole"])
        if value is None or (m["whole"] and not _is_money(m, after)):
            continue
        if m["rest"]:
            value += (numerals.parse(m["rest"]) or Decimal(0)) / 10
        last = end
        yield start, end, numerals.plain(value)


def _is_money(m: re.Match[str], after: str) -> bool:
    """三块地 and 一块走 are no money; neither are 元旦 and 元月."""
    if m["unit"].endswith("块") and not m["rest"]:
        single = len(m["whole"]) == 1
        return m["whole"] not in ("一", "1") and not (single and _BLOCK_OF.match(after))
    return not (m["unit"].endswith(("元", "圆")) and re.match(r"[旦月宵素件老]", after))


def _bare(m: re.Match[str], before: str, after: str, *, ranged: bool) -> Iterator[Span]:
    """3千5, 两万三 and 三千多 speak for themselves; 4500 and 三百 only beside a word for money or in 3500到4000."""
    number, more = m["bare"], m["more"]
    value = numerals.parse(number + more if more and more in "kw" else number)
    if value is None or value < 100 or _COUNTED.match(after) or re.match(r"[-/:]\d", after):
        return
    spoken = bool(re.search(r"[千万]", number)) and number[0] not in "千万百亿"
    if spoken or ranged or (value < 10_000_000 and (_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after))):
        yield m.start(), m.end(), numerals.plain(value)
