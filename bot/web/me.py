"""`/me`: what is held about the person who looks, and his ways with it: read, change, take along, delete.

Who he is comes from the session (signed in on a phone) or from the visitor's cookie of the web chat; `?as=web` asks for
the latter when there are both.
"""

import json
from typing import Any

from flask import Response, abort, g, redirect, render_template, request, session, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.service import service
from bot.web import bubbles, my_points, visitors
from bot.web.blueprint import web
from records import (
    case_photos,
    cases,
    consent,
    conversations,
    declarations,
    filing,
    handoffs,
    inspections,
    people,
    pictures,
    privacy,
    push_consents,
    reminders,
    uploads,
)
from records.base import Busy, read, write
from records.staff import TEAMS

CHANNELS = {"wechat": "微信公众号", "web": "网页聊天", "mini": "小程序"}
HANDOFF_STATES = {"waiting": "等工作人员接", "claimed": "工作人员正在接待", "closed": "已结束"}
TABLES = {
    "outbox": "等着发给您的消息",
    "reminders": "提醒",
    "push_consents": "您同意收的微信通知",
    "declarations": "居住申报",
    "filings": "申报和您给过的同意",
    "ratings": "您的评价",
    "landlords": "您作为房东",
    "employers": "您代表的单位",
    "points_links": "积分账户的核对",
}
"""What people read for the tables of an export."""
FIELDS = {
    "relation": "关系", "state": "状态", "who": "填的内容", "moved_in": "住进", "moved_out": "搬走", "until": "有效到",
    "declared_at": "申报时间", "number": "编号", "source": "来自", "consent": "同意的版本", "consent_at": "同意的时间",
    "at": "时间", "asked_at": "请您评价", "answered_at": "您评价", "text": "内容", "due_at": "到时间",
    "created_at": "记下的时间", "payload": "内容", "next_at": "下次发送", "settled_at": "发出", "name": "姓名",
    "phone": "电话", "contact": "联系人", "region": "地方", "channel": "渠道", "landlord_says": "房东的话",
    "confirmed_at": "核对的时间", "ended_at": "解除的时间", "adult_from": "成年的月份", "flags": "备注", "template": "模板", "remaining": "还有几条", "changed_at": "变动的时间",
    "replaces": "更正的是",
}  # fmt: skip
"""And for their columns."""


@web.errorhandler(Busy)
def busy(_error: Busy) -> tuple[str, int]:
    """The database can't be had."""
    return render_template("error.html", code=503, text="系统正忙，请过一会儿刷新。急事请打12345。"), 503


@web.get("/me", strict_slashes=False)
def me() -> str:
    """What is held, at a glance."""
    with read(service().engine) as conn:
        person = _person(conn)
        if person is None:
            return render_template("web/me_nobody.html")
        rows = conversations.transcript(conn, person.id, limit=60)
        return render_template(
            "web/me.html",
            person=person,
            channel=CHANNELS.get(person.channel, person.channel),
            both=_both(conn),
            recent=bubbles.of(conn, rows, ())[-6:],
            cases=cases.of_person(conn, person.id),
            case_states=cases.STATES,
            handoffs=handoffs.of_person(conn, person.id, limit=10),
            handoff_states=HANDOFF_STATES,
            teams=TEAMS,
            rooms=_rooms(conn, person.id),
            asked=[declarations.address_of(row) for row in filing.questions_of(conn, person.id)],
            states=declarations.STATES,
            relations=declarations.RELATIONS,
            points=my_points.shown(conn, person.id, rows, service().knowledge),
            reminders=reminders.of_person(conn, person.id),
            agree=_agree(person.channel),
            pushes=sum(row.remaining for row in push_consents.of_person(conn, person.id)),
            consents=[(row, consent.TEXTS.get(row.consent, "")) for row in privacy.consents_of(conn, person.id)],
            regions=_regions(),
            changed=request.args.get("changed", ""),
        )


