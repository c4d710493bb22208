"""Places that are not ours: one mark for all of them in the features, and questions that are for another city's office.

The names lie in lookups/elsewhere.yml. That somebody comes from there (老家四川), moves something here (社保从苏州转来) or
compares (杭州的居住证换成宁波的) is our business; 深圳公租房怎么申请 is not.
"""

import re
from functools import cache
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
_OURS = re.compile(
    "宁波|中山|浙江|广东|海曙|江北|镇海|北仑|鄞州|奉化|余姚|慈溪|宁海|象山|小榄|这里|这边|本地|你们|咱们|老家|户口|户籍"
    "|转|换|接续|迁|过来|回来|来了|带来|我是|外地|哪个好|一样"
)


@cache
def _names() -> dict[str, str]:
    table = yaml.safe_load((HERE / "lookups" / "elsewhere.yml").read_text(encoding="utf-8"))
    table["places"] = table["provinces"] + table["cities"]
    return {kind: "|".join(sorted(names, key=len, reverse=True)) for kind, names in table.items()}


@cache
def places() -> re.Pattern[str]:
    """Finds the names of provinces and cities that are not ours."""
    return re.compile(rf"(?:{_names()['places']})[省市]?")


@cache
def _questions() -> re.Pattern[str]:
    names = _names()
    city = rf"(?:{names['places']})[省市]?(?:那边|那里)?的?(?:{names['services']})"
    visa = rf"(?:{names['countries']})[^。？]{{0,8}}签证|签证[^。？]{{0,8}}(?:{names['countries']})"
    return re.compile(rf"{city}|{visa}")


def asked(normal: str) -> bool:
    """Whether a normalised message asks about another city's services or another country's visa, and nothing of ours."""
    return _questions().search(normal) is not None and _OURS.search(normal) is None
