"""`/rooms/mine`: one's own declarations: their state, the question whether one still lives there, moving out, correcting."""

from datetime import timedelta
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from sqlalchemy import Row
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.rooms import forms
from bot.rooms.blueprint import inside_wechat, pages, person, signed_in, to_login
from bot.service import service
from records import declarations, filing, residents, room_rules
from records.base import read, write

View = BaseResponse | str | tuple[Any, int]
OPEN = (*declarations.LIVING, "returned")


@pages.get("/rooms/mine")
def mine() -> View:
    """All that somebody declared."""
    with read(service().engine) as conn:
        if signed_in(conn) is None and inside_wechat():
            return to_login()
        who = person(conn)
        rows = declarations.of_person(conn, who.id) if who else []
        asked = filing.questions_of(conn, who.id) if who else []
        reasons = {row.id: declarations.reason(conn, row.id) for row in rows if row.state == "returned"}
    shown = [{"row": row, "address": declarations.address_of(row), **forms.masked(row)} for row in rows]
    return render_template(
        "scan/mine.html", families=_families(shown),
        asked=[{"row": row, "address": declarations.address_of(row), **forms.masked(row)} for row in asked],
        reasons=reasons, states=declarations.STATES, relations=declarations.RELATIONS, open_states=OPEN, today=clock.now().date(),
    )  # fmt: skip


def _families(shown: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Who is registered in one room together: those who still are first, oneself at the head."""
    found: dict[tuple[int, bool], list[dict[str, Any]]] = {}
    for one in shown:
        row = one["row"]
        lives = row.state in (*OPEN, "waiting")
        found.setdefault((row.room_id if lives else row.filing_id, lives), []).append(one)
    for family in found.values():
        family.sort(key=lambda one: (one["row"].relation != "self", one["row"].id))
    return sorted(found.values(), key=lambda family: family[0]["row"].state not in (*OPEN, "waiting"))


@pages.post("/rooms/mine/room/<int:room_id>/leave")
def leave_all(room_id: int) -> View:
    """Move one's whole household out of a room today."""
    with write(service().engine) as conn:
        who = person(conn) or abort(401)
        ids = [row.id for row in declarations.of_person(conn, who.id) if row.room_id == room_id and row.state in OPEN]
        if not ids:
            abort(404)
        now = clock.now()
        filing.move_out(conn, ids, f"person:{who.id}", now.date(), now)
    return redirect(url_for("rooms.mine"), 303)


@pages.post("/rooms/mine/ask/<int:asked_id>")
def answer(asked_id: int) -> View:
    """The earlier tenant's answer."""
    with write(service().engine) as conn:
        who = person(conn) or abort(401)
        if request.form.get("answer") not in ("still_here", "moved_out"):
            abort(400)
        filing.answer(conn, asked_id, who.id, request.form["answer"] == "still_here", clock.now())
    return redirect(url_for("rooms.mine"), 303)


@pages.post("/rooms/mine/<int:declaration_id>/leave")
def leave_one(declaration_id: int) -> View:
    """Move one person of one's household out today."""
    with write(service().engine) as conn:
        row = _own(conn, declaration_id)
        now = clock.now()
        filing.move_out(conn, [row.id], f"person:{row.person_id}", now.date(), now)
    return redirect(url_for("rooms.mine"), 303)


@pages.post("/rooms/mine/<int:declaration_id>/still")
def still_here(declaration_id: int) -> View:
    """A declaration is a year old and still holds."""
    with write(service().engine) as conn:
        row = _own(conn, declaration_id)
        now = clock.now()
        until = now.date() + timedelta(days=room_rules.rules()["valid_days"])
        declarations.renew(conn, [row.id], f"person:{row.person_id}", until, now)
    return redirect(url_for("rooms.mine"), 303)


@pages.route("/rooms/mine/<int:declaration_id>/correct", methods=["GET", "POST"])
def correct(declaration_id: int) -> View:
    """Correct what was declared: the new version supersedes the old one and is checked anew."""
    now = clock.now()
    faults: dict[str, str] = {}
    with write(service().engine) if request.method == "POST" else read(service().engine) as conn:
        row = _own(conn, declaration_id)
        values: dict[str, str] = {**row.who, "number": "", "moved_in": row.moved_in.isoformat(), "key": forms.new_key()}
        if request.method == "POST":
            values = dict(request.form)
            fields = {**values, "relation": row.relation}
            if not fields.get("number", "").strip() and fields.get("paper") == row.who["paper"]:
                fields["number"] = row.who["number"]
            resident, faults = residents.read(fields, now.date())
            day, fault = residents.moved_in(values.get("moved_in", ""), now.date())
            if fault:
                faults["moved_in"] = fault
            if resident is not None and day is not None:
                try:
                    filing.correct(conn, row, resident, day, values.get("key", ""), now)
                    return redirect(url_for("rooms.mine"), 303)
                except filing.Refused as refused:
                    faults["form"] = str(refused)
    return render_template(
        "scan/correct.html", row=row, shown=forms.masked(row), address=declarations.address_of(row), values=values,
        faults=faults, today=now.date(), papers=residents.PAPERS,
    ), 422 if faults else 200  # fmt: skip


def _own(conn: Any, declaration_id: int) -> Row[Any]:
    """An open declaration of one's own; 404 for anybody else's, as for none."""
    who = person(conn)
    rows = declarations.of_person(conn, who.id) if who else []
    own = [row for row in rows if row.id == declaration_id and row.state in OPEN and row.who]
    if not own:
        abort(404)
    return own[0]
