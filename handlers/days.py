"""Days that people name without their year or month, as a form's question means them."""

import re
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from intents import Entity
from intents.numerals import parse
from knowledge_base.expressions import add_months

_N = "一二三四五六七八九十廿卅"
_YEARLESS = re.compile(rf"(?:\d{{1,2}}|[{_N}]{{1,3}})(?:月|[./]\d)|国庆|五一|六一|元旦|劳动节|三八|双十一|十一")
_MONTHLESS = re.compile(rf"(?:\d{{1,2}}|[{_N}]{{1,3}})[号日]")
_MONTH_ONLY = re.compile(r"\d{4}-\d{2}")
_BARE_MONTH = re.compile(
    r"(?<![\d一二三四五六七八九十个年半底.])(?P<month>1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月(?:份|初|底|中旬|里|头)?(?![\d一二三四五六七八九十、至到])"
)


def month_said(text: str, now: datetime) -> Entity | None:
    """The last month named without its year (是七月份才登记的): the last one of that name."""
    found = next(reversed([*_BARE_MONTH.finditer(text)]), None)
    if found is None:
        return None
    month = int(parse(found["month"]) or 0)
    year = now.year - (month > now.month)
    return Entity("date", f"{year}-{month:02}", found[0], found.start(), found.end())


def dated(entity: Entity) -> Entity:
    """A month without a day (2025年8月) as its first day, from which time limits run out the earliest; else as it is."""
    only = entity.type == "date" and _MONTH_ONLY.fullmatch(entity.value)
    return replace(entity, value=f"{entity.value}-01") if only else entity


def in_time(entity: Entity, limit: str, today: date) -> Entity:
    """A day named without its year (12月5号) or its month (28号) as it is meant; else as it is. `limit` as a slot has it: the
    last of that name where only a day that was can be meant (past), the next one where only one to come can (future), the
    nearest one where both can (near)."""
    if entity.type != "date" or not limit or len(entity.value) != 10:
        return entity
    day = date.fromisoformat(entity.value)
    months = 12 if _YEARLESS.match(entity.text) else 1 if _MONTHLESS.fullmatch(entity.text) else 0
    if not months or (day <= today if limit == "past" else day >= today if limit == "future" else False):
        return entity
    shifts = {"past": (-months,), "future": (months,), "near": (-months, 0, months)}[limit]
    meant = min((add_months(day, Decimal(shift)) for shift in shifts), key=lambda one: abs(one - today))
    return replace(entity, value=meant.isoformat())
