"""Figures for reports: what came in, who answered it, how long people waited. Counts only, of any size: for those who
work with the people counted. What may leave the house is `records.open_figures`.

Days are China's. The figures are computed from the rows when they are asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, select

import clock
from records import room_reports
from records.cases import Case
from records.conversations import Message
from records.declarations import Declaration, Filing
from records.drafts import Draft
from records.handoffs import Alarm, Handoff
from records.people import Person
from records.places import Place
from records.ratings import Rating
from records.room_reports import Grid
from records.rooms import Room


@dataclass(frozen=True, slots=True)
class Day:
    """One day: messages of people, handoffs, chats closed, alarms."""

    day: date
    messages: int = 0
    handoffs: int = 0
    closed: int = 0
    alarms: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a stretch of days. Waits are (team, count, p50, p90) in seconds."""

    days: list[Day]
    intents: list[tuple[str, int]]
    bands: dict[str, int]
    owners: dict[str, int]
    """Messages by who owned the turn: `question` is the bot alone, `staff` a person."""
    first_wait: list[tuple[str, int, float | None, float | None]]
    handling: list[tuple[str, int, float | None, float | None]]
    ratings: dict[int, int] = field(default_factory=dict)
    asked: int = 0
    alarm_wait: tuple[int, float | None, float | None] = (0, None, None)
    cases: list[tuple[str, int, int]] = field(default_factory=list)
    """(team, open, overdue)."""
    grids: list[tuple[str, int, int]] = field(default_factory=list)
    """(grid, open, overdue), those with most overdue first."""
    declared: dict[str, int] = field(default_factory=dict)
    """Declarations of these days by source (`records.declarations.SOURCES`), and `moved_out`."""
    living: int = 0
    """Who counts as living somewhere now."""
    rooms: dict[str, int] = field(default_factory=dict)
    """Rooms by colour now."""
    housed: list[Grid] = field(default_factory=list)
    """Rooms and declarations, grid by grid."""
    drafts: dict[str, int] = field(default_factory=dict)
    """Answers that staff saw first, by what became of them."""


def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """The moments between which the days `first` to `last` lie."""
    return datetime.combine(first, time(), clock.CHINA), datetime.combine(last + timedelta(days=1), time(), clock.CHINA)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all don't exceed; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(share * 100) * len(ordered) // 100) - 1))]


def build(conn: Connection, first: date, last: date, *, region: str = "", team: str = "", homes: bool = True) -> Report:
    """The report of the days `first` to `last`. `region` narrows everything but what was drafted, `team` what has one:
    handoffs, waits, cases. `homes`: whether rooms and declarations are wanted.
    """
    since, until = bounds(first, last)
    chats = _handoffs(conn, since, until, region, team)
    housed = room_reports.by_grid(conn, since, until, region) if homes else []
    return Report(
        days=_days(conn, first, last, since, until, chats, region),
        intents=_by(conn, Message.intent, since, until, region)[:20],
        bands=dict(_by(conn, Message.band, since, until, region)),
        owners=dict(_by(conn, Message.owner, since, until, region)),
        first_wait=_waits(chats, "opened_at", "first_reply_at"),
        handling=_waits(chats, "claimed_at", "closed_at"),
        ratings=_ratings(conn, since, until, region, team),
        asked=_asked(conn, since, until, region, team),
        alarm_wait=_alarms(conn, since, until, region),
        cases=_cases(conn, Case.team, region, team),
        grids=sorted(_cases(conn, Case.grid, region, team), key=lambda row: (-row[2], -row[1], row[0]))[:20],
        declared=_declared(conn, since, until, region),
        living=sum(grid.counts["living"] for grid in housed),
        rooms=_colours(conn, region),
        housed=housed,
        drafts={row.state: int(row.n) for row in conn.execute(select(Draft.state, func.count().label("n")).where(_within(Draft.created_at, since, until)).group_by(Draft.state))},
    )  # fmt: skip


def _of_region(column: Any, region: str) -> list[Any]:
    """Narrows rows of people to those of a region."""
    return [exists().where(Person.id == column, Person.region == region)] if region else []


def _of_chat(region: str, team: str) -> list[Any]:
    """Narrows ratings to the chats of a region and a queue."""
    mine = [Handoff.id == Rating.handoff_id]
    mine += [Handoff.region == region] if region else []
    mine += [Handoff.team == team] if team else []
    return [exists().where(*mine)] if len(mine) > 1 else []


def _asked(conn: Connection, since: datetime, until: datetime, region: str, team: str) -> int:
    asked = select(func.count()).select_from(Rating)
    return int(conn.execute(asked.where(_within(Rating.asked_at, since, until), *_of_chat(region, team))).scalar_one())


def _declared(conn: Connection, since: datetime, until: datetime, region: str) -> dict[str, int]:
    there = _of_place(Declaration.room_id, region)
    by_source = (
        select(Filing.source, func.count().label("n"))
        .join(Declaration, Declaration.filing_id == Filing.id)
        .where(_within(Declaration.declared_at, since, until), *there)
        .group_by(Filing.source)
    )
    gone = select(func.count()).select_from(Declaration).where(
        Declaration.moved_out >= since.date(), Declaration.moved_out < until.date(), *there
    )  # fmt: skip
    found = {row.source: int(row.n) for row in conn.execute(by_source)}
    return found | {"moved_out": int(conn.execute(gone).scalar_one())}


