"""What was said: every message in and out, one row each, with what the bot understood and which articles it showed.

`(person_id, dedup)` is unique, so the database itself refuses to store a platform's retry twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Float, ForeignKey, Index, Row, String, insert, select, text
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigId, Instant, SealedJson

_PUSHED: dict[str, Any] = {"sqlite_where": text("dedup IS NOT NULL"), "postgresql_where": text("dedup IS NOT NULL")}


class Message(Base):
    """One message of a conversation."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("uq_messages_person_id_dedup", "person_id", "dedup", unique=True, **_PUSHED),
        Index("ix_messages_person_id_id", "person_id", "id"),
        Index("ix_messages_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    turn_id: Mapped[str] = mapped_column(String(32))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    author: Mapped[str] = mapped_column(String(8))
    """`person`, `bot` or `staff`."""
    staff_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(16))
    """`text`, `image`, `voice`, `event`, … of a person; `reply` of the bot; `text`, `image`, `note` of staff."""
    body: Mapped[Any] = mapped_column(SealedJson)
    """A person's `{text, media, detail}`; a bot's list of replies; see `bot.message`."""
    dedup: Mapped[str | None] = mapped_column(String(160))
    """What a retry of the same message repeats; None for what we write ourselves."""
    owner: Mapped[str | None] = mapped_column(String(12))
    """Who owned the turn: `crisis`, `staff`, `form`, `question`, `event`, `off`."""
    intent: Mapped[str | None] = mapped_column(String(32))
    probability: Mapped[float | None] = mapped_column(Float)
    band: Mapped[str | None] = mapped_column(String(8))
    articles: Mapped[str | None] = mapped_column(String(400))
    """Ids of the articles shown, separated by spaces."""
    created_at: Mapped[datetime] = mapped_column(Instant)


COLUMNS = (
    "turn_id", "person_id", "author", "staff_id", "kind", "body", "dedup", "owner", "intent", "probability", "band",
    "articles", "created_at",
)  # fmt: skip


_INSERT = insert(Message)  # built once: composing a statement costs more than running it


def add(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store messages in the order given. Missing columns are left empty.

    Raises `sqlalchemy.exc.IntegrityError` when one of them was stored before (same person, same `dedup`).
    """
    conn.execute(_INSERT, [{column: row.get(column) for column in COLUMNS} for row in rows])


def stored_turn(conn: Connection, person_id: int, dedup: str) -> list[Row[Any]]:
    """The messages of the turn that an earlier push of the same message caused, oldest first; empty if none did."""
    table = Message.__table__
    turn = select(Message.turn_id).where(Message.person_id == person_id, Message.dedup == dedup).scalar_subquery()
    same = select(table).where(Message.person_id == person_id, Message.turn_id == turn)
    return list(conn.execute(same.order_by(Message.id)))


def transcript(conn: Connection, person_id: int, *, after: int = 0, limit: int = 200) -> list[Row[Any]]:
    """A person's last `limit` messages with an id above `after`, oldest first."""
    table = Message.__table__
    newest = (
        select(table).where(Message.person_id == person_id, Message.id > after).order_by(Message.id.desc()).limit(limit)
    )
    return list(conn.execute(newest))[::-1]
