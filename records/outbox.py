"""The outbox: everything that still has to reach somebody. A row is the truth; a task that sends it is only a nudge.

States: `pending` → `sending` → `delivered` | `pending` (again, later) | `waiting` (for the person's next contact, the
quota is used up) | `accepted` (a push by template; the platform says later what became of it) | `refused` (this person
can't get it) | `failed` (tried often enough; staff see it).

What one person gets comes in the order it was written: by the row's id, one row at a time (`claim`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Row, Select, String, and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigId, Instant, SealedJson
from records.people import Person

BACKOFF = (5, 30, 120, 600, 1800, 7200)
"""Seconds before each further try; after the last one a row has failed."""
LEASE = timedelta(seconds=60)
"""How long a sender may hold a row; a row held longer belongs to a sender that died."""
PATIENCE = timedelta(days=7)
"""How long a message waits for a person's next contact before it counts as failed."""
BEHIND = timedelta(seconds=3)
"""How long the rest of an answer waits for its beginning, which goes out by another way, or is put in front of it."""
WORDLESS = timedelta(days=1)
"""How long a word of the platform about a push that we don't know (yet) is kept."""
MOVES = {
    "pending": {"sending"},
    "sending": {"delivered", "accepted", "pending", "waiting", "refused", "failed", "sending"},
    "waiting": {"pending", "failed"},
    "accepted": {"delivered", "refused", "failed"},
    "delivered": set(),
    "refused": set(),
    "failed": {"pending"},
}
"""Allowed moves; `failed → pending` is a member of staff pressing 重发."""


class Outgoing(Base):
    """One thing to be sent to one person."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_state_next_at", "state", "next_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    """Names the thing, so that asking for it twice sends it once."""
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    message_id: Mapped[int | None] = mapped_column(BigId)
    """The message of the transcript that it carries, if it does."""
    payload: Mapped[Any] = mapped_column(SealedJson)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(Instant)
    platform_id: Mapped[str | None] = mapped_column(String(64), index=True)
    """The platform's own id of a push, by which its later word (`hear`) finds the row."""
    errcode: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)


class PushReport(Base):
    """What the platform said of a push before its row knew the push's id: its word may come within milliseconds."""

    __tablename__ = "push_reports"

    platform_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    error: Mapped[str | None] = mapped_column(String(200))
    heard_at: Mapped[datetime] = mapped_column(Instant, index=True)


def put(
    conn: Connection, person_id: int, channel: str, payloads: Sequence[Any], *, key: str, at: datetime,
    message_id: int | None = None, due: datetime | None = None,
) -> None:  # fmt: skip
    """Ask for `payloads` to be sent in this order. A `key` that was used before changes nothing.

    `due`: not before this moment (at once when not given).
    """
    if not payloads:
        return
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    conn.execute(
        dialect.insert(Outgoing).on_conflict_do_nothing(index_elements=["key"]),
        [
            {
                "key": f"{key}:{number}",
                "person_id": person_id,
                "channel": channel,
                "message_id": message_id,
                "payload": payload,
                "state": "pending",
                "attempts": 0,
                "next_at": due or at,
                "created_at": at,
            }
            for number, payload in enumerate(payloads)
        ],
    )


def put_before(
    conn: Connection, person_id: int, channel: str, payloads: Sequence[Any], *, key: str, at: datetime,
    written: datetime,
) -> None:  # fmt: skip
    """As `put`, for what was written at `written` and is asked for only now: an answer whose callback came too late.

    It goes before whatever has been written to that person since and nobody has tried to send yet.
    """
    table = Outgoing.__table__
    since = (
        delete(Outgoing)
        .where(
            Outgoing.person_id == person_id,
            Outgoing.state == "pending",
            Outgoing.attempts == 0,
            Outgoing.created_at >= written,
            ~Outgoing.key.startswith(f"{key}:", autoescape=True),
        )
        .returning(*table.c)
    )
    moved = sorted(conn.execute(since).mappings().all(), key=lambda row: row["id"])
    put(conn, person_id, channel, payloads, key=key, at=at)
    if moved:
        conn.execute(insert(Outgoing), [{name: row[name] for name in row if name != "id"} for row in moved])


def claim(conn: Connection, at: datetime, limit: int = 20) -> list[Row[Any]]:
    """Take up to `limit` rows that are due and hold them for `LEASE`; nobody else gets them meanwhile.

    One row a person at a time, the oldest first, so that messages arrive in the order they were written; what waited
    for that person's next contact goes before what is due, if the contact has come.
    """
    due = _due(at, limit)
    _release(conn, at, due.with_only_columns(Outgoing.person_id))
    if conn.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    rows = list(conn.execute(due))
    if rows:
        conn.execute(
            update(Outgoing)
            .where(Outgoing.id.in_([row.id for row in rows]))
            .values(state="sending", next_at=at + LEASE, attempts=Outgoing.attempts + 1)
        )
    return rows


def _due(at: datetime, limit: int) -> Select[Any]:
    """What may be tried now: of each person only the oldest row that is on its way."""
    table = Outgoing.__table__
    earlier = table.alias("earlier")
    blocked = (
        select(earlier.c.id)
        .where(
            earlier.c.person_id == Outgoing.person_id,
            earlier.c.id < Outgoing.id,
            earlier.c.state.in_(("pending", "sending")),
        )
        .exists()
    )
    open_ones = or_(Outgoing.state == "pending", Outgoing.state == "sending")
    return select(table).where(open_ones, Outgoing.next_at <= at, ~blocked).order_by(Outgoing.id).limit(limit)


