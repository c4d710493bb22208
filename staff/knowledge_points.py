"""The points ledger in the console: enter, import, approve, revoke; and say which account is whose."""

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

import clock
from records import audit, identity, people, points, sheets, staff
from records.base import read, write
from staff.blueprint import blueprint
from staff.house import house, me
from staff.permissions import needs

COLUMNS = {
    "name": ("姓名",), "number": ("身份证号", "证件号码"), "kind": ("类别",), "giver": ("给分单位",), "points": ("分值", "积分", "总分"),
    "day": ("日期", "核定日期"), "why": ("事由", "说明"), "region": ("地区",),
}  # fmt: skip
_NEEDED = ("name", "number", "points", "day")
_KINDS = {label: kind for kind, label in points.KINDS.items()} | {"官方核定": "official"}
LARGEST = 4 * 1024 * 1024


@blueprint.get("/points")
@needs("points.see")
def points_page() -> str:
    """What waits for a second person, and the year's allotments."""
    return _page(request.args.get("state", "entered"))


@blueprint.post("/points/find")
@needs("points.see")
def points_found() -> str:
    """Everything on one person's account; asked for in a form, so that no number stands in an address or a log."""
    try:
        number = identity.id_number(request.form.get("number", ""), clock.today())
    except identity.BadNumber as fault:
        abort(400, str(fault))
    with write(house().engine) as conn:
        audit.note(conn, me().actor, "points.seen", f"number:{identity.mask_number(number)}", clock.now())
    return _page("", number)


def _page(state: str, number: str = "") -> str:
    year = clock.today().year
    with read(house().engine) as conn:
        rows = points.listing(conn, state=state if state in points.STATES else "", number=number, regions=_regions())
        givers = points.givers(conn, year, _regions())
        names = staff.names(conn)
    return render_template(
        "knowledge/points.html", rows=rows, givers=givers, names=names, state=state, states=points.STATES, year=year,
        kinds=points.KINDS | {"official": "官方核定"}, allotted=points.ALLOTTED, points_of=points.points_of, found=number,
        mask_name=identity.mask_name, mask_number=identity.mask_number, today=clock.today(), places=list(_place_names()),
    )  # fmt: skip


@blueprint.post("/points")
@needs("points.enter")
def points_entered() -> Response:
    """Enter one award by hand."""
    now = clock.now()
    try:
        with write(house().engine) as conn:
            made = _enter(conn, request.form, None)
            audit.note(conn, me().actor, "points.entered", f"award:{made}", now)
    except (points.Refused, identity.BadNumber) as fault:
        abort(400, str(fault))
    flash("已录入，等另一个人复核后生效。", "good")
    return redirect(url_for("staff.points_page"))


