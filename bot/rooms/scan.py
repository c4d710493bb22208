"""`/r/<code>`: what a scanned code opens. It shows what stands on the label, and never who lives there."""

from datetime import date
from typing import Any

from flask import abort, current_app, redirect, render_template, request, session, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.rooms import forms, limits
from bot.rooms.blueprint import (
    found_or_404,
    inside_wechat,
    login_failed,
    login_url,
    pages,
    person,
    person_id_for_filing,
    signed_in,
    to_login,
    wants_json,
)
from bot.service import service
from records import consent, declarations, filing, identity, inspections, notices, pictures, places, room_rules, rooms
from records.base import read, write
from records.identity import BadNumber
from records.room_codes import read_short, read_token

View = BaseResponse | str | tuple[Any, int]


@pages.get("/r")
@pages.get("/r/")
def ask() -> View:
    """Type the number on a label, or what a scanner gave."""
    code = request.args.get("code", "").strip()
    if code:
        code = code.rstrip("/").rsplit("/", 1)[-1]
        if read_short(code) or read_token(code):
            return redirect(url_for("rooms.room", code=read_short(code) or read_token(code)))
        fault = "编号应像 NB-FH-000123 这样，写在码的旁边"
        return render_template("scan/ask.html", code=code[:40], fault=fault), 400
    return render_template("scan/ask.html", code="", fault="")


@pages.get("/r/<code>")
def room(code: str) -> View:
    """The room's page."""
    with read(service().engine) as conn:
        found = found_or_404(conn, code)
        who = signed_in(conn)
        if who is None and inside_wechat() and not login_failed():
            return to_login()
        return _page(conn, found)


def _page(
    conn: Connection, found: rooms.Found, *, values: Any = None, faults: dict[str, str] | None = None, status: int = 200,
    open_part: str = "",
) -> View:  # fmt: skip
    """Draw the page, with what was typed and what was wrong with it when it comes back."""
    row, who = found.room, person(conn)
    if found.how == "revoked":
        return render_template("scan/revoked.html", room=row, address=rooms.address(row)), 410
    values = values or {}
    fresh = "fresh" in request.args or bool(values.get("fresh"))
    own = [one for one in declarations.of_person(conn, who.id) if one.who] if who and not fresh else []
    current = [one for one in own if one.room_id == row.id and one.state in (*declarations.LIVING, "returned")]
    current.sort(key=lambda one: (one.relation != "self", one.id))
    there = {one.number_hash for one in current if one.state in declarations.LIVING}
    known = [one for one in _known(conn, who, fresh) if one.number_hash not in there]
    newest = max((one.filing_id for one in known), default=0)
    adding = any(one.relation == "self" and one.state in declarations.LIVING for one in current)
    elsewhere = [one for one in own if one.room_id != row.id and one.state in declarations.LIVING]
    return render_template(
        "scan/room.html", room=row, code=_code(found), address=rooms.address(row), district=places.part(row.path, "district"),
        how=found.how, current=[{"row": one, **forms.masked(one)} for one in current], fresh=fresh,
        known=[forms.masked(one) | {"ticked": one.filing_id == newest and not adding} for one in known], adding=adding,
        elsewhere=sorted({declarations.address_of(one) for one in elsewhere}), login_failed=inside_wechat() and login_failed(),
        login=login_url(request.path), values=values, faults=faults or {}, key=values.get("key") or forms.new_key(), today=clock.now().date(),
        relations=declarations.RELATIONS, states=declarations.STATES, consent=consent, reports=inspections.REPORTS,
        signed_in=who is not None and who.channel != "web", members=_members(values), open_part=open_part,
        most=room_rules.rules()["form_people"] - 1, in_zhejiang=places.part(row.path, "city") == "宁波市",
    ), status  # fmt: skip


def _known(conn: Connection, who: Row[Any] | None, fresh: bool) -> list[Row[Any]]:
    """Whom the form needn't ask about; nobody where somebody else fills it in on the same phone (`fresh`)."""
    return forms.known_people(conn, who.id) if who and not fresh else []


def _lives_here(conn: Connection, who: Row[Any] | None, room_id: int, fresh: bool) -> bool:
    rows = declarations.of_person(conn, who.id) if who and not fresh else []
    return any(row.room_id == room_id and row.relation == "self" and row.state in declarations.LIVING for row in rows)


