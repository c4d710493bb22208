"""Phone numbers in what we say: found once, here, so that the page and the script show the same ones to tap."""

import re
from collections.abc import Collection
from functools import lru_cache

from knowledge_base import Knowledge

KNOWN = frozenset({"110", "119", "120", "122", "12110", "12345", "12356", "12333", "12348", "12351", "12355", "12338"})
"""Public service numbers that are always linked; a knowledge base's own come on top."""

_LANDLINE = r"0\d{2,3}-\d{7,8}|400-\d{3,4}-\d{3,4}"
# 120元, 第120条, 110平方米, 110分 and 2026-110 are amounts and names, not numbers to ring.
_NOT_BEFORE = r"(?<![\d第〔№¥$.\-/比满达约共])(?<!\d[到至:：])"
_NOT_AFTER = r"(?![\d.\-/:%％℃]*\d)(?!\s*(?:[元块角万亿千百十余平米㎡%％分天日年月周号个名位条次岁期项页折斤克吨公度kKmM]|小时|多))"


def of(knowledge: Knowledge) -> frozenset[str]:
    """The numbers of a knowledge base's hotlines."""
    return frozenset(line.number for line in knowledge.hotlines.values())


def split(text: str, more: Collection[str] = ()) -> list[dict[str, str]]:
    """`text` in its order as `{"text": …}` and `{"tel": …}` parts; `more` are further numbers known.

    A phone number is linked only when nothing around it says that it counts or names something.
    """
    parts: list[dict[str, str]] = []
    at = 0
    for match in _pattern(frozenset(more)).finditer(text):
        if match.start() > at:
            parts.append({"text": text[at : match.start()]})
        parts.append({"tel": match[0]})
        at = match.end()
    if at < len(text):
        parts.append({"text": text[at:]})
    return parts


@lru_cache(maxsize=8)
def _pattern(more: frozenset[str]) -> re.Pattern[str]:
    numbers = sorted(KNOWN | more, key=lambda number: (-len(number), number))
    known = "|".join(re.escape(number) for number in numbers)
    return re.compile(f"{_NOT_BEFORE}(?:{_LANDLINE}|{known}){_NOT_AFTER}")
