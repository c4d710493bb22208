"""Reminders that people asked for: stored when asked, put into the outbox when due, once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records import conversations, outbox
from records.base import Base, Instant, SealedText
from records.notices import PUSHED
from records.people import Person


class Reminder(Base):
    """One thing to tell one person at a time."""

    __tablename__ = "reminders"
    __table_args__ = (Index("ix_reminders_state_due_at", "state", "due_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(SealedText)
    due_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    """`pending` → `queued` (in the outbox, or in the web chat's transcript) | `cancelled`."""
    created_at: Mapped[datetime] = mapped_column(Instant)


def add(conn: Connection, person_id: int, text: str, due_at: datetime, at: datetime) -> None:
    """Remember to tell somebody something; the same thing at the same time only once."""
    same = select(Reminder.id).where(
        Reminder.person_id == person_id, Reminder.due_at == due_at, Reminder.state == "pending"
    )
    if conn.execute(same).first() is None:
        row = {"person_id": person_id, "text": text, "due_at": due_at, "state": "pending", "created_at": at}
        conn.execute(insert(Reminder), row)


def of_person(conn: Connection, person_id: int) -> list[Row[Any]]:
    """A person's reminders that are still to come, the next first."""
    table = Reminder.__table__
    pending = select(table).where(Reminder.person_id == person_id, Reminder.state == "pending")
    return list(conn.execute(pending.order_by(Reminder.due_at)))


def cancel(conn: Connection, person_id: int, reminder_id: int) -> bool:
    """Drop a person's own reminder. False when there is none to drop."""
    statement = (
        update(Reminder)
        .where(Reminder.id == reminder_id, Reminder.person_id == person_id, Reminder.state == "pending")
        .values(state="cancelled")
    )
    return conn.execute(statement).rowcount > 0


def send_due(conn: Connection, at: datetime, limit: int = 100) -> int:
    """Put what is due into the transcript and the outbox. Returns how many; safe to run anywhere, any time."""
    due = (
        select(Reminder.id, Reminder.person_id, Reminder.text, Reminder.due_at, Person.channel)
        .join(Person, Person.id == Reminder.person_id)
        .where(Reminder.state == "pending", Reminder.due_at <= at)
        .order_by(Reminder.due_at)
        .limit(limit)
    )
    if conn.dialect.name == "postgresql":
        due = due.with_for_update(of=Reminder.__table__, skip_locked=True)
    rows = conn.execute(due).all()
    for row in rows:
        conn.execute(update(Reminder).where(Reminder.id == row.id).values(state="queued"))
        key = f"reminder-{row.id}"
        said = {"turn_id": key, "person_id": row.person_id, "author": "bot", "kind": "reply", "owner": "reminder",
                "body": [{"text": row.text}], "created_at": at}  # fmt: skip
        conversations.add(conn, [said])
        if row.channel in PUSHED:
            payload = {"kind": "text", "text": row.text, "about": "reminder", "at": row.due_at.isoformat()}
            outbox.put(conn, row.person_id, row.channel, [payload], key=key, at=at)
    return len(rows)
