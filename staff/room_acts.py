"""What staff do at the front desk: check in and out, check and confirm, visit, set colours, revoke codes, hand out links."""

import secrets
from datetime import date, datetime
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Row
from werkzeug.wrappers import Response

import clock
from records import (
    audit,
    declarations,
    filing,
    inspections,
    landlords,
    notices,
    pictures,
    residents,
    room_codes,
    rooms,
)
from records.base import write

# The views of these register themselves as well.
from staff import room_labels, room_owners, room_people, room_pictures  # noqa: F401 - needs staff.rooms
from staff.blueprint import blueprint
from staff.house import house, me
from staff.permissions import needs
from staff.rooms import back_to, may_see, seen_declaration, seen_room

_TOLD = {
    "confirmed": "您的入住登记办好了：{address}，编号{number}。",
    "checked": "您的入住登记已经核对，等确认：{address}，编号{number}。",
    "returned": "您的入住登记退回了，请更正后再交：{reason}（编号{number}）",
    "moved_out": "您在{address}的登记已改为搬走，编号{number}。不对的话请告诉我们。",
}


@blueprint.post("/rooms/declaration/<int:declaration_id>/<state>")
@needs("rooms.desk")
def rooms_decide(declaration_id: int, state: str) -> Response:
    """Check, confirm, return with a reason, or move out. The person is told."""
    now, reason = clock.now(), request.form.get("reason", "").strip()[:300]
    if state not in _TOLD:
        abort(404)
    with write(house().engine) as conn:
        row = seen_declaration(conn, declaration_id)
        try:
            if state == "moved_out":
                filing.move_out(conn, [row.id], me().actor, now.date(), now)
            else:
                declarations.move(conn, row.id, state, me().actor, now, text=reason or None)
        except declarations.IllegalMove as fault:
            flash(str(fault), "error")
            return back_to(row.room_id)
        audit.note(conn, me().actor, f"declaration.{state}", f"declaration:{row.id}", now, reason[:200] or None)
        words = _TOLD[state].format(address=declarations.address_of(row), number=row.number, reason=reason)
        notices.tell(
            conn, row.person_id, "我的入住登记", words, "/rooms/mine", key=f"decl:{row.id}:{state}:{now:%m%d%H%M%S}", at=now
        )  # fmt: skip
    if row.person_id:
        house().nudge()
        house().signal("message", row.person_id)
    flash(f"{row.number}：{declarations.STATES[state]}", "ok")
    return back_to(row.room_id)


@blueprint.post("/rooms/filing/<int:filing_id>/confirmed")
@needs("rooms.desk")
def rooms_confirm_all(filing_id: int) -> Response:
    """Confirm all who were declared with one form and wait. Whoever sent it is told once."""
    now = clock.now()
    try:
        rows = _confirm_all(filing_id, now)
    except declarations.IllegalMove as fault:  # a colleague was faster with one of them: nothing was done
        flash(str(fault), "error")
        return redirect(url_for("staff.rooms_check"))
    if rows[0].person_id:
        house().nudge()
        house().signal("message", rows[0].person_id)
    flash(f"{rows[0].number}：{len(rows)}人已登记", "ok")
    return redirect(url_for("staff.rooms_check"))


def _confirm_all(filing_id: int, now: datetime) -> list[Row[Any]]:
    with write(house().engine) as conn:
        rows = [row for row in declarations.of_filing(conn, filing_id) if row.state in ("declared", "checked")]
        if not rows or not may_see(rows[0].path):
            abort(404)
        for row in rows:
            declarations.move(conn, row.id, "confirmed", me().actor, now)
            audit.note(conn, me().actor, "declaration.confirmed", f"declaration:{row.id}", now)
        words = _TOLD["confirmed"].format(address=declarations.address_of(rows[0]), number=rows[0].number)
        notices.tell(
            conn, rows[0].person_id, "我的入住登记", words, "/rooms/mine", key=f"filing:{filing_id}:confirmed", at=now
        )  # fmt: skip
    return rows


@blueprint.post("/rooms/declaration/<int:declaration_id>/reveal")
@needs("personal.reveal")
def rooms_reveal(declaration_id: int) -> str | Response:
    """Show one person's number and phone once, for a reason that the audit keeps."""
    reason = request.form.get("reason", "").strip()[:200]
    with write(house().engine) as conn:
        row = seen_declaration(conn, declaration_id)
        if len(reason) < 2:
            flash("查看证件号要写明原因", "error")
            return back_to(row.room_id)
        audit.note(conn, me().actor, "personal.revealed", f"declaration:{row.id}", clock.now(), reason)
    return render_template("rooms/reveal.html", row=row, who=row.who, reason=reason)


