"""Cases: a list and a board, one case with its history, and every step told to the person who filed it."""

from datetime import datetime, timedelta
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import clock
from records import audit, case_list, cases, presence, staff, staff_words, switches
from records.base import read, write
from records.case_list import Filter, Reach
from staff import export, words
from staff.blueprint import blueprint
from staff.house import house, me, scope
from staff.inbox import region_names
from staff.permissions import needs

MOVE_WORDS = {
    "accepted": "受理",
    "working": "开始办理",
    "resolved": "办结",
    "returned": "退回补充",
    "withdrawn": "撤回",
}
TOLD = {
    "accepted": "已经受理，正在安排人办理。",
    "working": "正在办理。",
    "resolved": "已经办结。",
    "returned": "需要您补充，请看说明。",
}
"""What the person is told when a case moves there."""


def reach() -> Reach:
    """Which cases one may see."""
    seen = scope()
    return Reach(seen.teams, seen.regions, seen.psychology)


def _filter() -> Filter:
    given = request.args
    return Filter(
        state=given.get("state", "") if given.get("state") in cases.STATES else "",
        team=given.get("team", "") if given.get("team") in staff.TEAMS else "",
        region=given.get("region", "") if given.get("region") in region_names() else "",
        level=given.get("level", "") if given.get("level") in cases.LEVELS else "",
        overdue=given.get("overdue") == "1",
        mine=me().id if given.get("mine") == "1" else 0,
        grid=given.get("grid", "").strip()[:60],
    )


@blueprint.get("/cases")
@needs("cases.see")
def cases_list() -> str:
    """All cases one may see: as a list, or as a board by state."""
    now, wanted = clock.now(), _filter()
    with read(house().engine) as conn:
        rows = case_list.listed(conn, reach(), wanted, now)
        counts = case_list.counts(conn, reach(), now)
        grids = case_list.grids(conn, reach())
    board, by = request.args.get("look") == "board", request.args.get("by", "state")
    columns = _columns(rows, by if by in BOARDS else "state", now) if board else []
    return render_template(
        "staff/cases.html", boards=BOARDS, by=by if by in BOARDS else "state", rows=rows, columns=columns, board=board, wanted=wanted, counts=counts, states=cases.STATES,
        levels=cases.LEVEL_NAMES, teams=staff.TEAMS, region_names=region_names(),
        grids=grids,
    )  # fmt: skip


BOARDS = {"state": "按状态", "grid": "按网格", "due": "按期限"}


def _columns(rows: list[Any], by: str, now: datetime) -> list[tuple[str, list[Any]]]:
    """The board's columns: their headings and cases. By grid and by deadline only what is still open stands there."""
    if by == "state":
        return [(cases.STATES[state], [row for row in rows if row.state == state]) for state in case_list.COLUMNS]
    still = [row for row in rows if row.state in case_list.OPEN]
    if by == "grid":
        grids = sorted({row.grid or "" for row in still}, key=lambda grid: (not grid, grid))
        return [(grid or "没有网格", [row for row in still if (row.grid or "") == grid]) for grid in grids]
    ends = (("超期", now), ("24小时内", now + timedelta(days=1)), ("三天内", now + timedelta(days=3)), ("以后", None))
    columns: list[tuple[str, list[Any]]] = [(title, []) for title, _ in ends]
    for row in still:
        at = next((n for n, (_, end) in enumerate(ends[:-1]) if end and row.due_at and row.due_at < end), 3)
        columns[at][1].append(row)
    return columns


@blueprint.get("/cases/<int:case_id>")
@needs("cases.see")
def case_page(case_id: int) -> str:
    """One case: what was filed, its history, what can be done."""
    from staff import case_papers  # it needs this module

    with write(house().engine) as conn:
        row = seen_case(conn, case_id)
        audit.note(conn, me().actor, "case.opened", f"case:{row.number}", clock.now())
        steps = cases.history(conn, case_id)
        people = [one for one in presence.roster(conn, clock.now()) if me().may("cases.move")]
        names = staff.names(conn)
        papers = case_papers.shown_with(conn, row)
    return render_template(
        "staff/case.html", **papers, case=row, data=_masked(row.data), steps=steps, people=people, names=names,
        moves=[move for move in sorted(cases.MOVES[row.state]) if move != "withdrawn"], move_words=MOVE_WORDS,
        states=cases.STATES, levels=cases.LEVEL_NAMES, region_names=region_names(),
    )  # fmt: skip


def seen_case(conn: Any, case_id: int) -> Any:
    """The case, when one may see it; 404 otherwise."""
    row = case_list.one(conn, reach(), case_id)
    if row is None:
        abort(404, "没有这个事项，或者它不在您能看的范围里。")
    return row


def _masked(data: Any) -> list[tuple[str, str]]:
    """A form's answers with numbers masked and names cut to the family name."""
    shown = []
    for label, value in data:
        text = words.masked(str(value))
        if "姓名" in label and 1 < len(text) <= 6:
            text = text[0] + "*" * (len(text) - 1)
        shown.append((str(label), text))
    return shown


