"""One person through the years, and what staff decide where registrations don't fit together."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response

import clock
from records import audit, board, declarations, doubts, filing, identity, notices, room_story, staff
from records.base import write
from staff.blueprint import blueprint
from staff.house import house, me
from staff.permissions import needs
from staff.rooms import day_of, may_see, seen_declaration


@blueprint.get("/rooms/person/<int:declaration_id>")
@needs("rooms.see")
def rooms_person(declaration_id: int) -> str:
    """Where the person of a declaration lived on a day, and every registration there ever was. Looking is recorded."""
    now = clock.now()
    day = day_of(request.args.get("on", ""), now.date())
    with write(house().engine) as conn:
        row = seen_declaration(conn, declaration_id)
        rows = board.person_on(conn, bytes(row.number_hash)) if row.number_hash else [row]
        there = {one.id for one in board.person_on(conn, bytes(row.number_hash), day)} if row.number_hash else {row.id}
        then = declarations.states_on(conn, [one.id for one in rows], room_story.end_of(day))
        shown = [_row(conn, one, one.id in there, then.get(one.id, ""), day) for one in rows]
        audit.note(conn, me().actor, "person.history", f"declaration:{row.id}", now)
        names = staff.names(conn)
    return render_template(
        "rooms/person.html", row=row, name=identity.mask_name(row.who["name"]) if row.who else "（已删除）", day=day,
        number=identity.mask_number(row.who["number"]) if row.who else "", today=now.date(), rows=shown, names=names,
        states=declarations.STATES, relations=declarations.RELATIONS, sources=declarations.SOURCES,
        steps=room_story.STEPS,
    )  # fmt: skip


def _row(conn: Connection, row: Row[Any], there: bool, state: str, day: Any) -> dict[str, Any]:
    """One registration. In a district that isn't one's own, only that there is one."""
    seen = may_see(row.path)
    history = [step for step in declarations.history(conn, row.id) if step.at < room_story.end_of(day)] if seen else []
    return {
        "row": row, "seen": seen, "there": there, "then": state, "history": history,
        "address": declarations.address_of(row) if seen else f"{row.path.split('/')[1]}（别的区县）",
    }  # fmt: skip


@blueprint.post("/rooms/doubt/settle")
@needs("rooms.desk")
def rooms_doubt() -> Response:
    """Somebody looked into a doubt and found it right: it is put away, with a reason."""
    now, key = clock.now(), request.form.get("key", "")[:400]
    with write(house().engine) as conn:
        doubt = doubts.one(conn, key, now.date())
        if doubt is not None and not any(may_see(row.path) for row in doubt.rows):
            abort(404)
        try:
            doubts.settle(conn, key, request.form.get("reason", "").strip(), me().actor, now)
        except ValueError as fault:
            flash(str(fault), "error")
            return redirect(url_for("staff.rooms_check"))
        audit.note(conn, me().actor, "rooms.doubt", key[:80], now, request.form["reason"].strip()[:200])
    flash("已记下，核实过的不再列出", "ok")
    return redirect(url_for("staff.rooms_check"))


@blueprint.post("/rooms/doubt/keep/<int:declaration_id>")
@needs("rooms.desk")
def rooms_keep(declaration_id: int) -> Response:
    """One person in two rooms: this is where he lives; the other registrations end today, and he is told."""
    now, key = clock.now(), request.form.get("key", "")[:400]
    with write(house().engine) as conn:
        doubt = doubts.one(conn, key, now.date())
        if doubt is None or declaration_id not in {row.id for row in doubt.rows} or doubt.kind != "elsewhere":
            flash("情况变了，或者别人刚刚处理过，请刷新再看", "error")
            return redirect(url_for("staff.rooms_check"))
        if not all(may_see(row.path) for row in doubt.rows):
            abort(403, "另一间房在别的区县，请和那边的总台联系，由那边办搬走。")
        ended = filing.keep_one(conn, declaration_id, [row.id for row in doubt.rows], me().actor, now)
        kept = next(row for row in doubt.rows if row.id == declaration_id)
        for row in doubt.rows:
            if row.id == declaration_id:
                continue
            audit.note(conn, me().actor, "rooms.doubt", f"declaration:{row.id}", now, f"以{kept.number}为准")
            words = (
                f"您在{declarations.address_of(row)}的登记（{row.number}）已改为搬走，以{declarations.address_of(kept)}为准。"
                "不对的话请告诉我们。"
            )
            notices.tell(conn, row.person_id, "我的入住登记", words, "/rooms/mine", key=f"kept:{row.id}", at=now)
    house().nudge()
    flash(f"以{kept.number}为准，另外{len(ended)}条改为搬走", "ok")
    return redirect(url_for("staff.rooms_check"))
