"""`/employer`: a firm's dormitories; people registered one by one or from a file, each of whom consents himself."""

import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.rooms.blueprint import pages, signed_in, to_login
from bot.rooms.landlord import bind
from bot.service import service
from records import (
    board,
    declarations,
    dormitories,
    employers,
    filing,
    identity,
    links,
    places,
    residents,
    rooms,
    sheets,
)
from records.base import Busy, read, write
from records.crypto import cipher

View = BaseResponse | str | tuple[Any, int]
COLUMNS = {
    "room": ("房间编号", "编号", "房间", "房号"),
    "name": ("姓名",),
    "number": ("身份证号", "身份证", "证件号码"),
    "phone": ("手机号", "电话", "手机", "联系电话"),
    "moved_in": ("入住日期", "日期"),
}
MOST = 2000
"""Rows in one file."""
BATCH = 50
"""Rows in one transaction: whoever else writes on SQLite waits a fifth of a second for them, never for a whole file."""
_NOT_NOW = "系统正忙，这一行没有收下；过一会儿把同一份名单再交一次"
_NAMED = 6
"""Rooms of the same number that a fault names; a firm with more of them looks at the list on its page."""
_PAUSE = 0.005
"""Between two batches. Others look for the lock every half millisecond; without a gap ours would be there first."""


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
    conn: Connection, firm: Row[Any], *, made: list[Any] | None = None, bad: list[Any] | None = None,
    claimed: list[Any] | None = None, status: int = 200,
) -> View:  # fmt: skip
    people = employers.people_of(conn, firm.id)
    return render_template(
        "scan/employer.html", firm=firm, made=made or [], bad=bad or [], claimed=claimed or [],
        claims=dormitories.of_firm(conn, firm.id), claim_states=dormitories.STATES, address=places.address, colours=rooms.COLOURS,
        waiting=sum(row.state == "waiting" for row in people), districts=_districts(firm.region), states=declarations.STATES,
        tiles=board.tiles(conn, rooms.of_employer(conn, firm.id), clock.now().date()),
        people=[{"row": row, "name": identity.mask_name(row.who["name"]) if row.who else "—",
                 "address": declarations.address_of(row)} for row in people],
        duties=[{"row": row, "name": identity.mask_name(row.who["name"]) if row.who else "—",
                 "address": declarations.address_of(row)} for row in employers.duties_of(conn, firm.id)], today=clock.now().date(), key=secrets.token_urlsafe(16),
    ), status  # fmt: skip


@pages.post("/employer/people")
def register_people() -> View:
    """Register people from a file (CSV, XLSX) or one by one. Each gets a link of his own, to be handed on."""
    with read(service().engine) as conn:
        firm = _firm(conn)
        dormitory = _by_name(rooms.of_employer(conn, firm.id))
    made, bad = _take(
        COLUMNS, ("name", "number", "room"), lambda conn, line: _register(conn, firm, dormitory, line), _masked
    )
    with read(service().engine) as conn:
        return _page(conn, firm, made=made, bad=bad, status=422 if bad and not made else 200)


def _masked(line: sheets.Line) -> str:
    return identity.mask_name(line.cells.get("name", "") or "—")


