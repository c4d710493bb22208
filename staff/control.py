"""Switches, opening hours and shifts: what is changed here is live within two seconds, and kept with its history."""

import json
from datetime import date, datetime, timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import clock
from handlers.registry import titles
from handlers.teams import team_of
from records import audit, hours, ratings, staff, switches
from records.base import read, write
from staff.blueprint import blueprint
from staff.cases import TOLD
from staff.chat import BACK
from staff.house import house, me
from staff.permissions import needs

NAMES = {
    "bot_on": "智能应答",
    "notice": "紧急通知",
    "hours": "每周时间",
    "auto_assign": "自动分配",
    "unanswered_minutes": "多久没回退回队列（分钟）",
    "alarm_supervisor_seconds": "警报多久没接通知值班长（秒）",
    "alarm_outside_seconds": "警报多久没接对外通知（秒）",
    "answer_from": "直接回答的把握（0为出厂值）",
    "confirm_from": "先问一句的把握（0为出厂值）",
    "approve_intents": "先审后发的事项",
    "approve_minutes": "多久没审转人工（分钟）",
    "teams": "哪件事归哪个队列",
    "texts": "常用的话",
}
_FIXED = ("psychology", "emergency")  # who looks after people in danger isn't a matter of taste
LIMITS = {
    "unanswered_minutes": (1, 240), "alarm_supervisor_seconds": (10, 3600), "alarm_outside_seconds": (30, 7200),
    "answer_from": (0, 1), "confirm_from": (0, 1), "approve_minutes": (1, 240),
}  # fmt: skip
TEXTS = {
    "hold": ("先审后发时先说的话", "您问的事，工作人员核对答案后马上发给您，请稍等。等不及，说“转人工”。"),
    "back": ("交还机器人时说的话", BACK),
    "rating": ("请对方评价的话", ratings.QUESTION),
    "case_accepted": ("事项受理时说的话", TOLD["accepted"]),
    "case_working": ("事项开始办理时说的话", TOLD["working"]),
    "case_resolved": ("事项办结时说的话", TOLD["resolved"]),
    "case_returned": ("事项退回时说的话", TOLD["returned"]),
}
"""Words that staff may change: name → (what they are for, how they came). A case's words follow its number."""


@blueprint.get("/switches")
@needs("switches.see")
def switches_page() -> str:
    """How the switches stand, and who changed what when."""
    with read(house().engine) as conn:
        now = switches.load(conn)
        past = switches.history(conn, 40)
        names = staff.names(conn)
    rows = [{"name": NAMES.get(row.name, row.name), "value": _said(json.loads(row.value)), "at": row.changed_at,
             "by": names.get(_staff_id(row.changed_by), row.changed_by)} for row in past]  # fmt: skip
    return render_template(
        "staff/switches.html",
        now_set=now,
        names=NAMES,
        limits=LIMITS,
        history=rows,
        titles=titles(),
        teams=staff.TEAMS,
        usual_team=team_of,
        chosen_team=dict(now.teams),
        texts=TEXTS,
        chosen_text=dict(now.texts),
    )


def _staff_id(actor: str) -> int:
    number = actor.removeprefix("staff:")
    return int(number) if number.isdecimal() else 0


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "开" if value else "关"
    if isinstance(value, list) and value and isinstance(value[0], list):
        said = {key: TEXTS[key][0] if key in TEXTS else titles().get(key, key) for key, _ in value}
        return "；".join(f"{said[key]}：{staff.TEAMS.get(one, one)}" for key, one in value)
    if isinstance(value, list):
        return "、".join(titles().get(str(item), str(item) or "休") for item in value) or "无"
    return str(value) or "（撤下）"


@blueprint.post("/switches/<name>")
@needs("switches.change")
def switch_changed(name: str) -> Response:
    """Change one switch."""
    if name not in NAMES or name == "hours":
        abort(404)
    value = _value(name)
    now = clock.now()
    with write(house().engine) as conn:
        switches.change(conn, name, value, me().actor, now)
        audit.note(conn, me().actor, "switch.changed", name, now, _said(value)[:200])
    flash(f"“{NAMES[name]}”已改为：{_said(value)}。2秒内生效。", "good")
    return redirect(url_for("staff.switches_page"))


