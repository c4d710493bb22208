"""Codes on doors: an unguessable token in the QR code, a short code for people to type, and the history of both.

A token is 17 random characters of Crockford's base 32 (85 bits) and a check character (Luhn mod 32), so that a torn
or mistyped one is told apart from one that was revoked. A short code (`NB-FH-000123`) names the room and opens
nothing but what stands on the label.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Row, String, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS = 85
_LENGTH = BITS // 5
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_SHORT = re.compile(r"([A-Z]{2})[- ]?([A-Z]{2})[- ]?(\d{6})")


class RoomCode(Base):
    """One token that was given to a room. A room has at most one that is not revoked."""

    __tablename__ = "room_codes"
    __table_args__ = (
        Index(
            "uq_room_codes_in_force", "room_id", unique=True, sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), index=True)
    token: Mapped[str] = mapped_column(String(24), unique=True)
    made_at: Mapped[datetime] = mapped_column(Instant)
    printed_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_by: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(String(120))


class ShortCode(Base):
    """The last number given out for the beginning of a short code."""

    __tablename__ = "room_short_codes"

    letters: Mapped[str] = mapped_column(String(6), primary_key=True)
    last: Mapped[int]


def new_token() -> str:
    """A fresh token with its check character."""
    number = secrets.randbits(BITS)
    body = "".join(ALPHABET[number >> shift & 31] for shift in range(BITS - 5, -1, -5))
    return body + _check(body)


def read_token(typed: str) -> str | None:
    """The token as stored, from what somebody scanned or typed; None when it can't be one of ours.

    Case, hyphens and spaces don't matter, and O, I and L are read as 0, 1 and 1 (Crockford).
    """
    token = re.sub(r"[\s-]", "", typed).upper().translate(_READ_AS)
    if len(token) != _LENGTH + 1 or any(char not in ALPHABET for char in token):
        return None
    return token if _check(token[:-1]) == token[-1] else None


def read_short(typed: str) -> str | None:
    """`NB-FH-000123` from what somebody typed (`nb fh 000123`, full width); None when it is no short code."""
    folded = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in typed).upper().strip()
    found = _SHORT.fullmatch(re.sub(r"[－—–_\s]+", "-", folded))
    return "-".join(found.groups()) if found else None


def _check(body: str) -> str:
    total = 0
    for position, char in enumerate(reversed(body)):
        value = ALPHABET.index(char) * (2 if position % 2 == 0 else 1)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]


def reserve_short(conn: Connection, letters: str, count: int) -> list[str]:
    """`count` short codes never given out before."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(ShortCode)
        .values(letters=letters, last=count)
        .on_conflict_do_update(index_elements=["letters"], set_={"last": ShortCode.last + count})
        .returning(ShortCode.last)
    )
    last = conn.execute(statement).scalar_one()
    return [f"{letters}-{number:06d}" for number in range(last - count + 1, last + 1)]


def issue(conn: Connection, room_ids: Sequence[int], at: datetime) -> None:
    """Give each room a token. The caller has made sure that they have none in force."""
    if room_ids:
        conn.execute(insert(RoomCode), [{"room_id": i, "token": new_token(), "made_at": at} for i in room_ids])


def revoke(conn: Connection, room_id: int, by: str, reason: str, at: datetime) -> bool:
    """Take a room's token out of force and give it a new one, to be printed. False when it had none in force."""
    statement = (
        update(RoomCode)
        .where(RoomCode.room_id == room_id, RoomCode.revoked_at.is_(None))
        .values(revoked_at=at, revoked_by=by, reason=reason[:120])
    )
    had = conn.execute(statement).rowcount > 0
    issue(conn, [room_id], at)
    return had


def printed(conn: Connection, code_ids: Sequence[int], at: datetime) -> None:
    """Note that labels with these tokens went to the printer."""
    conn.execute(update(RoomCode).where(RoomCode.id.in_(code_ids)).values(printed_at=at))


def history(conn: Connection, room_id: int) -> list[Row[Any]]:
    """All tokens a room ever had, the newest first."""
    table = RoomCode.__table__
    return list(conn.execute(select(table).where(RoomCode.room_id == room_id).order_by(RoomCode.id.desc())))