@blueprint.post("/points/import")
@needs("points.enter")
def points_imported() -> Response:
    """Enter a whole file, awards or official results: all of it or nothing, with every faulty line named."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        abort(400, "请选一个CSV或XLSX文件。")
    suffix = Path(sent.filename).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"points{suffix if suffix in ('.csv', '.xlsx') else '.csv'}"
        sent.save(path)
        if path.stat().st_size > LARGEST:
            abort(413, "文件太大，请拆成几个。")
        try:
            lines = list(sheets.rows(path, COLUMNS, _NEEDED))
        except sheets.SheetError:
            abort(400, f"这个文件读不懂。第一行要有：{'、'.join(COLUMNS[name][0] for name in _NEEDED)}。")
    batch = f"{clock.now():%Y%m%d}-{secrets.token_hex(3)}"
    try:
        with write(house().engine) as conn:
            _enter_all(conn, lines, batch)
            audit.note(conn, me().actor, "points.imported", f"batch:{batch}", clock.now(), f"{len(lines)} rows")
    except points.Refused as fault:
        abort(400, f"一条也没有导入。{fault}")
    flash(f"已录入{len(lines)}笔（批次{batch}），等另一个人复核。", "good")
    return redirect(url_for("staff.points_page"))


def _enter_all(conn: Connection, lines: list[sheets.Line], batch: str) -> None:
    faults = []
    for line in lines:
        try:
            _enter(conn, _from_sheet(conn, line.cells), batch)
        except (points.Refused, identity.BadNumber, ValueError) as fault:
            faults.append(f"第{line.number}行：{fault}")
    if faults or not lines:
        more = f"；共{len(faults)}行有错" if len(faults) > 10 else ""
        raise points.Refused("；".join(faults[:10]) + more if faults else "文件里没有数据。")


def _from_sheet(conn: Connection, cells: Mapping[str, str]) -> dict[str, str]:
    kind = _KINDS.get(cells.get("kind", "") or "官方核定", cells.get("kind", ""))
    row = {**cells, "kind": kind, "why": cells.get("why") or ("官方核定结果" if kind == "official" else "")}
    tree, named = house().knowledge.regions, cells.get("region", "")
    row["region"] = tree.of_name(named) or "" if named else me().region or house().settings.regions[0]
    if cells.get("giver"):
        year = date.fromisoformat(cells["day"]).year
        same = [g for g in points.givers(conn, year) if g.name == cells["giver"] and g.kind == kind]
        if not same:
            raise points.Refused(f"{cells['giver']}还没有{year}年的额度")
        row["giver_id"] = str(same[0].id)
    return row


def _enter(conn: Connection, row: Mapping[str, str], batch: str | None) -> int:
    try:
        day = date.fromisoformat(row.get("day", ""))
    except ValueError:
        raise points.Refused(f"日期要写成 2026-07-01：{row.get('day', '')}") from None
    if day > clock.today():
        raise points.Refused("日期不能在以后")
    region = row.get("region", "")
    if region not in house().knowledge.regions or not _mine(region):
        raise points.Refused("地区不对，或不在您负责的范围里")
    return points.enter(
        conn, name=identity.person_name(row.get("name", "")), day=day, region=region,
        number=identity.id_number(row.get("number", ""), clock.today()), kind=row.get("kind", ""),
        amount=points.hundredths(row.get("points", "")), why=row.get("why", ""), staff_id=me().id, at=clock.now(),
        giver_id=int(row["giver_id"]) if row.get("giver_id", "").isdigit() else None, batch=batch,
    )  # fmt: skip


@blueprint.post("/points/<int:award_id>")
@needs("points.approve")
def points_decided(award_id: int) -> Response:
    """Approve, refuse or revoke one."""
    _decide([award_id], request.form.get("state", ""))
    return redirect(url_for("staff.points_page"))


@blueprint.post("/points/batch/<batch>")
@needs("points.approve")
def points_batch_decided(batch: str) -> Response:
    """Approve, refuse or revoke all that came with one file: all or none."""
    state = request.form.get("state", "")
    before = "approved" if state == "revoked" else "entered"
    with read(house().engine) as conn:
        rows = points.listing(conn, state=before, regions=_regions(), limit=100_000)
    ids = [row.id for row in rows if row.batch == batch]
    if not ids:
        abort(404)
    _decide(ids, state)
    return redirect(url_for("staff.points_page"))


def _decide(ids: list[int], state: str) -> None:
    now, reason = clock.now(), request.form.get("reason", "").strip()
    try:
        with write(house().engine) as conn:
            for award_id in ids:
                points.decide(conn, award_id, state, staff_id=me().id, at=now, reason=reason, regions=_regions())
                audit.note(conn, me().actor, f"points.{state}", f"award:{award_id}", now, reason[:200] or None)
    except points.Refused as fault:
        abort(409, str(fault))
    flash(f"{points.STATES[state]}：{len(ids)}笔", "good")


@blueprint.post("/points/givers")
@needs("points.approve")
def points_allotted() -> Response:
    """Give a firm, village or grid leader what it may give this year."""
    form, now = request.form, clock.now()
    if form.get("region") not in house().knowledge.regions or not _mine(form["region"]):
        abort(400, "地区不对，或不在您负责的范围里。")
    try:
        amount = points.hundredths(form.get("points", ""))
        with write(house().engine) as conn:
            made = points.allot(
                conn, form.get("kind", ""), form.get("name", "").strip()[:60], form["region"], clock.today().year, amount,
                staff_id=me().id, at=now,
            )  # fmt: skip
            audit.note(conn, me().actor, "points.allotted", f"giver:{made}", now)
    except points.Refused as fault:
        abort(400, str(fault))
    return redirect(url_for("staff.points_page"))


@blueprint.post("/points/link")
@needs("points.enter")
def points_linked() -> Response:
    """Say, with the paper in hand, which account is whose, so that the person sees his own points."""
    now, person_id = clock.now(), request.form.get("person_id", 0, type=int)
    if request.form.get("seen") != "1":
        abort(400, "要当面看过证件原件才能确认。")
    try:
        number = identity.id_number(request.form.get("number", ""), clock.today())
    except identity.BadNumber as fault:
        abort(400, str(fault))
    with write(house().engine) as conn:
        if people.get(conn, person_id) is None:
            abort(400, "没有这个编号的新市民，请对着会话页上的编号再看一遍。")
        points.link(conn, person_id, number, staff_id=me().id, at=now)
        audit.note(conn, me().actor, "points.linked", f"person:{person_id}", now)
    flash("已确认，本人可以在“我的记录”里看到自己的积分。", "good")
    return redirect(url_for("staff.points_page"))


def _regions() -> tuple[str, ...]:
    tree, mine = house().knowledge.regions, me().region
    return tuple(sorted(tree.inside(mine))) if mine and mine in tree else ()


def _mine(region: str) -> bool:
    return not _regions() or region in _regions()


def _place_names() -> Iterator[tuple[str, str]]:
    for key, region in house().knowledge.regions.regions.items():
        if region.parent not in (None, "national") and _mine(key):
            yield key, region.name
