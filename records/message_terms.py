"""Searching what was said although it is stored encrypted: keyed hashes of its pairs of characters.

Every message is cut into terms (each two neighbouring Chinese characters; each word or number, and its stretches of
four), and a keyed hash of each term is kept beside the message. A search hashes the same way, finds the messages that
hold all of its terms, and reads those few to see whether they really match. See docs/decisions/0009-searching-sealed-text.md.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, ForeignKey, Index, Row, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigId
from records.conversations import Message
from records.crypto import cipher

LONGEST = 400
"""Characters of a message that are searched."""
LAG = timedelta(seconds=20)
"""How old a message must be to be taken in: ids are given out before they are committed, so a lower one may come later."""
_PARTS = re.compile(r"[0-9a-z]+|[\u3400-\u9fff\U00020000-\U0003ffff]+")
_STRETCH = 4
_PROBE = 3_000
_CANDIDATES = 400


class MessageTerm(Base):
    """One hashed term of one message."""

    __tablename__ = "message_terms"
    __table_args__ = (Index("ix_message_terms_term_message_id", "term", "message_id"),)

    message_id: Mapped[int] = mapped_column(BigId, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    term: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class TermPosition(Base):
    """Up to which message the terms are made; one row."""

    __tablename__ = "message_term_position"

    id: Mapped[int] = mapped_column(primary_key=True)
    last_id: Mapped[int] = mapped_column(BigId)


def normal(text: str) -> str:
    """A text as it is compared: full-width and capital letters made plain."""
    return unicodedata.normalize("NFKC", text).lower()


def terms(text: str) -> set[str]:
    """The terms of a text."""
    found: set[str] = set()
    for part in _PARTS.findall(normal(text)[:LONGEST]):
        if part[0].isascii():
            found |= {part} | {part[n : n + _STRETCH] for n in range(len(part) - _STRETCH + 1)}
        else:
            found |= {part[n : n + 2] for n in range(len(part) - 1)} or {part}
    return found


def wanted(query: str) -> set[str]:
    """The terms that a match must hold: as `terms`, but a word of more than four letters need not be whole."""
    found: set[str] = set()
    for part in _PARTS.findall(normal(query)[:60]):
        if not part[0].isascii():
            found |= {part[n : n + 2] for n in range(len(part) - 1)}  # one character alone is too common to look for
        elif len(part) > _STRETCH:
            found |= {part[n : n + _STRETCH] for n in range(len(part) - _STRETCH + 1)}
        else:
            found.add(part)
    return found


def hashed(term: str) -> int:
    """A term's keyed hash, a signed 64-bit number."""
    return int.from_bytes(cipher().lookup("term", term)[:8], "big", signed=True)


def hashed_anyhow(term: str) -> list[int]:
    """A term's hashes under every key: one, but while keys rotate."""
    return [int.from_bytes(one[:8], "big", signed=True) for one in cipher().lookups("term", term)]


def hashes_of(body: Any) -> set[int]:
    """The hashed terms of a message's body."""
    return {hashed(term) for term in terms(words_of(body))}


def words_of(body: Any) -> str:
    """All words of a message's body."""
    if isinstance(body, list):
        return "\n".join(str(part.get("text", "")) for part in body)
    return str(body.get("text", "")) if isinstance(body, dict) else ""


def take_in(conn: Connection, at: datetime, limit: int = 500) -> int:
    """Make the terms of the messages that came since the last time: what people and staff said, not the bot's answers.
    Returns how many messages were looked at."""
    position = conn.execute(select(TermPosition.last_id).where(TermPosition.id == 1)).scalar()
    if position is None:
        conn.execute(insert(TermPosition), {"id": 1, "last_id": 0})
        position = 0
    fresh = select(Message.id, Message.author, Message.body).where(Message.id > position, Message.created_at < at - LAG)
    rows = conn.execute(fresh.order_by(Message.id).limit(limit)).all()
    if not rows:
        return 0
    made = [{"message_id": row.id, "term": term} for row in rows if row.author != "bot" for term in hashes_of(row.body)]
    if made:
        conn.execute(insert(MessageTerm), made)
    conn.execute(update(TermPosition).where(TermPosition.id == 1).values(last_id=rows[-1].id))
    return len(rows)


def find(conn: Connection, query: str, *, where: Iterable[Any] = (), limit: int = 40) -> list[Row[Any]]:
    """The newest messages that hold every part of `query`; `where` narrows them further (promise 12).

    Needs two Chinese characters, or one letter or digit. The rarest term is walked, the others are probed.
    """
    keys = [hashed_anyhow(term) for term in wanted(query)]
    if not keys:
        return []
    keys.sort(key=lambda key: _how_common(conn, key))
    first, *others = keys
    statement = (
        select(Message.__table__)
        .join(MessageTerm, MessageTerm.message_id == Message.id)
        .where(MessageTerm.term.in_(first), *where)
    )
    for key in others[:12]:
        other = MessageTerm.__table__.alias()
        held = select(other.c.term).where(other.c.message_id == MessageTerm.message_id, other.c.term.in_(key))
        statement = statement.where(held.exists())
    rows = conn.execute(statement.order_by(MessageTerm.message_id.desc()).limit(_CANDIDATES))
    parts = _PARTS.findall(normal(query))
    found: list[Row[Any]] = []
    for row in rows:
        text = normal(words_of(row.body))
        if all(part in text for part in parts):
            found.append(row)
            if len(found) == limit:
                break
    return found


def _how_common(conn: Connection, key: list[int]) -> int:
    """How many messages hold a term; counting stops at `_PROBE`."""
    some = select(MessageTerm.message_id).where(MessageTerm.term.in_(key)).limit(_PROBE).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())
