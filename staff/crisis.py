"""The crisis desk: alarms nobody has taken, who is being looked after, the safety check-list."""

from datetime import timedelta

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

import clock
from records import audit, declarations, desk_queries, handoffs, hours, staff
from records.base import read, write
from staff import doors, outside
from staff.blueprint import blueprint
from staff.chat import owned, seen
from staff.house import house, me, scope
from staff.inbox import climbed, region_names
from staff.permissions import needs

CHECKS = (
    ("safe", "现在安全吗", (("yes", "安全"), ("no", "不安全"), ("unknown", "问不到"))),
    ("place", "知道人在哪里吗", (("yes", "知道"), ("no", "不知道"))),
    ("with_someone", "身边有人吗", (("yes", "有人陪着"), ("no", "一个人"), ("unknown", "问不到"))),
    ("means", "身边有药、刀、绳子或在高处吗", (("no", "没有，或已拿开"), ("yes", "有"), ("unknown", "问不到"))),
    (
        "called",
        "已经联系",
        (("none", "还没有"), ("110", "110"), ("120", "120"), ("family", "家人"), ("12356", "12356")),
    ),
)
"""The safety check-list: (name, question, answers)."""


@blueprint.get("/crisis")
@needs("crisis.desk")
def crisis_desk() -> str:
    """Everybody in danger, whether somebody is with them, and for how long."""
    now = clock.now()
    with read(house().engine) as conn:
        alarms = desk_queries.alarms(conn, scope())
        care = desk_queries.in_care(conn)
        notes = handoffs.last_steps(conn, [row.id for row in care], "safety")
        homes = {row.person_id: _home(conn, row.person_id) for row in [*alarms, *care]}
        past = handoffs.taken_alarms(conn, now - timedelta(days=7))
        names, called = staff.names(conn), hours.on_call(conn, now)
    return render_template(
        "staff/crisis.html", alarms=alarms, care=care, region_names=region_names(), climbed=climbed, notes=notes,
        homes=homes, past=past, names=names, called=[names[id] for id in called if id in names],
        outside_set=outside.is_set_up(house().settings),
    )  # fmt: skip


def _home(conn: Connection, person_id: int) -> str:
    """The last place somebody declared to live in: where help is sent when he can't say it."""
    found = declarations.of_person(conn, person_id, 1)
    return declarations.address_of(found[0]) if found else ""


@blueprint.post("/alarms/<int:alarm_id>/take")
@needs("crisis.desk")
def take_alarm(alarm_id: int) -> Response:
    """Take an alarm: the chat is one's own with the same stroke, unless a colleague is already talking there."""
    now = clock.now()
    with write(house().engine) as conn:
        alarm = handoffs.alarm(conn, alarm_id)
        if alarm is None:
            abort(404)
        if alarm.taken_at is not None:
            abort(409, "这个警报已经有人接了。")
        handoffs.ask(conn, alarm.person_id, team="psychology", reason="crisis", at=now, urgent=True)
        chat = handoffs.open_of(conn, alarm.person_id)
        if chat is None:
            abort(409, "会话刚刚有变化，请再试一次。")
        if handoffs.claim(conn, chat.id, me().id, now):
            handoffs.log(conn, chat.id, me().actor, "claimed", now)
        handoffs.take_alarms(conn, alarm.person_id, me().id, now)
        handoffs.log(conn, chat.id, me().actor, "alarm_taken", now)
        audit.note(conn, me().actor, "alarm.taken", f"alarm:{alarm_id}", now)
    house().signal("alarm", alarm.person_id)
    target = url_for("staff.chat", handoff_id=chat.id)
    return jsonify(to=target) if doors.wants_json() else redirect(target)


@blueprint.get("/chat/<int:handoff_id>/safety")
@needs("chat.see")
def safety(handoff_id: int) -> str:
    """The safety check-list of a chat, and what was noted before."""
    with read(house().engine) as conn:
        row = seen(conn, handoff_id)
        steps = handoffs.history(conn, handoff_id)
        home, names = _home(conn, row.person_id) if me().may("psychology.see") else "", staff.names(conn)
    return render_template(
        "staff/safety.html", chat=row, steps=steps, checks=CHECKS, home=home, names=names, region_names=region_names()
    )


@blueprint.post("/chat/<int:handoff_id>/safety")
@needs("chat.reply")
def safety_noted(handoff_id: int) -> Response:
    """Note how safe the person is now, and what comes next; the hand-over log keeps every one."""
    said = []
    for name, question, answers in CHECKS:
        answer = dict(answers).get(request.form.get(name, ""))
        if answer:
            said.append(f"{question}：{answer}")
    then = request.form.get("next", "").strip()[:80]
    if not then or not said:
        abort(400, "请至少答一项，并写明接下来谁做什么。")
    now = clock.now()
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        handoffs.log(conn, handoff_id, me().actor, "safety", now, "；".join([*said, f"接下来：{then}"]))
        audit.note(conn, me().actor, "safety.checked", f"handoff:{handoff_id}", now)
    house().signal("note", row.person_id)
    target = url_for("staff.chat", handoff_id=handoff_id)
    if doors.wants_json():
        return jsonify(to=target)
    flash("已记下安全核对。", "good")
    return redirect(target)
