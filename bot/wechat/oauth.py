"""Who is looking at a page: WeChat's web authorisation (snsapi_base), which tells the openid and nothing else.

    login   sets a signed cookie that holds a random state and the page to come back to, and sends the browser to WeChat
    callback  takes the one-time code only with the state of that very cookie, changes it for the openid on the server
              (wx-oauth-02) and remembers the person in the session

In a rehearsal the sandbox stands in for WeChat and lets one choose among invented people: the demo login.
"""

import hmac
import logging
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
)
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import Row
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault
from records import people
from records.base import Busy, read, write
from settings import Settings

log = logging.getLogger(__name__)

LIFE = 300
"""Seconds from leaving for WeChat to coming back; a code lives as long (wx-oauth-01)."""
HOME = "/me"
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

blueprint = Blueprint(
    "wechat_pages", __name__, url_prefix="/wechat/oauth", template_folder="templates", static_folder="static",
    static_url_path="/static",
)  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


def login_url(after: str = HOME) -> str:
    """The address that signs a person in and then brings them to `after`, a path of ours."""
    return f"/wechat/oauth/login?next={quote(safe_path(after), safe='/')}"


def safe_path(target: str) -> str:
    """`target` when it is a path on this site, otherwise `HOME`: nobody is sent elsewhere from here."""
    parts = urlsplit(target) if target.isprintable() and len(target) <= 500 else None
    plain = parts is not None and not parts.scheme and not parts.netloc and "\\" not in target
    return target if plain and target.startswith("/") and not target.startswith("//") else HOME


def current_person() -> Row[Any] | None:
    """The row of the person who is signed in on this page; None for nobody, or somebody whose data was erased.

    Raises `records.base.Busy`.
    """
    if "person" not in g:
        g.person = None
        person_id = session.get("person")
        if isinstance(person_id, int):
            with read(_service().engine) as conn:
                row = people.get(conn, person_id)
            if row is not None and row.external:
                g.person = row
            else:
                session.pop("person", None)
    found: Row[Any] | None = g.person
    return found


def person_required(view: Callable[P, R]) -> Callable[P, R | BaseResponse]:
    """For views about oneself: sends people who aren't signed in to the login and back; refuses (401) their POSTs."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | BaseResponse:
        if current_person() is not None:
            return view(*args, **kwargs)
        if request.method not in ("GET", "HEAD"):
            abort(401)
        return redirect(login_url(request.full_path.rstrip("?")))

    return guarded


@blueprint.get("/login")
def login() -> BaseResponse:
    """Leave for WeChat. `?next=` a path of ours to come back to."""
    settings = _service().settings
    # The platform takes letters and digits only as a state, so what must come back travels in the cookie.
    state = secrets.token_hex(16)
    kept = _signer(settings).dumps({"state": state, "next": safe_path(request.args.get("next", HOME))})
    response = redirect(_authorize_url(settings, state))
    response.set_cookie(
        _cookie(settings, state), kept, max_age=LIFE, path=settings.cookie_path("/wechat/oauth"), httponly=True,
        samesite="Lax", secure=settings.https,
    )  # fmt: skip
    return response


@blueprint.get("/callback")
def callback() -> BaseResponse:
    """Back from WeChat, with a one-time code."""
    service = _service()
    state, code = request.args.get("state", ""), request.args.get("code", "")
    kept = _kept(service.settings, state)
    if kept is None:
        return _notice("登录没有完成", "链接已经过期，或者不是在这台手机上打开的。请返回重新打开。", 400)
    if not code:
        return _notice("登录没有完成", "没有得到微信的同意。需要时可以重新打开这一页。", 400, kept)
    try:
        session["person"] = _person_of(service, client_of(service).oauth_openid(code))
    except ApiFault as fault:
        if fault.action == "drop_for_user":
            return _notice("登录没有完成", "这次登录已经用过或者过期了。请返回重新打开。", 400, kept)
        log.error("web authorisation failed: %s", fault)
        return _notice("暂时登录不了", "微信那边没有应答。请过几分钟再试；着急的事可以拨打12345。", 503, kept)
    except Busy:
        return _notice("暂时登录不了", "系统正忙。请过一会儿再试；着急的事可以拨打12345。", 503, kept)
    response = redirect(kept)
    settings = service.settings
    response.delete_cookie(
        _cookie(settings, state), path=settings.cookie_path("/wechat/oauth"), secure=settings.https, httponly=True,
        samesite="Lax",
    )  # fmt: skip
    return response


@blueprint.post("/leave")
def leave() -> BaseResponse:
    """Sign out on this browser."""
    session.pop("person", None)
    response = redirect("/")
    response.headers["Clear-Site-Data"] = '"storage"'  # half-filled forms kept by the pages of this browser
    return response


@blueprint.after_request
def fence(response: Response) -> Response:
    """Nothing from elsewhere, nothing kept, no address passed on with its code."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    if request.endpoint != f"{blueprint.name}.static":
        response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _person_of(service: Service, openid: str) -> int:
    """The id of the person behind an openid; a row is made for somebody new."""
    with write(service.engine) as conn:
        people.add(conn, "wechat", openid, clock.now())
        row = people.find(conn, "wechat", openid)
    if row is None:
        raise Busy("a person's row vanished while it was being made")
    return int(row.id)


def _authorize_url(settings: Settings, state: str) -> str:
    """Where WeChat, or the sandbox in its place, asks who is there."""
    sandbox = settings.rehearsal and settings.wechat_api_base.endswith("/sandbox/api")
    # The redirect's host must be the one registered (wx-oauth-03); a rehearsal goes by whatever name it was opened.
    home = request.host_url.rstrip("/") if sandbox else settings.public_url
    query = urlencode(
        {
            "appid": settings.wechat_app_id,
            "redirect_uri": f"{home}/wechat/oauth/callback",
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
        }
    )
    page = "/sandbox/connect/oauth2/authorize" if sandbox else "https://open.weixin.qq.com/connect/oauth2/authorize"
    return f"{page}?{query}#wechat_redirect"


def _kept(settings: Settings, state: str) -> str | None:
    """The page to return to, when this browser left with this state not long ago; None otherwise."""
    try:
        kept = _signer(settings).loads(request.cookies.get(_cookie(settings, state), ""), max_age=LIFE)
    except BadSignature:
        return None
    matches = hmac.compare_digest(str(kept["state"]).encode(), state.encode("utf-8", "replace"))
    return safe_path(str(kept["next"])) if matches else None


def _cookie(settings: Settings, state: str) -> str:
    # One cookie for each login under way: two pages opened at once must not spoil each other's.
    return settings.cookie("wx_login_" + "".join(char for char in state[:8] if char in "0123456789abcdef"))


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.secret_key, salt="wechat-oauth")


WITHOUT = ("/r/", "/rooms/mine", "/me")
"""Pages that also serve whoever isn't signed in: a declaration is filed with a phone number as well."""


def _notice(title: str, text: str, status: int, kept: str = "") -> BaseResponse:
    """Why the login failed, with the way on: again, or without it where the page allows (`kept`: where he was going)."""
    onward = kept if kept.startswith(WITHOUT) else ""
    page = render_template("wechat/notice.html", title=title, text=text, onward=onward, kept=kept)
    return make_response(page, status)


def _service() -> Service:
    service: Service = current_app.extensions["service"]
    return service
