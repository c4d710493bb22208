"""`/tell-me`: where a follower agrees to one message outside the window for customer messages (订阅通知, wx-push-03).

Only the platform can take a consent. Its web component `wx-open-subscribe` shows the platform's own question, and the
answer reaches us as an event (`subscribe_msg_popup_event`); what the page says by itself counts for nothing. The
platform's script is loaded here and nowhere else, and in a rehearsal the sandbox's stand-in takes its place.
"""

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template
from sqlalchemy import Connection, Row

from bot.service import Service
from bot.wechat import oauth, pushes
from handlers.registry import titles
from records import cases, handoffs, push_consents, reminders, subscriptions
from records.base import read
from settings import Settings

PATH = "/tell-me"
PLATFORM = "https://res.wx.qq.com"
SCRIPT = f"{PLATFORM}/open/js/jweixin-1.6.0.js"
STAND_IN = "/sandbox/static/jweixin.js"
_OPEN = ("filed", "accepted", "working", "returned")

blueprint = Blueprint("wechat_consents", __name__)


@blueprint.get(PATH)
@oauth.person_required
def tell_me() -> Response | str:
    """What is to be told to whom is signed in, and the platform's button to agree."""
    service: Service = current_app.extensions["service"]
    person = oauth.current_person()
    templates = pushes.templates(service.settings)
    if person is None or person.channel != "wechat" or not templates:
        return render_template("wechat/tell_me.html", templates="", wishes=[], left=0)
    with read(service.engine) as conn:
        wishes = _wishes(conn, person, service)
        left = sum(row.remaining for row in push_consents.of_person(conn, person.id))
    about = [topic for topic, _ in wishes] or ["notice"]
    asked = list(dict.fromkeys(templates[topic] for topic in about if topic in templates))
    sandbox = _rehearsed(service.settings)
    page = render_template(
        "wechat/tell_me.html", templates=",".join(asked[:3]), wishes=[words for _, words in wishes], left=left,
        script=STAND_IN if sandbox else SCRIPT, rehearsal=sandbox,
    )  # fmt: skip
    response = make_response(page)
    response.headers["Content-Security-Policy"] = _policy(sandbox)
    return response


def _wishes(conn: Connection, person: Row[Any], service: Service) -> list[tuple[str, str]]:
    """What somebody waits for: the topic of `pushes.yml` and the words for it."""
    tree, names = service.knowledge.regions, titles()
    found = [
        ("notice", f"{tree.name(row.region)}“{names.get(row.topic, row.topic)}”有新消息")
        for row in subscriptions.of_person(conn, person.id)
    ]
    found += [
        ("reminder", f"{row.due_at.year}年{row.due_at.month}月{row.due_at.day}日的提醒")
        for row in reminders.of_person(conn, person.id)
    ]
    found += [
        ("notice", f"{row.title}（{row.number}）有进展")
        for row in cases.of_person(conn, person.id, 5)
        if row.state in _OPEN
    ]
    if handoffs.open_of(conn, person.id) is not None:
        found.append(("reply", "工作人员给您的回复"))
    return found


def _rehearsed(settings: Settings) -> bool:
    """Whether the sandbox plays the platform."""
    return settings.rehearsal and settings.wechat_api_base.endswith("/sandbox/api")


def _policy(sandbox: bool) -> str:
    """What the page may load: with a real account the platform's script, and the frames in which it draws its button."""
    script, frames = ("", "'self'") if sandbox else (f" {PLATFORM}", "https://*.qq.com webcompt:")
    return (
        f"default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'{script}; frame-src {frames}; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )
