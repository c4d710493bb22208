"""Topics that people asked to be told about: one wish is one message (订阅通知, one-time type), spent when it is sent.

Somebody asks (积分申评开放时告诉我); staff tell everybody who asked, once; whoever changed his mind takes it back.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records import notices
from records.base import Base, Instant


class Subscription(Base):
    """One person's consent to one message about one topic."""

    __tablename__ = "subscriptions"
    __table_args__ = (Index("ix_subscriptions_topic_state", "topic", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    topic: Mapped[str] = mapped_column(String(40))
    """An intent of the taxonomy."""
    region: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(12), default="open")
    """`open` → `spent` (told once) | `revoked` (by the person)."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


def add(conn: Connection, person_id: int, topic: str, region: str, at: datetime) -> None:
    """Keep a wish; the same one only once while it is open."""
    same = select(Subscription.id).where(
        Subscription.person_id == person_id, Subscription.topic == topic, Subscription.region == region,
        Subscription.state == "open",
    )  # fmt: skip
    if conn.execute(same).first() is None:
        row = {"person_id": person_id, "topic": topic, "region": region, "state": "open", "created_at": at}
        conn.execute(insert(Subscription), row)


def revoke(conn: Connection, person_id: int, at: datetime, topic: str = "") -> int:
    """Take back a person's wishes about a topic, or all of them. Returns how many there were."""
    statement = update(Subscription).where(Subscription.person_id == person_id, Subscription.state == "open")
    if topic:
        statement = statement.where(Subscription.topic == topic)
    return conn.execute(statement.values(state="revoked", closed_at=at)).rowcount


def of_person(conn: Connection, person_id: int) -> list[Row[Any]]:
    """A person's open wishes, the oldest first."""
    wanted = select(Subscription.__table__).where(Subscription.person_id == person_id, Subscription.state == "open")
    return list(conn.execute(wanted.order_by(Subscription.id)))


def tell(
    conn: Connection, topic: str, regions: frozenset[str], title: str, words: str, path: str, at: datetime
) -> int:  # fmt: skip
    """Tell everybody who asked about a topic in one of `regions`, once; their consent is spent. Returns how many."""
    rows = conn.execute(
        select(Subscription.id, Subscription.person_id).where(
            Subscription.topic == topic, Subscription.region.in_(regions), Subscription.state == "open"
        )
    ).all()
    told = 0
    for row in rows:
        spent = conn.execute(
            update(Subscription)
            .where(Subscription.id == row.id, Subscription.state == "open")
            .values(state="spent", closed_at=at)
        ).rowcount
        if spent:
            told += notices.tell(
                conn, row.person_id, title, words, path, key=f"subscription-{row.id}", at=at, asked=True
            )
    return told
