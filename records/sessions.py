"""Who is logged in to the console. A session ends after half an hour without a hand on it, after twelve hours anyway,
at logout, and at once when the account is shut."""

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection, ForeignKey, LargeBinary, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant
from records.staff import Staff

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
_TOUCH = timedelta(seconds=30)  # how stale `seen_at` may be: not every request is worth a write


class Session(Base):
    """One login. The browser holds the token, the database only its hash."""

    __tablename__ = "staff_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    full: Mapped[bool] = mapped_column(default=True)
    """False between the password and the second factor."""
    device: Mapped[str] = mapped_column(String(120), default="")
    started_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


def start(conn: Connection, staff_id: int, at: datetime, *, full: bool = True, device: str = "") -> str:
    """Begin a session. Returns its token, which only the browser keeps."""
    token = token_urlsafe(32)
    row = {
        "token_hash": _hash(token), "staff_id": staff_id, "full": full, "device": device[:120], "started_at": at,
        "seen_at": at,
    }  # fmt: skip
    conn.execute(insert(Session), row)
    return token


_LOOK = (
    select(Staff.__table__, Session.id.label("session_id"), Session.full, Session.started_at, Session.seen_at)
    .join(Staff, Staff.id == Session.staff_id)
    .where(Session.ended_at.is_(None), Staff.disabled_at.is_(None))
)


def look(conn: Connection, token: str, at: datetime) -> Row[Any] | None:
    """The account behind a token, with `session_id`, `full`, `seen_at`; None when the session is over."""
    alive = (Session.token_hash == _hash(token), Session.seen_at > at - IDLE, Session.started_at > at - ABSOLUTE)
    return conn.execute(_LOOK.where(*alive)).first()


def stale(seen_at: datetime, at: datetime) -> bool:
    """Whether the session should be touched."""
    return at - seen_at > _TOUCH


def touch(conn: Connection, session_id: int, at: datetime) -> None:
    """A hand was on the session."""
    conn.execute(update(Session).where(Session.id == session_id).values(seen_at=at))


def end(conn: Connection, token: str, at: datetime) -> None:
    """Log out."""
    conn.execute(update(Session).where(Session.token_hash == _hash(token)).values(ended_at=at))


def end_all(conn: Connection, staff_id: int, at: datetime, *, but: int | None = None) -> int:
    """End every session of an account (`but` one). Returns how many ended."""
    mine = update(Session).where(Session.staff_id == staff_id, Session.ended_at.is_(None))
    if but is not None:
        mine = mine.where(Session.id != but)
    return conn.execute(mine.values(ended_at=at)).rowcount


def end_one(conn: Connection, staff_id: int, session_id: int, at: datetime) -> int:
    """End one session of an account. Returns 0 when it is over already, or somebody else's."""
    mine = (Session.id == session_id, Session.staff_id == staff_id, Session.ended_at.is_(None))
    return conn.execute(update(Session).where(*mine).values(ended_at=at)).rowcount


def of_staff(conn: Connection, staff_id: int, at: datetime) -> list[Row[Any]]:
    """An account's running sessions, the newest first."""
    alive = (Session.staff_id == staff_id, Session.ended_at.is_(None), Session.seen_at > at - IDLE)
    return list(conn.execute(select(Session.__table__).where(*alive).order_by(Session.id.desc())))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
