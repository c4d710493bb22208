"""Canned replies: words that staff say often, called up by a shortcut. Placeholders: {称呼} {我} {地区} {时间}."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, delete, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant

LONGEST = 600
PLACEHOLDERS = ("称呼", "我", "地区", "时间")


class Canned(Base):
    """One canned reply: everybody's, a team's, or one person's own."""

    __tablename__ = "canned"

    id: Mapped[int] = mapped_column(primary_key=True)
    shortcut: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(LONGEST))
    team: Mapped[str | None] = mapped_column(String(24))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    used: Mapped[int] = mapped_column(default=0)
    category: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """Under what it stands in the list; empty for no category."""
    media: Mapped[str | None] = mapped_column(String(32))
    """Its file's name among the uploads: each message that goes out with it gets a copy."""
    media_kind: Mapped[str | None] = mapped_column(String(20))
    media_title: Mapped[str | None] = mapped_column(String(60))
    changed_at: Mapped[datetime] = mapped_column(Instant)


def mine(conn: Connection, staff_id: int, teams: tuple[str, ...]) -> list[Row[Any]]:
    """What somebody may use, category by category, the most used first."""
    shared = Canned.staff_id.is_(None) & or_(Canned.team.is_(None), Canned.team.in_(teams))
    found = select(Canned.__table__).where(or_(shared, Canned.staff_id == staff_id))
    return list(conn.execute(found.order_by(Canned.category, Canned.used.desc(), Canned.id)))


def one(conn: Connection, canned_id: int, staff_id: int, teams: tuple[str, ...]) -> Row[Any] | None:
    """One that somebody may use, or None."""
    return next((row for row in mine(conn, staff_id, teams) if row.id == canned_id), None)


def add(
    conn: Connection, shortcut: str, title: str, text: str, at: datetime, *, team: str | None = None,
    staff_id: int | None = None, category: str = "", file: tuple[str, str, str] | None = None,
) -> int:  # fmt: skip
    """Keep a canned reply; `file`: its name among the uploads, kind and title. Returns its id.

    Raises `ValueError` for an empty or overlong one.
    """
    if not (1 <= len(shortcut) <= 20 and 1 <= len(title) <= 40 and 1 <= len(text) <= LONGEST and len(category) <= 20):
        raise ValueError(f"快捷词 1–20 字、标题 1–40 字、内容 1–{LONGEST} 字，都要填；分类最多 20 字。")
    media, media_kind, media_title = file or (None, None, None)
    row = {
        "shortcut": shortcut, "title": title, "text": text, "team": team, "staff_id": staff_id, "used": 0,
        "changed_at": at, "category": category, "media": media, "media_kind": media_kind, "media_title": media_title,
    }  # fmt: skip
    return int(conn.execute(insert(Canned).returning(Canned.id), row).scalar_one())


def remove(conn: Connection, canned_id: int, *, staff_id: int | None) -> list[str] | None:
    """Take one away: one's own (`staff_id`), or any (None). The names of its files; None when there is no such reply."""
    where = [Canned.id == canned_id]
    if staff_id is not None:
        where.append(Canned.staff_id == staff_id)
    gone = conn.execute(delete(Canned).where(*where).returning(Canned.media)).first()
    return None if gone is None else [gone.media] if gone.media else []


def count_use(conn: Connection, canned_id: int) -> None:
    """It was used once more."""
    conn.execute(update(Canned).where(Canned.id == canned_id).values(used=Canned.used + 1))
