"""Somebody who can't be written to just now: a message that he agreed to get outside the window, or his phone."""

from typing import Any

from flask import abort, jsonify, request
from sqlalchemy import Row
from werkzeug.wrappers import Response

import clock
from records import audit, desk_queries, handoffs, people, push_consents, reach, same_person, staff_words
from records.base import write
from staff.blueprint import blueprint
from staff.chat import KEY, _done, owned, seen
from staff.house import house, me, scope
from staff.permissions import needs
from staff.quota import LONGEST, push


@blueprint.post("/chat/<int:handoff_id>/push")
@needs("chat.reply")
def pushed(handoff_id: int) -> Response:
    """Leave the person a subscription message: one of his consents is spent with it, or it isn't sent at all."""
    title, text = (" ".join(request.form.get(name, "").split()) for name in ("title", "text"))
    key, now = request.form.get("key", ""), clock.now()
    if not 0 < len(title) <= LONGEST or not 0 < len(text) <= LONGEST:
        abort(400, f"服务通知的“咨询事项”和“回复内容”都要填，各最多{LONGEST}字，这是微信的限制。")
    if not KEY.fullmatch(key):
        abort(400)
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        payload = push(row, title, text, now)
        if payload is None:
            abort(409, "对方收不到服务通知：已取消关注、不在微信上，或公众号没有设置模板。请打电话。")
        if people.left(conn, row.person_id, now).left > staff_words.queued(conn, row.person_id):
            abort(409, "现在还能直接发消息，不用花掉对方同意收的通知。")
        body = {"text": f"［服务通知］{title}：{text}"}
        made = staff_words.send(conn, row, me().id, "text", body, payload, key, now)
        if made is not None:
            if not push_consents.spend(conn, row.person_id, str(payload["template_id"]), now):
                abort(409, "对方同意收的服务通知已经用完（可能同事刚发过）。请打电话。")
            handoffs.log(conn, handoff_id, me().actor, "pushed", now)
            audit.note(conn, me().actor, "push.sent", f"handoff:{handoff_id}", now)
    house().nudge()
    house().signal("message", row.person_id)
    return _done(handoff_id)


@blueprint.post("/chat/<int:handoff_id>/phones")
@needs("personal.reveal")
def phones(handoff_id: int) -> Response:
    """The person's phone numbers, to ring up. Needs a reason, and is recorded (promise 12)."""
    reason = request.form.get("reason", "").strip()
    if len(reason) < 4:
        abort(400, "请写明打电话的理由（至少4个字），会记入审计日志。")
    with write(house().engine) as conn:
        row = seen(conn, handoff_id)
        own = [row.person_id, *same_person.others(conn, row.person_id)]
        talk = desk_queries.transcript(conn, scope(), row)
        found = reach.phones(conn, own) | reach.said([str(m.body["text"]) for m in talk if _theirs(m)])
        audit.note(conn, me().actor, "personal.revealed", f"phone:{row.person_id}", clock.now(), reason[:200])
    return jsonify(phones=[{"number": number, "source": source} for number, source in found.items()])


def _theirs(message: Row[Any]) -> bool:
    return message.author == "person" and isinstance(message.body, dict) and bool(message.body.get("text"))
