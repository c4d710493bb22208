"""The outbox: everything that still has to reach somebody. A row is the truth; a task that sends it is only a nudge.

States: `pending` → `sending` → `delivered` | `pending` (again, later) | `waiting` (for the person's next contact, the
quota is used up) | `refused` (this person can't get it) | `failed` (tried often enough; staff see it).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Row, String, and_, or_, select, update
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
MOVES = {
    "pending": {"sending"},
    "sending": {"delivered", "pending", "waiting", "refused", "failed", "sending"},
    "waiting": {"pending", "failed"},
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
    errcode: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)


def put(
    conn: Connection, person_id: int, channel: str, payloads: Sequence[Any], *, key: str, at: datetime,
    message_id: int | None = None,
) -> None:  # fmt: skip
    """Ask for `payloads` to be sent in this order. A `key` that was used before changes nothing."""
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
                "next_at": at,
                "created_at": at,
            }
            for number, payload in enumerate(payloads)
        ],
    )


def claim(conn: Connection, at: datetime, limit: int = 20) -> list[Row[Any]]:
    """Take up to `limit` rows that are due and hold them for `LEASE`; nobody else gets them meanwhile.

    One row a person at a time, the oldest first, so that messages arrive in the order they were written.
    """
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
    due = (
        select(table)
        .where(or_(Outgoing.state == "pending", Outgoing.state == "sending"), Outgoing.next_at <= at, ~blocked)
        .order_by(Outgoing.id)
        .limit(limit)
    )
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


def settle(
    conn: Connection, row_id: int, state: str, at: datetime, *, errcode: int | None = None, error: str | None = None,
    next_at: datetime | None = None,
) -> None:  # fmt: skip
    """Move a held row to its next state. Raises `ValueError` for a move that `MOVES` doesn't allow."""
    if state not in MOVES["sending"]:
        raise ValueError(f"outbox row {row_id} can't move from sending to {state}")
    done = state in ("delivered", "refused", "failed")
    conn.execute(
        update(Outgoing)
        .where(Outgoing.id == row_id, Outgoing.state == "sending")
        .values(
            state=state,
            errcode=errcode,
            error=error[:200] if error else None,
            settled_at=at if done else None,
            next_at=next_at or at,
        )
    )


def retry_at(attempts: int, at: datetime) -> datetime | None:
    """When the next try after `attempts` tries is due; None when it was tried often enough."""
    return at + timedelta(seconds=BACKOFF[attempts - 1]) if attempts <= len(BACKOFF) else None


def release(conn: Connection, at: datetime) -> int:
    """What waited for a contact may go once its person has made one. Returns how many rows were released."""
    reachable = select(Person.id).where(
        or_(
            and_(Person.message_until > at, Person.message_left > 0),
            and_(Person.click_until > at, Person.click_left > 0),
        )
    )
    statement = (
        update(Outgoing)
        .where(Outgoing.state == "waiting", Outgoing.person_id.in_(reachable))
        .values(state="pending", next_at=at, attempts=0)
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
