"""Answers of the bot that staff see before people do (先审后发): kept back, then sent as they are, edited, or not at all.

    pending ──► sent | edited | refused (a person takes over) | lapsed (nobody looked in time; a person takes over)

The intents are a switch (`records.switches.Switches.approve_intents`). Danger is never kept back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ForeignKey, Index, Row, String, false, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records import outbox, staff_words
from records.base import Base, Instant, SealedJson, SealedText
from records.conversations import Message
from records.desk_queries import MIND, PSYCHOLOGY, Scope
from records.people import Person

MOVES = {
    "pending": {"sent", "edited", "refused", "lapsed"}, "sent": set(), "edited": set(), "refused": set(),
    "lapsed": set(),
}  # fmt: skip
"""Allowed moves: one decision, once."""
STATES = {
    "pending": "待审",
    "sent": "原样发出",
    "edited": "改后发出",
    "refused": "改由人工回答",
    "lapsed": "超时转人工",
}


class Draft(Base):
    """One answer that waits for a member of staff."""

    __tablename__ = "drafts"
    __table_args__ = (Index("ix_drafts_state_created_at", "state", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    turn_id: Mapped[str] = mapped_column(String(32))
    intent: Mapped[str] = mapped_column(String(32))
    team: Mapped[str] = mapped_column(String(24))
    region: Mapped[str | None] = mapped_column(String(24))
    question: Mapped[str] = mapped_column(SealedText)
    """What the person said."""
    body: Mapped[Any] = mapped_column(SealedJson)
    """The answer as the transcript will hold it."""
    payloads: Mapped[Any] = mapped_column(SealedJson)
    """The same as the channel sends it; empty where nothing is pushed."""
    articles: Mapped[str | None] = mapped_column(String(400))
    state: Mapped[str] = mapped_column(String(12), default="pending")
    created_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)


def add(
    conn: Connection, person_id: int, turn_id: str, *, intent: str, team: str, region: str | None, question: str,
    body: Sequence[Any], payloads: Sequence[Any], articles: str | None, at: datetime,
) -> None:  # fmt: skip
    """Keep an answer back."""
    row = {
        "person_id": person_id, "turn_id": turn_id, "intent": intent, "team": team, "region": region,
        "question": question, "body": list(body), "payloads": list(payloads), "articles": articles,
        "state": "pending", "created_at": at,
    }  # fmt: skip
    conn.execute(insert(Draft), row)


def _seen(scope: Scope) -> list[ColumnElement[bool]]:
    parts: list[ColumnElement[bool]] = []
    if scope.teams is not None:
        parts.append(Draft.team.in_(scope.teams) if scope.teams else false())
    if scope.regions is not None:
        parts.append(Draft.region.is_(None) | Draft.region.in_(scope.regions))
    if not scope.psychology:
        parts += [Draft.team != PSYCHOLOGY, Draft.intent.not_in(MIND)]
    return parts


def waiting(conn: Connection, scope: Scope, limit: int = 50) -> list[Row[Any]]:
    """Answers to look at, the oldest first, with the channel of their person."""
    statement = select(Draft.__table__, Person.channel).join(Person, Person.id == Draft.person_id)
    return list(conn.execute(statement.where(Draft.state == "pending", *_seen(scope)).order_by(Draft.id).limit(limit)))


def decided(conn: Connection, scope: Scope, limit: int = 20) -> list[Row[Any]]:
    """Answers that were looked at lately, the newest first."""
    statement = select(Draft.__table__).where(Draft.state != "pending", *_seen(scope))
    return list(conn.execute(statement.order_by(Draft.decided_at.desc(), Draft.id.desc()).limit(limit)))


def count(conn: Connection, scope: Scope) -> int:
    """How many wait."""
    statement = select(func.count()).select_from(Draft).where(Draft.state == "pending", *_seen(scope))
    return int(conn.execute(statement).scalar_one())


def get(conn: Connection, scope: Scope, draft_id: int) -> Row[Any] | None:
    """One answer with the channel of its person; None when there is none that one may see."""
    statement = select(Draft.__table__, Person.channel).join(Person, Person.id == Draft.person_id)
    return conn.execute(statement.where(Draft.id == draft_id, *_seen(scope))).first()


def late(conn: Connection, before: datetime, limit: int = 50) -> list[Row[Any]]:
    """Answers that nobody has looked at since before a moment."""
    statement = select(Draft.__table__).where(Draft.state == "pending", Draft.created_at < before)
    return list(conn.execute(statement.order_by(Draft.id).limit(limit)))


def decide(conn: Connection, draft_id: int, state: str, staff_id: int | None, at: datetime) -> bool:
    """Settle an answer. True for one of any number of people who press at once. Raises `ValueError` for no such state."""
    if state not in MOVES["pending"]:
        raise ValueError(f"a draft can't become {state!r}")
    statement = update(Draft).where(Draft.id == draft_id, Draft.state == "pending")
    return bool(conn.execute(statement.values(state=state, decided_by=staff_id, decided_at=at)).rowcount)


def send(conn: Connection, draft: Row[Any], staff_id: int, at: datetime, text: str | None = None) -> bool:
    """Send an answer as it is, or `text` instead of it. False when somebody was quicker."""
    if not decide(conn, draft.id, "edited" if text else "sent", staff_id, at):
        return False
    key = f"draft:{draft.id}"
    body = [{"text": text}] if text else draft.body
    row = {
        "turn_id": key, "person_id": draft.person_id, "author": "bot", "staff_id": staff_id, "kind": "reply",
        "body": body, "dedup": key, "owner": "question", "intent": draft.intent,
        "articles": draft.articles, "created_at": at,
    }  # fmt: skip
    message_id = int(conn.execute(insert(Message).returning(Message.id), row).scalar_one())
    if draft.channel in staff_words.PUSHED:
        payloads = [{"kind": "text", "text": part} for part in pieces(text)] if text else draft.payloads
        outbox.put(conn, draft.person_id, draft.channel, payloads, key=key, at=at, message_id=message_id)
    return True


def pieces(text: str, longest: int = staff_words.LONGEST) -> list[str]:
    """A long text in parts that a channel takes, cut at the ends of lines where there are any."""
    parts: list[str] = []
    while len(text) > longest:
        cut = text.rfind("\n", 1, longest)
        cut = cut if cut > 0 else longest
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip("\n")
    return [*parts, text]
