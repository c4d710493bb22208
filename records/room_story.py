"""What has happened in a room, and to a person, day by day: read from the rows that are only ever added."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, select

import clock
from records import declarations as d
from records import identity, inspections, room_codes
from records.audit import Entry
from records.cases import Case
from records.declarations import Declaration, DeclarationEvent

STEPS = {
    "asked": "问过还住不住", "still_here": "答复还住着", "renewed": "说明还住着",
    "landlord_confirms": "房东确认", "landlord_objects": "房东有异议", "landlord_left": "房东报已搬走",
    "landlord_reported": "房东已报", "employer_reported": "单位已报", "erased": "资料已按期删除",
}  # fmt: skip
"""Steps of a declaration that are no state."""
_OFFICE = {"rooms.set": "办公室改了状态或颜色", "rooms.firm": "单位宿舍登记变动"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: when, what, by whom (`staff:7`, `person:12`), and the words that went with it."""

    at: datetime
    what: str
    actor: str
    text: str = ""


def end_of(day: date) -> datetime:
    """The moment at which a day is over."""
    return datetime.combine(day + timedelta(days=1), time(), clock.CHINA)


def of_room(conn: Connection, room_id: int, day: date, limit: int = 80) -> list[Step]:
    """What happened in a room up to the end of a day, the newest first. Names are cut to the family name."""
    end = end_of(day)
    found = [
        *_declared(conn, room_id, end, limit), *_codes(conn, room_id), *_visits(conn, room_id),
        *_reported(conn, room_id), *_office(conn, room_id),
    ]  # fmt: skip
    return sorted((step for step in found if step.at < end), key=lambda step: step.at, reverse=True)[:limit]


def _declared(conn: Connection, room_id: int, end: datetime, limit: int) -> list[Step]:
    event = DeclarationEvent.__table__.c
    statement = (
        select(event.at, event.actor, event.action, event.text, Declaration.who)
        .join(Declaration, Declaration.id == event.declaration_id)
        .where(Declaration.room_id == room_id, event.at < end)
        .order_by(event.id.desc())
        .limit(limit)
    )
    return [
        Step(row.at, f"{_name(row)}：{d.STATES.get(row.action) or STEPS.get(row.action, row.action)}", row.actor, row.text or "")
        for row in conn.execute(statement)
    ]  # fmt: skip


def _name(row: Any) -> str:
    return identity.mask_name(row.who["name"]) if row.who else "（已删除）"


def _codes(conn: Connection, room_id: int) -> list[Step]:
    steps = []
    for row in room_codes.history(conn, room_id):
        steps.append(Step(row.made_at, "做了房间码", ""))
        if row.printed_at:
            steps.append(Step(row.printed_at, "房间码打印了", ""))
        if row.revoked_at:
            steps.append(Step(row.revoked_at, "房间码作废", row.revoked_by or "", row.reason or ""))
    return steps


def _visits(conn: Connection, room_id: int) -> list[Step]:
    return [
        Step(row.at, f"检查：{inspections.RESULTS[row.result]}", f"staff:{row.staff_id}" if row.staff_id else "",
             row.findings["text"] + (f"（{row.again_on}复查）" if row.again_on else ""))
        for row in inspections.of_room(conn, room_id)
    ]  # fmt: skip


def _reported(conn: Connection, room_id: int) -> list[Step]:
    report, case = inspections.RoomReport.__table__.c, Case.__table__.c
    statement = (
        select(report.kind, case.number, case.filed_at, case.closed_at)
        .join(Case, case.number == report.case_number)
        .where(report.room_id == room_id)
    )
    steps = []
    for row in conn.execute(statement):
        steps.append(Step(row.filed_at, f"有人报告：{inspections.REPORTS[row.kind]}", "", row.number))
        if row.closed_at:
            steps.append(Step(row.closed_at, "报告办结", "", row.number))
    return steps


def _office(conn: Connection, room_id: int) -> list[Step]:
    entry = Entry.__table__.c
    statement = select(entry.at, entry.action, entry.actor, entry.reason).where(
        entry.subject == f"room:{room_id}", entry.action.in_(_OFFICE)
    )
    return [Step(row.at, _OFFICE[row.action], row.actor, row.reason or "") for row in conn.execute(statement)]
