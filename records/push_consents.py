"""Consents to messages that WeChat carries outside the window for customer messages (订阅通知, one-time type).

One consent is one message by one template, without an end (wx-push-03). The platform tells of each one; here they are
counted, spent before a message is sent, and set to none when the person says no, to the platform or on `/me`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, UniqueConstraint, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant


class PushConsent(Base):
    """How many messages by one template one person still agreed to."""

    __tablename__ = "push_consents"
    __table_args__ = (UniqueConstraint("person_id", "template"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    template: Mapped[str] = mapped_column(String(64))
    """The platform's id of the template."""
    remaining: Mapped[int]
    changed_at: Mapped[datetime] = mapped_column(Instant)


def give(conn: Connection, person_id: int, template: str, at: datetime) -> None:
    """One more message by a template may be sent."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    row = {"person_id": person_id, "template": template, "remaining": 1, "changed_at": at}
    one_more = {"remaining": PushConsent.remaining + 1, "changed_at": at}
    conn.execute(
        dialect.insert(PushConsent)
        .values(row)
        .on_conflict_do_update(index_elements=["person_id", "template"], set_=one_more)
    )


def spend(conn: Connection, person_id: int, template: str, at: datetime) -> bool:
    """Take one consent. False when none is left. Atomic: two senders can't spend the same one."""
    statement = (
        update(PushConsent)
        .where(PushConsent.person_id == person_id, PushConsent.template == template, PushConsent.remaining > 0)
        .values(remaining=PushConsent.remaining - 1, changed_at=at)
    )
    return conn.execute(statement).rowcount > 0


def left(conn: Connection, person_id: int, template: str) -> int:
    """How many messages by a template a person still agreed to."""
    mine = select(PushConsent.remaining).where(PushConsent.person_id == person_id, PushConsent.template == template)
    return int(conn.execute(mine).scalar() or 0)


def revoke(conn: Connection, person_id: int, at: datetime, template: str = "") -> int:
    """The person wants no more messages by a template, or by any. Returns how many templates that changed."""
    statement = update(PushConsent).where(PushConsent.person_id == person_id, PushConsent.remaining > 0)
    if template:
        statement = statement.where(PushConsent.template == template)
    return conn.execute(statement.values(remaining=0, changed_at=at)).rowcount


def of_person(conn: Connection, person_id: int) -> list[Row[Any]]:
    """What a person still agreed to, template by template."""
    mine = select(PushConsent.__table__).where(PushConsent.person_id == person_id, PushConsent.remaining > 0)
    return list(conn.execute(mine.order_by(PushConsent.id)))