def settle(
    conn: Connection, row_id: int, state: str, at: datetime, *, errcode: int | None = None, error: str | None = None,
    next_at: datetime | None = None, platform_id: str = "",
) -> None:  # fmt: skip
    """Move a held row to its next state. Raises `ValueError` for a move that `MOVES` doesn't allow."""
    if state not in MOVES["sending"]:
        raise ValueError(f"outbox row {row_id} can't move from sending to {state}")
    done = state in ("delivered", "accepted", "refused", "failed")
    conn.execute(
        update(Outgoing)
        .where(Outgoing.id == row_id, Outgoing.state == "sending")
        .values(
            state=state,
            errcode=errcode,
            error=error[:200] if error else None,
            settled_at=at if done else None,
            next_at=next_at or at,
            platform_id=platform_id[:64] or None,
        )
    )


def hear(conn: Connection, platform_id: str, state: str, error: str | None, at: datetime) -> bool:
    """The platform's later word about a push: its row becomes `delivered`, `refused` or `failed`.

    False when no row is known by this id; then the word is kept, for the row may be settled a moment later
    (`match_reports`). Said twice, the word changes nothing.
    """
    if _heard(conn, platform_id, state, error, at):
        return True
    known = conn.execute(select(Outgoing.id).where(Outgoing.platform_id == platform_id).limit(1)).first()
    if known is None:
        dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
        row = {"platform_id": platform_id[:64], "state": state, "error": error and error[:200], "heard_at": at}
        conn.execute(dialect.insert(PushReport).on_conflict_do_nothing(index_elements=["platform_id"]), row)
    return known is not None


def _heard(conn: Connection, platform_id: str, state: str, error: str | None, at: datetime) -> bool:
    if state not in MOVES["accepted"]:
        raise ValueError(f"an accepted push can't become {state}")
    statement = (
        update(Outgoing)
        .where(Outgoing.platform_id == platform_id, Outgoing.state == "accepted")
        .values(state=state, error=error and error[:200], settled_at=at)
    )
    return bool(conn.execute(statement).rowcount)


def match_reports(conn: Connection, at: datetime) -> int:
    """Give kept words of the platform to their rows, and forget those that are about nothing of ours. Returns how many."""
    told = (
        select(PushReport.__table__)
        .join(Outgoing, Outgoing.platform_id == PushReport.platform_id)
        .where(Outgoing.state == "accepted")
        .limit(500)
    )
    rows = conn.execute(told).all()
    for row in rows:
        _heard(conn, row.platform_id, row.state, row.error, at)
    done = [row.platform_id for row in rows]
    conn.execute(delete(PushReport).where(or_(PushReport.platform_id.in_(done), PushReport.heard_at < at - WORDLESS)))
    return len(rows)


def retry_at(attempts: int, at: datetime) -> datetime | None:
    """When the next try after `attempts` tries is due; None when it was tried often enough."""
    return at + timedelta(seconds=BACKOFF[attempts - 1]) if attempts <= len(BACKOFF) else None


def release(conn: Connection, at: datetime) -> int:
    """What waited for a contact may go once its person has made one. Returns how many rows were released."""
    return _release(conn, at, None)


def _release(conn: Connection, at: datetime, persons: Select[Any] | None) -> int:
    reachable = select(Person.id).where(
        or_(
            and_(Person.message_until > at, Person.message_left > 0),
            and_(Person.click_until > at, Person.click_left > 0),
        )
    )
    statement = update(Outgoing).where(Outgoing.state == "waiting", Outgoing.person_id.in_(reachable))
    if persons is not None:
        statement = statement.where(Outgoing.person_id.in_(persons))
    return conn.execute(statement.values(state="pending", next_at=at, attempts=0)).rowcount


def wake(conn: Connection, person_id: int, at: datetime) -> int:
    """What waits for one person is tried again: there is another way now. Returns how many rows."""
    statement = update(Outgoing).where(Outgoing.state == "waiting", Outgoing.person_id == person_id)
    return conn.execute(statement.values(state="pending", next_at=at, attempts=0)).rowcount


def unstick(conn: Connection, at: datetime) -> int:
    """Rows that are due later than any backoff or hold could say: a clock was ahead. They are due now."""
    longest = timedelta(seconds=max(BACKOFF))
    slack = timedelta(minutes=1)
    statement = (
        update(Outgoing)
        .where(
            or_(
                and_(Outgoing.state == "pending", Outgoing.next_at > at + longest + slack),
                and_(Outgoing.state == "sending", Outgoing.next_at > at + LEASE + slack),
            )
        )
        .values(next_at=at)
    )
    return conn.execute(statement).rowcount


def give_up_waiting(conn: Connection, at: datetime) -> int:
    """Rows that waited longer than `PATIENCE` end as `failed`, by name. Returns how many."""
    statement = (
        update(Outgoing)
        .where(Outgoing.state == "waiting", Outgoing.created_at < at - PATIENCE)
        .values(state="failed", error="waited for a contact that never came", settled_at=at)
    )
    return conn.execute(statement).rowcount
