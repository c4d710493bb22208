"""`/sandbox` in the browser: the page, what its buttons call, and the pages WeChat itself would show.

Exists in rehearsal mode only: `register` refuses any other. Buttons send JSON (a form of another site cannot), and the
page asks for news once a second, so no stream holds a thread.
"""

from typing import Any
from urllib.parse import urlencode, urlsplit

import redis
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from werkzeug.wrappers import Response as BaseResponse

from bot.sandbox import actions, api, api_pages, door, phone
from bot.sandbox.platform import PEOPLE, TEMPLATES, Impossible, Platform, Refused
from settings import Settings

COOKIE = "sandbox_phone"
POLICY = "default-src 'self'; img-src 'self' data: blob:; frame-src 'self'; object-src 'none'; base-uri 'none'"

pages = Blueprint(
    "sandbox", __name__, url_prefix="/sandbox", template_folder="templates", static_folder="static",
    static_url_path="/static",
)  # fmt: skip


def register(app: Flask, settings: Settings, client: "redis.Redis | None" = None) -> Platform:
    """Mount the sandbox on the application; state in Redis (`client`), or in memory.

    Raises `RuntimeError` outside rehearsal mode: a production service has no sandbox.
    """
    if not settings.rehearsal:
        raise RuntimeError("the sandbox exists in rehearsal mode only (APP_MODE=rehearsal)")
    platform = Platform.of(settings, client)
    app.extensions["sandbox"] = platform
    app.register_blueprint(pages)
    app.register_blueprint(door.blueprint(platform), url_prefix="/sandbox/api")
    if "csrf" in app.extensions:
        # The API is called by a server, and `only_our_page` guards the buttons.
        app.extensions["csrf"].exempt(pages)
        app.extensions["csrf"].exempt(app.blueprints["sandbox_api"])
    return platform


def _platform() -> Platform:
    platform: Platform = current_app.extensions["sandbox"]
    return platform


@pages.before_request
def only_our_page() -> Response | None:
    """Refuse buttons pressed from another site: they can send neither JSON nor our origin."""
    if request.method != "POST":
        return None
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return _error("请在沙盒页面里操作", 403)
    if not request.is_json:
        return _error("请求要用 JSON（Content-Type: application/json）", 415)
    return None


