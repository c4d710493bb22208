"""How satisfied people were with a chat: asked once, when it is closed, and never after a crisis (promise 7)."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant
from records.handoffs import Alarm

SCORES = {3: "满意", 2: "一般", 1: "不满意"}
QUESTION = "这次人工服务您满意吗？"
FRESH = timedelta(hours=48)
"""How long an answer is still taken for one."""


class Rating(Base):
    """One question asked, and what was answered."""

    __tablename__ = "ratings"

    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    score: Mapped[int | None]
    answered_at: Mapped[datetime | None] = mapped_column(Instant)


def choices(handoff_id: int) -> list[tuple[str, str]]:
    """(label, choice id) of the question's answers: `rate:<handoff>:<score>`."""
    return [(label, f"rate:{handoff_id}:{score}") for score, label in SCORES.items()]


def ask(conn: Connection, handoff: Row[Any], at: datetime) -> bool:
    """Note that the question is asked. False when it must not be: asked before, or the chat was about danger."""
    if handoff.reason == "crisis" or handoff.team == "psychology":
        return False
    alarmed = exists().where(Alarm.person_id == handoff.person_id, Alarm.raised_at >= handoff.opened_at)
    if conn.execute(select(alarmed)).scalar_one():
        return False
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Rating).values(handoff_id=handoff.id, person_id=handoff.person_id, asked_at=at)
    return bool(conn.execute(statement.on_conflict_do_nothing(index_elements=["handoff_id"])).rowcount)


def answer(conn: Connection, person_id: int, choice: str, at: datetime) -> bool:
    """Keep what a person answered (`rate:<handoff>:<score>`). False when nobody asked them, or they answered before."""
    kind, _, rest = choice.partition(":")
    handoff_id, _, score = rest.partition(":")
    if kind != "rate" or not handoff_id.isdecimal() or not score.isdecimal() or int(score) not in SCORES:
        return False
    mine = (
        Rating.handoff_id == int(handoff_id), Rating.person_id == person_id, Rating.score.is_(None),
        Rating.asked_at > at - FRESH,
    )  # fmt: skip
    return bool(conn.execute(update(Rating).where(*mine).values(score=int(score), answered_at=at)).rowcount)


def open_question(conn: Connection, person_id: int, at: datetime) -> Row[Any] | None:
    """The latest question that a person hasn't answered yet and still may (`handoff_id`, `asked_at`), or None."""
    asked = select(Rating.__table__).where(
        Rating.person_id == person_id, Rating.score.is_(None), Rating.asked_at > at - FRESH
    )
    return conn.execute(asked.order_by(Rating.asked_at.desc()).limit(1)).first()


def of_handoff(conn: Connection, handoff_id: int) -> Row[Any] | None:
    """The question and its answer, or None."""
    return conn.execute(select(Rating.__table__).where(Rating.handoff_id == handoff_id)).first()
