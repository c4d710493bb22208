"""Answers of the bot that wait for a pair of eyes (先审后发): sent as they are, edited, or taken over by a person."""

from datetime import timedelta
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response

import clock
from records import audit, drafts, handoffs, staff, switches
from records.base import read, write
from staff import doors, words
from staff.blueprint import blueprint
from staff.house import House, house, me, scope
from staff.inbox import region_names
from staff.permissions import needs

LONGEST = 1_500


@blueprint.get("/drafts")
@needs("drafts.approve")
def drafts_page() -> str:
    """What waits, the oldest first, and what was decided lately."""
    with read(house().engine) as conn:
        rows, past = drafts.waiting(conn, scope()), drafts.decided(conn, scope())
        names, now_set = staff.names(conn), switches.load(conn)
    titles = {id: article.title for id, article in house().knowledge.articles.items()}
    return render_template(
        "staff/drafts.html", rows=rows, past=past, names=names, article_titles=titles, states=drafts.STATES,
        region_names=region_names(), intents=now_set.approve_intents, minutes=now_set.approve_minutes,
    )  # fmt: skip


def _one(conn: Connection, draft_id: int) -> Row[Any]:
    row = drafts.get(conn, scope(), draft_id)
    if row is None:
        abort(404, "没有这条待审的答案，或者它不在您能看的范围里。")
    return row


@blueprint.post("/drafts/<int:draft_id>/send")
@needs("drafts.approve")
def draft_sent(draft_id: int) -> Response:
    """Send the answer: as it is, or with the words of the form when they were changed."""
    text, now = request.form.get("text", "").replace("\r\n", "\n").strip(), clock.now()
    if len(text) > LONGEST:
        abort(400, f"答案最多{LONGEST}字，请写短一点。")
    with write(house().engine) as conn:
        row = _one(conn, draft_id)
        changed = text if text and text != words.answer(row.body) else None
        if not drafts.send(conn, row, me().id, now, changed):
            abort(409, "同事刚刚处理过这条答案。")
        audit.note(conn, me().actor, "draft.edited" if changed else "draft.sent", f"draft:{draft_id}", now)
    return _done(row.person_id, "已改好发出。" if changed else "已发出。")


@blueprint.post("/drafts/<int:draft_id>/refuse")
@needs("drafts.approve")
def draft_refused(draft_id: int) -> Response:
    """The answer doesn't go out; a person takes the matter over."""
    now = clock.now()
    with write(house().engine) as conn:
        row = _one(conn, draft_id)
        if not drafts.decide(conn, draft_id, "refused", me().id, now):
            abort(409, "同事刚刚处理过这条答案。")
        to_person(conn, row)
        audit.note(conn, me().actor, "draft.refused", f"draft:{draft_id}", now)
    house().signal("handoff", row.person_id)
    return _done(row.person_id, "没有发出，已转人工队列。")


def to_person(conn: Connection, row: Row[Any]) -> None:
    """A draft's matter goes to its queue."""
    handoffs.ask(
        conn, row.person_id, team=row.team, reason="unapproved", at=clock.now(), region=row.region, intent=row.intent
    )


def lapse(house: House) -> int:
    """Answers that nobody looked at in time become people's. Returns how many."""
    now = clock.now()
    with read(house.engine) as conn:
        minutes = switches.load(conn).approve_minutes
        late = drafts.late(conn, now - timedelta(minutes=minutes))
    for row in late:
        with write(house.engine) as conn:
            if drafts.decide(conn, row.id, "lapsed", None, now):
                to_person(conn, row)
        house.signal("handoff", row.person_id)
    return len(late)


def _done(person_id: int, said: str) -> Response:
    house().nudge()
    house().signal("draft", person_id)
    house().signal("message", person_id)
    if doors.wants_json():
        return jsonify(to=url_for("staff.drafts_page"), said=said)
    flash(said, "good")
    return redirect(url_for("staff.drafts_page"))
