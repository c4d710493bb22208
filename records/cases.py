"""Cases: what people filed, from the first number to the last word, and the levels they climb.

    filed ──► accepted ──► working ──► resolved
      │          │            │           │
      └──────────┴──► returned ◄──┘       └──► (reopened) working
      └──► withdrawn (by the person)

A case belongs to a level (`grid`, `area`, `street`), each with its clock; what is overdue climbs (北仑大碶's three
levels). Every move is a row of its history.
"""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Date, ForeignKey, Index, LargeBinary, Row, String, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant, SealedJson
from records.crypto import cipher
from records.keyed import adopt, among

MOVES = {
    "filed": {"accepted", "returned", "withdrawn"},
    "accepted": {"working", "resolved", "returned", "withdrawn"},
    "working": {"resolved", "returned", "withdrawn"},
    "returned": {"accepted", "withdrawn"},
    "resolved": {"working"},
    "withdrawn": set(),
}
"""Allowed moves of a case."""
STATES = {
    "filed": "已收到，等待受理",
    "accepted": "已受理",
    "working": "正在办理",
    "returned": "退回，需要补充",
    "resolved": "已办结",
    "withdrawn": "已撤回",
}
LEVELS = ("grid", "area", "street")
LEVEL_NAMES = {"grid": "网格", "area": "片区", "street": "街道指挥室"}
CLOCKS = {"grid": timedelta(hours=24), "area": timedelta(hours=48), "street": timedelta(hours=72)}
"""How long each level has before a case climbs from it; a kind may set a shorter first one."""
REGIONS = frozenset(
    ("ningbo", "haishu", "jiangbei", "zhenhai", "beilun", "yinzhou", "fenghua", "yuyao", "cixi", "ninghai", "xiangshan",
     "zhongshan")
)  # fmt: skip
"""Where something can be filed."""
PREFIX = "FH"
"""One for all: a number is read out over the phone and copied by hand, and its day and count alone must tell which."""


class Case(Base):
    """One thing filed by one person."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_state_due_at", "state", "due_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    """The form it came from."""
    title: Mapped[str] = mapped_column(String(60))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    anonymous: Mapped[bool] = mapped_column(default=False)
    region: Mapped[str] = mapped_column(String(24))
    team: Mapped[str] = mapped_column(String(24))
    level: Mapped[str] = mapped_column(String(8), default="grid")
    grid: Mapped[str | None] = mapped_column(String(60))
    data: Mapped[Any] = mapped_column(SealedJson)
    """The form's answers, `[[label, value], …]` in the order they were asked."""
    state: Mapped[str] = mapped_column(String(12), default="filed")
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    filed_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When its level's clock runs out; None while it is closed, or waits for the person."""
    paused_s: Mapped[int | None]
    """Seconds that were left on the clock when it was returned to the person; below zero when it was overdue."""
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class CaseEvent(Base):
    """One step of a case's history; rows are only added."""

    __tablename__ = "case_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(60))
    action: Mapped[str] = mapped_column(String(24))
    """A state moved to, or `comment`, `climbed`, `assigned`, `attached`."""
    text: Mapped[Any] = mapped_column(SealedJson, nullable=True)
    shown: Mapped[bool] = mapped_column(default=False)
    """Whether the person sees it."""