@pages.after_request
def fence(response: Response) -> Response:
    """Nothing from elsewhere, nothing inline, nothing kept."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@pages.errorhandler(Impossible)
def impossible(error: Impossible) -> Response:
    """Something the phone cannot do now."""
    return _error(str(error), 409)


@pages.errorhandler(redis.RedisError)
def no_memory(error: redis.RedisError) -> Response:
    """The sandbox lives in Redis."""
    return _error("沙盒暂时连不上 Redis，请稍后再试", 503)


def _error(text: str, status: int) -> Response:
    response = jsonify(error=text)
    response.status_code = status
    return response


def _body() -> dict[str, Any]:
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        abort(_error("请求内容不是 JSON 对象", 400))
    return data


# --- the page and its buttons


@pages.get("", strict_slashes=False)
def index() -> str:
    """A phone on the left, the wire on the right."""
    return render_template(
        "sandbox/index.html",
        people=PEOPLE,
        templates=TEMPLATES,
        account=_platform().account,
        callback=_platform().callback,
        calls=sorted(api.CALLS),
    )


@pages.get("/phone/<key>/feed")
def feed(key: str) -> Response:
    """What is new on this phone and on the wire since the numbers `chat` and `wire`."""
    platform, person = _platform(), _platform().person(actions.checked(key))
    chat, wire = request.args.get("chat", 0, int), request.args.get("wire", 0, int)
    return jsonify(
        phone={
            "key": key,
            "name": person.name,
            "follows": person.follows,
            "epoch": person.epoch,
            "scene": person.scene,
            "windows": platform.left(key),
            "consents": person.consents,
            "openid": person.openid,
        },
        chat=platform.store.since(f"chat:{key}", chat),
        wire=platform.store.since("wire", wire),
        menu=platform.store.get("menu"),
        switches=platform.switches(),
    )


@pages.post("/phone/<key>/<action>")
def act(key: str, action: str) -> Response:
    """Do something with a phone; answers with the id of the push it set off."""
    delivery = actions.perform(_platform(), actions.checked(key), action, _body())
    return jsonify(push=delivery.id if delivery else None)


@pages.get("/push/<push_id>")
def push_state(push_id: str) -> Response:
    """How far a push is: pushing, answered, quiet or failed, and in which attempt."""
    held = _platform().store.get(f"push:{push_id}")
    return jsonify(held) if held else _error("没有这次推送", 404)


@pages.get("/switches")
def switches() -> Response:
    """All switches."""
    return jsonify(_platform().switches())


@pages.post("/switches")
def switch() -> Response:
    """Change some switches, or add a rule for API calls (`rule`)."""
    return jsonify(actions.set_switches(_platform(), _body()))


@pages.post("/switches/clear")
def clear_switches() -> Response:
    """Everything back to normal."""
    platform = _platform()
    platform.store.drop("switches")
    platform.log("note", "演练开关全部恢复正常")
    return jsonify(platform.switches())


@pages.post("/tokens")
def tokens() -> Response:
    """Spoil the access tokens in use: `how` is expired or revoked."""
    how = _body().get("how")
    if how not in ("expired", "revoked"):
        return _error("how 应为 expired 或 revoked", 400)
    return jsonify(spoiled=api.spoil_tokens(_platform(), how))


@pages.post("/reset")
def reset() -> Response:
    """A new, empty platform."""
    _platform().reset()
    return jsonify(ok=True)


@pages.get("/media/<media_id>")
def media(media_id: str) -> Response:
    """A picture, sound or film kept on the platform."""
    found = phone.media(_platform(), media_id)
    if found is None:
        return _error("素材不存在或已过三天", 404)
    _, mime, data = found
    safe = mime if mime in ("image/png", "image/jpeg", "image/webp", "image/gif", "audio/amr", "video/mp4") else ""
    response = Response(data, content_type=safe or "application/octet-stream")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


# --- what WeChat itself would show


@pages.get("/phone/<key>/open")
def open_page(key: str) -> BaseResponse:
    """Open a page of the service in this phone: from here on, WeChat knows who is looking."""
    url = request.args.get("url", "")
    if not _ours(url):
        return _error("手机里只打开本服务的页面", 400)
    response = make_response(redirect(url))
    response.set_cookie(COOKIE, actions.checked(key), path="/sandbox", httponly=True, samesite="Lax")
    return response


def _ours(url: str) -> bool:
    """Whether an address belongs to this service (so that nobody is sent elsewhere)."""
    parts = urlsplit(url)
    if not parts.netloc:
        return url.startswith("/") and not url.startswith(("//", "/\\")) and not parts.scheme
    return parts.scheme in ("http", "https") and parts.netloc in (request.host, urlsplit(_platform().public_url).netloc)


@pages.get("/connect/oauth2/authorize")
def authorize() -> BaseResponse | str:
    """Web sign-in: sends whoever looks back to the service with a one-time code. Asks only when it can't know who."""
    platform = _platform()
    if request.args.get("appid") != platform.account.app_id:
        return _page("公众号 AppID 不对", "链接里的 appid 与这个公众号不一致（10004）。")
    if request.args.get("response_type") != "code" or request.args.get("scope") not in (
        "snsapi_base",
        "snsapi_userinfo",
    ):
        return _page("授权参数不对", "response_type 应为 code，scope 应为 snsapi_base 或 snsapi_userinfo（10005）。")
    target = request.args.get("redirect_uri", "")
    if not urlsplit(target).netloc or not _ours(target):
        return _page("redirect_uri 域名与后台配置不一致", "错误码 10003：只能回到本服务自己的网址。")
    key = request.args.get("phone") or request.cookies.get(COOKIE)
    if key is None:
        query = request.args.to_dict()
        choices = [(f"?{urlencode({**query, 'phone': k})}", name, note) for k, name, note in PEOPLE]
        return render_template("sandbox/who.html", choices=choices)
    code = api_pages.issue_code(platform, actions.checked(key), request.args["scope"])
    platform.log(
        "note", "网页授权：带着一次性 code 跳回服务", phone=key, line=f"{urlsplit(target).path}?code={code[:6]}…"
    )
    joint = "&" if urlsplit(target).query else "?"
    response = make_response(
        redirect(f"{target}{joint}{urlencode({'code': code, 'state': request.args.get('state', '')})}")
    )
    response.set_cookie(COOKIE, key, path="/sandbox", httponly=True, samesite="Lax")
    return response


