"""One-time links: the desk hands a landlord or a firm one, a firm hands each of its people one. Only a hash is kept."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, ForeignKey, LargeBinary, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant

LIFE = {"landlord": timedelta(days=7), "employer": timedelta(days=7), "consent": timedelta(days=30)}
"""What a link is for, and how long it works."""


class OneTimeLink(Base):
    """One link that was handed out."""

    __tablename__ = "one_time_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    hashed: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    subject_id: Mapped[int]
    """A landlord's, a firm's or a declaration's id."""
    made_by: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    used_by: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"))
    tries: Mapped[int] = mapped_column(default=0)


def make(conn: Connection, kind: str, subject_id: int, by: str, at: datetime) -> str:
    """A new link's secret (128 bits), told once. Earlier unused links to the same subject stop working."""
    secret = secrets.token_urlsafe(16)
    earlier = update(OneTimeLink).where(
        OneTimeLink.kind == kind, OneTimeLink.subject_id == subject_id, OneTimeLink.used_at.is_(None)
    )
    conn.execute(earlier.values(until=at))
    row = {"hashed": _hash(secret), "kind": kind, "subject_id": subject_id, "made_by": by, "made_at": at,
           "until": at + LIFE[kind], "tries": 0}  # fmt: skip
    conn.execute(insert(OneTimeLink), row)
    return secret


def look(conn: Connection, kind: str, secret: str, at: datetime) -> Row[Any] | None:
    """The link behind a secret while it works: unused, in time, and not tried too often."""
    table = OneTimeLink.__table__
    statement = select(table).where(
        OneTimeLink.hashed == _hash(secret), OneTimeLink.kind == kind, OneTimeLink.used_at.is_(None),
        OneTimeLink.until > at, OneTimeLink.tries < 5,
    )  # fmt: skip
    return conn.execute(statement).first()


def missed(conn: Connection, link_id: int) -> None:
    """Somebody opened the link and didn't know what its owner knows; after five times it stops working."""
    conn.execute(update(OneTimeLink).where(OneTimeLink.id == link_id).values(tries=OneTimeLink.tries + 1))


def use(conn: Connection, link_id: int, person_id: int | None, at: datetime) -> bool:
    """Use a link up. False when somebody else was faster."""
    statement = update(OneTimeLink).where(OneTimeLink.id == link_id, OneTimeLink.used_at.is_(None))
    return conn.execute(statement.values(used_at=at, used_by=person_id)).rowcount == 1


def _hash(secret: str) -> bytes:
    # Of 128 random bits: nobody guesses them, so the hash needs no key of ours and stays when that one changes.
    return sha256(b"link\x1f" + secret.encode("utf-8", "surrogatepass")).digest()[:16]
