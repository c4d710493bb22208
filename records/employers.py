"""Firms that house their people. They register them from a file; each person consents by a link of his own."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, LargeBinary, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records import declarations as d
from records.base import Base, Instant, SealedText
from records.crypto import cipher
from records.declarations import LIVING, Declaration
from records.keyed import adopt
from records.rooms import Landlord


class Employer(Base):
    """One firm."""

    __tablename__ = "employers"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    contact: Mapped[str | None] = mapped_column(SealedText)
    """Name of whoever does this for the firm."""
    phone: Mapped[str | None] = mapped_column(SealedText)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    region: Mapped[str] = mapped_column(String(24))
    created_at: Mapped[datetime] = mapped_column(Instant)


class Duty(Base):
    """A move that a landlord or a firm has to report within its working days, and whether it was."""

    __tablename__ = "move_duties"

    id: Mapped[int] = mapped_column(primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("declarations.id", ondelete="CASCADE"), index=True)
    employer_id: Mapped[int | None] = mapped_column(ForeignKey("employers.id"), index=True)
    landlord_id: Mapped[int | None] = mapped_column(ForeignKey("landlords.id"), index=True)
    move: Mapped[str] = mapped_column(String(4))
    """`in` or `out`."""
    due_on: Mapped[date]
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    reminded_at: Mapped[datetime | None] = mapped_column(Instant)


def add(conn: Connection, name: str, contact: str, phone: str, region: str, at: datetime) -> int:
    """The id of the firm of this name, made when it isn't there."""
    adopt(conn, "employer", region, name)
    key = cipher().lookup("employer", region, name)
    found = conn.execute(select(Employer.id).where(Employer.key == key)).scalar()
    if found is not None:
        return int(found)
    row = {"key": key, "name": name, "contact": contact or None, "phone": phone or None, "region": region,
           "created_at": at}  # fmt: skip
    return int(conn.execute(insert(Employer).returning(Employer.id), row).scalar_one())


def get(conn: Connection, employer_id: int) -> Row[Any] | None:
    """A firm's row, or None."""
    return conn.execute(select(Employer.__table__).where(Employer.id == employer_id)).first()


def of_person(conn: Connection, person_id: int) -> list[Row[Any]]:
    """The firms that somebody in a channel acts for."""
    return list(conn.execute(select(Employer.__table__).where(Employer.person_id == person_id).order_by(Employer.id)))


def listing(conn: Connection) -> list[Row[Any]]:
    """All firms, by name."""
    return list(conn.execute(select(Employer.__table__).order_by(Employer.name)))


def owe(
    conn: Connection, declaration_id: int, move: str, due_on: date, *, employer_id: int | None = None,
    landlord_id: int | None = None,
) -> None:  # fmt: skip
    """Note that a move has to be reported by `due_on`."""
    row = {"declaration_id": declaration_id, "employer_id": employer_id, "landlord_id": landlord_id, "move": move,
           "due_on": due_on}  # fmt: skip
    conn.execute(insert(Duty), row)


def settle(conn: Connection, declaration_ids: list[int], move: str, at: datetime) -> None:
    """The moves of these declarations were reported, confirmed or objected to."""
    statement = update(Duty).where(Duty.declaration_id.in_(declaration_ids), Duty.move == move, Duty.done_at.is_(None))
    conn.execute(statement.values(done_at=at))


def report(
    conn: Connection, duty_id: int, at: datetime, *, employer_id: int = 0, landlord_ids: Sequence[int] = ()
) -> bool:  # fmt: skip
    """The firm or the landlord who owes it reports this move. False when it isn't his, or was reported before."""
    actor = f"employer:{employer_id}" if employer_id else f"landlord:{landlord_ids[0]}" if landlord_ids else ""
    his = Duty.employer_id == employer_id if employer_id else Duty.landlord_id.in_(landlord_ids)
    statement = update(Duty).where(Duty.id == duty_id, his, Duty.done_at.is_(None)).values(done_at=at)
    declaration_id = conn.execute(statement.returning(Duty.declaration_id)).scalar()
    if declaration_id is None:
        return False
    d.note(conn, declaration_id, actor, "employer_reported" if employer_id else "landlord_reported", at)
    return True


def bind(conn: Connection, employer_id: int, person_id: int) -> None:
    """This person in a channel acts for this firm."""
    conn.execute(update(Employer).where(Employer.id == employer_id).values(person_id=person_id))


def people_of(conn: Connection, employer_id: int) -> list[Row[Any]]:
    """The firm's people who live in its rooms or have yet to consent."""
    statement = d.listing().where(
        Declaration.employer_id == employer_id, Declaration.state.in_((*LIVING, "waiting", "returned"))
    )
    return list(conn.execute(statement.order_by(Declaration.room_id, Declaration.id)))


def duties_of(conn: Connection, employer_id: int) -> list[Row[Any]]:
    """Moves that a firm has still to report, the most urgent first."""
    statement = (
        d.listing()
        .add_columns(Duty.id.label("duty_id"), Duty.move, Duty.due_on)
        .join(Duty, Duty.declaration_id == Declaration.id)
        .where(Duty.employer_id == employer_id, Duty.done_at.is_(None))
    )
    return list(conn.execute(statement.order_by(Duty.due_on)))


def due(conn: Connection, by: date, limit: int = 200) -> list[Row[Any]]:
    """Duties not met that end on `by` or before and of which nobody was reminded yet, with whom to remind."""
    table = Duty.__table__
    statement = (
        select(table, Employer.person_id.label("employer_person"), Landlord.person_id.label("landlord_person"))
        .outerjoin(Employer, Employer.id == Duty.employer_id)
        .outerjoin(Landlord, Landlord.id == Duty.landlord_id)
        .where(Duty.done_at.is_(None), Duty.reminded_at.is_(None), Duty.due_on <= by)
        .order_by(Duty.due_on)
        .limit(limit)
    )
    return list(conn.execute(statement))


def reminded(conn: Connection, duty_ids: list[int], at: datetime) -> None:
    """Note that somebody was reminded of these."""
    conn.execute(update(Duty).where(Duty.id.in_(duty_ids)).values(reminded_at=at))
