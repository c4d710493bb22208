"""Dormitories as firms register them: one by one or from a file, each confirmed by the office before it is the firm's.

    waiting ──► confirmed
       └──────► refused (with a reason that the firm reads)

A room that is on our list is named by its number on the label; one that isn't, by its address, and is added on the day
the office confirms it, with a code of its own to print.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Numeric, Row, String, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records import places, room_import, rooms
from records.base import Base, Instant
from records.employers import Employer
from records.places import Place
from records.room_codes import read_short
from records.rooms import Room

MOVES = {"waiting": {"confirmed", "refused"}, "confirmed": set[str](), "refused": set[str]()}
STATES = {"waiting": "等总台核对", "confirmed": "已核对", "refused": "没有通过"}
COLUMNS = {
    "short": ("房间编号", "编号"),
    **{name: room_import.COLUMNS[name] for name in (*places.KINDS, "room", "area_m2", "beds")},
}
"""What a firm's file may hold: the number on the label, or the address; and the beds."""
REQUIRED = ("beds",)


class DormitoryClaim(Base):
    """A firm says that a room is its dormitory."""

    __tablename__ = "dormitory_claims"
    __table_args__ = (
        Index(
            "uq_dormitory_claims_waiting", "employer_id", "path", "number", unique=True,
            sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    employer_id: Mapped[int] = mapped_column(ForeignKey("employers.id"), index=True)
    path: Mapped[str] = mapped_column(String(260))
    number: Mapped[str] = mapped_column(String(24))
    beds: Mapped[int | None]
    area_m2: Mapped[Decimal | None] = mapped_column(Numeric(7, 2))
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    reason: Mapped[str | None] = mapped_column(String(120))
    made_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)


class Refused(ValueError):
    """Why a claim can't be taken or decided. The message is for whoever pressed the button."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of one row: where it is, and whether it is new (`waiting`), known, or the firm's already."""

    address: str
    state: str


def claim(conn: Connection, firm: Row[Any], cells: dict[str, str], at: datetime) -> Claimed:
    """Take one row of a form or file (keys of `COLUMNS`). The same row again is the same claim. Raises `Refused`."""
    path, number, values = _wanted(conn, firm, cells)
    known = _room(conn, path, number)
    if known is not None and known.employer_id == firm.id:
        return Claimed(places.address(path, number), "confirmed")
    if known is not None and known.state == "closed":
        raise Refused("这间房已经停租，请到总台说明")
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    row = {"employer_id": firm.id, "path": path, "number": number, "state": "waiting", "made_at": at, **values}
    conn.execute(dialect.insert(DormitoryClaim).values(**row).on_conflict_do_nothing())
    return Claimed(places.address(path, number), "waiting")


def _wanted(conn: Connection, firm: Row[Any], cells: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
    try:
        if not cells.get("short"):
            district = next((name for name, (key, _) in places.REGIONS.items() if key == firm.region), "")
            given = {
                "city": "中山市" if firm.region == "zhongshan" else "宁波市", "district": district,
                **{key: cell for key, cell in cells.items() if cell}, "kind": "dormitory",
            }  # fmt: skip
            return room_import.read_cells(given)
        values = room_import.read_size(cells)
    except room_import.BadRow as fault:
        raise Refused(str(fault)) from None
    short = read_short(cells["short"])
    found = rooms.find(conn, short) if short else None
    if found is None:
        raise Refused(f"没有编号是“{cells['short'][:20]}”的房间，请对着门上的码再看；没有码就填地址")
    return found.room.path, found.room.number, values


def _room(conn: Connection, path: str, number: str) -> Row[Any] | None:
    return conn.execute(rooms.listing().where(Place.path == path, Room.number == number)).first()


def of_firm(conn: Connection, employer_id: int, limit: int = 60) -> list[Row[Any]]:
    """A firm's claims that wait or were refused, the newest first."""
    table = DormitoryClaim.__table__
    statement = select(table).where(DormitoryClaim.employer_id == employer_id, DormitoryClaim.state != "confirmed")
    return list(conn.execute(statement.order_by(DormitoryClaim.id.desc()).limit(limit)))


def waiting(conn: Connection, limit: int = 300) -> list[Row[Any]]:
    """Claims that wait for the office, the oldest first: with the firm's name, and the room as it is now (or None)."""
    statement = (
        select(
            DormitoryClaim.__table__, Employer.name.label("firm"), Room.id.label("room_id"), Room.short,
            Room.employer_id.label("now_of"), Room.landlord_id,
        )
        .join(Employer, Employer.id == DormitoryClaim.employer_id)
        .outerjoin(Place, Place.path == DormitoryClaim.path)
        .outerjoin(Room, (Room.building_id == Place.id) & (Room.number == DormitoryClaim.number))
        .where(DormitoryClaim.state == "waiting")
        .order_by(DormitoryClaim.id)
    )  # fmt: skip
    return list(conn.execute(statement.limit(limit)))


def get(conn: Connection, claim_id: int) -> Row[Any] | None:
    """A claim's row, or None."""
    return conn.execute(select(DormitoryClaim.__table__).where(DormitoryClaim.id == claim_id)).first()


def decide(conn: Connection, claim_id: int, state: str, *, staff_id: int, reason: str, at: datetime) -> int | None:
    """Confirm or refuse a claim. Confirmed, the room is the firm's, and is made where it wasn't on our list.
    Returns the room's id, None when refused. Raises `Refused`; of two who press at once the second gets it.
    """
    row = get(conn, claim_id)
    if row is None or state not in MOVES[row.state]:
        raise Refused("这一条已经有人处理过了，请刷新再看")
    if state == "refused" and not reason:
        raise Refused("不通过要写明原因，单位会看到")
    same = (DormitoryClaim.id == claim_id, DormitoryClaim.state == "waiting")
    values = {"state": state, "reason": reason[:120] or None, "decided_by": staff_id, "decided_at": at}
    if not conn.execute(update(DormitoryClaim).where(*same).values(values)).rowcount:
        raise Refused("别人刚刚处理过这一条，请刷新再看")
    if state == "refused":
        return None
    room = _room(conn, row.path, row.number)
    size = {name: value for name, value in (("beds", row.beds), ("area_m2", row.area_m2)) if value is not None}
    if room is None:
        made = {"kind": "dormitory", "beds": row.beds, "area_m2": row.area_m2, "employer_id": row.employer_id}
        return room_import.add_room(conn, tuple(row.path.split("/")), row.number, made, at)
    rooms.change(conn, room.id, at, employer_id=row.employer_id, kind="dormitory", **size)
    return int(room.id)
