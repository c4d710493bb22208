"""Reports, the supervisor's view of who waits, and the quality sample."""

from datetime import date, timedelta
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

import clock
from records import audit, declarations, desk_queries, drafts, presence, ratings, reports, reviews, room_reports, staff
from records.base import read, write
from records.reports import Report
from staff import charts, export, words
from staff.blueprint import blueprint
from staff.house import house, me, scope
from staff.inbox import region_names
from staff.permissions import needs

LONGEST = 366
ROOM_HEADS = {
    "rooms": "房间", "living": "在住", "to_check": "待核对", "declared": "期内申报", "moved_out": "期内搬离", "red": "红色房间"
}  # fmt: skip
"""What `records.room_reports` counts, in words."""
MOST_GRIDS = 30
"""Grids on the page; all of them are in the file."""
_DECLARED = declarations.SOURCES | {"moved_out": "搬走"}
_COLOURS = {"green": "绿", "yellow": "黄", "red": "红", "none": "还没有评"}


def _span() -> tuple[date, date]:
    today = clock.today()
    try:
        first = date.fromisoformat(request.args.get("from") or str(today - timedelta(days=13)))
        last = date.fromisoformat(request.args.get("to") or str(today))
    except ValueError:
        abort(400, "日期要写成 2026-10-01 这样。")
    if not 0 <= (last - first).days < LONGEST:
        abort(400, "结束日期要在开始日期之后，最多一年。")
    return first, last


def _report() -> tuple[Report, date, date]:
    first, last = _span()
    region = request.args.get("region", "")
    team = request.args.get("team", "")
    with read(house().engine) as conn:
        made = reports.build(
            conn,
            first,
            last,
            region=region if region in region_names() else "",
            team=team if team in staff.TEAMS else "",
        )
    return made, first, last


@blueprint.get("/reports")
@needs("reports.see")
def reports_page() -> str:
    """The figures of a stretch of days, as charts and tables."""
    report, first, last = _report()
    pictures = {
        "messages": charts.bars([(day.day, day.messages) for day in report.days], "市民消息"),
        "handoffs": charts.bars([(day.day, day.handoffs) for day in report.days], "转人工"),
        "intents": charts.across([(words.intent(name), n) for name, n in report.intents[:12]], "问得最多的事"),
        "ratings": charts.across(
            [(ratings.SCORES[n], report.ratings.get(n, 0)) for n in sorted(ratings.SCORES, reverse=True)], "满意度"
        ),
        "declared": charts.across([(_DECLARED.get(name, name), n) for name, n in report.declared.items()], "住址登记"),
        "bands": charts.across([(words.BANDS.get(name, name), n) for name, n in report.bands.items()], "机器人的把握"),
    }
    total = sum(report.owners.values())
    grids = sorted(report.housed, key=lambda grid: (-grid.counts["to_check"], -grid.counts["living"]))
    alone = report.owners.get("question", 0) + report.owners.get("form", 0)
    return render_template(
        "staff/reports.html", report=report, first=first, last=last, pictures=pictures, total=total,
        alone=alone / total if total else None, region_names=region_names(), teams=staff.TEAMS,
        districts=room_reports.by_district(report.housed), grids=grids[:MOST_GRIDS], room_heads=ROOM_HEADS, colours=_COLOURS, draft_states=drafts.STATES, score_names=ratings.SCORES,
        happy=report.ratings.get(3, 0) / sum(report.ratings.values()) if report.ratings else None,
    )  # fmt: skip


@blueprint.get("/reports/export")
@needs("reports.see")
def reports_exported() -> FlaskResponse:
    """The figures by day; with `what=figures` all the others, with `what=rooms` rooms and declarations by grid."""
    report, first, last = _report()
    with write(house().engine) as conn:
        audit.note(conn, me().actor, "reports.exported", f"{first}–{last}", clock.now())
    if request.args.get("what") == "rooms":
        head = ["城市", "区县", "街道（镇）", "村（社区）", "网格", *ROOM_HEADS.values()]
        homes: list[list[str | int]] = [
            [
                grid.city,
                grid.district,
                grid.street,
                grid.community,
                grid.grid,
                *(grid.counts[name] for name in ROOM_HEADS),
            ]
            for grid in report.housed
        ]
        return export.answer("rooms", head, homes, request.args.get("as", "csv"))
    if request.args.get("what") == "figures":
        return export.answer("figures", ["项目", "分类", "数"], _figures(report), request.args.get("as", "csv"))
    rows = [[str(day.day), day.messages, day.handoffs, day.closed, day.alarms] for day in report.days]
    return export.answer(
        "report", ["日期", "市民消息", "转人工", "已结束", "危机警报"], rows, request.args.get("as", "csv")
    )


