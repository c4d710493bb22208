"""`/employer`: a firm's dormitories; people registered one by one or from a file, each of whom consents himself."""

import secrets
import tempfile
from pathlib import Path
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.rooms.blueprint import pages, service, signed_in, to_login
from bot.rooms.landlord import bind
from records import board, declarations, employers, filing, identity, links, residents, rooms, sheets
from records.base import read, write

View = BaseResponse | str | tuple[Any, int]
COLUMNS = {
    "room": ("房间编号", "编号", "房间", "房号"),
    "name": ("姓名",),
    "number": ("身份证号", "身份证", "证件号码"),
    "phone": ("手机号", "电话", "手机", "联系电话"),
    "moved_in": ("入住日期", "日期"),
}
MOST = 2000
"""People in one file."""


@pages.get("/employer")
def employer() -> View:
    """The firm's page."""
    with read(service().engine) as conn:
        who = signed_in(conn)
        if who is None:
            return to_login()
        own = employers.of_person(conn, who.id)
        if not own:
            return render_template("scan/employer_unknown.html"), 403
        return _page(conn, own[0])


def _page(
    conn: Connection, firm: Row[Any], *, made: list[Any] | None = None, bad: list[Any] | None = None, status: int = 200
) -> View:  # fmt: skip
    people = employers.people_of(conn, firm.id)
    return render_template(
        "scan/employer.html", firm=firm, made=made or [], bad=bad or [], states=declarations.STATES,
        tiles=board.tiles(conn, rooms.of_employer(conn, firm.id), clock.now().date()),
        people=[{"row": row, "name": identity.mask_name(row.who["name"]) if row.who else "—",
                 "address": declarations.address_of(row)} for row in people],
        duties=employers.duties_of(conn, firm.id), today=clock.now().date(), key=secrets.token_urlsafe(16),
    ), status  # fmt: skip


@pages.post("/employer/people")
def register_people() -> View:
    """Register people from a file (CSV, XLSX) or one by one. Each gets a link of his own, to be handed on."""
    made: list[dict[str, str]] = []
    bad: list[dict[str, str]] = []
    try:
        lines = _lines()
    except sheets.SheetError as fault:
        lines, bad = [], [{"line": "—", "name": "", "reason": str(fault)}]
    with write(service().engine) as conn:
        firm = _firm(conn)
        dormitory = {row.short: row for row in rooms.of_employer(conn, firm.id)}
        dormitory |= {row.number: row for row in dormitory.values()}
        for line in lines:
            try:
                made.append(_register(conn, firm, dormitory, line))
            except ValueError as fault:
                name = identity.mask_name(line.cells.get("name", "") or "—")
                bad.append({"line": str(line.number), "name": name, "reason": str(fault)})
    with read(service().engine) as conn:
        return _page(conn, firm, made=made, bad=bad, status=422 if bad and not made else 200)


def _lines() -> list[sheets.Line]:
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        cells = {name: request.form.get(name, "").strip() for name in COLUMNS}
        return [sheets.Line(1, cells)] if cells["name"] else []
    suffix = ".xlsx" if upload.filename.lower().endswith((".xlsx", ".xlsm")) else ".csv"
    with tempfile.NamedTemporaryFile(suffix=suffix, dir=service().settings.data_dir) as kept:
        upload.save(kept.name)
        lines = []
        for line in sheets.rows(Path(kept.name), COLUMNS, ("name", "number", "room")):
            lines.append(line)
            if len(lines) > MOST:
                raise sheets.SheetError(f"一个文件最多{MOST}人，请分成几个")
        return lines


def _register(conn: Connection, firm: Row[Any], dormitory: dict[str, Row[Any]], line: sheets.Line) -> dict[str, str]:
    """One person, waiting for his own consent. Raises `ValueError` saying what is wrong."""
    now, cells = clock.now(), line.cells
    room = dormitory.get(cells.get("room", "").upper()) or dormitory.get(cells.get("room", ""))
    if room is None:
        raise ValueError("单位没有这间宿舍；房间要先由总台登记在单位名下")
    fields = {**cells, "relation": "self", "paper": "id"}
    resident, faults = residents.read(fields, now.date())
    day, fault = residents.moved_in(cells.get("moved_in", "").replace("/", "-").replace(".", "-")[:10], now.date())
    if resident is None or day is None:
        raise ValueError("；".join([*faults.values(), *([fault] if fault else [])]))
    form = filing.Form(
        key=f"{firm.id}:{resident.number}:{day}", residents=[resident], moved_in=day, source="employer",
        actor=f"employer:{firm.id}", employer_id=firm.id, state="waiting",
    )  # fmt: skip
    receipt = filing.file(conn, room.id, form, now)
    if receipt.again:
        raise ValueError(f"登记过了，编号{receipt.number}")
    made = declarations.of_filing(conn, receipt.filing_id)[0]
    secret = links.make(conn, "consent", made.id, f"employer:{firm.id}", now)
    path = url_for("rooms.own_consent", secret=secret)
    return {
        "name": identity.mask_name(resident.name), "number": receipt.number,
        "url": service().settings.public_url + path, "address": rooms.address(room),
    }  # fmt: skip


@pages.post("/employer/people/<int:declaration_id>/left")
def employer_left(declaration_id: int) -> View:
    """A person of the firm's left: reported, and the term of three working days met."""
    now = clock.now()
    with write(service().engine) as conn:
        firm = _firm(conn)
        if declaration_id not in {row.id for row in employers.people_of(conn, firm.id)}:
            abort(404)
        row = declarations.get(conn, declaration_id)
        if row is not None and row.state == "waiting":
            declarations.move(conn, declaration_id, "superseded", f"employer:{firm.id}", now)
        else:
            filing.move_out(conn, [declaration_id], f"employer:{firm.id}", now.date(), now)
        employers.settle(conn, [declaration_id], "out", now)
    return redirect(url_for("rooms.employer"), 303)


@pages.route("/employer/bind/<secret>", methods=["GET", "POST"])
def bind_employer(secret: str) -> View:
    """The one-time link that the desk gave a firm."""
    return bind("employer", secret, "rooms.employer", "单位")


def _firm(conn: Connection) -> Row[Any]:
    who = signed_in(conn)
    if who is None:
        abort(401)
    own = employers.of_person(conn, who.id)
    if not own:
        abort(403)
    return own[0]
