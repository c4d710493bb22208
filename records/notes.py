"""What staff write for each other about a chat. Never part of the transcript, so that no channel can ever show it."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ForeignKey, Row, String, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigId, Instant, SealedText
from records.desk_queries import Scope, visible
from records.handoffs import Handoff

_RECENT = 5_000
"""Notes that are looked through for what is new; older ones are found on the page of mentions."""
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


class NoteRead(Base):
    """Up to which note somebody has seen where the own login was named."""

    __tablename__ = "note_reads"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True)
    note_id: Mapped[int] = mapped_column(default=0)


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


def naming(conn: Connection, scope: Scope, login: str, limit: int = 40) -> list[Row[Any]]:
    """The newest notes that mention a login, with their chat, as far as one may see it."""
    statement = (
        select(Note.__table__, Handoff.team, Handoff.state.label("chat_state"), Handoff.reason)
        .join(Handoff, Handoff.id == Note.handoff_id)
        .where(_names(login), visible(scope))
    )
    return list(conn.execute(statement.order_by(Note.id.desc()).limit(limit)))


def _names(login: str) -> ColumnElement[bool]:
    return Note.mentions.contains(f" {login} ", autoescape=True)


def seen_up_to(conn: Connection, staff_id: int) -> int:
    """The last mention that somebody has seen; 0 for none."""
    return int(conn.execute(select(NoteRead.note_id).where(NoteRead.staff_id == staff_id)).scalar() or 0)


def unseen(conn: Connection, scope: Scope, login: str) -> int:
    """How many mentions somebody hasn't seen yet."""
    newest = int(conn.execute(select(func.max(Note.id))).scalar() or 0)
    last = max(seen_up_to(conn, scope.staff_id), newest - _RECENT)
    statement = select(func.count()).select_from(Note).join(Handoff, Handoff.id == Note.handoff_id)
    return int(conn.execute(statement.where(Note.id > last, _names(login), visible(scope))).scalar_one())


def see(conn: Connection, staff_id: int, note_id: int) -> None:
    """Somebody has seen the mentions up to a note."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(NoteRead).values(staff_id=staff_id, note_id=note_id)
    conn.execute(statement.on_conflict_do_update(index_elements=["staff_id"], set_={"note_id": note_id}))
