"""Service points in the console: entered by one person with a source, shown after a second's word."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import clock
from knowledge_base import live, validate
from knowledge_base.places import KINDS
from records import audit, service_points, staff
from records.base import read, write
from staff.blueprint import blueprint
from staff.house import house, me
from staff.knowledge import _may_edit, _places
from staff.knowledge_text import said
from staff.permissions import needs

_LABELS = {
    "key": "编号", "kind": "种类", "name": "名称", "address": "地址", "hours": "时间", "phone": "电话", "latitude": "纬度",
    "longitude": "经度", "source": "来源", "checked_on": "核对日期", "region": "地区",
}  # fmt: skip


@blueprint.get("/knowledge/places")
@needs("knowledge.see")
def knowledge_places() -> str:
    """All service points, and a form for one more."""
    return _page({"checked_on": clock.today().isoformat()}, [])


def _page(typed: dict[str, Any], faults: list[str]) -> str:
    with read(house().engine) as conn:
        rows = service_points.listing(conn)
        names = staff.names(conn)
    return render_template(
        "knowledge/places.html", rows=rows, names=names, kinds=KINDS, places=_places(), labels=_LABELS, typed=typed,
        faults=faults, states=service_points.STATES,
    )  # fmt: skip


@blueprint.post("/knowledge/places")
@needs("knowledge.edit")
def knowledge_place_put() -> Response | tuple[str, int]:
    """Enter a place, or change one; it waits for a second person."""
    typed = {name: request.form.get(name, "").strip() for name in service_points.FIELDS}
    place, found = validate.place(typed, "", house().knowledge.regions.regions)
    faults = [said(fault).replace(fault.field, _LABELS.get(fault.field, fault.field)) for fault in found]
    if place is not None and place.checked_on > clock.today():
        faults.append("核对日期：不能在以后")
    if place is not None and not _may_edit(place.region):
        faults.append("地区：不在您负责的范围里")
    if place is None or faults:
        return _page(typed, faults), 422
    now = clock.now()
    with write(house().engine) as conn:
        service_points.put(conn, place.fields(), actor=me().actor, at=now)
        audit.note(conn, me().actor, "place.entered", f"place:{place.key}", now)
    flash("已记下，等另一个人确认后公开。", "good")
    return redirect(url_for("staff.knowledge_places"))


@blueprint.post("/knowledge/places/<key>/move")
@needs("knowledge.edit")
def knowledge_place_moved(key: str) -> Response:
    """Show what somebody else entered, or take it away."""
    state = request.form.get("state", "")
    try:
        with write(house().engine) as conn:
            service_points.move(conn, key, state, staff_id=me().id)
            audit.note(conn, me().actor, f"place.{state}", f"place:{key}", clock.now())
    except service_points.IllegalMove as fault:
        abort(409, str(fault))
    live.announce(house().redis)
    return redirect(url_for("staff.knowledge_places"))
