"""质检: a supervisor reads a sample of closed chats and scores them, so that good answers are seen and poor ones mended."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, exists, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant, SealedText
from records.handoffs import Handoff
from records.staff import Staff

POINTS = {"right": "答得对，有依据", "clear": "听得懂", "kind": "态度", "quick": "及时", "closed": "事情有着落"}
"""What is scored, 1 to 5 each."""


class Review(Base):
    """One closed chat, scored once."""

    __tablename__ = "reviews"

    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id", ondelete="CASCADE"), primary_key=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    right: Mapped[int]
    clear: Mapped[int]
    kind: Mapped[int]
    quick: Mapped[int]
    closed: Mapped[int]
    comment: Mapped[str] = mapped_column(SealedText)
    at: Mapped[datetime] = mapped_column(Instant)


def sample(conn: Connection, since: datetime, limit: int = 12) -> list[Row[Any]]:
    """Closed chats not yet scored, in a random order: (id, team, closed_at, owner)."""
    scored = exists().where(Review.handoff_id == Handoff.id)
    statement = (
        select(
            Handoff.id, Handoff.person_id, Handoff.team, Handoff.closed_at, Handoff.outcome, Staff.name.label("owner")
        )
        .join(Staff, Staff.id == Handoff.claimed_by)
        .where(Handoff.state == "closed", Handoff.closed_at >= since, ~scored)
        .order_by(func.random())
        .limit(limit)
    )
    return list(conn.execute(statement))


def add(
    conn: Connection, handoff_id: int, reviewer_id: int, points: dict[str, int], comment: str, at: datetime
) -> None:  # fmt: skip
    """Score a chat. Raises `ValueError` for points that aren't 1 to 5; IntegrityError when it was scored before."""
    if set(points) != set(POINTS) or not all(1 <= score <= 5 for score in points.values()):
        raise ValueError("每一项都要打分，1到5分。")
    row = {"handoff_id": handoff_id, "reviewer_id": reviewer_id, "comment": comment, "at": at, **points}
    conn.execute(insert(Review), row)


def of_handoff(conn: Connection, handoff_id: int) -> Row[Any] | None:
    """A chat's score, or None."""
    return conn.execute(select(Review.__table__).where(Review.handoff_id == handoff_id)).first()


def by_staff(conn: Connection, since: datetime) -> list[Row[Any]]:
    """(name, n, and the mean of each point) of everybody whose chats were scored since a moment."""
    means = [func.avg(getattr(Review, name)).label(name) for name in POINTS]
    statement = (
        select(Staff.name, func.count().label("n"), *means)
        .join(Handoff, Handoff.id == Review.handoff_id)
        .join(Staff, Staff.id == Handoff.claimed_by)
        .where(Review.at >= since)
        .group_by(Staff.id, Staff.name)
        .order_by(Staff.name)
    )
    return list(conn.execute(statement))