def _of_place(room_id: Any, region: str) -> list[Any]:
    """Narrows declarations to the rooms of a region."""
    there = room_reports.inside(region)
    home = select(Room.id).join(Place, Place.id == Room.building_id)
    return [room_id.in_(home.where(*there))] if there else []


def _colours(conn: Connection, region: str) -> dict[str, int]:
    counted = select(Room.colour, func.count().label("n")).join(Place, Place.id == Room.building_id)
    counted = counted.where(Room.state == "open", *room_reports.inside(region)).group_by(Room.colour)
    return {str(row[0] or "none"): int(row.n) for row in conn.execute(counted)}


def _within(column: Any, since: datetime, until: datetime) -> Any:
    return (column >= since) & (column < until)


def _handoffs(conn: Connection, since: datetime, until: datetime, region: str, team: str) -> list[Any]:
    columns = (Handoff.team, Handoff.opened_at, Handoff.claimed_at, Handoff.first_reply_at, Handoff.closed_at)
    statement = select(*columns).where(_within(Handoff.opened_at, since, until))
    if region:
        statement = statement.where(Handoff.region == region)
    if team:
        statement = statement.where(Handoff.team == team)
    return list(conn.execute(statement))


def _days(
    conn: Connection, first: date, last: date, since: datetime, until: datetime, chats: Iterable[Any], region: str
) -> list[Day]:  # fmt: skip
    said = (Message.author == "person", *_of_region(Message.person_id, region))
    messages = _per_day(conn, Message.created_at, since, until, *said)
    alarms = _per_day(conn, Alarm.raised_at, since, until, *_of_region(Alarm.person_id, region))
    opened: Counter[date] = Counter()
    closed: Counter[date] = Counter()
    for chat in chats:
        opened[chat.opened_at.date()] += 1
        if chat.closed_at is not None:
            closed[chat.closed_at.date()] += 1
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Day(day, messages[day], opened[day], closed[day], alarms[day]) for day in days]


def _per_day(conn: Connection, column: Any, since: datetime, until: datetime, *where: Any) -> Counter[date]:
    # One count a day: the database's own day functions differ, and our days are China's.
    found: Counter[date] = Counter()
    day = since
    while day < until:
        after = day + timedelta(days=1)
        counted = select(func.count()).where(_within(column, day, after), *where)
        found[day.date()] = int(conn.execute(counted).scalar_one())
        day = after
    return found


def _by(conn: Connection, column: Any, since: datetime, until: datetime, region: str) -> list[tuple[str, int]]:
    statement = (
        select(column, func.count().label("n"))
        .where(
            _within(Message.created_at, since, until),
            Message.author == "person",
            column.is_not(None),
            *_of_region(Message.person_id, region),
        )
        .group_by(column)
        .order_by(func.count().desc())
    )
    return [(str(row[0]), int(row.n)) for row in conn.execute(statement)]


def _waits(chats: Iterable[Any], start: str, end: str) -> list[tuple[str, int, float | None, float | None]]:
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for chat in chats:
        began, ended = getattr(chat, start), getattr(chat, end)
        if began is not None and ended is not None:
            seconds[chat.team].append((ended - began).total_seconds())
    return [(team, len(all), percentile(all, 0.5), percentile(all, 0.9)) for team, all in sorted(seconds.items())]


def _ratings(conn: Connection, since: datetime, until: datetime, region: str, team: str) -> dict[int, int]:
    given = (_within(Rating.asked_at, since, until), Rating.score.is_not(None), *_of_chat(region, team))
    rows = conn.execute(select(Rating.score, func.count().label("n")).where(*given).group_by(Rating.score))
    return {int(row.score): int(row.n) for row in rows if row.score is not None}


def _alarms(
    conn: Connection, since: datetime, until: datetime, region: str
) -> tuple[int, float | None, float | None]:  # fmt: skip
    raised = (_within(Alarm.raised_at, since, until), *_of_region(Alarm.person_id, region))
    rows = conn.execute(select(Alarm.raised_at, Alarm.taken_at).where(*raised)).all()
    waits = [(row.taken_at - row.raised_at).total_seconds() for row in rows if row.taken_at is not None]
    return len(rows), percentile(waits, 0.5), percentile(waits, 0.9)


def _cases(conn: Connection, by: Any, region: str, team: str) -> list[tuple[str, int, int]]:
    still = Case.state.in_(("filed", "accepted", "working", "returned"))
    late = func.count().filter(Case.due_at < clock.now())
    statement = select(by, func.count().label("n"), late.label("late")).where(still, by.is_not(None)).group_by(by)
    if region:
        statement = statement.where(Case.region == region)
    if team:
        statement = statement.where(Case.team == team)
    return [(str(row[0]), int(row.n), int(row.late)) for row in conn.execute(statement.order_by(by))]