class CaseNumber(Base):
    """The last number given out for a prefix on a day."""

    __tablename__ = "case_numbers"

    prefix: Mapped[str] = mapped_column(String(4), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    last: Mapped[int]


class IllegalMove(ValueError):
    """A case can't go from its state to that one."""


def phone_hash(phone: str) -> bytes:
    """The keyed hash under which cases filed with a phone number are found."""
    return cipher().lookup("phone", phone)


def next_number(conn: Connection, at: datetime) -> str:
    """A number such as FH-20261122-0042, never given out twice."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(CaseNumber)
        .values(prefix=PREFIX, day=at.date(), last=1)
        .on_conflict_do_update(index_elements=["prefix", "day"], set_={"last": CaseNumber.last + 1})
        .returning(CaseNumber.last)
    )
    return f"{PREFIX}-{at:%Y%m%d}-{conn.execute(statement).scalar_one():04d}"


def open_case(
    conn: Connection, *, kind: str, title: str, region: str, team: str, data: list[list[str]], at: datetime,
    person_id: int | None = None, phone: str = "", anonymous: bool = False, grid: str | None = None,
    first_clock: timedelta | None = None,
) -> str:  # fmt: skip
    """File a case at its first level. Returns its number."""
    if phone:
        adopt(conn, "phone", phone)
    number = next_number(conn, at)
    row = {
        "number": number, "kind": kind, "title": title, "person_id": None if anonymous else person_id,
        "phone_hash": phone_hash(phone) if phone else None, "anonymous": anonymous, "region": region, "team": team,
        "level": "grid", "grid": grid, "data": data, "state": "filed", "filed_at": at,
        "due_at": at + (first_clock or CLOCKS["grid"]),
    }  # fmt: skip
    case_id = int(conn.execute(insert(Case).returning(Case.id), row).scalar_one())
    note(conn, case_id, f"person:{person_id}" if person_id and not anonymous else "person", "filed", at, shown=True)
    return number


def note(
    conn: Connection, case_id: int, actor: str, action: str, at: datetime, *, text: str | None = None,
    shown: bool = False,
) -> None:  # fmt: skip
    """Add a line to a case's history."""
    row = {"case_id": case_id, "at": at, "actor": actor, "action": action, "text": text, "shown": shown}
    conn.execute(insert(CaseEvent), row)


def by_number(conn: Connection, number: str) -> Row[Any] | None:
    """A case by its number, or None."""
    return conn.execute(select(Case.__table__).where(Case.number == number.upper())).first()


def of_person(conn: Connection, person_id: int, limit: int = 20) -> list[Row[Any]]:
    """A person's cases, the newest first."""
    table = Case.__table__
    return list(conn.execute(select(table).where(Case.person_id == person_id).order_by(Case.id.desc()).limit(limit)))


def of_phone(conn: Connection, phone: str, limit: int = 20) -> list[Row[Any]]:
    """Cases filed with a phone number, the newest first."""
    table = Case.__table__
    found = select(table).where(among(Case.phone_hash, "phone", phone)).order_by(Case.id.desc()).limit(limit)
    return list(conn.execute(found))


def history(conn: Connection, case_id: int) -> list[Row[Any]]:
    """A case's steps, the oldest first."""
    table = CaseEvent.__table__
    return list(conn.execute(select(table).where(CaseEvent.case_id == case_id).order_by(CaseEvent.id)))


def move(
    conn: Connection, case_id: int, state: str, actor: str, at: datetime, *, text: str | None = None
) -> Row[Any]:  # fmt: skip
    """Move a case to `state` and note it where the person sees it. Returns the row before.

    While it waits for what the person is to add (`returned`) its clock stands; what was left comes back with it. Raises `IllegalMove`; two members of staff can't make the same move twice, the second gets `IllegalMove`.
    """
    row = conn.execute(select(Case.__table__).where(Case.id == case_id)).first()
    if row is None or state not in MOVES[row.state]:
        raise IllegalMove(f"case {case_id} can't move from {row.state if row else 'nothing'} to {state}")
    done = state in ("resolved", "withdrawn")
    statement = (
        update(Case)
        .where(Case.id == case_id, Case.state == row.state)
        .values(state=state, closed_at=at if done else None, **_clock(row, state, at, done=done))
    )
    if not conn.execute(statement).rowcount:
        raise IllegalMove(f"case {case_id} was moved by somebody else meanwhile")
    note(conn, case_id, actor, state, at, text=text, shown=True)
    return row


def _clock(row: Row[Any], state: str, at: datetime, *, done: bool) -> dict[str, Any]:
    """A case's clock once it is in `state`."""
    if done:
        return {"due_at": None, "paused_s": None}
    if state == "returned":
        left = int((row.due_at - at).total_seconds()) if row.due_at else None
        return {"due_at": None, "paused_s": left}
    if row.paused_s is not None:
        return {"due_at": at + timedelta(seconds=row.paused_s), "paused_s": None}
    return {"due_at": row.due_at, "paused_s": None}


def climb_overdue(conn: Connection, at: datetime) -> int:
    """Move every overdue case one level up, with that level's clock. Returns how many climbed.

    A case that is overdue at the street stays there; its missing deadline shows in every list.
    """
    late = conn.execute(
        select(Case.id, Case.level).where(
            Case.state.in_(("filed", "accepted", "working")), Case.due_at < at, Case.level != LEVELS[-1]
        )
    ).all()
    for row in late:
        level = LEVELS[LEVELS.index(row.level) + 1]
        changed = conn.execute(
            update(Case)
            .where(Case.id == row.id, Case.level == row.level)
            .values(level=level, due_at=at + CLOCKS[level])
        )
        if changed.rowcount:
            note(conn, row.id, "job:clocks", "climbed", at, text=f"超过时限，上报到{LEVEL_NAMES[level]}", shown=False)
    return len(late)
