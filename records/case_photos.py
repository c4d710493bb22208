"""Photos that people put to what they file in the chat: named at once, fetched and redrawn later, gone with the person.

A channel gives a name for a picture (`source`); who has it fetches the bytes, and then the name is forgotten. What an
unnamed report brought has no person here, and its file's name tells nothing of him.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Row, String, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records import cases, uploads
from records.base import Base, Instant, SealedText
from records.cases import Case

MOST = 3
"""Photos of one filing."""
KEPT = timedelta(days=730)
"""How long they are kept after their case is closed."""
WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 720, 1440, 1440))
"""Between tries to fetch one: almost three days in all, as long as the platform keeps what people send (wx-voice-02)."""


class CasePhoto(Base):
    """One photo of one case."""

    __tablename__ = "case_photos"
    __table_args__ = (Index("ix_case_photos_state_next_at", "state", "next_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    """None for a report without a name."""
    channel: Mapped[str] = mapped_column(String(12))
    source: Mapped[str | None] = mapped_column(SealedText)
    """What the channel calls it, until it is fetched."""
    upload: Mapped[str | None] = mapped_column(String(32))
    """The name under which it is kept here; see `records.uploads`."""
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    """`waiting` (to be fetched) → `kept` | `failed`."""
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(Instant)
    added_at: Mapped[datetime] = mapped_column(Instant)


def add(
    conn: Connection, number: str, channel: str, sources: Sequence[str], person_id: int | None, at: datetime
) -> None:
    """Put photos to the case `number`; `person_id` None where the report has no name."""
    if not sources:
        return
    case_id = conn.execute(select(Case.id).where(Case.number == number)).scalar_one()
    row = {"case_id": case_id, "person_id": person_id, "channel": channel, "state": "waiting", "attempts": 0}
    conn.execute(
        insert(CasePhoto), [row | {"source": source, "next_at": at, "added_at": at} for source in sources[:MOST]]
    )


def due(conn: Connection, at: datetime, limit: int = 20) -> list[Row[Any]]:
    """Photos to be fetched by now, the longest waiting first."""
    waiting = select(CasePhoto.__table__).where(CasePhoto.state == "waiting", CasePhoto.next_at <= at)
    return list(conn.execute(waiting.order_by(CasePhoto.next_at, CasePhoto.id).limit(limit)))


def keep(conn: Connection, photo_id: int, upload: str) -> bool:
    """It lies here as `upload` now; False when it is wanted no more (fetched by another, or deleted meanwhile)."""
    return _settled(conn, photo_id, state="kept", upload=upload)


def try_later(conn: Connection, photo: Row[Any], at: datetime) -> None:
    """It couldn't be fetched now; after the last try it counts as lost."""
    if photo.attempts >= len(WAITS):
        return fail(conn, photo, at)
    mine = (CasePhoto.id == photo.id, CasePhoto.state == "waiting")
    later = {"attempts": photo.attempts + 1, "next_at": at + WAITS[photo.attempts]}
    conn.execute(update(CasePhoto).where(*mine).values(later))
    return None


def fail(conn: Connection, photo: Row[Any], at: datetime) -> None:
    """It can't be had any more: said plainly at the case, to staff and to the person."""
    if _settled(conn, photo.id, state="failed"):
        words = "有一张照片没有取到（已经失效，或者不是照片）。需要的话，请再发一次。"
        cases.note(conn, photo.case_id, "job:photos", "comment", at, text=words, shown=True)


def _settled(conn: Connection, photo_id: int, **values: Any) -> bool:
    waiting = update(CasePhoto).where(CasePhoto.id == photo_id, CasePhoto.state == "waiting")
    return conn.execute(waiting.values(source=None, **values)).rowcount > 0


def of_case(conn: Connection, case_id: int) -> list[Row[Any]]:
    """A case's photos, the first sent first, whatever became of them."""
    return list(conn.execute(select(CasePhoto.__table__).where(CasePhoto.case_id == case_id).order_by(CasePhoto.id)))


def kept_of(conn: Connection, case_id: int) -> list[str]:
    """The names of a case's photos that lie here."""
    return [str(row.upload) for row in of_case(conn, case_id) if row.state == "kept"]


def uploads_of(conn: Connection, person_id: int) -> list[str]:
    """The names of all photos that go with a person."""
    mine = select(CasePhoto.upload).where(CasePhoto.person_id == person_id, CasePhoto.upload.is_not(None))
    return [str(name) for name in conn.execute(mine).scalars()]


def expire(conn: Connection, at: datetime, folder: Path, limit: int = 100) -> int:
    """Delete photos of cases that were closed long ago, with their files. Returns how many."""
    old = (
        select(CasePhoto.id, CasePhoto.upload)
        .join(Case, Case.id == CasePhoto.case_id)
        .where(Case.closed_at < at - KEPT)
        .limit(limit)
    )
    rows = {row.id: row.upload for row in conn.execute(old)}
    if rows:
        conn.execute(delete(CasePhoto).where(CasePhoto.id.in_(rows)))
        uploads.remove(folder, [name for name in rows.values() if name])
    return len(rows)
