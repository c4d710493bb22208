"""What can't be true as it stands: one person in two rooms, two names under one number, too many people, a question that
nobody answered. Found here, shown to staff, and settled by them; nothing is changed by itself.

A member of staff who looked into it and found it right says so with a reason. The word holds for those very
declarations and for `doubt_days`: somebody new in the room, or the time gone by, brings the doubt back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Date, LargeBinary, Row, String, case, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from records import declarations as d
from records import places, room_rules, rooms
from records.base import Base, Instant, SealedText
from records.board import tiles
from records.declarations import LIVING, Asked, Declaration
from records.places import Place
from records.rooms import Room

KINDS = {
    "elsewhere": "同一个人登记在两间房",
    "same_number": "两个人用同一个证件号",
    "over_space": "人均面积不够",
    "over_beds": "人数多于床位",
    "unanswered": "前租客没有答复是否搬走",
}


_CROWD = {"over_space", "over_beds", "unanswered"}
"""Signs of a room, as on the board."""


class DoubtWord(Base):
    """What a member of staff found when looking into a doubt."""

    __tablename__ = "doubt_words"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    """Kind and declarations: another set of people is another doubt."""
    reason: Mapped[str] = mapped_column(SealedText)
    by: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[date] = mapped_column(Date)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that can't be true as it stands. `kind`: one of `KINDS`. `rows`: declarations, or the room.

    `key`: names this doubt in a form (`kind:id,id`), checked again when it comes back.
    """

    kind: str
    rows: tuple[Row[Any], ...]
    key: str
    fingerprint: bytes


def found(conn: Connection, path: str, today: date, limit: int = 100) -> list[Doubt]:
    """What doesn't fit below a place (all places for an empty path) and nobody has settled."""
    doubts = [*_same_numbers(conn, path, limit), *_rooms(conn, path, today, limit)]
    held = _held(conn, [doubt.fingerprint for doubt in doubts], today)
    return [doubt for doubt in doubts if doubt.fingerprint not in held][:limit]


def settle(conn: Connection, key: str, reason: str, by: str, at: datetime) -> Doubt:
    """Note that somebody looked into a doubt and found it right.

    Raises `ValueError` where no reason is given, or the doubt is no longer what was on the screen.
    """
    if len(reason) < 2:
        raise ValueError("请写明核实的结果，别人会看到")
    doubt = one(conn, key, at.date())
    if doubt is None:
        raise ValueError("情况变了，或者别人刚刚处理过，请刷新再看")
    until = at.date() + timedelta(days=room_rules.rules()["doubt_days"])
    conn.execute(delete(DoubtWord).where(DoubtWord.fingerprint == doubt.fingerprint))
    row = {"fingerprint": doubt.fingerprint, "reason": reason[:200], "by": by, "at": at, "until": until}
    conn.execute(insert(DoubtWord), row)
    return doubt


def one(conn: Connection, key: str, today: date) -> Doubt | None:
    """The open doubt of this key, as it is now; None when it isn't there any more."""
    ids = [int(part) for part in key.partition(":")[2].split(",") if part.isdecimal()]
    row = d.get(conn, ids[0]) if ids else None
    if row is None:
        return None
    doubts = _same_number(conn, [bytes(row.number_hash)]) if row.number_hash else []
    doubts += _of_rooms(conn, [row.room_id], today)
    held = _held(conn, [doubt.fingerprint for doubt in doubts], today)
    return next((doubt for doubt in doubts if doubt.key == key and doubt.fingerprint not in held), None)


