"""Rooms and the people who let them: what is known of a room before anybody lives in it.

Who lives in a room is in `declarations`; what its code opens never shows that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    Row,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from records import places
from records.base import Base, Instant, SealedText
from records.crypto import cipher
from records.places import Place
from records.room_codes import RoomCode, read_short, read_token

KINDS = {"flat": "商品房", "house": "自建房", "dormitory": "集体宿舍", "other": "其他"}
STATES = {"open": "在租或待租", "empty": "暂不出租", "closed": "停租"}
"""`closed`: the office stopped letting it; nobody can declare to live there."""
COLOURS = {"green": "绿", "yellow": "黄", "red": "红"}


class Landlord(Base):
    """Somebody who lets rooms."""

    __tablename__ = "landlords"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    """Keyed hash of name and phone: the same landlord in two files is one row."""
    name: Mapped[str] = mapped_column(SealedText)
    phone: Mapped[str | None] = mapped_column(SealedText)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    """Who he is in a channel, once he opened the link that the desk gave him."""
    created_at: Mapped[datetime] = mapped_column(Instant)


class Room(Base):
    """One room that is let, or could be."""

    __tablename__ = "rooms"
    __table_args__ = (UniqueConstraint("building_id", "number"), Index("ix_rooms_landlord_id", "landlord_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("places.id"))
    number: Mapped[str] = mapped_column(String(24))
    short: Mapped[str] = mapped_column(String(16), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    area_m2: Mapped[Decimal | None] = mapped_column(Numeric(7, 2))
    beds: Mapped[int | None]
    landlord_id: Mapped[int | None] = mapped_column(ForeignKey("landlords.id"))
    employer_id: Mapped[int | None] = mapped_column(ForeignKey("employers.id"), index=True)
    """The firm whose dormitory it is."""
    state: Mapped[str] = mapped_column(String(8), default="open")
    colour: Mapped[str | None] = mapped_column(String(8))
    """Set by the office against the rules; None: the rules decide (`records.room_rules`)."""
    colour_reason: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Found:
    """What a code led to. `how`: `token`, `short` (typed from the label) or `revoked` (a token out of force)."""

    room: Row[Any]
    how: str


def landlord_key(name: str, phone: str) -> bytes:
    """The keyed hash under which a landlord is known."""
    return cipher().lookup("landlord", name, phone)


def phone_hash(phone: str) -> bytes:
    """The keyed hash of a phone number; the same for landlords, tenants and cases."""
    return cipher().lookup("phone", phone)


def listing() -> Select[Any]:
    """Rooms with the path of their building: the beginning of every list."""
    return select(Room.__table__, Place.path).join(Place, Place.id == Room.building_id)


_BY_TOKEN = (
    listing()
    .add_columns(RoomCode.revoked_at)
    .join(RoomCode, RoomCode.room_id == Room.id)
    .where(RoomCode.token == bindparam("token"))
)
_BY_SHORT = listing().where(Room.short == bindparam("short"))
_BY_ID = listing().where(Room.id == bindparam("room_id"))
_BY_ID_LOCKED = _BY_ID.with_for_update(of=Room.__table__)


def find(conn: Connection, code: str) -> Found | None:
    """The room that a scanned token or a typed short code names, or None."""
    token = read_token(code)
    if token:
        row = conn.execute(_BY_TOKEN, {"token": token}).first()
        return Found(row, "revoked" if row.revoked_at else "token") if row else None
    short = read_short(code)
    row = conn.execute(_BY_SHORT, {"short": short}).first() if short else None
    return Found(row, "short") if row else None


def get(conn: Connection, room_id: int) -> Row[Any] | None:
    """A room's row with its `path`, or None."""
    return conn.execute(_BY_ID, {"room_id": room_id}).first()


def lock(conn: Connection, room_id: int) -> Row[Any] | None:
    """The same, and nobody else moves in or out of it until the transaction ends."""
    return conn.execute(_BY_ID_LOCKED, {"room_id": room_id}).first()


