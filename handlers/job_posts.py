"""Work: what the rules say, and the posts that the employment service has on file for somebody's place."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from handlers import policy
from handlers.declared import forms
from handlers.registry import handles
from handlers.turn import Choice, Reply, Turn

FORM = "job_wish"
SHOWN = 3
NEAR = 3
"""Posts of districts next door that are shown."""
TELL_ME = Choice("有岗位就告诉我", "tell:job_seeking")


@handles("job_seeking")
def job_seeking(turn: Turn) -> Reply:
    """The answer about finding work, and below it the posts that fit what was said."""
    reply = policy.answer(turn)
    if turn.desk is None or turn.aspect != "main":
        return reply
    pay = next((entity.value for entity in turn.understanding.entities if entity.type == "amount"), "")
    text, found = on_file(turn, trade(turn.text), pay)
    choices = reply.choices if found else (*reply.choices[:-1], TELL_ME, *reply.choices[-1:])
    return Reply(text=f"{reply.text}\n\n{text}", choices=choices, articles=reply.articles)


def fitting(turn: Turn, work: str, pay: str) -> str:
    """What is told of the posts that fit a filed wish for work; empty where there is no database."""
    return on_file(turn, trade(work) or work.strip()[:10], pay)[0]


def on_file(turn: Turn, wanted: str, pay: str) -> tuple[str, bool]:
    """What is told of the posts in the turn's region, and whether there are any. `wanted`: the work, in few words;
    `pay`: yuan a month at least, as digits. Where nothing fits both, the region's other posts are told as such, and
    what the districts next to it have."""
    if turn.desk is None:
        return "", False
    regions, on = turn.knowledge.regions.inside(turn.region), turn.now.date()
    where = turn.knowledge.regions.name(turn.region)
    least = int(pay) if pay.isascii() and pay.isdecimal() and len(pay) < 7 else 0
    rows = turn.desk.vacancies(wanted, regions, on, least, SHOWN)
    if rows:
        return _list(f"{where}现在登记在册的招工（到窗口或打电话再核实一下）：", rows), True
    next_door = _next_door(turn, wanted, least)
    rows = turn.desk.vacancies("", regions, on, 0, SHOWN) if wanted or least else []
    if rows:
        told = _list(f"合您要求的，{where}现在没有登记在册的。别的岗位有这些：", rows)
        return f"{told}\n\n{next_door}" if next_door else told, True
    next_door = next_door or _next_door(turn, "", 0)
    later = "想等有了再知道，回一句“有岗位就告诉我”，我会在这里通知您。"
    return "\n".join(part for part in (f"{where}现在没有登记在册的招工。", next_door, later) if part), False


def _next_door(turn: Turn, wanted: str, least: int) -> str:
    """What is told of posts in the districts next to the turn's, the nearest district first; empty for none."""
    near = [region for region in neighbours().get(turn.region, ()) if region in turn.knowledge.regions]
    if turn.desk is None or not near:
        return ""
    rows = turn.desk.vacancies(wanted, near, turn.now.date(), least, 20)
    rows = sorted(rows, key=lambda row: near.index(row.region))[:NEAR]
    names = "、".join(dict.fromkeys(turn.knowledge.regions.name(row.region) for row in rows))
    fit = "合您要求的有" if wanted or least else "有"
    return _list(f"邻近的{names}{fit}：", rows, turn.knowledge.regions.name) if rows else ""


@cache
def neighbours() -> Mapping[str, Sequence[str]]:
    """The districts next to a district, the nearest first (`neighbours.yml`)."""
    found: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("neighbours.yml").read_text(encoding="utf-8"))
    return MappingProxyType({region: tuple(near) for region, near in found.items()})


def trade(text: str) -> str:
    """The work that a message names (叉车, 保洁); empty for none."""
    found = _trades().search(text)
    return found[0] if found else ""


@cache
def _trades() -> re.Pattern[str]:
    return re.compile(forms()[FORM].slot("work").signs.removeprefix("="))


def _list(head: str, rows: Sequence[Any], name: Callable[[str], str] | None = None) -> str:
    """The posts below `head`; with `name`, each says its district too."""
    return "\n".join(
        (head, *(_told(number, row, name(row.region) if name else "") for number, row in enumerate(rows, 1)))
    )


def _told(number: int, row: Any, district: str = "") -> str:
    how = f"报名：{row.contact}" if row.contact else "报名：打12345问，或到当地就业服务窗口"
    until = f"{row.until.year}年{row.until.month}月{row.until.day}日前有效"
    where = f"在{row.place}" if row.place else ""
    firm = f"{row.firm}（{district}）" if district else row.firm
    parts = (f"{number}. {row.title}，{firm}", _pay(row.pay_from, row.pay_to), where, how, until)
    return "；".join(part for part in parts if part) + "。"


def _pay(least: int | None, most: int | None) -> str:
    if least and most and least != most:
        return f"每月{least}到{most}元"
    if least or most:
        return f"每月{least}元起" if least and not most else f"每月{least or most}元" if least else f"每月最多{most}元"
    return "工资面议"
