"""A person's conversations put together: the same human being on WeChat, in a browser, with a new phone."""

import re
from typing import Any

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response

import clock
from records import audit, handoffs, same_person
from records.base import write
from staff.blueprint import blueprint
from staff.chat import seen
from staff.house import house, me, scope
from staff.permissions import needs

_NUMBER = re.compile(r"(?:新市民)?\s*0*(\d{1,9})")


@blueprint.post("/chat/<int:handoff_id>/merge")
@needs("chat.reply")
def merged(handoff_id: int) -> Response:
    """The person of this chat is also the one of that number (新市民 0012). One must be able to see a chat of both."""
    found = _NUMBER.fullmatch(request.form.get("other", "").strip())
    if found is None:
        abort(400, "请写另一个会话的编号，例如 新市民 0012 或 12。")
    other, now = int(found[1]), clock.now()
    with write(house().engine) as conn:
        row = seen(conn, handoff_id)
        chats = same_person.chats(conn, scope(), [other])
        if not chats:
            abort(404, f"没有编号 {other:04d} 的会话，或者它不在您能看的范围里。")
        try:
            new = same_person.merge(conn, row.person_id, other, me().id, now)
        except ValueError as fault:
            abort(400, str(fault))
        if new:
            audit.note(conn, me().actor, "people.merged", f"person:{row.person_id}", now, f"person:{other}")
            handoffs.log(conn, handoff_id, me().actor, "merged", now, f"和新市民 {other:04d} 是同一个人")
        if row.claimed_by == me().id and row.state == "claimed":
            _take_along(conn, chats)
    house().signal("handoff", row.person_id)
    flash("已合并，两边的会话都在“同一个人”里。" if new else "早就合并过了。", "good")
    return redirect(url_for("staff.chat", handoff_id=handoff_id))


def _take_along(conn: Connection, chats: list[Row[Any]]) -> None:
    """Who looks after somebody also gets what waits under his other identity."""
    for chat in chats:
        if chat.state == "waiting" and handoffs.assign(conn, chat.id, me().id, clock.now()):
            handoffs.log(conn, chat.id, me().actor, "claimed", clock.now(), "同一个人的会话")


@blueprint.post("/chat/<int:handoff_id>/part")
@needs("chat.reply")
def parted(handoff_id: int) -> Response:
    """They were different people after all: this chat's person stands alone again."""
    now = clock.now()
    with write(house().engine) as conn:
        row = seen(conn, handoff_id)
        if same_person.part(conn, row.person_id, now):
            audit.note(conn, me().actor, "people.parted", f"person:{row.person_id}", now)
            handoffs.log(conn, handoff_id, me().actor, "parted", now)
    flash("已拆开。", "good")
    return redirect(url_for("staff.chat", handoff_id=handoff_id))
