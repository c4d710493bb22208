"""Notices to those who asked to be told: written by one, approved by another, sent at a rate, and counted."""

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import clock
from handlers.registry import titles
from records import audit, bulletins, staff
from records.base import read, write
from staff.blueprint import blueprint
from staff.house import House, house, me
from staff.inbox import region_names
from staff.permissions import needs

TICKS = 4
"""How often in a minute the worker takes a step; see `jobs.worker`."""
_DEED = {"review": "bulletin.submitted", "draft": "bulletin.returned", "sending": "bulletin.approved",
         "stopped": "bulletin.stopped"}  # fmt: skip


@blueprint.get("/notices")
@needs("notices.see")
def notices_page() -> str:
    """All notices with what became of them, and the form for a new one (`edit`: a draft in it)."""
    with read(house().engine) as conn:
        rows = bulletins.listed(conn)
        counts = bulletins.counts(conn, [row.id for row in rows])
        reach = {row.id: bulletins.audience(conn, row.topic, row.regions.split()) for row in rows
                 if row.state in ("draft", "review")}  # fmt: skip
        names = staff.names(conn)
    edit = request.args.get("edit", 0, type=int)
    draft = next((row for row in rows if row.id == edit and row.state == "draft"), None)
    return render_template(
        "staff/notices.html", rows=rows, counts=counts, reach=reach, names=names, draft=draft, states=bulletins.STATES,
        fates=bulletins.FATES, topics=titles(), region_names=region_names(), longest=bulletins.LONGEST,
        fastest=bulletins.FASTEST,
    )  # fmt: skip


@blueprint.post("/notices")
@needs("notices.write")
def notice_written() -> Response:
    """Keep a draft."""
    form = request.form
    regions = [key for key in form.getlist("regions") if key in region_names()]
    if form.get("topic") not in titles():
        abort(400, "请选一个主题。")
    try:
        with write(house().engine) as conn:
            made = bulletins.write(
                conn, topic=form["topic"], regions=regions, title=form.get("title", "").strip(),
                words=form.get("words", "").replace("\r\n", "\n").strip(), path=form.get("page", "").strip() or "/chat",
                rate=form.get("rate", 60, type=int), by=me().id, at=clock.now(), bulletin_id=form.get("id", 0, type=int),
            )  # fmt: skip
            audit.note(conn, me().actor, "bulletin.written", f"bulletin:{made}", clock.now())
    except ValueError as fault:
        abort(400, str(fault))
    flash("草稿已存。交给另一个人审核后才会发出。", "good")
    return redirect(url_for("staff.notices_page"))


@blueprint.post("/notices/<int:bulletin_id>/move")
@needs("notices.write")
def notice_moved(bulletin_id: int) -> Response:
    """Submit, approve, send back or stop a notice. Approving takes another permission, and another person."""
    state, reason, now = request.form.get("state", ""), request.form.get("reason", "").strip(), clock.now()
    if state not in _DEED:
        abort(400)
    if state in ("sending", "stopped") and not me().may("notices.approve"):
        abort(403)
    try:
        with write(house().engine) as conn:
            bulletins.move(conn, bulletin_id, state, me().id, now, reason)
            audit.note(conn, me().actor, _DEED[state], f"bulletin:{bulletin_id}", now, reason[:200] or None)
    except bulletins.IllegalMove as fault:
        abort(409, str(fault))
    if state == "sending":
        house().nudge()
    return redirect(url_for("staff.notices_page"))


def send(house: House) -> int:
    """One step of every notice that is going out, and a look at what became of those on their way."""
    done = 0
    with read(house.engine) as conn:
        rows = bulletins.sending(conn)
    for row in rows:
        with write(house.engine) as conn:
            done += bulletins.step(conn, row, max(1, -(-row.rate // TICKS)), clock.now())
    with write(house.engine) as conn:
        bulletins.look(conn)
    if done:
        house.nudge()
    return done
