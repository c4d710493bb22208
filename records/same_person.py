"""One human being under several identities (on WeChat and in a browser, or with a new phone), as staff found out.

A merge is a row that says so, and can be undone: nobody's messages are moved, for each identity is answered through its
own channel. Whoever looks at one of them sees the others beside it, as far as he may see them.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant
from records.cases import Case
from records.declarations import Declaration
from records.desk_queries import Scope, visible
from records.handoffs import Handoff
from records.people import Person

MOST = 8
"""Identities of one human being; more are a mistake."""


class SamePerson(Base):
    """Two identities that belong together."""

    __tablename__ = "same_people"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    merged_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    merged_at: Mapped[datetime] = mapped_column(Instant)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)


def others(conn: Connection, person_id: int) -> list[int]:
    """The other identities of a person, in order."""
    known, fresh = {person_id}, {person_id}
    while fresh and len(known) <= MOST:
        pairs = conn.execute(
            select(SamePerson.person_id, SamePerson.other_id).where(
                SamePerson.undone_at.is_(None),
                or_(SamePerson.person_id.in_(fresh), SamePerson.other_id.in_(fresh)),
            )
        ).all()
        fresh = {id for pair in pairs for id in pair} - known
        known |= fresh
    return sorted(known - {person_id})


def merge(conn: Connection, person_id: int, other_id: int, staff_id: int, at: datetime) -> bool:
    """Say that two identities belong together. False when that was known. Raises `ValueError` for what makes no sense."""
    if person_id == other_id:
        raise ValueError("这就是同一个会话的人，不用合并。")
    together = {person_id, other_id, *others(conn, person_id), *others(conn, other_id)}
    if other_id in others(conn, person_id):
        return False
    if len(together) > MOST:
        raise ValueError(f"一个人最多合并{MOST}个身份，请核对是不是弄错了。")
    row = {"person_id": person_id, "other_id": other_id, "merged_by": staff_id, "merged_at": at}
    conn.execute(insert(SamePerson), row)
    return True


def part(conn: Connection, person_id: int, at: datetime) -> int:
    """Undo: this identity stands alone again. Returns how many ties were cut."""
    mine = or_(SamePerson.person_id == person_id, SamePerson.other_id == person_id)
    return conn.execute(update(SamePerson).where(mine, SamePerson.undone_at.is_(None)).values(undone_at=at)).rowcount


def chats(conn: Connection, scope: Scope, person_ids: Collection[int], limit: int = 20) -> list[Row[Any]]:
    """Handoffs of identities that one may see, with their channel, open ones first, then the newest."""
    if not person_ids:
        return []
    statement = (
        select(Handoff.__table__, Person.channel)
        .join(Person, Person.id == Handoff.person_id)
        .where(Handoff.person_id.in_(person_ids), visible(scope))
        .order_by(Handoff.state == "closed", Handoff.id.desc())
        .limit(limit)
    )
    return list(conn.execute(statement))


def likely(conn: Connection, scope: Scope, person_id: int) -> list[Row[Any]]:
    """Who gave the same phone number in a case or a declaration, and has a chat that one may see: the newest of each."""
    numbers = select(Case.phone_hash).where(Case.person_id == person_id, Case.phone_hash.is_not(None)).union(
        select(Declaration.phone_hash).where(Declaration.person_id == person_id, Declaration.phone_hash.is_not(None))
    )  # fmt: skip
    hashes = list(conn.execute(numbers).scalars())
    if not hashes:
        return []
    same = select(Case.person_id).where(Case.phone_hash.in_(hashes), Case.person_id.is_not(None)).union(
        select(Declaration.person_id).where(Declaration.phone_hash.in_(hashes), Declaration.person_id.is_not(None))
    )  # fmt: skip
    known = {person_id, *others(conn, person_id)}
    ids = [id for id in conn.execute(same).scalars() if id not in known]
    if not ids:
        return []
    newest = select(func.max(Handoff.id)).where(Handoff.person_id.in_(ids), visible(scope)).group_by(Handoff.person_id)
    return list(conn.execute(select(Handoff.id, Handoff.person_id).where(Handoff.id.in_(newest)).limit(5)))