def _rooms(conn: Connection, person_id: int) -> list[dict[str, Any]]:
    """What was declared, form by form: where, since when, who, how far it is, and why it came back."""
    found: dict[int, dict[str, Any]] = {}
    for row in declarations.of_person(conn, person_id, limit=30):
        one = found.setdefault(
            row.filing_id,
            {"number": row.number, "address": declarations.address_of(row), "since": row.moved_in, "people": [],
             "until": row.moved_out, "reasons": []},
        )  # fmt: skip
        one["people"].insert(
            0, {"name": row.who["name"] if row.who else "（已删除）", "relation": row.relation, "state": row.state}
        )
        if row.state == "returned":
            one["reasons"].append(declarations.reason(conn, row.id))
    for one in found.values():
        one["people"].sort(key=lambda person: person["relation"] != "self")
    return list(found.values())[:8]


@web.post("/me/region")
def region() -> BaseResponse:
    """Change the place that answers hold for."""
    wanted = request.form.get("region", "")
    if wanted not in {key for _, places in _regions() for key, _ in places}:
        abort(400)
    with write(service().engine) as conn:
        person = _person(conn) or abort(401)
        privacy.set_region(conn, person.id, wanted)
    return redirect(_back(changed="region"), 303)


@web.get("/me/cases/<number>")
def case(number: str) -> str:
    """One case and what has happened to it."""
    with read(service().engine) as conn:
        row = _case(conn, number)
        steps = [step for step in cases.history(conn, row.id) if step.shown]
        return render_template(
            "web/me_case.html", case=row, photos=len(_photos(conn, row)), steps=steps, states=cases.STATES, teams=TEAMS,
            open="withdrawn" in cases.MOVES[row.state], back=_back(),
        )  # fmt: skip


def _agree(channel: str) -> str:
    """The page where a message outside the chat is agreed to; empty where the channel has none."""
    carried = service().channels.get(channel)
    page = carried.consent() if carried else None
    return page.path if page else ""


def _photos(conn: Connection, case: Row[Any]) -> list[str]:
    """The names of the photos that one sent with a case, by the room's page or by the chat."""
    return [*inspections.photos_of(conn, case.number), *case_photos.kept_of(conn, case.id)]


@web.get("/me/cases/<number>/photo/<int:index>")
def case_photo(number: str, index: int) -> Response:
    """A photo that one sent with a report, for oneself."""
    with read(service().engine) as conn:
        kept = _photos(conn, _case(conn, number))
    data = pictures.read(service().settings.data_dir, kept[index]) if 0 <= index < len(kept) else None
    if data is None:
        abort(404)
    return Response(data, mimetype="image/jpeg", headers={"Cache-Control": "private, no-store"})


@web.post("/me/cases/<number>/withdraw")
def withdraw(number: str) -> BaseResponse:
    """Take a case back."""
    with write(service().engine) as conn:
        row = _case(conn, number)
        try:
            cases.move(conn, row.id, "withdrawn", f"person:{row.person_id}", clock.now())
        except cases.IllegalMove:
            abort(409)
    return redirect(_back(changed="withdrawn"), 303)


@web.post("/me/reminders/<int:reminder_id>/cancel")
def drop_reminder(reminder_id: int) -> BaseResponse:
    """Don't remind of that any more."""
    with write(service().engine) as conn:
        person = _person(conn) or abort(401)
        if not reminders.cancel(conn, person.id, reminder_id):
            abort(404)
    return redirect(_back(changed="reminder"), 303)


@web.post("/me/pushes/refuse")
def refuse_pushes() -> BaseResponse:
    """No more messages outside the chat, whatever was agreed to before."""
    with write(service().engine) as conn:
        person = _person(conn) or abort(401)
        push_consents.revoke(conn, person.id, clock.now())
    return redirect(_back(changed="pushes"), 303)