def _code(found: rooms.Found) -> str:
    """The code as the page's own links carry it: the one that it was opened by."""
    return str(request.view_args["code"]) if request.view_args else str(found.room.short)


def _members(values: Any) -> list[int]:
    """Which rows beside the first hold something."""
    return [
        index
        for index in range(1, room_rules.rules()["form_people"] + 1)
        if any(values.get(f"p{index}-{name}") for name in ("name", "number", "born"))
    ]


@pages.post("/r/<code>/declare")
def declare(code: str) -> View:
    """Take a declaration. The same form sent again gives the same receipt."""
    form = request.form
    with read(service().engine) as conn:  # the one writer of a small database is not kept waiting for faults
        found = found_or_404(conn, code)
        if found.how == "revoked":
            abort(410)
        if not limits.allowed(service().redis, "declare", str(found.room.id), 60, 600):
            abort(429)
        who = person(conn)
        fresh = bool(form.get("fresh"))
        result = forms.read(
            form, _known(conn, who, fresh), clock.now().date(), lives_here=_lives_here(conn, who, found.room.id, fresh)
        )
    if not 16 <= len(form.get("key", "")) <= 64:
        result.faults["form"] = "这一页不完整，请重新扫码打开"
    if not result.faults and result.moved_in is not None:
        try:
            return _file(found, who, result, result.moved_in)
        except filing.Refused as refused:
            result.faults["form"] = str(refused)
    if wants_json():
        return {"faults": result.faults}, 422
    with read(service().engine) as conn:
        return _page(conn, found, values=form, faults=result.faults, status=422, open_part="in")


def _file(found: rooms.Found, who: Row[Any] | None, result: forms.Read, moved_in: date) -> View:
    now = clock.now()
    with write(service().engine) as conn:
        person_id = int(who.id) if who is not None else person_id_for_filing(conn)
        form = filing.Form(
            key=request.form["key"], residents=result.people, moved_in=moved_in, person_id=person_id,
            actor=f"person:{person_id}" if person_id else "person", sole=request.form.get("alone") == "yes",
            typed=found.how == "short",
        )  # fmt: skip
        if request.form.get("left") == "yes":
            filing.leave_others(conn, found.room.id, form, now)
        receipt = filing.file(conn, found.room.id, form, now)
        words = f"收到您的入住登记，编号{receipt.number}。社区工作人员核对后会告诉您结果。"
        if not receipt.again:
            notices.tell(conn, person_id, "我的入住登记", words, "/rooms/mine", key=f"filed:{receipt.number}", at=now)
    if who is not None and who.channel in notices.PUSHED:
        service().nudge()
    remember(receipt.number)
    return _onward(url_for("rooms.receipt", number=receipt.number))


def remember(number: str) -> None:
    """Let this browser open the receipt, signed in or not."""
    session["receipts"] = [*session.get("receipts", [])[-9:], number]


def _onward(url: str) -> View:
    return ({"next": url}, 200) if wants_json() else redirect(url, 303)


@pages.get("/rooms/receipt/<number>")
def receipt(number: str) -> View:
    """What was filed, its number, and what happens next. Only for whoever filed it."""
    with read(service().engine) as conn:
        rows, who = declarations.by_number(conn, number), person(conn)
        own = bool(rows) and (
            number in session.get("receipts", []) or (who is not None and rows[0].person_id == who.id)
        )
        if not own:
            abort(404)
        signed = signed_in(conn) is not None
    return render_template(
        "scan/receipt.html", number=number, rows=[{"row": one, **forms.masked(one)} for one in rows],
        address=declarations.address_of(rows[0]), states=declarations.STATES, relations=declarations.RELATIONS,
        flags=rows[0].flags.split(), signed_in=signed, follow=current_app.extensions["rooms"]["follow_code"] is not None, short=rows[0].short, declared=rows[0].declared_at.date(),
        half_year=_half_year(rows[0].declared_at.date()), in_zhejiang=places.part(rows[0].path, "city") == "宁波市",
    )  # fmt: skip


def _half_year(day: date) -> date:
    """Six months on: when a residence permit may be applied for (浙江省流动人口居住登记条例 art. 16)."""
    year, month = (day.year, day.month + 6) if day.month <= 6 else (day.year + 1, day.month - 6)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")


