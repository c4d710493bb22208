"""Who is at their desk. `state` is what somebody said; being online also needs an open console seen just now."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, and_, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant
from records.handoffs import Handoff
from records.staff import Staff

STATES = {"on": "在岗", "busy": "忙碌", "off": "下班"}
"""`on` gets new chats; `busy` keeps the ones there are; `off` has gone, and the chats go back to their queue."""
ALIVE = timedelta(seconds=90)
"""A console that has not been heard of for this long is closed."""


class Presence(Base):
    """One member of staff at (or away from) the desk."""

    __tablename__ = "staff_presence"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(String(8), default="on")
    since: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)


def declare(conn: Connection, staff_id: int, state: str, at: datetime) -> None:
    """Say that somebody is on, busy or off. Raises `ValueError` for another word."""
    if state not in STATES:
        raise ValueError(f"there is no presence {state!r}; there are: {', '.join(STATES)}")
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Presence).values(staff_id=staff_id, state=state, since=at, seen_at=at)
    values = {"state": state, "since": at, "seen_at": at}
    conn.execute(statement.on_conflict_do_update(index_elements=["staff_id"], set_=values))


_BEAT = timedelta(seconds=20)  # how stale `seen_at` may grow: not every sign of life is worth a write


def quiet(conn: Connection, staff_id: int, at: datetime) -> bool:
    """Whether somebody's console was last heard of so long ago that `beat` should note it."""
    row = conn.execute(select(Presence.seen_at).where(Presence.staff_id == staff_id)).first()
    return row is not None and row.seen_at < at - _BEAT


def beat(conn: Connection, staff_id: int, at: datetime) -> None:
    """An open console was heard of."""
    conn.execute(update(Presence).where(Presence.staff_id == staff_id).values(seen_at=at))


def state_of(conn: Connection, staff_id: int, at: datetime) -> str:
    """`on`, `busy` or `off` as it counts now: a closed console is off."""
    row = conn.execute(select(Presence.state, Presence.seen_at).where(Presence.staff_id == staff_id)).first()
    return row.state if row is not None and row.seen_at > at - ALIVE else "off"


def roster(conn: Connection, at: datetime) -> list[Row[Any]]:
    """Every open account with `state` (as it counts now), `load` (chats owned) and `capacity`, by name."""
    load = select(func.count()).where(Handoff.claimed_by == Staff.id, Handoff.state == "claimed").scalar_subquery()
    online = and_(Presence.staff_id == Staff.id, Presence.seen_at > at - ALIVE)
    statement = (
        select(
            Staff.id, Staff.login, Staff.name, Staff.role, Staff.teams, Staff.region, Staff.capacity, load.label("load"),
            func.coalesce(Presence.state, "off").label("state"), Presence.since,
        )
        .outerjoin(Presence, online)
        .where(Staff.disabled_at.is_(None))
        .order_by(Staff.name)
    )  # fmt: skip
    return list(conn.execute(statement))


def free_for(rows: Iterable[Row[Any]], team: str) -> list[Row[Any]]:
    """Those of a roster who may be given a chat of `team` now, the least busy first."""
    fit = [row for row in rows if row.state == "on" and row.load < row.capacity and team in row.teams.split()]
    return sorted(fit, key=lambda row: (row.load / max(row.capacity, 1), row.load, row.id))
