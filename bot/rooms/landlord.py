"""`/landlord`: a landlord's rooms, who declared to live there, confirming or objecting, and his duties."""

from typing import Any

from flask import abort, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.rooms.blueprint import pages, signed_in, to_login
from bot.service import service
from records import (
    board,
    declarations,
    employers,
    filing,
    identity,
    inspections,
    landlords,
    links,
    notices,
    places,
    rooms,
)
from records.base import read, write

View = BaseResponse | str | tuple[Any, int]


@pages.get("/landlord")
def landlord() -> View:
    """The landlord's page."""
    with read(service().engine) as conn:
        who = signed_in(conn)
        if who is None:
            return to_login()
        own = rooms.landlord_of_person(conn, who.id)
        if not own:
            return render_template("scan/landlord_unknown.html"), 403
        ids = [row.id for row in own]
        mine = [row for one in ids for row in rooms.of_landlord(conn, one)]
        tenants = landlords.tenants(conn, ids)
        return render_template(
            "scan/landlord.html", name=own[0].name, tiles=board.tiles(conn, mine, clock.now().date()),
            tenants={room.id: [_shown(row) for row in tenants if row.room_id == room.id] for room in mine},
            inspected=inspections.newest(conn, [room.id for room in mine]), results=inspections.RESULTS,
            points=inspections.POINTS, ningbo=any(places.part(room.path, "city") == "宁波市" for room in mine),
            zhongshan=any(places.part(room.path, "city") == "中山市" for room in mine), kinds=rooms.KINDS,
            duties=[{"row": row, "name": _shown(row)["name"], "address": declarations.address_of(row)}
                    for row in landlords.duties(conn, ids)],
            today=clock.now().date(), colours=rooms.COLOURS, relations=declarations.RELATIONS,
            states=declarations.STATES, says=landlords.SAYS, fault=request.args.get("fault", "")[:60],
        )  # fmt: skip


def _shown(row: Any) -> dict[str, Any]:
    """A landlord sees who by surname, since when, and in what state: no number, no phone."""
    return {"row": row, "name": identity.mask_name(row.who["name"]) if row.who else "—"}


@pages.post("/landlord/<int:declaration_id>")
def landlord_says(declaration_id: int) -> View:
    """Confirm, object, or report that somebody moved out."""
    now, word = clock.now(), request.form.get("word", "")
    with write(service().engine) as conn:
        ids = _landlord_ids(conn)
        rows = [row for row in landlords.tenants(conn, ids) if row.id == declaration_id]
        if not rows:
            abort(404)
        if word == "left":
            _report_left(conn, rows[0], ids[0])
        else:
            try:
                landlords.says(conn, ids, declaration_id, word, request.form.get("reason", "").strip()[:200], now)
            except ValueError as fault:
                return redirect(url_for("rooms.landlord", fault=str(fault)), 303)
    return redirect(url_for("rooms.landlord"), 303)


@pages.post("/landlord/duty/<int:duty_id>")
def landlord_reports(duty_id: int) -> View:
    """A move reported in time. That somebody moved in is also the landlord's word for him."""
    with write(service().engine) as conn:
        ids = _landlord_ids(conn)
        if not _report(conn, ids, [row for row in landlords.duties(conn, ids) if row.duty_id == duty_id]):
            abort(404)
    return redirect(url_for("rooms.landlord"), 303)


@pages.post("/landlord/duties")
def landlord_reports_all() -> View:
    """All moves that are on the list as it was shown, with one press."""
    shown = set(request.form.getlist("duty"))
    with write(service().engine) as conn:
        ids = _landlord_ids(conn)
        _report(conn, ids, [row for row in landlords.duties(conn, ids) if str(row.duty_id) in shown])
    return redirect(url_for("rooms.landlord"), 303)


def _report(conn: Connection, ids: list[int], rows: list[Any]) -> int:
    now = clock.now()
    for row in rows:
        employers.report(conn, row.duty_id, now, landlord_ids=ids)
        if row.move == "in" and row.state in declarations.LIVING and not row.landlord_says:
            landlords.says(conn, ids, row.id, "confirms", "", now)
    return len(rows)


def _report_left(conn: Connection, row: Any, landlord_id: int) -> None:
    """The landlord says that somebody left: the person is asked; staff see it. Nobody is moved out over his head."""
    now = clock.now()
    declarations.note(conn, row.id, f"landlord:{landlord_id}", "landlord_left", now)
    employers.settle(conn, [row.id], "out", now)
    filing.ask(conn, row, row.filing_id, "房东报告说您已经搬走了。", now)


def _landlord_ids(conn: Connection) -> list[int]:
    who = signed_in(conn)
    if who is None:
        abort(401)
    ids = [row.id for row in rooms.landlord_of_person(conn, who.id)]
    if not ids:
        abort(403)
    return ids


@pages.route("/landlord/bind/<secret>", methods=["GET", "POST"])
def bind_landlord(secret: str) -> View:
    """The one-time link that the desk gave a landlord. Opening it asks; only the button binds."""
    return bind("landlord", secret, "rooms.landlord", "房东")


def bind(kind: str, secret: str, onward: str, title: str) -> View:
    """Bind whoever is signed in to what a one-time link names."""
    now = clock.now()
    with write(service().engine) as conn:
        link = links.look(conn, kind, secret, now)
        if link is None:
            return render_template("scan/link_over.html"), 410
        who = signed_in(conn)
        if who is None:
            return to_login()
        if request.method == "GET":
            return render_template("scan/bind.html", title=title)
        if not links.use(conn, link.id, who.id, now):
            return render_template("scan/link_over.html"), 410
        if kind == "landlord":
            landlords.bind(conn, link.subject_id, who.id)
        else:
            employers.bind(conn, link.subject_id, who.id)
        notices.tell(
            conn, who.id, f"{title}页面", f"您的微信已经和{title}资料绑定。不是您本人操作的，请马上告诉村社总台。",
            url_for(onward), key=f"bound:{link.id}", at=now,
        )  # fmt: skip
    return redirect(url_for(onward), 303)
