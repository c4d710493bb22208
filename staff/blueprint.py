"""The console's blueprint: its templates, filters, headers and error pages. The views register themselves on it."""

import secrets
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

import clock
from records.base import Busy
from staff import words
from staff.doors import wants_json
from staff.house import Me, house

blueprint = Blueprint(
    "staff", __name__, url_prefix="/staff", template_folder="templates", static_folder="static",
    static_url_path="/static",
)  # fmt: skip

_PLAIN = {
    400: "这个请求不对，请返回上一页再试。",
    403: "您的账号没有这项权限。需要的话，请找管理员。",
    404: "没有这一页，或者它不在您能看的范围里。",
    409: "别人刚刚改过，请刷新看看。",
    413: "内容太大了。",
    429: "操作太快了，请稍等再试。",
}


@blueprint.after_request
def _headers(response: Response) -> Response:
    """The console's own policy: live updates may come from the stream's address, and nobody may frame us."""
    settings = house().settings
    stream = settings.stream_url or f"{request.scheme}://{request.host.rsplit(':', 1)[0]}:{settings.stream_port}"
    connect = f"'self' {stream}" if settings.stream_port or settings.stream_url else "'self'"
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; object-src 'none'; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src {connect}"
    )
    response.headers["X-Frame-Options"] = "DENY"
    return response


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> Any:
    """An error in words, as a page or, for the console's script, as JSON."""
    if error.code is None or error.code < 400:
        return error.get_response()
    text = _PLAIN.get(error.code, "出了点问题，请返回上一页再试。")
    if isinstance(error, CSRFError):
        text = "这一页放得太久了，请刷新后再试一次。"
    elif (
        error.description
        and error.description != type(error).description
        and any("\u4e00" <= letter <= "\u9fff" for letter in error.description)
    ):
        text = error.description
    return _said(text, error.code)


@blueprint.errorhandler(Busy)
def _busy(_error: Busy) -> Any:
    """The database can't be had: said in words, and what to do."""
    return _said("数据库暂时连不上，这一步没有做成。写好的内容不要关掉，请过几秒再试。", 503)


@blueprint.errorhandler(Exception)
def _broken(error: Exception) -> Any:
    """A fault of ours: logged under a number that staff can pass on."""
    mark = secrets.token_hex(4)
    current_app.logger.error("request %s broke [%s]", request.endpoint, mark, exc_info=error)
    return _said(f"服务器出错了，已经记下（编号 {mark}）。请过一会儿再试；还不行，请把编号告诉管理员。", 500)


def _said(text: str, code: int) -> Any:
    if wants_json():
        return jsonify(error=text), code
    return render_template("staff/error.html", text=text, code=code), code


_PLACES = (
    ("inbox", "会话", "inbox", "inbox.see"),
    ("crisis_desk", "危机", "crisis", "crisis.desk"),
    ("cases_list", "事项", "cases", "cases.see"),
    ("rooms_board", "房间", "rooms", "rooms.see"),
    ("knowledge_list", "知识", "knowledge", "knowledge.see"),
    ("points_page", "积分", "points", "points.see"),
    ("search_page", "查找", "search", "chat.search"),
    ("notices_page", "通知", "notices", "notices.see"),
    ("watch", "值班", "watch", "inbox.watch"),
    ("quality", "质检", "quality", "quality.score"),
    ("reports_page", "报表", "reports", "reports.see"),
    ("switches_page", "开关", "switches", "switches.see"),
    ("hours_page", "班次", "hours", "hours.change"),
    ("canned_page", "快捷语", "canned", "canned.use"),
    ("people_page", "账号", "people", "accounts.manage"),
    ("audit_page", "审计", "audit", "audit.see"),
)
_WITHIN = (
    {"chat": "inbox", "case_page": "cases_list", "drafts_page": "inbox", "mentions_page": "inbox",
     "answers_page": "notices_page", "safety": "crisis_desk", "quality_page": "quality", "case_revealed": "cases_list"}
    | dict.fromkeys(("rooms_room", "rooms_search", "rooms_check", "rooms_walk", "rooms_owners", "rooms_person"), "rooms_board")
    | dict.fromkeys(
        (
            "knowledge_page", "knowledge_new", "knowledge_made", "knowledge_edit", "knowledge_saved", "knowledge_day",
            "knowledge_compare", "knowledge_calendar", "knowledge_gaps", "knowledge_places", "knowledge_place_put",
            "knowledge_hotlines", "knowledge_hotline_new", "knowledge_hotline_made", "knowledge_values",
            "knowledge_value", "knowledge_value_made", "knowledge_synonyms", "knowledge_synonyms_made",
        ),
        "knowledge_list",
    )
)  # fmt: skip


def navigation() -> list[dict[str, Any]]:
    """Where one may go: endpoint, label, icon, and whether one is there."""
    who: Me = g.staff
    at = (request.endpoint or "").removeprefix("staff.")
    return [
        {"endpoint": f"staff.{name}", "label": label, "icon": icon, "here": _WITHIN.get(at, at) == name}
        for name, label, icon, permission in _PLACES
        if who.may(permission) and f"staff.{name}" in current_app.view_functions
    ]


@blueprint.context_processor
def _context() -> dict[str, Any]:
    who: Me | None = g.get("staff")
    return {
        "me": who,
        "may": who.may if who else (lambda _permission: False),
        "now": clock.now(),
        "navigation": navigation,
        "theme": request.cookies.get(house().settings.cookie("city_theme"), "auto"),
        "rehearsal": house().settings.rehearsal,
    }


for _name, _filter in words.FILTERS.items():
    blueprint.add_app_template_filter(_filter, f"staff_{_name}")

from staff import (  # noqa: E402, F401 - the views register themselves
    accounts,
    answers,
    approvals,
    case_papers,
    cases,
    chat,
    control,
    crisis,
    inbox,
    media,
    mentions,
    merging,
    notices,
    people,
    reaching,
    reports,
    room_acts,
    rooms,
    search,
    sending,
    tools,
)
