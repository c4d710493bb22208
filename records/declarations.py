"""Declarations: who lives in which room, from the form to the day of leaving.

    waiting ──► declared ──► checked ──► confirmed
       │           │            │            │
       │           ├────────────┴────────────┼──► returned (with a reason)
       └► declined └─────────────────────────┴──► moved_out, superseded (by a correction)

One form is a filing and holds a declaration for each person. `waiting`: a firm named the person, who has not consented
yet. Rows are never overwritten: a correction supersedes, every step is an event, and any day can be read back.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    Select,
    String,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigId, Instant, SealedJson
from records.places import Place, address
from records.rooms import Room

MOVES = {
    "waiting": {"declared", "declined", "superseded"},
    "declared": {"checked", "confirmed", "returned", "moved_out", "superseded"},
    "checked": {"confirmed", "returned", "moved_out", "superseded"},
    "confirmed": {"returned", "moved_out", "superseded"},
    "returned": {"superseded", "moved_out"},
    "moved_out": set(),
    "superseded": set(),
    "declined": set(),
}
"""Allowed moves of a declaration."""
STATES = {
    "waiting": "等本人同意",
    "declared": "已申报，等核对",
    "checked": "已核对，等确认",
    "confirmed": "已登记",
    "returned": "退回，请更正",
    "moved_out": "已搬走",
    "superseded": "已被更正代替",
    "declined": "本人没有同意",
}
LIVING = ("declared", "checked", "confirmed")
"""States in which somebody counts as living in the room."""
RELATIONS = {"self": "本人", "spouse": "配偶", "child": "子女", "parent": "父母", "other": "其他同住人"}
SOURCES = {"page": "扫码自报", "desk": "总台登记", "employer": "单位登记", "landlord": "房东登记", "chat": "对话登记"}


class Filing(Base):
    """One form as it came in. The same form sent again is the same filing."""

    __tablename__ = "filings"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    """Who sent it; None where nobody was signed in."""
    source: Mapped[str] = mapped_column(String(10))
    flags: Mapped[str] = mapped_column(String(80), default="")
    """What was noticed at once, separated by spaces: `over_space over_beds elsewhere same_number typed`."""
    consent: Mapped[str] = mapped_column(String(12))
    consent_at: Mapped[datetime | None] = mapped_column(Instant)
    at: Mapped[datetime] = mapped_column(Instant)


class Declaration(Base):
    """One person in one room."""

    __tablename__ = "declarations"
    __table_args__ = (Index("ix_declarations_room_id_state", "room_id", "state"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    filing_id: Mapped[int] = mapped_column(ForeignKey("filings.id"), index=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    employer_id: Mapped[int | None] = mapped_column(ForeignKey("employers.id"), index=True)
    relation: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12), index=True)
    who: Mapped[Any] = mapped_column(SealedJson, nullable=True)
    """name, paper, number, phone, born (ISO); None after erasure."""
    number_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    last4_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    name_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    adult_from: Mapped[date | None] = mapped_column(Date)
    """The month of the 18th birthday: minors are counted apart."""
    moved_in: Mapped[date] = mapped_column(Date)
    moved_out: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date] = mapped_column(Date, index=True)
    """When the person is to be asked again."""
    landlord_says: Mapped[str | None] = mapped_column(String(8))
    """`confirms`, `objects`, or None."""
    replaces: Mapped[int | None] = mapped_column(BigId)
    """The declaration that this one corrects."""
    declared_at: Mapped[datetime] = mapped_column(Instant)


class DeclarationEvent(Base):
    """One step; rows are only added."""

    __tablename__ = "declaration_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("declarations.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(60))
    action: Mapped[str] = mapped_column(String(24))
    """A state moved to, or `landlord_confirms`, `landlord_objects`, `asked`, `still_here`, `renewed`."""
    text: Mapped[Any] = mapped_column(SealedJson, nullable=True)


class Asked(Base):
    """The earlier tenant who never moved out is asked whether he still lives there."""

    __tablename__ = "move_questions"

    id: Mapped[int] = mapped_column(primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("declarations.id", ondelete="CASCADE"), index=True)
    because_filing_id: Mapped[int] = mapped_column(ForeignKey("filings.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    answer: Mapped[str | None] = mapped_column(String(10))
    """`still_here`, `moved_out`, or None."""
    answered_at: Mapped[datetime | None] = mapped_column(Instant)


class IllegalMove(ValueError):
    """A declaration can't go from its state to that one. The message is for whoever pressed the button."""


