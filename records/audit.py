"""Who did what, when, and why. Rows are only ever added."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, String, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant


class Entry(Base):
    """One thing somebody did. It names rows, never what is in them."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    actor: Mapped[str] = mapped_column(String(60))
    """`staff:7`, `person:12`, `job:retention`, `command:keys rotate`."""
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(String(200))


def note(conn: Connection, actor: str, action: str, subject: str, at: datetime, reason: str | None = None) -> None:
    """Add an entry."""
    row = {"at": at, "actor": actor, "action": action, "subject": subject, "reason": reason}
    conn.execute(insert(Entry), row)


def search(
    conn: Connection, *, actor: str = "", action: str = "", subject: str = "", since: datetime | None = None,
    before: int = 0, limit: int = 100,
) -> list[Row[Any]]:  # fmt: skip
    """The newest entries that fit: whose (`staff:7`), what (the beginning of an action), about what, since when."""
    statement = select(Entry.__table__)
    if actor:
        statement = statement.where(Entry.actor == actor)
    if action:
        statement = statement.where(Entry.action.startswith(action, autoescape=True))
    if subject:
        statement = statement.where(Entry.subject == subject)
    if since:
        statement = statement.where(Entry.at >= since)
    if before:
        statement = statement.where(Entry.id < before)
    return list(conn.execute(statement.order_by(Entry.id.desc()).limit(limit)))