@pages.post("/r/<code>/leave")
def leave(code: str) -> View:
    """Move out: by whoever is known on this phone, or by ID number and phone as they were declared."""
    now = clock.now()
    faults: dict[str, str] = {}
    with read(service().engine) as conn:
        room = found_or_404(conn, code).room
        known = bool(_living_here(conn, room))
    # Asked before the database is held for writing: Redis may take its time.
    if not known and not limits.allowed(service().redis, "leave", f"{limits.address()}:{room.id}", 10, 600):
        abort(429)
    with write(service().engine) as conn:
        found = found_or_404(conn, code)
        rows = _own_rows(conn, found.room, faults)
        day = _day(request.form.get("moved_out", ""), now.date(), faults)
        if not faults and day:
            chosen = set(request.form.getlist("who"))
            ids = [row.id for row in rows if not chosen or str(row.id) in chosen]
            actor = f"person:{rows[0].person_id}" if rows and rows[0].person_id else "person"
            filing.move_out(conn, ids, actor, day, now)
            number = rows[0].number
            remember(number)
            return _onward(url_for("rooms.receipt", number=number))
        if wants_json():
            return {"faults": faults}, 422
        return _page(conn, found, values=request.form, faults=faults, status=422, open_part="out")


def _living_here(conn: Connection, row: Row[Any]) -> list[Row[Any]]:
    """What whoever is known on this phone declared of this room."""
    who = person(conn)
    mine = [one for one in (declarations.of_person(conn, who.id) if who else []) if one.room_id == row.id]
    return [one for one in mine if one.state in (*declarations.LIVING, "returned")]


def _own_rows(conn: Connection, row: Row[Any], faults: dict[str, str]) -> list[Row[Any]]:
    if living := _living_here(conn, row):
        return living
    try:
        number = identity.id_number(request.form.get("out-number", ""), clock.now().date())
        phone = identity.mobile(request.form.get("out-phone", ""))
    except BadNumber as fault:
        faults["out-number"] = str(fault)
        return []
    rows = filing.find_own(conn, row.id, number, phone)
    if not rows:
        faults["out-number"] = "这间房没有对得上的登记。请看看证件号和手机号是不是登记时填的；也可以带证件到村社窗口办"
    return rows


def _day(text: str, today: date, faults: dict[str, str]) -> date | None:
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        faults["moved_out"] = "请填搬走的日期"
        return None
    if day > today:
        faults["moved_out"] = "日期还没到；搬走那天再填"
    return day


@pages.post("/r/<code>/report")
def report(code: str) -> View:
    """Report a code or a room, with photos: a case at the room's grid."""
    form, now = request.form, clock.now()
    faults: dict[str, str] = {}
    photos = _photos(faults)
    phone = form.get("report-phone", "").strip()
    try:
        phone = identity.mobile(phone) if phone else ""
    except BadNumber as fault:
        faults["report-phone"] = str(fault)
    if form.get("kind") not in inspections.REPORTS:
        faults["kind"] = "请选是什么问题"
    with read(service().engine) as conn:
        found = found_or_404(conn, code)
        if not limits.allowed(service().redis, "report", f"{limits.address()}:{found.room.id}", 20, 3600):
            abort(429)
        if faults and not wants_json():
            return _page(conn, found, values=form, faults=faults, status=422, open_part="report")
    if faults:
        return {"faults": faults}, 422
    with pictures.kept(service().settings.data_dir, photos) as kept, write(service().engine) as conn:
        person_id = person_id_for_filing(conn)
        number = inspections.report(
            conn, found.room, form["kind"], form.get("text", "").strip()[:1000], now, person_id=person_id,
            phone=phone, photos=tuple(kept),
        )  # fmt: skip
    session["cases"] = [*session.get("cases", [])[-9:], number]
    return _onward(url_for("rooms.reported", number=number))


def _photos(faults: dict[str, str]) -> list[bytes]:
    """The pictures of the form, looked at before anything is written."""
    kept = []
    for upload in request.files.getlist("photos")[:4]:
        data = upload.read()
        if not data:
            continue
        try:
            kept.append(pictures.redrawn(data))
        except pictures.NotAPicture as fault:
            faults["photos"] = str(fault)
    return kept


@pages.get("/rooms/reported/<number>")
def reported(number: str) -> View:
    """The receipt of a report."""
    if number not in session.get("cases", []):
        abort(404)
    return render_template("scan/reported.html", number=number)
