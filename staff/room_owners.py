"""Landlords and firms at the desk: binding links, a firm's dormitories, what firms registered and waits for a word."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

import clock
from records import audit, dormitories, employers, links, notices, places, rooms
from records.base import read, write
from staff.blueprint import blueprint
from staff.house import house, me, scope
from staff.permissions import needs
from staff.rooms import back_to, may_see, seen_room


@blueprint.get("/rooms/owners")
@needs("rooms.manage")
def rooms_owners() -> str:
    """The firms, and a form for a new one."""
    with read(house().engine) as conn:
        firms = [firm for firm in employers.listing(conn) if _in_reach(firm.region)]
        dorms = {firm.id: rooms.of_employer(conn, firm.id) for firm in firms}
        claims = [row for row in dormitories.waiting(conn) if may_see(row.path)]
    return render_template(
        "rooms/owners.html", firms=firms, dorms=dorms, claims=claims, regions=_regions(), address=places.address,
        room_address=rooms.address,
    )  # fmt: skip


def _in_reach(region: str) -> bool:
    regions = scope().regions
    return regions is None or region in regions


def _regions() -> dict[str, str]:
    return {key: name for name, (key, _) in places.REGIONS.items()}


@blueprint.post("/rooms/firms")
@needs("rooms.manage")
def rooms_firm() -> Response:
    """Add a firm."""
    form = request.form
    name = " ".join(form.get("name", "").split())[:80]
    if len(name) < 2 or form.get("region") not in _regions() or not _in_reach(form["region"]):
        flash("请填单位名称和所在区县", "error")
        return redirect(url_for("staff.rooms_owners"))
    with write(house().engine) as conn:
        firm = employers.add(
            conn, name, form.get("contact", "").strip()[:40], form.get("phone", "").strip()[:20], form["region"], clock.now()
        )  # fmt: skip
        audit.note(conn, me().actor, "rooms.firm", f"employer:{firm}", clock.now())
    return redirect(url_for("staff.rooms_owners"))


@blueprint.post("/rooms/firms/<int:firm_id>/rooms")
@needs("rooms.manage")
def rooms_firm_rooms(firm_id: int) -> Response:
    """Say that some rooms, named by their short codes, are a firm's dormitories."""
    codes = [code for code in request.form.get("codes", "").replace("，", " ").replace(",", " ").split() if code][:200]
    done, wrong = 0, []
    with write(house().engine) as conn:
        firm = employers.get(conn, firm_id)
        if firm is None or not _in_reach(firm.region):
            abort(404)
        for code in codes:
            found = rooms.find(conn, code)
            if found is None or found.how != "short" or not may_see(found.room.path):
                wrong.append(code[:20])
                continue
            rooms.change(conn, found.room.id, clock.now(), employer_id=firm.id)
            audit.note(conn, me().actor, "rooms.firm", f"room:{found.room.id}", clock.now(), firm.name[:80])
            done += 1
    if wrong:
        flash(f"没有这些编号：{'、'.join(wrong[:8])}。编号写在门上的码旁边，像 NB-FH-000123", "error")
    if done or not wrong:
        flash(f"{firm.name}：登记了{done}间宿舍" if done else "请填房间编号", "ok" if done else "error")
    return redirect(url_for("staff.rooms_owners"))


@blueprint.post("/rooms/dormitory/<int:claim_id>/<state>")
@needs("rooms.manage")
def rooms_dormitory(claim_id: int, state: str) -> Response:
    """Confirm or refuse a dormitory that a firm registered; the firm is told."""
    now, reason = clock.now(), request.form.get("reason", "").strip()
    with write(house().engine) as conn:
        row = dormitories.get(conn, claim_id)
        if row is None or state not in ("confirmed", "refused") or not may_see(row.path):
            abort(404)
        try:
            room_id = dormitories.decide(conn, claim_id, state, staff_id=me().id, reason=reason, at=now)
        except dormitories.Refused as fault:
            flash(str(fault), "error")
            return redirect(url_for("staff.rooms_owners"))
        audit.note(
            conn,
            me().actor,
            "rooms.firm",
            f"room:{room_id}" if room_id else f"claim:{claim_id}",
            now,
            reason[:200] or state,
        )
        _tell_firm(conn, row, state, reason)
    house().nudge()
    flash(f"{places.address(row.path, row.number)}：{dormitories.STATES[state]}", "ok")
    return redirect(url_for("staff.rooms_owners"))


def _tell_firm(conn: Connection, row: Any, state: str, reason: str) -> None:
    firm = employers.get(conn, row.employer_id)
    words = f"宿舍{places.address(row.path, row.number)}{dormitories.STATES[state]}"
    words += f"：{reason}" if reason else "，可以登记住的人了。"
    person_id = firm.person_id if firm else None
    notices.tell(conn, person_id, "宿舍登记", words, "/employer", key=f"dorm:{row.id}:{state}", at=clock.now())


@blueprint.post("/rooms/<int:room_id>/firm")
@needs("rooms.manage")
def rooms_firm_room(room_id: int) -> Response:
    """Say that a room is a firm's dormitory; without a firm, that it is none."""
    firm_id = request.form.get("firm", 0, type=int)
    with write(house().engine) as conn:
        row = seen_room(conn, room_id)
        firm = employers.get(conn, firm_id) if firm_id else None
        if firm_id and (firm is None or not _in_reach(firm.region)):
            abort(404)  # the firm's own page lists the room: an officer decides only about his district's firms
        rooms.change(conn, row.id, clock.now(), employer_id=firm.id if firm else None)
        audit.note(conn, me().actor, "rooms.firm", f"room:{row.id}", clock.now(), firm.name[:80] if firm else "none")
    return back_to(room_id)


@blueprint.post("/rooms/link/<kind>/<int:subject_id>")
@needs("rooms.manage")
def rooms_link(kind: str, subject_id: int) -> str:
    """A one-time link for a landlord or a firm, shown once; whoever takes it has shown his paper at the desk."""
    if kind not in ("landlord", "employer"):
        abort(404)
    now = clock.now()
    with write(house().engine) as conn:
        subject = rooms.landlord(conn, subject_id) if kind == "landlord" else employers.get(conn, subject_id)
        if subject is None:
            abort(404)
        if kind == "landlord" and not any(may_see(row.path) for row in rooms.of_landlord(conn, subject_id)):
            abort(404)
        if kind == "employer" and not _in_reach(subject.region):
            abort(404)
        secret = links.make(conn, kind, subject_id, me().actor, now)
        audit.note(conn, me().actor, "rooms.link", f"{kind}:{subject_id}", now)
    return render_template(
        "rooms/link.html", url=f"{house().settings.public_url}/{kind}/bind/{secret}", days=links.LIFE[kind].days,
        title={"landlord": "房东", "employer": "单位"}[kind],
    )  # fmt: skip