def _page(title: str, text: str) -> BaseResponse:
    return make_response(render_template("sandbox/notice.html", title=title, text=text), 400)


@pages.get("/mp/subscribemsg")
def subscribe_page() -> BaseResponse | str:
    """The platform's page that asks for one subscription message, and sends back with the choice."""
    platform = _platform()
    template, target = request.args.get("template_id", ""), request.args.get("redirect_url", "")
    key = request.args.get("phone") or request.cookies.get(COOKIE) or PEOPLE[0][0]
    if template not in TEMPLATES or not _ours(target):
        return _page("订阅链接不对", "template_id 不存在，或 redirect_url 不是本服务的网址。")
    action = request.args.get("choice")
    query = request.args.to_dict()
    if action not in ("confirm", "cancel"):
        links = {c: f"?{urlencode({**query, 'choice': c})}" for c in ("confirm", "cancel")}
        return render_template("sandbox/consent.html", title=TEMPLATES[template][0], links=links)
    phone.consent(platform, actions.checked(key), template, action == "confirm")
    back = {"openid": platform.openid(key), "template_id": template, "action": action,
            "scene": query.get("scene", ""), "reserved": query.get("reserved", "")}  # fmt: skip
    return redirect(f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(back)}")


@pages.post("/page/config")
def page_config() -> Response:
    """What the platform's page script asks first: whether this page may use it."""
    try:
        api_pages.sign_in_page(_platform(), _body())
    except Refused as refused:
        return _error(refused.errmsg, 403)
    return jsonify(ok=True)


@pages.post("/page/templates")
def page_templates() -> Response:
    """The titles of the templates that a page's button asks consent for."""
    wanted = _body().get("templates")
    if not isinstance(wanted, list) or not wanted or not all(one in TEMPLATES for one in wanted):
        return _error("没有这个订阅模板", 400)
    return jsonify({one: TEMPLATES[one][0] for one in wanted})


@pages.post("/page/subscribe")
def page_subscribe() -> Response:
    """What the phone's owner ticked, template by template: `{"answers": {"<template>": true}}`."""
    answers, key = _body().get("answers"), request.cookies.get(COOKIE)
    if key is None:
        return _error("不知道是哪台手机，请从沙盒里的手机打开这一页", 400)
    if not isinstance(answers, dict) or not answers or not all(one in TEMPLATES for one in answers):
        return _error("没有这个订阅模板", 400)
    for template, accept in answers.items():
        phone.consent(_platform(), actions.checked(key), template, accept is True)
    return jsonify(ok=True)


@pages.post("/login-code")
def login_code() -> Response:
    """What `wx.login` gives a mini-program: `{"phone": "1"}` → `{"code": …}`, to be handed to POST /api/v1/session."""
    phone_key = _body().get("phone")
    if not isinstance(phone_key, str):
        return _error('请写明是哪台手机：{"phone": "1"}', 400)
    return jsonify(code=api_pages.issue_login_code(_platform(), actions.checked(phone_key)))


@pages.get("/q/<ticket>")
def scanned(ticket: str) -> BaseResponse:
    """Where a parametric code leads when a real phone reads it: to the sandbox, ready to scan."""
    return redirect(f"/sandbox?{urlencode({'scan': ticket})}")