@web.get("/me/export.json")
def export_json() -> Response:
    """Everything held, for machines."""
    data = _export()
    response = Response(json.dumps(data, ensure_ascii=False, indent=1), mimetype="application/json")
    name = f"my-records-{clock.today():%Y%m%d}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@web.get("/me/export")
def export_page() -> str:
    """Everything held, to read or print."""
    return render_template(
        "web/me_export.html", data=_export(), channels=CHANNELS, tables=TABLES, fields=FIELDS, case_states=cases.STATES, teams=TEAMS,
        handoff_states=HANDOFF_STATES, marks=bubbles.MARKS, back=_back(),
    )  # fmt: skip


@web.route("/me/delete", methods=["GET", "POST"])
def remove() -> BaseResponse | str | tuple[str, int]:
    """Asks once more, says what goes and what stays, and then does it."""
    unsure = request.method == "POST" and request.form.get("sure") != "yes"
    with read(service().engine) as conn:
        person = _person(conn)
        if person is None:
            return redirect(url_for("web.me"), 303)
        mine = cases.of_person(conn, person.id)
        lives = any(row.state in declarations.LIVING for row in declarations.of_person(conn, person.id))
    if request.method == "GET" or unsure:
        page = render_template(
            "web/me_delete.html", channel=CHANNELS.get(person.channel, ""), cases=len(mine), back=_back(),
            under_way=[row for row in mine if "withdrawn" in cases.MOVES[row.state]], unsure=unsure, as_=_as(),
            lives=lives,
        )  # fmt: skip
        return (page, 400) if unsure else page
    with write(service().engine) as conn:
        done = privacy.erase(conn, person.id, clock.now())
    if not done.held:
        uploads.remove(service().settings.data_dir / "uploads", done.media)
        _forget(person)
    return render_template("web/me_deleted.html", done=done)


def _forget(person: Row[Any]) -> None:
    if person.channel == "web":
        visitors.begin(kiosk=visitors.current().kiosk)
    else:
        session.pop("person", None)


def _person(conn: Connection) -> Row[Any] | None:
    """Whose records these are."""
    signed_in = session.get("person")
    if isinstance(signed_in, int) and _as() != "web":
        row = people.get(conn, signed_in)
        if row is not None and row.external:
            return row
    return people.find(conn, "web", visitors.current().id)


def _both(conn: Connection) -> bool:
    """Whether this browser has records both of a signed-in person and of its own."""
    here = people.find(conn, "web", visitors.current().id) is not None
    return here and isinstance(session.get("person"), int)


def _case(conn: Connection, number: str) -> Row[Any]:
    """A case of the person's own; 404 for anybody else's, as for none."""
    person, row = _person(conn), cases.by_number(conn, number)
    if person is None or row is None or row.person_id != person.id:
        abort(404)
    return row


def _export() -> dict[str, Any]:
    with read(service().engine) as conn:
        person = _person(conn) or abort(404)
        return {
            "exported_at": clock.now().isoformat(timespec="seconds"), **privacy.export_of(conn, person.id),
            "points": my_points.exported(conn, person.id),
        }  # fmt: skip


def _as() -> str:
    return request.values.get("as", "")


def _back(**more: str) -> str:
    query: dict[str, Any] = dict(more)
    if _as():
        query["as"] = _as()
    return url_for("web.me", **query)


def _regions() -> list[tuple[str, list[tuple[str, str]]]]:
    """Places to choose from, by city: (city's name, [(key, name)])."""
    if "regions" not in g:
        tree = service().knowledge.regions
        g.regions = [
            (tree.name(city), [(city, f"{tree.name(city)}（不确定哪个区）")] + [
                (key, tree.name(key)) for key in tree.regions if key in tree.inside(city) and key != city
            ])
            for city in service().settings.regions
        ]  # fmt: skip
    found: list[tuple[str, list[tuple[str, str]]]] = g.regions
    return found