def note(
    conn: Connection, declaration_id: int, actor: str, action: str, at: datetime, text: str | None = None
) -> None:  # fmt: skip
    """Add a step to a declaration's history."""
    row = {"declaration_id": declaration_id, "actor": actor, "action": action, "at": at, "text": text}
    conn.execute(_NOTE, row)


def get(conn: Connection, declaration_id: int) -> Row[Any] | None:
    """A declaration's row, or None."""
    return conn.execute(select(Declaration.__table__).where(Declaration.id == declaration_id)).first()


def move(
    conn: Connection, declaration_id: int, state: str, actor: str, at: datetime, *, text: str | None = None,
    moved_out: date | None = None,
) -> Row[Any]:  # fmt: skip
    """Move a declaration to `state` and note it. `text`: the reason, which the person is shown. Returns the row before.

    Raises `IllegalMove`; of two people who press at once, the second gets it.
    """
    row = get(conn, declaration_id)
    if row is None or state not in MOVES[row.state]:
        now = STATES[row.state] if row else "不存在"
        raise IllegalMove(f"这条登记现在是“{now}”，不能改成“{STATES.get(state, state)}”")
    if state == "returned" and not text:
        raise IllegalMove("退回要写明理由，本人会看到")
    values: dict[str, Any] = {"state": state}
    if state == "moved_out":
        values["moved_out"] = max(moved_out or at.date(), row.moved_in)
    statement = update(Declaration).where(Declaration.id == declaration_id, Declaration.state == row.state)
    if not conn.execute(statement.values(**values)).rowcount:
        raise IllegalMove("别人刚刚处理过这条登记，请刷新再看")
    note(conn, declaration_id, actor, state, at, text)
    return row


def listing() -> Select[Any]:
    """Declarations with number and flags of their filing and the address of their room."""
    return (
        select(
            Declaration.__table__, Filing.number, Filing.flags, Filing.source, Room.number.label("room_number"),
            Room.short, Place.path,
        )
        .join(Filing, Filing.id == Declaration.filing_id)
        .join(Room, Room.id == Declaration.room_id)
        .join(Place, Place.id == Room.building_id)
    )  # fmt: skip


_LIVING_IN = (
    listing().where(Declaration.room_id == bindparam("room_id"), Declaration.state.in_(LIVING)).order_by(Declaration.id)
)
_OF_PERSON = (
    listing()
    .where(Declaration.person_id == bindparam("person_id"), Declaration.state != "superseded")
    .order_by(Declaration.id.desc())
    .limit(bindparam("most"))
)
_NOTE = insert(DeclarationEvent)


def address_of(row: Row[Any]) -> str:
    """The address of a declaration from `listing`."""
    return address(row.path, row.room_number)


def of_person(conn: Connection, person_id: int, limit: int = 50) -> list[Row[Any]]:
    """What somebody declared or had declared for them, the newest first: for `/me` and the conversation.

    Each row has the declaration's columns, `number`, `path`, `room_number`; see `address_of`, `STATES`, `RELATIONS`.
    """
    return list(conn.execute(_OF_PERSON, {"person_id": person_id, "most": limit}))


def by_number(conn: Connection, number: str) -> list[Row[Any]]:
    """The declarations of one filing by the number on its receipt (`FH-20261122-0042`)."""
    statement = listing().where(Filing.number == number.strip().upper()).order_by(Declaration.id)
    return list(conn.execute(statement))


def of_filing(conn: Connection, filing_id: int) -> list[Row[Any]]:
    """The declarations of one filing."""
    return list(conn.execute(listing().where(Declaration.filing_id == filing_id).order_by(Declaration.id)))


def living_in(conn: Connection, room_id: int) -> list[Row[Any]]:
    """Who counts as living in a room now."""
    return list(conn.execute(_LIVING_IN, {"room_id": room_id}))


