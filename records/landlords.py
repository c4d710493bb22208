"""What a landlord says about those who declared to live in his rooms, and what he owes the office."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from records import declarations as d
from records import employers
from records.declarations import LIVING, Declaration
from records.employers import Duty
from records.rooms import Landlord, Room

SAYS = {"confirms": "房东已确认", "objects": "房东有异议"}


def bind(conn: Connection, landlord_id: int, person_id: int) -> None:
    """This person in a channel is this landlord."""
    conn.execute(update(Landlord).where(Landlord.id == landlord_id).values(person_id=person_id))


def tenants(conn: Connection, landlord_ids: list[int]) -> list[Row[Any]]:
    """Who declared to live in a landlord's rooms, for him to confirm."""
    statement = d.listing().where(Room.landlord_id.in_(landlord_ids), Declaration.state.in_(LIVING))
    return list(conn.execute(statement.order_by(Declaration.room_id, Declaration.id)))


def says(
    conn: Connection, landlord_ids: list[int], declaration_id: int, word: str, reason: str, at: datetime
) -> bool:  # fmt: skip
    """A landlord confirms or objects; either way he has reported in time. False when the tenant isn't his.

    Raises `ValueError` for another word, or an objection without a reason.
    """
    if word not in SAYS:
        raise ValueError("可以选：确认、有异议")
    if word == "objects" and not reason:
        raise ValueError("有异议请写明原因")
    own = [row for row in tenants(conn, landlord_ids) if row.id == declaration_id]
    if not own:
        return False
    conn.execute(update(Declaration).where(Declaration.id == declaration_id).values(landlord_says=word))
    d.note(conn, declaration_id, f"landlord:{landlord_ids[0]}", f"landlord_{word}", at, reason or None)
    employers.settle(conn, [declaration_id], "in", at)
    return True


def duties(conn: Connection, landlord_ids: list[int]) -> list[Row[Any]]:
    """Moves that a landlord has still to report, the most urgent first."""
    statement = (
        d.listing()
        .add_columns(Duty.id.label("duty_id"), Duty.move, Duty.due_on)
        .join(Duty, Duty.declaration_id == Declaration.id)
        .where(Duty.landlord_id.in_(landlord_ids), Duty.done_at.is_(None))
    )
    return list(conn.execute(statement.order_by(Duty.due_on)))


def listing(conn: Connection, room_ids: list[int]) -> dict[int, Row[Any]]:
    """Landlords by the id of their rooms."""
    statement = select(Room.id.label("room_id"), Landlord.__table__).join(Landlord, Landlord.id == Room.landlord_id)
    found: Any = conn.execute(statement.where(Room.id.in_(room_ids)))
    return {row.room_id: row for row in found}