def _by_name(own: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    """A firm's rooms by all that a line may call them, in capitals: by a number that two buildings have, both."""
    named: dict[str, list[Row[Any]]] = {}
    for row in own:
        for name in {row.short.upper(), row.number.upper()}:
            named.setdefault(name, []).append(row)
    return named


_Take = Callable[[Connection, sheets.Line], dict[str, str]]
_Called = Callable[[sheets.Line], str]
_Taken = tuple[list[dict[str, str]], list[dict[str, str]]]


def _take(columns: Mapping[str, Sequence[str]], required: Sequence[str], take: _Take, called: _Called) -> _Taken:
    """Do `take` with every line of the form or file: what it returned, and the lines refused (as `called`) and why.

    Where the database can't be had in the middle, what was taken stays and is shown, for its links are shown only once;
    the rest are named as not taken. The same file again takes those alone.
    """
    made: list[dict[str, str]] = []
    bad: list[dict[str, str]] = []
    try:
        lines = _lines(columns, required)
    except sheets.SheetError as fault:
        return made, [{"line": "—", "name": "", "reason": str(fault)}]
    for start in range(0, len(lines), BATCH):
        try:
            done, refused = _batch(lines[start : start + BATCH], take, called)
        except Busy:
            return made, [*bad, *(_refused(line, called, _NOT_NOW) for line in lines[start:])]
        made, bad = made + done, bad + refused
        time.sleep(_PAUSE)
    return made, bad


def _batch(lines: Sequence[sheets.Line], take: _Take, called: _Called) -> _Taken:
    """Some lines in one transaction. Raises `Busy`; then none of them was taken."""
    made: list[dict[str, str]] = []
    bad: list[dict[str, str]] = []
    with write(service().engine) as conn:
        for line in lines:
            try:
                made.append(take(conn, line))
            except ValueError as fault:
                bad.append(_refused(line, called, str(fault)))
    return made, bad


def _refused(line: sheets.Line, called: _Called, reason: str) -> dict[str, str]:
    return {"line": str(line.number), "name": called(line), "reason": reason}


def _districts(region: str) -> list[str]:
    """The district of a firm; all of its city's where it isn't known."""
    own = [name for name, (key, _) in places.REGIONS.items() if key == region and key != "ningbo"]
    return own or [name for name, (key, _) in places.REGIONS.items() if key not in ("ningbo", "zhongshan")]


@pages.post("/employer/rooms")
def claim_rooms() -> View:
    """Register dormitories, one by one or from a file; the office confirms each."""
    with read(service().engine) as conn:
        firm = _firm(conn)
    claimed, bad = _take(
        dormitories.COLUMNS, dormitories.REQUIRED, lambda conn, line: _claim(conn, firm, line),
        lambda line: line.cells.get("room", ""),
    )  # fmt: skip
    with read(service().engine) as conn:
        return _page(conn, firm, claimed=claimed, bad=bad, status=422 if bad and not claimed else 200)


def _claim(conn: Connection, firm: Row[Any], line: sheets.Line) -> dict[str, str]:
    one = dormitories.claim(conn, firm, line.cells, clock.now())
    return {"address": one.address, "state": one.state}


@pages.post("/employer/duty/<int:duty_id>")
def employer_reports(duty_id: int) -> View:
    """A move of one of the firm's people, reported."""
    with write(service().engine) as conn:
        if not employers.report(conn, duty_id, clock.now(), employer_id=_firm(conn).id):
            abort(404)
    return redirect(url_for("rooms.employer"), 303)


@pages.post("/employer/people/<int:declaration_id>/link")
def consent_again(declaration_id: int) -> View:
    """A new link for somebody who hasn't consented yet; the earlier one stops working."""
    with write(service().engine) as conn:
        firm = _firm(conn)
        row = next((one for one in employers.people_of(conn, firm.id) if one.id == declaration_id), None)
        if row is None or row.state != "waiting" or not row.who:
            abort(404)
        secret = links.make(conn, "consent", row.id, f"employer:{firm.id}", clock.now())
    made = [{
        "name": identity.mask_name(row.who["name"]), "number": row.number, "address": declarations.address_of(row),
        "url": service().settings.public_url + url_for("rooms.own_consent", secret=secret),
    }]  # fmt: skip
    with read(service().engine) as conn:
        return _page(conn, firm, made=made)


def _lines(columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> list[sheets.Line]:
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        cells = {name: request.form.get(name, "").strip() for name in columns}
        if any(cells.values()):
            return [sheets.Line(1, cells)]
        raise sheets.SheetError("没有选文件，也没有填；请选一个 CSV 或 XLSX 文件，或者填一条")
    suffix = ".xlsx" if upload.filename.lower().endswith((".xlsx", ".xlsm")) else ".csv"
    with tempfile.NamedTemporaryFile(suffix=suffix, dir=service().settings.data_dir) as kept:
        upload.save(kept.name)
        lines = []
        try:
            for line in sheets.rows(Path(kept.name), columns, required):
                lines.append(line)
                if len(lines) > MOST:
                    raise sheets.SheetError(f"一个文件最多{MOST}行，请分成几个")
        except sheets.SheetError as fault:  # its own name, not that of our copy
            raise sheets.SheetError(str(fault).replace(Path(kept.name).name, upload.filename[:60])) from None
        return lines


def _room(dormitory: Mapping[str, list[Row[Any]]], said: str) -> Row[Any]:
    """The one room that a line names. Raises `ValueError` saying what is wrong."""
    found = dormitory.get(said.upper(), [])
    if not found:
        raise ValueError("单位没有这间宿舍；房间要先由总台登记在单位名下")
    if len(found) > 1:  # to guess would register somebody in another building
        each = "、".join(f"{row.path.split('/')[-1]}的是{row.short}" for row in found[:_NAMED])
        more = "等" if len(found) > _NAMED else ""
        raise ValueError(f"单位有{len(found)}间{said}，分不清是哪一间；请改填房间编号：{each}{more}")
    return found[0]


def _register(
    conn: Connection, firm: Row[Any], dormitory: Mapping[str, list[Row[Any]]], line: sheets.Line
) -> dict[str, str]:
    """One person, waiting for his own consent. Raises `ValueError` saying what is wrong."""
    now, cells = clock.now(), line.cells
    room = _room(dormitory, cells.get("room", ""))
    fields = {**cells, "relation": "self", "paper": "id"}
    resident, faults = residents.read(fields, now.date())
    day, fault = residents.moved_in(cells.get("moved_in", "").replace("/", "-").replace(".", "-")[:10], now.date())
    if resident is None or day is None:
        raise ValueError("；".join([*faults.values(), *([fault] if fault else [])]))
    form = filing.Form(
        key=_key(firm.id, resident.number, day), residents=[resident], moved_in=day, source="employer",
        actor=f"employer:{firm.id}", employer_id=firm.id, state="waiting",
    )  # fmt: skip
    receipt = filing.file(conn, room.id, form, now)
    if receipt.again:
        raise ValueError(f"登记过了，编号{receipt.number}；本人没有收到链接的，在“住着的人”里点“重新要同意链接”")
    made = declarations.of_filing(conn, receipt.filing_id)[0]
    secret = links.make(conn, "consent", made.id, f"employer:{firm.id}", now)
    path = url_for("rooms.own_consent", secret=secret)
    return {
        "name": identity.mask_name(resident.name), "number": receipt.number,
        "url": service().settings.public_url + path, "address": rooms.address(room),
    }  # fmt: skip


def _key(firm_id: int, number: str, day: date) -> str:
    """The same line is the same form. Keyed, for without a key the number could be guessed from what is stored.

    Under another `LOOKUP_KEY` a line that was taken before is new: whoever hasn't consented yet gets another link in
    place of his first, whoever lives there is refused as registered."""
    return cipher().lookup("form", str(firm_id), number, day.isoformat()).hex()


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
