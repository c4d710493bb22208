"""The numbers a reader meets in a text, so that what is told can be compared with what is known."""

import re
from collections.abc import Iterable
from decimal import Decimal

from knowledge_base.schema import Article

_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNIT = "(?:个?月|年|天|日|元|分|岁|倍|周|小时|分钟|级|份|人|平方米|％|%|成|项|条|张)"
_CHINESE = re.compile(rf"([半一二两三四五六七八九十]+)(?={_UNIT})")
_ARABIC = re.compile(r"\d+(?:\.\d+)?")


def plain(number: str) -> str:
    """One way of writing a number: 07 is 7, 2.50 is 2.5."""
    return f"{Decimal(number).normalize():f}"


def of(text: str) -> set[str]:
    """Every number in a text, digits and Chinese numerals before a unit alike: 三个月 and 3个月 are both 3, 半年 is 0.5."""
    found = {plain(n) for n in _ARABIC.findall(text)}
    for word in _CHINESE.findall(text):
        if word == "半":
            found.add("0.5")
        elif "十" in word:
            tens, ones = word.split("十", 1)
            found.add(str(_DIGITS.get(tens, 1) * 10 + _DIGITS.get(ones, 0)))
        elif len(word) == 1:
            found.add(str(_DIGITS[word]))
    return found


def told(article: Article) -> set[str]:
    """Every number a person reads in an article."""
    single: Iterable[str] = (article.title, article.answer, article.where, article.duration, article.fee)
    return of("。".join((*single, article.deadline, *article.steps, *article.papers, *article.exceptions)))
