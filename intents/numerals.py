"""Numbers as people write them: 4500, 3,800, 1.2万, 3千5, 两万三, 二十四, 二〇二六."""

import re
from decimal import Decimal

_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "两": 2, "俩": 2, "幺": 1, "仨": 3}
_UNIT = {"十": 10, "百": 100, "千": 1000, "万": 10000, "k": 1000, "w": 10000, "亿": 100000000}
_PART = re.compile(r"\d+(?:\.\d+)?|[零〇○一二三四五六七八九两俩幺仨]|[十百千万亿kw]")

_HAN = "零〇○一二三四五六七八九十百千万亿两俩"
NUMERAL = (
    rf"(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[百千万亿](?:"
    rf"[{_HAN}\d]*[百千万][{_HAN}\d]*|\d(?!\d)|[{_HAN}](?!个))?)?"
    # 两千二一个月 is 2,200 a month: the last 一 belongs to the month.
    rf"|[{_HAN}]*?[百千万][{_HAN}]*?(?=[一两](?:个月|年|天|平|间))|[{_HAN}]+)"
)


def parse(text: str) -> Decimal | None:
    """The number `text` writes, or None where it writes none or a range (三四千, 五六百).

    A last digit after a unit counts the next lower one, as in speech: 两万三 = 23000, 3千5 = 3500, 一百二 = 120.
    """
    text = text.replace(",", "")
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return Decimal(text)
    if len(text) > 1 and re.fullmatch(r"[零〇○一二三四五六七八九幺]+", text):
        return _spelled(text)
    parts = _PART.findall(text)
    if not parts or "".join(parts) != text:
        return None
    return _add_up(parts)


def _spelled(text: str) -> Decimal | None:
    """Digits read one by one: 二〇二六. Two or three of them (三四, 五六) guess between two and are no number."""
    return Decimal("".join(str(_DIGIT[c]) for c in text)) if len(text) >= 4 else None


def _add_up(parts: list[str]) -> Decimal | None:
    total, section = Decimal(0), Decimal(0)
    pending: Decimal | None = None
    last_unit, zero = 0, False
    for part in parts:
        unit = _UNIT.get(part)
        if unit is None:
            if pending is not None and pending != 0:
                return None
            pending = Decimal(part) if part[0].isdigit() else Decimal(_DIGIT[part])
            zero = zero or pending == 0
            continue
        if unit >= 10000:
            section = (section + (pending or 0)) or Decimal(1)
            total, section = total + section * unit, Decimal(0)
        else:
            if last_unit and last_unit < 10000 and unit >= last_unit:
                return None
            if pending is None and unit != 10:
                return None
            section += (Decimal(1) if pending is None else pending) * unit
        pending, last_unit, zero = None, unit, False
    if pending:
        lower = Decimal(last_unit // 10) if last_unit > 10 and not zero and pending < 10 else Decimal(1)
        section += pending * lower
    return total + section


def plain(number: Decimal) -> str:
    """4500 → "4500", 3500.50 → "3500.5": no exponent, no trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
