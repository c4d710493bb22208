"""The blueprint that the pages about rooms hang on, and what its views share."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, session, url_for
from sqlalchemy import Connection, Row
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.rooms import limits
from bot.service import service
from bot.web import visitors
from records import people, rooms
from records.base import Busy

FOLDER = Path(__file__).parent / "static"
LOGIN_PAUSE = 600
"""Seconds after a failed login in which a page doesn't try it again by itself."""
BUSY = "系统正忙，您填的还在。请过几秒再点一次；重复点不会登记两次。"

pages = Blueprint(
    "rooms", __name__, template_folder="templates", static_folder="static", static_url_path="/rooms/static"
)
pages.after_request(visitors.keep)


@pages.app_template_global("room_asset")
def room_asset(name: str) -> str:
    """The address of a file of ours, with its print."""
    return url_for("rooms.static", filename=name, v=_print(name))


@cache
def _print(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:10]


@pages.after_request
def cache_assets(response: Response) -> Response:
    """A file asked for by its print never changes."""
    if request.endpoint == "rooms.static" and request.args.get("v") and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@pages.errorhandler(Busy)
def busy(_error: Busy) -> tuple[Any, int]:
    """The database can't be had: said in words, and safe to try again."""
    if wants_json():
        return {"error": BUSY, "again": True}, 503
    return render_template("error.html", text=BUSY, code=503), 503


@pages.errorhandler(413)
def too_large(_error: HTTPException) -> tuple[Any, int]:
    """More than a form may carry."""
    text = "发来的内容太大了，一次最多16MB。名单请分成几个文件，照片请选小一点的再交。"
    if wants_json():
        return {"faults": {"form": text}}, 413
    return render_template("error.html", text=text, code=413), 413


def wants_json() -> bool:
    """Whether the page's script asks, which shows faults in place."""
    return request.accept_mimetypes.best == "application/json"


def signed_in(conn: Connection) -> Row[Any] | None:
    """Who is signed in by a channel on this phone."""
    person_id = session.get("person")
    row = people.get(conn, person_id) if isinstance(person_id, int) else None
    return row if row is not None and row.external else None


def person(conn: Connection) -> Row[Any] | None:
    """Who is looking: signed in by a channel, or the browser we know from its visitor cookie (never a kiosk's)."""
    found = signed_in(conn)
    if found is not None:
        return found
    visitor = visitors.current()
    return None if visitor.kiosk else people.find(conn, "web", visitor.id)


def person_id_for_filing(conn: Connection) -> int | None:
    """The same, and a browser that has no row yet gets one, so that it finds its declarations again."""
    found = person(conn)
    if found is not None:
        return int(found.id)
    visitor = visitors.current()
    if visitor.kiosk:
        return None
    visitors.touch()
    people.add(conn, "web", visitor.id, clock.now())
    made = people.find(conn, "web", visitor.id)
    return int(made.id) if made is not None else None


def found_or_404(conn: Connection, code: str) -> rooms.Found:
    """The room behind a code. 404 for none; 429 for an address that tries codes one after the other.

    A right token is never limited: nobody guesses one, and a village may sit behind one address.
    """
    found = rooms.find(conn, code)
    if found is None:
        if not limits.allowed(service().redis, "miss", limits.address(), 300, 600):
            abort(429)
        abort(404)
    if found.how == "short" and not limits.allowed(service().redis, "short", limits.address(), 600, 600):
        abort(429)
    return found


def login_url(path: str) -> str:
    """Where this phone signs in and comes back to `path`."""
    return str(current_app.extensions["rooms"]["login_url"](path))


def inside_wechat() -> bool:
    """Whether the page was opened in WeChat's own browser by an account that may sign people in (wx-oauth: a
    subscription account may not)."""
    return "MicroMessenger" in request.user_agent.string and service().settings.account_kind != "subscription"


def to_login() -> BaseResponse:
    """Off to sign in, and back to this page."""
    session["login_tried"] = int(clock.now().timestamp())
    return redirect(login_url(request.full_path.rstrip("?")))


def login_failed() -> bool:
    """Whether this phone was sent to sign in not long ago and came back without: the channel is down, or its owner
    said no. Then nobody is sent in circles; what can be done without signing in is done without.
    """
    tried = session.get("login_tried")
    return isinstance(tried, int) and clock.now().timestamp() - tried < LOGIN_PAUSE
