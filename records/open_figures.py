"""Figures that may leave the house: how many people of a region asked about what in a month. Nobody is told by them.

What the console's reports show is for those who work with the people counted; this is for everybody else. A cell is
left out where it holds fewer than `FEWEST` people, every other number is rounded to `STEP`, and:
- people are counted, not messages: somebody who wrote a hundred times weighs as much as anybody;
- months are whole and over, regions don't overlap, and there are no sums: no two figures differ by one person, so
  nothing is learnt by taking one from another;
- names, numbers, words, staff and single days don't come in at all, nor does what was said about one's mind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, func, select

import clock
from records.cases import Case
from records.conversations import Message
from records.desk_queries import MIND
from records.handoffs import Handoff
from records.people import Person

FEWEST = 10
"""People in a cell, at least."""
STEP = 5
"""What numbers are rounded to."""
_PRIVATE_TEAMS = ("psychology", "emergency")


class NotOver(ValueError):
    """The month is still running, or none. The message is for whoever asked."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`people` of `region` in `what`: `asked` (an intent), `filed` (a kind of form), `handed` (a queue)."""

    month: str
    region: str
    what: str
    kind: str
    people: int


def of_month(conn: Connection, year: int, month: int) -> list[Figure]:
    """The figures of a whole month that is over. Raises `NotOver`."""
    first, after = _span(year, month)
    found = [
        Figure(f"{year}-{month:02d}", str(region), what, str(kind), rounded(int(people)))
        for what, rows in _counts(conn, first, after)
        for region, kind, people in rows
        if region and kind and people >= FEWEST
    ]
    return sorted(found, key=lambda one: (one.region, one.what, one.kind))


def rounded(people: int) -> int:
    """A number as it is told: the nearest multiple of `STEP`, never below `FEWEST`."""
    return max(FEWEST, STEP * ((people + STEP // 2) // STEP))


def _span(year: int, month: int) -> tuple[datetime, datetime]:
    try:
        first, after = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    except ValueError:
        raise NotOver("月份要写成 2026-10 这样") from None
    if after > clock.today():
        raise NotOver("这个月还没有过完；没过完的月份隔几天再看，能算出是谁，所以不给")
    return datetime.combine(first, time(), clock.CHINA), datetime.combine(after, time(), clock.CHINA)


def _counts(conn: Connection, first: datetime, after: datetime) -> Iterator[tuple[str, list[Any]]]:
    people = func.count(Person.id.distinct())
    asked = (
        select(Person.region, Message.intent, people)
        .join(Person, Person.id == Message.person_id)
        .where(
            Message.created_at >= first, Message.created_at < after, Message.author == "person",
            Message.intent.not_in(MIND), Person.external.is_not(None),
        )
        .group_by(Person.region, Message.intent)
    )  # fmt: skip
    yield "asked", list(conn.execute(asked))
    # Cases without a person are counted nowhere: ten of them may be one man's.
    filed = (
        select(Case.region, Case.kind, func.count(Case.person_id.distinct()))
        .where(Case.filed_at >= first, Case.filed_at < after, Case.team.not_in(_PRIVATE_TEAMS))
        .group_by(Case.region, Case.kind)
    )
    yield "filed", list(conn.execute(filed))
    handed = (
        select(Handoff.region, Handoff.team, func.count(Handoff.person_id.distinct()))
        .where(Handoff.opened_at >= first, Handoff.opened_at < after, Handoff.team.not_in(_PRIVATE_TEAMS))
        .group_by(Handoff.region, Handoff.team)
    )
    yield "handed", list(conn.execute(handed))
