"""What staff write for each other about a chat. Never part of the transcript, so that no channel can ever show it."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigId, Instant, SealedText

_MENTION = re.compile(r"@([\w.-]{1,40})")


class Note(Base):
    """One internal note."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    handoff_id: Mapped[int | None] = mapped_column(ForeignKey("handoffs.id", ondelete="SET NULL"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    after_id: Mapped[int] = mapped_column(BigId)
    """The last message when it was written: where it stands in the transcript."""
    text: Mapped[str] = mapped_column(SealedText)
    mentions: Mapped[str] = mapped_column(String(200), default="")
    """Logins named with @, each between spaces."""
    at: Mapped[datetime] = mapped_column(Instant)


def mentioned(text: str) -> list[str]:
    """The logins that a note names with @."""
    return list(dict.fromkeys(_MENTION.findall(text)))[:8]


def add(
    conn: Connection, person_id: int, handoff_id: int | None, staff_id: int, after_id: int, text: str, at: datetime
) -> int:  # fmt: skip
    """Write a note. Returns its id."""
    mentions = "".join(f" {login} " for login in mentioned(text))[:200]
    row = {
        "person_id": person_id, "handoff_id": handoff_id, "staff_id": staff_id, "after_id": after_id, "text": text,
        "mentions": mentions, "at": at,
    }  # fmt: skip
    return int(conn.execute(insert(Note).returning(Note.id), row).scalar_one())


def of_handoff(conn: Connection, handoff_id: int, *, after: int = 0) -> list[Row[Any]]:
    """A chat's notes with an id above `after`, the oldest first."""
    mine = select(Note.__table__).where(Note.handoff_id == handoff_id, Note.id > after)
    return list(conn.execute(mine.order_by(Note.id)))


def naming(conn: Connection, login: str, limit: int = 20) -> list[Row[Any]]:
    """The newest notes that mention a login: (id, handoff_id, staff_id, at), without their words."""
    columns = select(Note.id, Note.handoff_id, Note.staff_id, Note.at)
    return list(conn.execute(columns.where(Note.mentions.contains(f" {login} ")).order_by(Note.id.desc()).limit(limit)))