@blueprint.post("/rooms/<int:room_id>/in")
@needs("rooms.desk")
def rooms_in(room_id: int) -> Response:
    """Check somebody in at the desk, with his paper in hand. His signed consent lies at the desk."""
    now, form = clock.now(), request.form
    with write(house().engine) as conn:
        row = seen_room(conn, room_id)
        resident, faults = residents.read({name: form.get(name, "") for name in
                                           ("relation", "name", "paper", "number", "phone", "born")}, now.date())  # fmt: skip
        day, fault = residents.moved_in(form.get("moved_in", ""), now.date())
        if form.get("signed") != "yes":
            faults["signed"] = "先请本人在同意书上签字"
        if faults or fault or resident is None or day is None:
            flash("；".join([*faults.values(), *([fault] if fault else [])]), "error")
            return back_to(room_id)
        try:
            receipt = filing.file(
                conn, row.id,
                filing.Form(key=form.get("key") or secrets.token_urlsafe(16), residents=[resident], moved_in=day,
                            source="desk", actor=me().actor), now,
            )  # fmt: skip
        except filing.Refused as refused:
            flash(str(refused), "error")
            return back_to(room_id)
        if not receipt.again:
            made = declarations.of_filing(conn, receipt.filing_id)[0]
            if not receipt.flags:  # whoever sees the paper has checked it; what doesn't fit is looked at again
                declarations.move(conn, made.id, "confirmed", me().actor, now)
            audit.note(conn, me().actor, "rooms.check_in", f"declaration:{made.id}", now)
    said = "、".join(filing.NOTICED[flag] for flag in receipt.flags)
    flash(f"已登记，编号{receipt.number}" + (f"。请留意：{said}" if said else ""), "error" if said else "ok")
    return back_to(room_id)


@blueprint.post("/rooms/<int:room_id>/visit")
@needs("rooms.inspect")
def rooms_visit(room_id: int) -> Response:
    """Note a visit, with photos and the date of the next one."""
    now, form = clock.now(), request.form
    try:
        again = date.fromisoformat(form["again_on"]) if form.get("again_on") else None
        photos = [upload.read() for upload in request.files.getlist("photos")[:6]]
        drawn = [pictures.redrawn(data) for data in photos if data]
        with pictures.kept(house().settings.data_dir, drawn) as kept, write(house().engine) as conn:
            row = seen_room(conn, room_id)
            inspections.inspect(
                conn, row.id, me().id, form.get("result", ""), form.getlist("points"), form.get("text", "").strip(),
                kept, again, now,
            )  # fmt: skip
            audit.note(conn, me().actor, "rooms.visit", f"room:{row.id}", now, form.get("result"))
    except ValueError as fault:
        flash(str(fault), "error")
        return back_to(room_id)
    flash("检查已记下", "ok")
    return back_to(room_id)


@blueprint.post("/rooms/<int:room_id>/office")
@needs("rooms.manage")
def rooms_office(room_id: int) -> Response:
    """Set a room's state, or a colour against the rules with its reason."""
    now, form = clock.now(), request.form
    colour, reason = form.get("colour") or None, form.get("colour_reason", "").strip()[:120]
    with write(house().engine) as conn:
        row = seen_room(conn, room_id)
        if colour and not reason:
            flash("人工定颜色要写明原因，房东会看到", "error")
            return back_to(room_id)
        try:
            rooms.change(
                conn, row.id, now, state=form.get("state", row.state), colour=colour,
                colour_reason=reason if colour else None,
            )  # fmt: skip
        except ValueError as fault:
            flash(str(fault), "error")
            return back_to(room_id)
        audit.note(
            conn, me().actor, "rooms.set", f"room:{row.id}", now, f"{form.get('state')} {colour or ''} {reason}"[:200]
        )
    flash("已保存", "ok")
    return back_to(room_id)


@blueprint.post("/rooms/<int:room_id>/code")
@needs("rooms.manage")
def rooms_code(room_id: int) -> Response:
    """Revoke a room's code; a new one waits to be printed."""
    now, reason = clock.now(), request.form.get("reason", "").strip()
    with write(house().engine) as conn:
        row = seen_room(conn, room_id)
        if not reason:
            flash("作废要写明原因", "error")
            return back_to(room_id)
        room_codes.revoke(conn, row.id, me().actor, reason, now)
        audit.note(conn, me().actor, "rooms.revoke", row.short, now, reason[:200])
    flash("旧码已作废，新码待打印", "ok")
    return back_to(room_id)


@blueprint.post("/rooms/declaration/<int:declaration_id>/landlord/<word>")
@needs("rooms.desk")
def rooms_landlord_says(declaration_id: int, word: str) -> Response:
    """Note what a landlord says at the desk or on the telephone."""
    with write(house().engine) as conn:
        row = seen_declaration(conn, declaration_id)
        room = rooms.get(conn, row.room_id)
        if room is None or room.landlord_id is None:
            abort(404)
        try:
            landlords.says(
                conn, [room.landlord_id], row.id, word, request.form.get("reason", "").strip()[:200], clock.now()
            )
        except ValueError as fault:
            flash(str(fault), "error")
        audit.note(conn, me().actor, f"rooms.landlord_{word}"[:60], f"declaration:{row.id}", clock.now())
    return back_to(row.room_id)
