"""Who is signed in to the JSON API. A session ends after two hours without a call, after twelve anyway, when it is
revoked, and with its person. Signing in again costs a mini-program nothing, so short lives cost nobody anything."""

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection, ForeignKey, LargeBinary, Row, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant
from records.people import Person

IDLE = timedelta(hours=2)
ABSOLUTE = timedelta(hours=12)
AT_ONCE = 5
"""Sessions of one person at a time; one more ends the oldest."""
_TOUCH = timedelta(minutes=1)  # how stale `seen_at` may be: not every call is worth a write


class ApiSession(Base):
    """One sign-in. The mini-program holds the token, the database only its hash."""

    __tablename__ = "api_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


def start(conn: Connection, person_id: int, at: datetime) -> str:
    """Begin a session, and end the oldest ones beyond `AT_ONCE`. Returns its token, 256 random bits."""
    token = token_urlsafe(32)
    row = {"token_hash": _hash(token), "person_id": person_id, "started_at": at, "seen_at": at}
    conn.execute(insert(ApiSession), row)
    newest = (
        select(ApiSession.id)
        .where(ApiSession.person_id == person_id, ApiSession.ended_at.is_(None))
        .order_by(ApiSession.id.desc())
        .limit(AT_ONCE)
    )
    older = ApiSession.id.not_in(newest.scalar_subquery())
    mine = (ApiSession.person_id == person_id, ApiSession.ended_at.is_(None))
    conn.execute(update(ApiSession).where(*mine, older).values(ended_at=at))
    return token


_LOOK = (
    select(Person.__table__, ApiSession.id.label("session_id"), ApiSession.started_at, ApiSession.seen_at.label("used_at"))
    .join(Person, Person.id == ApiSession.person_id)
    .where(
        ApiSession.token_hash == bindparam("hashed"), ApiSession.ended_at.is_(None), Person.external.is_not(None),
        ApiSession.seen_at > bindparam("idle"), ApiSession.started_at > bindparam("oldest"),
    )
)  # fmt: skip


def look(conn: Connection, token: str, at: datetime) -> Row[Any] | None:
    """The person behind a token, with `session_id`, `started_at`, `used_at`; None when the session is over."""
    return conn.execute(_LOOK, {"hashed": _hash(token), "idle": at - IDLE, "oldest": at - ABSOLUTE}).first()


def ends(started_at: datetime, used_at: datetime) -> datetime:
    """When a session ends if nothing more is asked."""
    return min(started_at + ABSOLUTE, used_at + IDLE)


def stale(used_at: datetime, at: datetime) -> bool:
    """Whether the session should be touched."""
    return at - used_at > _TOUCH


def touch(conn: Connection, session_id: int, at: datetime) -> None:
    """The session was used."""
    conn.execute(update(ApiSession).where(ApiSession.id == session_id).values(seen_at=at))


def end(conn: Connection, session_id: int, at: datetime) -> None:
    """Revoke one session."""
    conn.execute(update(ApiSession).where(ApiSession.id == session_id).values(ended_at=at))


def end_all(conn: Connection, person_id: int, at: datetime) -> int:
    """Revoke every session of a person. Returns how many ended."""
    mine = update(ApiSession).where(ApiSession.person_id == person_id, ApiSession.ended_at.is_(None))
    return conn.execute(mine.values(ended_at=at)).rowcount


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