def token(conn: Connection, room_id: int) -> str | None:
    """The token in force, or None."""
    found = select(RoomCode.token).where(RoomCode.room_id == room_id, RoomCode.revoked_at.is_(None))
    return conn.execute(found).scalar()


def address(room: Row[Any]) -> str:
    """A room's address as it stands on its label."""
    return places.address(room.path, room.number)


def under(path: str) -> Select[Any]:
    """All rooms below a place, in the order in which one walks."""
    return listing().where(places.under(path)).order_by(Place.path, Room.number)


def of_landlord(conn: Connection, landlord_id: int) -> list[Row[Any]]:
    """A landlord's rooms."""
    return list(conn.execute(listing().where(Room.landlord_id == landlord_id).order_by(Place.path, Room.number)))


def of_employer(conn: Connection, employer_id: int) -> list[Row[Any]]:
    """A firm's dormitory rooms."""
    return list(conn.execute(listing().where(Room.employer_id == employer_id).order_by(Place.path, Room.number)))


def landlord(conn: Connection, landlord_id: int) -> Row[Any] | None:
    """A landlord's row, or None."""
    return conn.execute(select(Landlord.__table__).where(Landlord.id == landlord_id)).first()


def landlord_of_person(conn: Connection, person_id: int) -> list[Row[Any]]:
    """The landlords that somebody in a channel is (one, unless his rooms were filed under two numbers)."""
    return list(conn.execute(select(Landlord.__table__).where(Landlord.person_id == person_id).order_by(Landlord.id)))


def change(conn: Connection, room_id: int, at: datetime, **values: Any) -> None:
    """Set columns of a room. Raises `ValueError` for a state or colour that doesn't exist."""
    for name, allowed in (("state", STATES), ("colour", COLOURS)):
        if values.get(name) is not None and values[name] not in allowed:
            raise ValueError(f"a room's {name} is one of: {', '.join(allowed)}")
    conn.execute(update(Room).where(Room.id == room_id).values(**values, updated_at=at))


def selection(where: str) -> Select[Any]:
    """The rooms that a `--where` names, with their tokens in force: `district=奉化区,street=锦屏街道,state=open`.

    Keys: the kinds of place, `room`, `short`, `kind`, `state`, `printed=no`. Raises `ValueError` naming the fault.
    """
    statement = (
        listing()
        .add_columns(RoomCode.id.label("code_id"), RoomCode.token)
        .join(RoomCode, RoomCode.room_id == Room.id)
        .where(RoomCode.revoked_at.is_(None))
        .order_by(Place.path, Room.number)
    )
    for condition in filter(None, (piece.strip() for piece in where.replace("，", ",").split(","))):
        key, sign, value = (piece.strip() for piece in condition.partition("="))
        if not sign or not value:
            raise ValueError(f"{condition!r} is no condition; write key=value, several separated by commas")
        statement = _narrow(statement, key, value)
    return statement


def _narrow(statement: Select[Any], key: str, value: str) -> Select[Any]:
    columns = {"room": Room.number, "short": Room.short, "kind": Room.kind, "state": Room.state}
    if key in places.KINDS:
        name = places.clean(value)
        if key == "building":
            return statement.where(Place.name == name)
        top = Place.__table__.alias("top")
        inside = select(top.c.id).where(top.c.kind == key, top.c.name == name, Place.path.startswith(top.c.path + "/"))
        return statement.where(inside.exists())
    if key == "printed" and value in ("no", "yes"):
        return statement.where(RoomCode.printed_at.is_(None) if value == "no" else RoomCode.printed_at.is_not(None))
    if key in columns:
        return statement.where(columns[key] == value)
    raise ValueError(f"there is no key {key!r}; there are: {', '.join([*places.KINDS, *columns, 'printed'])}")


def pages(conn: Connection, statement: Select[Any], size: int = 2000) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a long list, `size` at a time, without holding all of them."""
    with conn.execute(statement, execution_options={"yield_per": size}) as result:
        yield from result.partitions(size)
