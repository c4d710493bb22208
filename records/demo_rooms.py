"""An invented village for rehearsals: some thirty rooms, two landlords, a firm's dormitory, a few tenants. Nobody real."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, update

from records import declarations, employers, filing, inspections, places, room_codes, rooms
from records.identity import birth_of
from records.residents import Resident
from records.rooms import Landlord, Room

VILLAGE = ("宁波市", "奉化区", "演练街道", "样板村")
PHONES = ("13900000001", "13900000002")
_PEOPLE = (
    ("赵一凡", "990101199003070011"), ("钱小雨", "990101199208150028"), ("孙大江", "990101198511230039"),
    ("李春梅", "990101197906180045"), ("周远", "990101200001010059"),
)  # fmt: skip


def checked(body: str) -> str:
    """Seventeen digits with the check character that GB 11643 gives them (99 is a region nobody was issued)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]


def seed(conn: Connection, at: datetime) -> int:
    """Put the village into an empty place; returns how many rooms were made (0 when it was there)."""
    village = places.ensure(conn, VILLAGE)
    if places.children(conn, village):
        return 0
    owners = [_landlord(conn, name, phone, at) for name, phone in zip(("房东甲", "房东乙"), PHONES, strict=True)]
    firm = employers.add(conn, "演练五金厂", "宿管小陈", "13900000003", "fenghua", at)
    made: list[int] = []
    for house in range(1, 6):
        grid = f"第{1 + (house > 3)}网格"
        building = places.ensure(conn, (*VILLAGE, grid, "员工宿舍" if house == 5 else f"{house}号楼"))
        for number in range(6):
            dormitory = house == 5
            values = {
                "building_id": building, "number": f"{1 + number // 3}0{1 + number % 3}",
                "kind": "dormitory" if dormitory else "house", "area_m2": 24 if dormitory else 12 + 2 * number,
                "beds": 6 if dormitory else 2 + number % 2, "landlord_id": None if dormitory else owners[house % 2],
                "employer_id": firm if dormitory else None, "state": "open", "created_at": at, "updated_at": at,
                "short": room_codes.reserve_short(conn, "NB-FH", 1)[0],
            }  # fmt: skip
            made.append(conn.execute(insert(Room).returning(Room.id), values).scalar_one())
    room_codes.issue(conn, made, at)
    _people(conn, made, at)
    return len(made)


def _landlord(conn: Connection, name: str, phone: str, at: datetime) -> int:
    values = {"key": rooms.landlord_key(name, phone), "name": name, "phone": phone,
              "phone_hash": rooms.phone_hash(phone), "created_at": at}  # fmt: skip
    return int(conn.execute(insert(Landlord).returning(Landlord.id), values).scalar_one())


def _people(conn: Connection, made: list[int], at: datetime) -> None:
    for index, (name, stated) in enumerate(_PEOPLE):
        number = checked(stated[:17])
        resident = Resident("self", name, "id", number, f"1390000010{index}", birth_of(number))
        day = at.date() - timedelta(days=40 * (index + 1))
        form = filing.Form(
            key=f"demo-{index}-rehearsal", residents=[resident], moved_in=day, source="desk", actor="command:seed"
        )
        receipt = filing.file(conn, made[index * 3], form, at)
        if index < 2:
            for row in declarations.of_filing(conn, receipt.filing_id):
                declarations.move(conn, row.id, "confirmed", "command:seed", at)
    first = rooms.get(conn, made[1])
    if first is not None:
        inspections.report(conn, first, "hazard", "过道里给电瓶充电", at)
    inspections.inspect(
        conn, made[4], None, "fix", ["extinguisher"], "灭火器过期", [], at.date() + timedelta(days=7), at
    )
    conn.execute(update(room_codes.RoomCode).where(room_codes.RoomCode.room_id.in_(made[:20])).values(printed_at=at))
    conn.execute(update(Room).where(Room.id == made[17]).values(state="closed"))
