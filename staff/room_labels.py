"""Label sheets from the console: for a place, for some rooms, or for those not printed yet."""

from typing import Any

from flask import Response as FlaskResponse
from flask import abort, current_app, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

import clock
from records import audit, places, room_codes, rooms
from records.base import read, write
from records.room_codes import read_short
from records.rooms import Room
from staff.blueprint import blueprint
from staff.house import house, me
from staff.permissions import needs
from staff.rooms import LABELS, may_see


@blueprint.post("/rooms/labels")
@needs("rooms.manage")
def rooms_labels() -> Response | FlaskResponse:
    """A PDF of labels; the codes on it count as printed from now on."""
    form, drawn = request.form, current_app.extensions["rooms"]
    size = form.get("size", "24")
    if size not in drawn["label_sizes"]:
        abort(400, "请选标签的大小。")
    with read(house().engine) as conn:
        found, fault = _chosen(conn)
    if not fault and not found:
        fault = "没有要打印的房间码；都打印过的话，去掉“只要没打印过的”再试"
    if not fault:
        try:
            body = drawn["labels"](found, size, house().settings.public_url)
        except RuntimeError as error:  # no font for Chinese: the message names the package
            fault = str(error)
    if fault:
        flash(fault, "error")
        return redirect(url_for("staff.rooms_board", place=form.get("place") or None))
    with write(house().engine) as conn:
        room_codes.printed(conn, [row.code_id for row in found], clock.now())
        audit.note(
            conn, me().actor, "rooms.labels", f"{len(found)} labels", clock.now(), form.get("codes", "")[:200] or None
        )
    name = f"room-codes-{clock.today():%Y%m%d}-{len(found)}.pdf"
    return FlaskResponse(
        body, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    )  # fmt: skip


def _chosen(conn: Connection) -> tuple[list[Any], str]:
    """The rooms that the form means, in the order of walking, and what is wrong with it."""
    statement = rooms.selection("printed=no" if request.form.get("only") == "unprinted" else "")
    typed = request.form.get("codes", "").replace("，", " ").replace(",", " ").split()
    if typed:
        shorts = [read_short(one) for one in typed]
        wrong = [one for one, short in zip(typed, shorts, strict=True) if short is None]
        if wrong:
            return [], f"编号应像 NB-FH-000123，看不懂：{'、'.join(wrong[:5])}"
        statement = rooms.selection("").where(Room.short.in_([short for short in shorts if short]))
    else:
        place = places.get(conn, request.form.get("place", 0, type=int))
        if place is None or not may_see(place.path):
            return [], "请先在房态里选一个地方，或者填房间编号"
        statement = statement.where(places.under(place.path))
    rows = [row for row in conn.execute(statement.limit(LABELS + 1)) if may_see(row.path)]
    if len(rows) > LABELS:
        return [], f"一次最多{LABELS}张；请选下一级，更多的请管理员用命令 rooms labels 打印"
    found = {row.short for row in rows}
    missing = [one for one in typed if read_short(one) not in found]
    return ([], f"没有这些编号：{'、'.join(missing[:5])}") if missing else (rows, "")
