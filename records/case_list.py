"""Cases as staff work through them: lists by state, level, team and deadline; whom they are given to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, or_, select, true, update

from records import cases
from records.cases import Case
from records.people import Person
from records.staff import Staff

OPEN = ("filed", "accepted", "working", "returned")
COLUMNS = ("filed", "accepted", "working", "returned", "resolved")
"""The columns of the board."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which cases one member of staff may see. None means all."""

    teams: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    psychology: bool = False
    """Whether cases of the psychology team may be seen (promise 12)."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty fields narrow nothing."""

    state: str = ""
    team: str = ""
    region: str = ""
    level: str = ""
    overdue: bool = False
    mine: int = 0
    grid: str = ""


def _seen(reach: Reach) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    if reach.teams is not None:
        parts.append(Case.team.in_(reach.teams) if reach.teams else false())
    if reach.regions is not None:
        parts.append(Case.region.in_(reach.regions))
    if not reach.psychology:
        parts.append(Case.team != "psychology")
    return and_(true(), *parts)


def listed(conn: Connection, reach: Reach, wanted: Filter, at: datetime, limit: int = 200) -> list[Row[Any]]:
    """Cases with whom they are given to: the open ones by deadline, closed ones the newest first."""
    table = Case.__table__
    statement = (
        select(table, Staff.name.label("owner")).outerjoin(Staff, Staff.id == Case.assigned_to).where(_seen(reach))
    )
    if wanted.state:
        statement = statement.where(Case.state == wanted.state)
    else:
        statement = statement.where(or_(Case.state.in_(OPEN), Case.closed_at.is_not(None)))
    for column, value in (
        (Case.team, wanted.team),
        (Case.region, wanted.region),
        (Case.level, wanted.level),
        (Case.grid, wanted.grid),
    ):
        if value:
            statement = statement.where(column == value)
    if wanted.overdue:
        statement = statement.where(Case.state.in_(OPEN), Case.due_at < at)
    if wanted.mine:
        statement = statement.where(Case.assigned_to == wanted.mine)
    closed = Case.state.not_in(OPEN)
    no_clock = Case.due_at.is_(None)  # waits for the person: after what runs out
    return list(conn.execute(statement.order_by(closed, no_clock, Case.due_at, Case.id.desc()).limit(limit)))


def one(conn: Connection, reach: Reach, case_id: int) -> Row[Any] | None:
    """A case with its owner and the channel of its person; None when there is none that one may see."""
    statement = (
        select(Case.__table__, Staff.name.label("owner"), Person.channel)
        .outerjoin(Staff, Staff.id == Case.assigned_to)
        .outerjoin(Person, Person.id == Case.person_id)
        .where(Case.id == case_id, _seen(reach))
    )
    return conn.execute(statement).first()


def assign(conn: Connection, case_id: int, staff_id: int | None, actor: str, name: str, at: datetime) -> None:
    """Give a case to somebody (None: to nobody), and note it in its history."""
    conn.execute(update(Case).where(Case.id == case_id).values(assigned_to=staff_id))
    cases.note(conn, case_id, actor, "assigned", at, text=f"给{name}" if staff_id else "收回")


def counts(conn: Connection, reach: Reach, at: datetime) -> dict[str, int]:
    """How many cases are in each state, and `overdue`."""
    rows = conn.execute(select(Case.state, func.count().label("n")).where(_seen(reach)).group_by(Case.state))
    found = {row.state: int(row.n) for row in rows}
    late = select(func.count()).select_from(Case).where(_seen(reach), Case.state.in_(OPEN), Case.due_at < at)
    return found | {"overdue": int(conn.execute(late).scalar_one())}


def grids(conn: Connection, reach: Reach) -> list[str]:
    """The grids that have open cases, in order."""
    found = select(Case.grid).where(_seen(reach), Case.grid.is_not(None), Case.state.in_(OPEN)).distinct()
    return sorted(grid for grid in conn.execute(found).scalars() if grid)
