"""What staff saw in a room, and what people reported about it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Date, ForeignKey, Row, String, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from records import cases, places
from records.base import Base, Instant, SealedJson
from records.cases import Case

RESULTS = {"pass": "合格", "fix": "要整改", "fail": "不合格"}
POINTS = {
    "structure": "房屋结构", "exits": "疏散通道和逃生窗口", "extinguisher": "灭火器、呼吸器、报警哨、手电",
    "wiring": "电线和燃气", "ebike": "室内没有充电的电动车", "rooms": "厨卫阳台走廊没有住人", "register": "住的人都登记了",
    "order": "治安和环境",
}  # fmt: skip
"""What is looked at: 浙江省居住出租房屋消防安全管理规定, 住房租赁条例, and the four lines 房屋 消防 治安 环保."""
REPORTS = {
    "missing": "房门上没有码",
    "torn": "码破了、扫不出来",
    "wrong_room": "码和房间对不上",
    "refuses": "房东不给登记",
    "hazard": "房子有安全隐患",
    "other": "别的问题",
}
HAZARD_CLOCK = timedelta(hours=4)
"""A hazard is looked at the same day."""


class Inspection(Base):
    """One visit."""

    __tablename__ = "room_inspections"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    result: Mapped[str] = mapped_column(String(8))
    findings: Mapped[Any] = mapped_column(SealedJson)
    """`{"points": [keys found wrong], "text": "…", "photos": [picture ids]}`"""
    again_on: Mapped[date | None] = mapped_column(Date)


class RoomReport(Base):
    """A case that is about a room."""

    __tablename__ = "room_reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    case_number: Mapped[str] = mapped_column(String(24), unique=True)
    photos: Mapped[Any] = mapped_column(SealedJson)
    """Ids of pictures."""


def inspect(
    conn: Connection, room_id: int, staff_id: int | None, result: str, points: list[str], text: str,
    photos: list[str], again_on: date | None, at: datetime,
) -> None:  # fmt: skip
    """Note a visit. Raises `ValueError` for a result that doesn't exist, or one that isn't good without a next date."""
    if result not in RESULTS:
        raise ValueError(f"检查结果应是：{'、'.join(RESULTS.values())}")
    if result != "pass" and (again_on is None or again_on < at.date()):
        raise ValueError("要整改或不合格的，请写明复查日期（今天以后）")
    unknown = [point for point in points if point not in POINTS]
    if unknown:
        raise ValueError(f"没有这一项检查内容：{unknown[0]}")
    findings = {"points": points, "text": text[:1000], "photos": photos}
    row = {"room_id": room_id, "staff_id": staff_id, "at": at, "result": result, "findings": findings,
           "again_on": again_on}  # fmt: skip
    conn.execute(insert(Inspection), row)


def of_room(conn: Connection, room_id: int) -> list[Row[Any]]:
    """A room's visits, the newest first."""
    table = Inspection.__table__
    return list(conn.execute(select(table).where(Inspection.room_id == room_id).order_by(Inspection.id.desc())))


def newest(conn: Connection, room_ids: Sequence[int]) -> dict[int, Row[Any]]:
    """The latest visit of each room that was ever visited."""
    table = Inspection.__table__
    latest = select(func.max(Inspection.id)).where(Inspection.room_id.in_(room_ids)).group_by(Inspection.room_id)
    found: Any = conn.execute(select(table).where(Inspection.id.in_(latest)))
    return {row.room_id: row for row in found}


def report(
    conn: Connection, room: Row[Any], kind: str, text: str, at: datetime, *, person_id: int | None = None,
    phone: str = "", photos: tuple[str, ...] = (),
) -> str:  # fmt: skip
    """File what somebody reports about a room or its code as a case at the room's grid. Returns the case's number.

    Who reports a landlord or a hazard is never shown to the landlord. Raises `ValueError` for an unknown kind.
    """
    if kind not in REPORTS:
        raise ValueError(f"没有这一种报告：{kind}")
    data = [
        ["问题", REPORTS[kind]], ["房间", places.address(room.path, room.number)], ["房间编号", room.short],
        ["说明", text or "没有写"],
    ]  # fmt: skip
    if phone:
        data.append(["联系电话", phone])
    if photos:
        data.append(["照片", f"{len(photos)}张"])
    form = "rental_hazard_report" if kind == "hazard" else "rental_qr_report"
    number = cases.open_case(
        conn, kind=form, title=f"{REPORTS[kind]}：{room.short}", region=places.region(room.path), team="rooms",
        data=data, at=at, person_id=person_id, phone=phone, grid=places.part(room.path, "grid"),
        first_clock=HAZARD_CLOCK if kind == "hazard" else None,
    )  # fmt: skip
    conn.execute(insert(RoomReport), {"room_id": room.id, "kind": kind, "case_number": number, "photos": list(photos)})
    return number


def photos_of(conn: Connection, case_number: str) -> list[str]:
    """The ids of the pictures that came with a report, by the number of its case."""
    found = conn.execute(select(RoomReport.photos).where(RoomReport.case_number == case_number)).scalar()
    return [str(photo) for photo in found or ()]


def reports(conn: Connection, room_id: int) -> list[Row[Any]]:
    """A room's reports with the state of their cases, the newest first."""
    table = RoomReport.__table__
    statement = (
        select(table, Case.state, Case.title, Case.filed_at, Case.id.label("case_id"))
        .join(Case, Case.number == RoomReport.case_number)
        .where(RoomReport.room_id == room_id)
        .order_by(RoomReport.id.desc())
    )
    return list(conn.execute(statement))
