"""The inbox: who waits, since when, for which team; claiming; presence; the console's pulse."""

from typing import Any

from flask import abort, jsonify, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

import clock
from records import audit, desk_queries, drafts, handoffs, notes, presence, staff
from records.base import read, write
from records.desk_queries import Wanted
from staff import doors, outside, tickets, words
from staff.blueprint import blueprint
from staff.house import house, me, scope
from staff.permissions import needs

VIEWS = {"waiting": "等待", "mine": "我的", "team": "全部", "closed": "已结束"}


@blueprint.get("", strict_slashes=False)
@needs("account.own")
def home() -> Response:
    """To the page that this role works on."""
    for permission, endpoint in (("inbox.see", "staff.inbox"), ("accounts.manage", "staff.account")):
        if me().may(permission):
            return redirect(url_for(endpoint))
    return redirect(url_for("staff.account"))


@blueprint.get("/inbox")
@needs("inbox.see")
def inbox() -> str:
    """The queues and their chats."""
    return render_template("staff/inbox.html", chat=None, **listing())


@blueprint.get("/inbox/rows")
@needs("inbox.see")
def inbox_rows() -> str:
    """The list alone, for the page's script to put in place."""
    wanted = _wanted()
    with read(house().engine) as conn:
        rows, counts = desk_queries.inbox(conn, scope(), wanted), desk_queries.counts(conn, scope())
    chosen = request.args.get("selected", 0, type=int)
    return render_template(
        "staff/_rows.html", rows=rows, counts=counts, wanted=wanted, region_names=region_names(), selected=chosen
    )


def listing() -> dict[str, Any]:
    """What the list of chats needs: its rows, the counts, the filters in force."""
    wanted = _wanted()
    with read(house().engine) as conn:
        rows = desk_queries.inbox(conn, scope(), wanted)
        counts = desk_queries.counts(conn, scope())
        mine = presence.state_of(conn, me().id, clock.now())
        labels = desk_queries.labels_in_use(conn, scope())
        counts |= _besides(conn)
    teams = list(staff.TEAMS) if me().may("inbox.every_team") else list(me().teams)
    if not me().may("psychology.see"):
        teams = [team for team in teams if team != desk_queries.PSYCHOLOGY]
    return {
        "rows": rows, "counts": counts, "wanted": wanted, "views": VIEWS, "teams": teams, "labels": labels,
        "presence": mine, "region_names": region_names(), "selected": request.args.get("selected", 0, type=int),
    }  # fmt: skip


def _wanted() -> Wanted:
    view = request.args.get("view", "waiting")
    return Wanted(
        view=view if view in VIEWS else "waiting",
        team=_known(request.args.get("team", ""), staff.TEAMS),
        region=_known(request.args.get("region", ""), region_names()),
        label=request.args.get("label", "")[:20],
        before=request.args.get("before", 0, type=int),
    )


def _known(value: str, among: Any) -> str:
    return value if value in among else ""


def region_names() -> dict[str, str]:
    """Region keys with what people read for them."""
    return {key: region.short for key, region in house().knowledge.regions.regions.items()}


@blueprint.post("/chat/<int:handoff_id>/claim")
@needs("chat.claim")
def claim(handoff_id: int) -> Response:
    """Take a waiting chat. Of any number who press at once, the database lets one have it."""
    now = clock.now()
    with write(house().engine) as conn:
        row = desk_queries.chat(conn, scope(), handoff_id)
        if row is None:
            abort(404)
        won = handoffs.claim(conn, handoff_id, me().id, now)
        if won:
            handoffs.log(conn, handoff_id, me().actor, "claimed", now)
            audit.note(conn, me().actor, "chat.claimed", f"handoff:{handoff_id}", now)
    if not won:
        owner = row.owner or "别人"
        abort(409, f"{owner}已经接了这个会话。" if row.state == "claimed" else "这个会话已经结束了。")
    house().signal("handoff", row.person_id)
    if doors.wants_json():
        return jsonify(to=url_for("staff.chat", handoff_id=handoff_id))
    return redirect(url_for("staff.chat", handoff_id=handoff_id))


@blueprint.post("/presence")
@needs("inbox.see")
def set_presence() -> Response:
    """On, busy, or gone: what one says of oneself."""
    state = request.form.get("state", "on")
    if state not in presence.STATES:
        abort(400)
    with write(house().engine) as conn:
        presence.declare(conn, me().id, state, clock.now())
    if doors.wants_json():
        return jsonify(state=state)
    return redirect(request.referrer or url_for("staff.inbox"))


@blueprint.get("/live")
@needs("live")
def live() -> Response:
    """The console's pulse: alarms and counts. Every open page asks now and then, and at once when it is told to."""
    now = clock.now()
    with read(house().engine) as conn:
        quiet = presence.quiet(conn, me().id, now)
        counts = desk_queries.counts(conn, scope()) | _besides(conn) if me().may("inbox.see") else {}
        alarms = desk_queries.alarms(conn, scope())
    if quiet:
        with write(house().engine) as conn:
            presence.beat(conn, me().id, now)
    counts.pop("teams", None)
    shown = [
        {
            "id": alarm.id, "person": words.person(alarm.person_id), "since": alarm.raised_at.isoformat(),
            "level": alarm.level, "climbed": climbed(alarm.level), "owner": alarm.owner or "",
            "region": region_names().get(alarm.region or alarm.person_region or "", "地区未知"),
            "take": url_for("staff.take_alarm", alarm_id=alarm.id),
        }
        for alarm in alarms
    ]  # fmt: skip
    return jsonify(alarms=shown, counts=counts, now=now.isoformat())


def _besides(conn: Connection) -> dict[str, int]:
    """What else waits for one: answers to look at, notes that name one."""
    waiting = drafts.count(conn, scope()) if me().may("drafts.approve") else 0
    return {"drafts": waiting, "mentions": notes.unseen(conn, scope(), me().login)}


def climbed(level: int) -> str:
    """How far an alarm has climbed, in words; never that somebody outside was told who wasn't."""
    outside_told = "已对外通知" if outside.is_set_up(house().settings) else "没有设置对外通知，请打电话叫人"
    return ("", "已通知值班长", outside_told)[level]


@blueprint.get("/ticket")
@needs("live")
def ticket() -> Response:
    """A short-lived pass for the stream of live updates, for the chats this account may see."""
    chat_id = request.args.get("chat", 0, type=int)
    with read(house().engine) as conn:
        row = desk_queries.chat(conn, scope(), chat_id) if chat_id else None
        own = desk_queries.own_people(conn, me().id)
    person = row.person_id if row is not None else 0
    made = tickets.make(house().settings.secret_key, me().id, person, me().may("psychology.see"), own)
    return jsonify(ticket=made, url=tickets.stream_url(house().settings, request.scheme, request.host))