def _figures(report: Report) -> list[list[str | float]]:
    """Everything of a report that isn't by day, a line for each figure; waits in seconds."""
    rows: list[list[str | float]] = [["问的事", words.intent(name), n] for name, n in report.intents]
    rows += [["机器人的把握", words.BANDS.get(name, name), n] for name, n in report.bands.items()]
    rows += [["满意度", ratings.SCORES[score], n] for score, n in report.ratings.items()]
    for title, waits in (("首次回复", report.first_wait), ("接待时长", report.handling)):
        for team, n, p50, p90 in waits:
            name = staff.TEAMS.get(team, team)
            rows += [
                [f"{title} 会话", name, n],
                [f"{title} 中位秒", name, p50 or 0],
                [f"{title} 九成秒", name, p90 or 0],
            ]
    for title, counted in (("队列", report.cases), ("网格", report.grids)):
        for key, n, late in counted:
            name = staff.TEAMS.get(key, key)
            rows += [[f"在办事项（{title}）", name, n], [f"超期事项（{title}）", name, late]]
    rows += [["住址登记", _DECLARED.get(name, name), n] for name, n in report.declared.items()]
    rows += [["房间", _COLOURS.get(name, name), n] for name, n in report.rooms.items()]
    rows += [["在住", "", report.living], ["危机警报", "", report.alarm_wait[0]]]
    rows += [["接警中位秒", "", report.alarm_wait[1] or 0], ["接警九成秒", "", report.alarm_wait[2] or 0]]
    rows += [["先审后发", drafts.STATES.get(name, name), n] for name, n in report.drafts.items()]
    return rows


@blueprint.get("/watch")
@needs("inbox.watch")
def watch() -> str:
    """Who waits how long, who is here, who has how much on their hands."""
    now = clock.now()
    with read(house().engine) as conn:
        counts = desk_queries.counts(conn, scope())
        roster = presence.roster(conn, now)
        since = now - timedelta(hours=24)
        report = reports.build(conn, now.date(), now.date(), homes=False)
        open_chats = desk_queries.inbox(conn, scope(), desk_queries.Wanted(view="team"), 40)
    return render_template(
        "staff/watch.html", counts=counts, roster=roster, report=report, teams=staff.TEAMS, chats=open_chats, since=since,
        states=presence.STATES, region_names=region_names(),
    )  # fmt: skip


@blueprint.get("/quality")
@needs("quality.score")
def quality() -> str:
    """A sample of closed chats to score, and how everybody's were scored lately."""
    now = clock.now()
    with read(house().engine) as conn:
        sample = reviews.sample(conn, now - timedelta(days=14))
        means = reviews.by_staff(conn, now - timedelta(days=30))
    return render_template("staff/quality.html", sample=sample, means=means, points=reviews.POINTS)


@blueprint.get("/quality/<int:handoff_id>")
@needs("quality.score")
def quality_page(handoff_id: int) -> str:
    """One closed chat, to be read and scored."""
    with write(house().engine) as conn:
        row = _closed(conn, handoff_id)
        lines = desk_queries.transcript(conn, scope(), row, limit=200)
        said = [m for m in lines if row.opened_at <= m.created_at <= row.closed_at + timedelta(seconds=5)]
        scored, names = reviews.of_handoff(conn, handoff_id), staff.names(conn)
        audit.note(conn, me().actor, "quality.opened", f"handoff:{handoff_id}", clock.now())
    talk = [(m.created_at, "message", m) for m in said if m.kind != "event"]
    titles = {id: article.title for id, article in house().knowledge.articles.items()}
    return render_template("staff/quality_page.html", chat=row, lines=talk, sent={}, names=names, scored=scored,
                           points=reviews.POINTS, article_titles=titles)  # fmt: skip


def _closed(conn: Any, handoff_id: int) -> Any:
    row = desk_queries.chat(conn, scope(), handoff_id)
    if row is None or row.state != "closed":
        abort(404, "没有这个已结束的会话。")
    return row


@blueprint.post("/quality/<int:handoff_id>")
@needs("quality.score")
def quality_scored(handoff_id: int) -> Response:
    """Keep the score."""
    points = {name: request.form.get(name, 0, type=int) for name in reviews.POINTS}
    comment, now = request.form.get("comment", "").strip()[:500], clock.now()
    try:
        with write(house().engine) as conn:
            _closed(conn, handoff_id)
            reviews.add(conn, handoff_id, me().id, points, comment, now)
            audit.note(conn, me().actor, "quality.scored", f"handoff:{handoff_id}", now)
    except ValueError as fault:
        abort(400, str(fault))
    except IntegrityError:
        abort(409, "这个会话已经评过了。")
    flash("已评分。", "good")
    return redirect(url_for("staff.quality"))
