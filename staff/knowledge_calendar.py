"""The knowledge desk's memory and foresight: what was shown on a day, what comes due, owners' notices."""

from datetime import date, datetime, timedelta
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import clock
from records import article_history, articles
from records.base import read, write
from staff import knowledge_kinds as kinds
from staff.blueprint import blueprint
from staff.house import house, me
from staff.knowledge import _found, _places
from staff.permissions import needs

AHEAD = timedelta(days=400)


@blueprint.get("/knowledge/day")
@needs("knowledge.see")
def knowledge_day() -> str:
    """“3月3日我们是怎么答的”: every text that was shown on a day, word for word."""
    try:
        day = date.fromisoformat(request.args.get("day") or clock.today().isoformat())
    except ValueError:
        abort(400, "日期要写成 2026-03-03。")
    words, region = request.args.get("q", "").strip()[:40], request.args.get("region", "")
    chosen = request.args.get("kind", "article")
    if chosen not in kinds.KINDS:
        abort(400)
    begin = datetime(day.year, day.month, day.day, tzinfo=clock.CHINA)
    with read(house().engine) as conn:
        rows = article_history.shown_between(conn, begin, begin + timedelta(days=1), words=words, kind=chosen)
    tree = house().knowledge.regions
    if region in tree:
        rows = [row for row in rows if row.content.get("region", "national") in tree.inside(region)]
    rows = [row for row in rows if (articles.last_day(row.content) or day) >= day]
    return render_template(
        "knowledge/day.html", day=day, rows=rows, words=words, region=region, places=_places(),
        read=kinds.KINDS[chosen].show, begin=begin, end=begin + timedelta(days=1), labels=kinds.KINDS[chosen].labels,
        kinds=kinds.KINDS, chosen=chosen,
    )  # fmt: skip


@blueprint.get("/knowledge/<article_id>/compare")
@needs("knowledge.see")
def knowledge_compare(article_id: str) -> str:
    """Two texts of one article, what went and what came."""
    with read(house().engine) as conn:
        row = _found(conn, article_id)
        a = articles.revision(conn, article_id, request.args.get("a", 1, type=int))
        b = articles.revision(conn, article_id, request.args.get("b", row.revision, type=int))
    if a is None or b is None:
        abort(404)
    return render_template(
        "knowledge/compare.html", row=row, a=a, b=b, changes=kinds.difference(row.kind, a.content, b.content)
    )  # fmt: skip


@blueprint.get("/knowledge/calendar")
@needs("knowledge.see")
def knowledge_calendar() -> str:
    """What ends by itself in the next year, month by month."""
    with read(house().engine) as conn:
        rows = article_history.comes_due(conn, clock.today() + AHEAD)
        ended = article_history.listing(conn, state="due")
    until = clock.today() + AHEAD
    rules = sorted(
        (r for r in house().knowledge.rules.rules if r.next_review <= until), key=lambda r: (r.next_review, r.id)
    )
    months: dict[str, list[Any]] = {}
    for row in rows:
        months.setdefault(f"{row.shown_until.year}年{row.shown_until.month}月", []).append(row)
    return render_template(
        "knowledge/calendar.html", months=months, ended=ended, today=clock.today(), places=_places(), rules=rules
    )  # fmt: skip


@blueprint.post("/knowledge/notices/<int:notice_id>/seen")
@needs("knowledge.edit")
def knowledge_notice_seen(notice_id: int) -> Response:
    """Tick an owner's notice off."""
    with write(house().engine) as conn:
        article_history.notice_seen(conn, notice_id, me().id, clock.now())
    return redirect(url_for("staff.knowledge_list"))
