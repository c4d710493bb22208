"""The house as a board: each room with how many live there, what is open about it, its colour and the reasons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select

import clock
from records import declarations as d
from records import places, room_rules, rooms
from records.cases import Case
from records.declarations import LIVING, Asked, Declaration
from records.inspections import Inspection, RoomReport
from records.keyed import among
from records.places import Place
from records.room_codes import RoomCode, read_short
from records.rooms import Room

_CLOSED = ("resolved", "withdrawn")


@dataclass(frozen=True, slots=True)
class Tile:
    """One room on the board. `signs` are those of `room_rules.yml`; `reasons` are in the office's words."""

    room: Row[Any]
    people: int
    adults: int
    to_check: int
    hazards: int
    reports: int
    colour: str
    reasons: tuple[str, ...]
    signs: frozenset[str]
    space: int | None

    @property
    def beds(self) -> int | None:
        """Beds, where the file said so."""
        return self.room.beds or None


def tiles(conn: Connection, found: Select[Any] | Sequence[Row[Any]], today: date) -> list[Tile]:
    """The board of some rooms (rows or a statement of `rooms.listing`), in their order."""
    rows = list(conn.execute(found)) if isinstance(found, Select) else list(found)
    lived: dict[int, Row[Any]] = {}
    open_cases: dict[int, Row[Any]] = {}
    seen: dict[int, Row[Any]] = {}
    printed: set[int] = set()
    unanswered: set[int] = set()
    ids = [row.id for row in rows]
    for some in (ids[start : start + 900] for start in range(0, len(ids), 900)):
        lived |= _lived(conn, some, today)
        open_cases |= _open_cases(conn, some)
        seen |= _seen(conn, some)
        printed |= _printed(conn, some)
        unanswered |= _unanswered(conn, some, today)
    return [
        _tile(row, lived.get(row.id), open_cases.get(row.id), seen.get(row.id), row.id in printed,
              row.id in unanswered, today)
        for row in rows
    ]  # fmt: skip


def _lived(conn: Connection, ids: Iterable[int], today: date) -> dict[int, Row[Any]]:
    adult = or_(Declaration.adult_from.is_(None), Declaration.adult_from <= today)
    statement = (
        select(
            Declaration.room_id,
            func.count().label("people"),
            func.sum(case((adult, 1), else_=0)).label("adults"),
            func.sum(case((Declaration.state != "confirmed", 1), else_=0)).label("to_check"),
            func.sum(case((Declaration.until < today, 1), else_=0)).label("expired"),
            func.sum(case((Declaration.landlord_says == "objects", 1), else_=0)).label("objections"),
        )
        .where(Declaration.room_id.in_(ids), Declaration.state.in_(LIVING))
        .group_by(Declaration.room_id)
    )
    return {row.room_id: row for row in conn.execute(statement)}


def _open_cases(conn: Connection, ids: Iterable[int]) -> dict[int, Row[Any]]:
    statement = (
        select(
            RoomReport.room_id,
            func.count().label("reports"),
            func.sum(case((RoomReport.kind == "hazard", 1), else_=0)).label("hazards"),
        )
        .join(Case, Case.number == RoomReport.case_number)
        .where(RoomReport.room_id.in_(ids), Case.state.not_in(_CLOSED))
        .group_by(RoomReport.room_id)
    )
    return {row.room_id: row for row in conn.execute(statement)}


def _seen(conn: Connection, ids: Iterable[int]) -> dict[int, Row[Any]]:
    newest = select(func.max(Inspection.id)).where(Inspection.room_id.in_(ids)).group_by(Inspection.room_id)
    table = Inspection.__table__.c
    statement = select(table.room_id, table.result, table.again_on, table.at).where(table.id.in_(newest))
    found: Any = conn.execute(statement)
    return {row.room_id: row for row in found}


def _printed(conn: Connection, ids: Iterable[int]) -> set[int]:
    in_force = and_(RoomCode.revoked_at.is_(None), RoomCode.printed_at.is_not(None))
    return set(conn.execute(select(RoomCode.room_id).where(RoomCode.room_id.in_(ids), in_force)).scalars())


def _unanswered(conn: Connection, ids: Iterable[int], today: date) -> set[int]:
    since = clock.now() - timedelta(days=room_rules.rules()["ask_days"])
    statement = (
        select(Declaration.room_id)
        .join(Asked, Asked.declaration_id == Declaration.id)
        .where(
            Declaration.room_id.in_(ids), Declaration.state.in_(LIVING), Asked.answer.is_(None), Asked.asked_at < since
        )
    )
    return set(conn.execute(statement).scalars())