def expired(conn: Connection, today: date, limit: int = 200, *, after: int = 0) -> list[Row[Any]]:
    """Declarations of people who can be asked, past `until` by no more than a week; in the order of their ids, those
    beyond `after`."""
    statement = listing().where(
        Declaration.state.in_(LIVING), Declaration.until < today, Declaration.until >= today - timedelta(days=7),
        Declaration.person_id.is_not(None), Declaration.relation == "self", Declaration.id > after,
    )  # fmt: skip
    return list(conn.execute(statement.order_by(Declaration.id).limit(limit)))


def renew(conn: Connection, declaration_ids: Sequence[int], actor: str, until: date, at: datetime) -> None:
    """The person says that it still holds: asked again at `until`."""
    conn.execute(update(Declaration).where(Declaration.id.in_(declaration_ids)).values(until=until))
    for declaration_id in declaration_ids:
        note(conn, declaration_id, actor, "renewed", at)


def history(conn: Connection, declaration_id: int) -> list[Row[Any]]:
    """A declaration's steps, the oldest first."""
    table = DeclarationEvent.__table__
    found = select(table).where(DeclarationEvent.declaration_id == declaration_id).order_by(DeclarationEvent.id)
    return list(conn.execute(found))


def states_on(conn: Connection, declaration_ids: Sequence[int], end: datetime) -> dict[int, str]:
    """The state in which each declaration was at a moment; those not made yet are missing."""
    table = DeclarationEvent.__table__.c
    statement = select(table.declaration_id, table.action).where(
        table.declaration_id.in_(declaration_ids), table.at < end, table.action.in_(STATES)
    )
    return {row.declaration_id: row.action for row in conn.execute(statement.order_by(table.id))}


def reason(conn: Connection, declaration_id: int) -> str:
    """Why a declaration was returned; empty when it wasn't."""
    table = DeclarationEvent.__table__
    statement = (
        select(table.c.text)
        .where(table.c.declaration_id == declaration_id, table.c.action == "returned")
        .order_by(table.c.id.desc())
        .limit(1)
    )
    return conn.execute(statement).scalar() or ""


OVER = ("moved_out", "superseded", "declined", "returned")
"""States in which a declaration no longer counts."""


def erase_person(conn: Connection, person_id: int, at: datetime) -> int:
    """Take out what identifies somebody from his declarations that no longer count. Returns how many.

    Those in force stay until the office closes them: registering is a duty of law, not of consent (the caller says so).
    """
    return _erase(conn, Declaration.person_id == person_id, f"person:{person_id}", at)


def retire(conn: Connection, at: datetime, *, keep_days: int, wait_days: int) -> int:
    """Take out what identifies people from declarations that stopped counting `keep_days` ago, and end those that wait
    for somebody's consent for longer than `wait_days`. Returns how many were emptied.
    """
    too_long = select(Declaration.id).where(
        Declaration.state == "waiting", Declaration.declared_at < at - timedelta(days=wait_days)
    )
    for declaration_id in conn.execute(too_long.limit(500)).scalars().all():
        move(conn, declaration_id, "superseded", "job:moves", at)
        _erase(conn, Declaration.id == declaration_id, "job:moves", at)
    newest = (
        select(func.max(DeclarationEvent.at))
        .where(DeclarationEvent.declaration_id == Declaration.id)
        .correlate(Declaration)
        .scalar_subquery()
    )
    return _erase(conn, newest < at - timedelta(days=keep_days), "job:moves", at)


def _erase(conn: Connection, which: ColumnElement[bool], actor: str, at: datetime) -> int:
    statement = (
        update(Declaration)
        .where(which, Declaration.state.in_(OVER), Declaration.who.is_not(None))
        .values(who=None, number_hash=None, last4_hash=None, name_hash=None, phone_hash=None, adult_from=None)
        .execution_options(synchronize_session=False)
    )
    ids = list(conn.execute(statement.returning(Declaration.id)).scalars())
    conn.execute(update(DeclarationEvent).where(DeclarationEvent.declaration_id.in_(ids)).values(text=None))
    for declaration_id in ids:
        note(conn, declaration_id, actor, "erased", at)
    return len(ids)