def _rooms(conn: Connection, path: str, today: date, limit: int) -> list[Doubt]:
    """Rooms that may hold too many people are found by the database; the rules then look at those only."""
    each = {kind: number for city in room_rules.rules()["space"].values() for kind, number in city.items()
            if kind in rooms.KINDS}  # fmt: skip
    people = func.count(Declaration.id)
    crowded = (
        select(Room.id)
        .join(Declaration, Declaration.room_id == Room.id)
        .where(Declaration.state.in_(LIVING))
        .group_by(Room.id, Room.beds, Room.area_m2, Room.kind)
        .having(or_(people > Room.beds, people * case(each, value=Room.kind, else_=1) > Room.area_m2))
    )
    waiting = (
        select(Declaration.room_id)
        .join(Asked, Asked.declaration_id == Declaration.id)
        .where(Asked.answer.is_(None), Declaration.state.in_(LIVING))
    )
    statement = select(Room.id).where(or_(Room.id.in_(crowded), Room.id.in_(waiting))).order_by(Room.id)
    if path:
        statement = statement.join(Place, Place.id == Room.building_id).where(places.under(path))
    return _of_rooms(conn, list(conn.execute(statement.limit(10 * limit)).scalars()), today)


def _of_rooms(conn: Connection, room_ids: Sequence[int], today: date) -> list[Doubt]:
    listed = rooms.listing().where(Room.id.in_(room_ids)).order_by(Place.path, Room.number)
    wrong = [tile for tile in tiles(conn, listed, today) if tile.signs & _CROWD]
    people = _people(conn, [tile.room.id for tile in wrong])
    return [
        _doubt(kind, (tile.room,), people.get(tile.room.id, ()))
        for tile in wrong
        for kind in sorted(tile.signs & _CROWD)
    ]


def _people(conn: Connection, room_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    by_room: dict[int, list[int]] = {}
    for start in range(0, len(room_ids), 900):
        some = room_ids[start : start + 900]
        statement = select(Declaration.room_id, Declaration.id).where(
            Declaration.room_id.in_(some), Declaration.state.in_(LIVING)
        )
        for row in conn.execute(statement):
            by_room.setdefault(row.room_id, []).append(row.id)
    return {room_id: tuple(sorted(ids)) for room_id, ids in by_room.items()}


def _same_numbers(conn: Connection, path: str, limit: int) -> list[Doubt]:
    doubled = (
        select(Declaration.number_hash)
        .where(Declaration.state.in_(LIVING), Declaration.number_hash.is_not(None))
        .group_by(Declaration.number_hash)
        .having(or_(func.count(Declaration.room_id.distinct()) > 1, func.count(Declaration.name_hash.distinct()) > 1))
        .limit(limit)
    )
    numbers = [bytes(number) for number in conn.execute(doubled).scalars() if number]
    doubts = _same_number(conn, numbers)
    return [
        doubt
        for doubt in doubts
        if not path or any(row.path == path or row.path.startswith(path + "/") for row in doubt.rows)
    ]


def _same_number(conn: Connection, numbers: Sequence[bytes]) -> list[Doubt]:
    statement = d.listing().where(Declaration.number_hash.in_(numbers), Declaration.state.in_(LIVING))
    groups: dict[bytes, list[Row[Any]]] = {}
    for row in conn.execute(statement.order_by(Declaration.id)):
        groups.setdefault(bytes(row.number_hash), []).append(row)
    doubts = []
    for rows in groups.values():
        names, places_ = {bytes(row.name_hash) for row in rows}, {row.room_id for row in rows}
        if len(names) > 1 or len(places_) > 1:
            kind = "same_number" if len(names) > 1 else "elsewhere"
            doubts.append(_doubt(kind, tuple(rows), [row.id for row in rows]))
    return doubts


def _doubt(kind: str, rows: tuple[Row[Any], ...], ids: Sequence[int]) -> Doubt:
    key = f"{kind}:{','.join(map(str, ids))}"
    return Doubt(kind, rows, key, sha256(key.encode()).digest()[:16])


def _held(conn: Connection, fingerprints: Sequence[bytes], today: date) -> set[bytes]:
    held: set[bytes] = set()
    for start in range(0, len(fingerprints), 900):
        statement = select(DoubtWord.fingerprint).where(
            DoubtWord.fingerprint.in_(fingerprints[start : start + 900]), DoubtWord.until >= today
        )
        held |= {bytes(one) for one in conn.execute(statement).scalars()}
    return held