def _value(name: str) -> Any:
    given = request.form.get("value", "").strip()
    if name in ("bot_on", "auto_assign"):
        return given == "on"
    if name == "notice":
        if len(given) > 300:
            abort(400, "紧急通知最多300字，短一点更多人会看完。")
        return given
    if name == "approve_intents":
        return [intent for intent in request.form.getlist("value") if intent in titles()]
    if name == "teams":
        chosen = [(intent, request.form.get(intent, "")) for intent in titles()]
        return [[intent, team] for intent, team in chosen
                if team in staff.TEAMS and team != team_of(intent) and team_of(intent) not in _FIXED]  # fmt: skip
    if name == "texts":
        typed = [(key, " ".join(request.form.get(key, "").split())[:200]) for key in TEXTS]
        return [[key, words] for key, words in typed if words and words != TEXTS[key][1]]
    low, high = LIMITS[name]
    try:
        number = float(given)
    except ValueError:
        abort(400, "请填数字。")
    if not low <= number <= high:
        abort(400, f"要在{low}到{high}之间。")
    return number if name in ("answer_from", "confirm_from") else int(number)


@blueprint.get("/hours")
@needs("hours.change")
def hours_page() -> str:
    """The week, the days that differ, and the shifts of the next days."""
    now = clock.now()
    with read(house().engine) as conn:
        week = switches.load(conn).hours
        special = hours.special_days(conn, now.date())
        planned = hours.shifts(conn, now, now + timedelta(days=14))
        people = [row for row in staff.everybody(conn) if row.disabled_at is None]
        is_open, opens = hours.open_now(conn, now), hours.next_opening(conn, now)
    said = hours.said(opens, now) if opens else ""
    return render_template(
        "staff/hours.html", week=list(zip(hours.WEEKDAYS, week, strict=True)), special=special, shifts=planned,
        people=people, names={row.id: row.name for row in people}, is_open=is_open, opens=said, today=now.date(),
    )  # fmt: skip


@blueprint.post("/hours/week")
@needs("hours.change")
def week_changed() -> Response:
    """The weekly hours."""
    week = [request.form.get(f"day{n}", "").strip() for n in range(7)]
    try:
        for text in week:
            hours.parse(text)
    except ValueError as fault:
        flash(str(fault), "error")
        return redirect(url_for("staff.hours_page"))
    now = clock.now()
    with write(house().engine) as conn:
        switches.change(conn, "hours", week, me().actor, now)
        audit.note(conn, me().actor, "switch.changed", "hours", now)
    flash("每周时间已改。", "good")
    return redirect(url_for("staff.hours_page"))


@blueprint.post("/hours/day")
@needs("hours.change")
def day_changed() -> Response:
    """A holiday or an adjusted working day, or back to normal; `until` enters a whole stretch."""
    first, now = _day(request.form.get("day", "")), clock.now()
    last = _day(request.form["until"]) if request.form.get("until") else first
    if not timedelta() <= last - first <= timedelta(days=31):
        abort(400, "结束日期要在开始日期之后，一次最多一个月。")
    try:
        with write(house().engine) as conn:
            for n in range((last - first).days + 1):
                day = first + timedelta(days=n)
                if request.form.get("clear"):
                    hours.clear_day(conn, day)
                else:
                    hours.set_day(conn, day, request.form.get("hours", ""), request.form.get("note", ""))
            audit.note(conn, me().actor, "calendar.changed", f"{first}–{last}", now)
    except ValueError as fault:
        flash(str(fault), "error")
    return redirect(url_for("staff.hours_page"))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        abort(400, "日期要写成 2026-10-01 这样。")


@blueprint.post("/hours/shifts")
@needs("hours.change")
def shift_added() -> Response:
    """Plan a shift, for some weeks if wished, or take one away (`remove`)."""
    now = clock.now()
    with write(house().engine) as conn:
        if request.form.get("remove"):
            hours.remove_shift(conn, request.form.get("remove", 0, type=int))
            return redirect(url_for("staff.hours_page"))
        who = staff.get(conn, request.form.get("staff", 0, type=int))
        if who is None:
            abort(400, "请选一个在职的人。")
        start, end = (_moment(request.form.get(name, "")) for name in ("starts", "ends"))
        weeks = min(max(request.form.get("weeks", 1, type=int), 1), 12)
        try:
            for week in (timedelta(weeks=n) for n in range(weeks)):
                hours.add_shift(conn, who.id, start + week, end + week, on_call=request.form.get("on_call") == "1")
        except ValueError as fault:
            abort(400, str(fault))
        audit.note(conn, me().actor, "shift.added", f"staff:{who.id}", now)
    return redirect(url_for("staff.hours_page"))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=clock.CHINA)
    except ValueError:
        abort(400, "时间没有填对。")