def _tile(
    row: Row[Any], lived: Row[Any] | None, open_cases: Row[Any] | None, seen: Row[Any] | None, printed: bool,
    unanswered: bool, today: date,
) -> Tile:  # fmt: skip
    people, adults = (lived.people, lived.adults) if lived else (0, 0)
    hazards = open_cases.hazards if open_cases else 0
    again = seen is not None and (
        (seen.again_on is not None and seen.again_on <= today)
        or (today - seen.at.date()).days > room_rules.rules()["inspect_days"]
    )
    signs = dict.fromkeys(room_rules.over(row, people, adults), True) | {
        "closed": row.state == "closed",
        "hazard": hazards > 0,
        "expired": bool(lived and lived.expired),
        "objection": bool(lived and lived.objections),
        "no_landlord": row.landlord_id is None and row.employer_id is None,
        "no_code": not printed,
        "crowd": (row.beds or 0) >= room_rules.rules()["crowd_beds"],
        "inspection_failed": seen is not None and seen.result == "fail",
        "inspection_fix": seen is not None and seen.result == "fix",
        "inspection_due": again,
        "unanswered": unanswered,
    }
    colour, reasons = room_rules.colour(signs)
    if row.colour is not None:
        colour, reasons = row.colour, (f"办公室定为{rooms.COLOURS[row.colour]}：{row.colour_reason}", *reasons)
    return Tile(
        row, people, adults, lived.to_check if lived else 0, hazards, open_cases.reports if open_cases else 0, colour,
        reasons, frozenset(name for name, holds in signs.items() if holds), room_rules.capacity(row).space,
    )  # fmt: skip


def living(conn: Connection, path: str) -> int:
    """How many people are registered below a place."""
    statement = (
        select(func.count())
        .select_from(Declaration)
        .join(Room, Room.id == Declaration.room_id)
        .join(Place, Place.id == Room.building_id)
        .where(Declaration.state.in_(LIVING), places.under(path))
    )
    return int(conn.execute(statement).scalar_one())


def to_check(conn: Connection, path: str, limit: int = 200) -> list[Row[Any]]:
    """Declarations that wait for staff below a place, the oldest first."""
    statement = d.listing().where(Declaration.state.in_(("declared", "checked")))
    if path:
        statement = statement.where(places.under(path))
    return list(conn.execute(statement.order_by(Declaration.id).limit(limit)))


def room_on(conn: Connection, room_id: int, day: date) -> list[Row[Any]]:
    """Who lived in a room on a day, as far as was ever declared: rows of `declarations.listing`."""
    statement = d.listing().where(
        Declaration.room_id == room_id, Declaration.moved_in <= day,
        or_(Declaration.moved_out.is_(None), Declaration.moved_out > day),
        Declaration.state.in_((*LIVING, "moved_out")),
    )  # fmt: skip
    return list(conn.execute(statement.order_by(Declaration.id)))


def person_on(conn: Connection, number_hash: bytes, day: date | None = None) -> list[Row[Any]]:
    """Where somebody lived on a day, or ever: rows of `declarations.listing`, the newest first."""
    statement = d.listing().where(Declaration.number_hash == number_hash)
    if day is not None:
        statement = statement.where(
            Declaration.moved_in <= day, or_(Declaration.moved_out.is_(None), Declaration.moved_out > day),
            Declaration.state.in_((*LIVING, "moved_out")),
        )  # fmt: skip
    return list(conn.execute(statement.order_by(Declaration.id.desc())))


def search(conn: Connection, text: str, path: str = "", limit: int = 50) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """Rooms and declarations that a word names: a room's number or short code, a name, a phone, an ID number, or its
    last four characters. Personal fields are found by their whole value only."""
    word = " ".join(text.split())
    if not word:
        return [], []
    found_rooms = rooms.listing().where(or_(Room.number == word, Room.short == (read_short(word) or "-")))
    hashes = [
        among(Declaration.name_hash, "name", word),
        among(Declaration.number_hash, "number", word.upper()),
        among(Declaration.last4_hash, "last4", word.upper()[-4:] if len(word) == 4 else "-"),
        among(Declaration.phone_hash, "phone", word),
    ]
    people = d.listing().where(or_(*hashes), Declaration.state != "superseded")
    if path:
        found_rooms, people = found_rooms.where(places.under(path)), people.where(places.under(path))
    return (
        list(conn.execute(found_rooms.order_by(Place.path, Room.number).limit(limit))),
        list(conn.execute(people.order_by(Declaration.id.desc()).limit(limit))),
    )