@blueprint.post("/cases/<int:case_id>/move")
@needs("cases.move")
def case_moved(case_id: int) -> Response:
    """Move a case on; the person is told, where the channel still lets us."""
    state, text, now = request.form.get("state", ""), request.form.get("text", "").strip()[:300], clock.now()
    if state in ("returned", "resolved") and not text:
        abort(400, "退回和办结要写说明，当事人会看到。")
    try:
        with write(house().engine) as conn:
            row = seen_case(conn, case_id)
            cases.move(conn, case_id, state, me().actor, now, text=text or None)
            audit.note(conn, me().actor, f"case.{state}", f"case:{row.number}", now)
            if state in TOLD:
                told = switches.load(conn).text(f"case_{state}") or TOLD[state]
                said = f"您的事项 {row.number}（{row.title}）{told}" + (f"\n说明：{text}" if text else "")
                _tell(conn, row, said, now)
    except cases.IllegalMove:
        abort(409, "这一步现在做不了：状态刚刚变了，请刷新看看。")
    house().nudge()
    flash(f"已{MOVE_WORDS.get(state, state)}。", "good")
    return redirect(url_for("staff.case_page", case_id=case_id))


def _tell(conn: Any, row: Any, said: str, now: datetime) -> None:
    """Tell whoever filed it, if anybody can be told; the outbox keeps to the channel's quota."""
    if row.person_id and row.channel:
        key = f"case:{row.id}:{int(now.timestamp() * 1000)}"
        staff_words.tell(conn, row.person_id, row.channel, said, key, now, title=row.title)


@blueprint.post("/cases/<int:case_id>/assign")
@needs("cases.move")
def case_assigned(case_id: int) -> Response:
    """Give a case to somebody."""
    now, wish = clock.now(), request.form.get("staff", 0, type=int)
    with write(house().engine) as conn:
        row = seen_case(conn, case_id)
        who = staff.get(conn, wish) if wish else None
        if wish and (who is None or row.team not in who.teams.split()):
            abort(400, "这个人不在这个队列里，请换一个人。")
        case_list.assign(conn, case_id, who.id if who else None, me().actor, who.name if who else "", now)
        audit.note(conn, me().actor, "case.assigned", f"case:{row.number}", now, f"staff:{wish}")
    return redirect(url_for("staff.case_page", case_id=case_id))


@blueprint.post("/cases/<int:case_id>/comment")
@needs("cases.move")
def case_commented(case_id: int) -> Response:
    """Add a comment; `shown=1`: the person reads it too."""
    text, now = request.form.get("text", "").strip()[:500], clock.now()
    if not text:
        abort(400, "请写内容。")
    shown = request.form.get("shown") == "1"
    with write(house().engine) as conn:
        row = seen_case(conn, case_id)
        cases.note(conn, case_id, me().actor, "comment", now, text=text, shown=shown)
        if shown:
            _tell(conn, row, f"您的事项 {row.number}（{row.title}）有一条新说明：{text}", now)
    house().nudge()
    return redirect(url_for("staff.case_page", case_id=case_id))


@blueprint.post("/cases/<int:case_id>/reveal")
@needs("personal.reveal")
def case_revealed(case_id: int) -> str:
    """The case with nothing masked. Needs a reason, and is recorded."""
    reason = request.form.get("reason", "").strip()
    if len(reason) < 4:
        abort(400, "请写明查看的理由（至少4个字），会记入审计日志。")
    if not me().may("cases.see"):
        abort(403)
    with write(house().engine) as conn:
        row = seen_case(conn, case_id)
        audit.note(conn, me().actor, "personal.revealed", f"case:{row.number}", clock.now(), reason[:200])
    return render_template("staff/case_data.html", case=row, data=row.data)


@blueprint.get("/cases/export")
@needs("cases.export")
def cases_exported() -> FlaskResponse:
    """The list as a table, without what identifies anybody."""
    now = clock.now()
    with write(house().engine) as conn:
        rows = case_list.listed(conn, reach(), _filter(), now, limit=10_000)
        audit.note(conn, me().actor, "cases.exported", f"rows:{len(rows)}", now)
    head = ["编号", "事项", "地区", "队列", "层级", "状态", "交件时间", "期限", "办结时间", "经办人"]
    names = region_names()
    table = [
        [row.number, row.title, names.get(row.region, row.region), staff.TEAMS.get(row.team, row.team),
         cases.LEVEL_NAMES[row.level], cases.STATES[row.state], f"{row.filed_at:%Y-%m-%d %H:%M}",
         f"{row.due_at:%Y-%m-%d %H:%M}" if row.due_at else "", f"{row.closed_at:%Y-%m-%d %H:%M}" if row.closed_at else "",
         row.owner or ""]
        for row in rows
    ]  # fmt: skip
    return export.answer("cases", head, table, request.args.get("as", "csv"))
