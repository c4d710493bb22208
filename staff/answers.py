"""Answers to suggestions and 你说我办, published on a public page: written by one, put out by another."""

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import clock
from records import audit, cases, public_answers, staff
from records.base import read, write
from staff.blueprint import blueprint
from staff.house import house, me
from staff.inbox import region_names
from staff.permissions import needs

_DEED = {"review": "answer.submitted", "draft": "answer.returned", "published": "answer.published",
         "withdrawn": "answer.withdrawn"}  # fmt: skip


@blueprint.get("/answers")
@needs("notices.see")
def answers_page() -> str:
    """All answers, and the form for a new one (`edit`: a draft in it; `case`: begun from a case)."""
    given = request.args
    with read(house().engine) as conn:
        rows, names = public_answers.listed(conn), staff.names(conn)
        number = given.get("case", "")[:24]
        case = cases.by_number(conn, number) if number and me().may("cases.see") else None
    draft = next((row for row in rows if row.id == given.get("edit", 0, type=int) and row.state == "draft"), None)
    return render_template(
        "staff/answers.html", rows=rows, names=names, draft=draft, case=case, states=public_answers.STATES,
        kinds=public_answers.KINDS, region_names=region_names(), longest=public_answers.LONGEST,
    )  # fmt: skip


@blueprint.post("/answers")
@needs("notices.write")
def answer_written() -> Response:
    """Keep a draft."""
    form = request.form
    if form.get("region") not in region_names():
        abort(400, "请选一个地区。")
    try:
        with write(house().engine) as conn:
            made = public_answers.write(
                conn, kind=form.get("kind", ""), region=form["region"], title=form.get("title", "").strip(),
                question=form.get("question", "").replace("\r\n", "\n").strip(),
                answer=form.get("answer", "").replace("\r\n", "\n").strip(), office=form.get("office", "").strip(),
                by=me().id, at=clock.now(), case_number=form.get("case", "").strip()[:24],
                answer_id=form.get("id", 0, type=int),
            )  # fmt: skip
            audit.note(conn, me().actor, "answer.written", f"answer:{made}", clock.now())
    except ValueError as fault:
        abort(400, str(fault))
    flash("草稿已存。交给另一个人审核后才会公开。", "good")
    return redirect(url_for("staff.answers_page"))


@blueprint.post("/answers/<int:answer_id>/move")
@needs("notices.write")
def answer_moved(answer_id: int) -> Response:
    """Submit, publish, send back or withdraw. Publishing takes another permission, and another person."""
    state, reason, now = request.form.get("state", ""), request.form.get("reason", "").strip(), clock.now()
    if state not in _DEED:
        abort(400)
    if state in ("published", "withdrawn") and not me().may("notices.approve"):
        abort(403)
    try:
        with write(house().engine) as conn:
            public_answers.move(conn, answer_id, state, me().id, now, reason)
            audit.note(conn, me().actor, _DEED[state], f"answer:{answer_id}", now, reason[:200] or None)
    except public_answers.IllegalMove as fault:
        abort(409, str(fault))
    return redirect(url_for("staff.answers_page"))
