"""The console's door: the cookie, the session behind it, and who is turned away."""

from typing import Any
from urllib.parse import urlencode

from flask import Response, abort, g, jsonify, redirect, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

import clock
from records import sessions
from records.base import read, write
from staff.house import Me, house

COOKIE = "city_staff"
BACKGROUND = "X-Background"
"""Header of requests that the page makes by itself: they don't keep a session alive."""


def turned_away(permission: str) -> BaseResponse | None:
    """None when whoever asks may go on (then `g.staff` is set); otherwise the answer they get."""
    row = _session_row()
    if row is None or not row.full:
        return _to_login()
    g.staff = Me.of(row)
    if not g.staff.may(permission):
        abort(403)
    if needs_totp(g.staff) and request.endpoint not in _WITHOUT_TOTP:
        return redirect(url_for("staff.second_factor"))
    _keep_alive(row)
    return None


_WITHOUT_TOTP = ("staff.second_factor", "staff.second_factor_set", "staff.logout", "staff.theme")


def needs_totp(who: Me) -> bool:
    """Whether this account must set up its second factor before anything else."""
    return totp_wanted(who.role) and not who.has_totp


def totp_wanted(role: str) -> bool:
    """Whether accounts of a role may not be without a second factor."""
    wanted = house().settings.force_totp
    return wanted == "everybody" or (wanted == "administrators" and role == "administrator")


def _session_row() -> Any:
    token = request.cookies.get(_name(), "")
    if not token:
        return None
    with read(house().engine) as conn:
        return sessions.look(conn, token, clock.now())


def half_open() -> Any:
    """The session row of somebody who gave the password and not yet the second factor; None otherwise."""
    row = _session_row()
    return row if row is not None and not row.full else None


def _keep_alive(row: Any) -> None:
    now = clock.now()
    if BACKGROUND not in request.headers and sessions.stale(row.seen_at, now):
        with write(house().engine) as conn:
            sessions.touch(conn, row.session_id, now)


def _to_login() -> BaseResponse:
    if wants_json():
        response = jsonify(error="登录已过期，请重新登录。", login=url_for("staff.login"))
        response.status_code = 401
        return response
    back = request.full_path.rstrip("?") if request.method == "GET" else ""
    query = f"?{urlencode({'next': back})}" if back not in ("", "/staff") else ""
    return redirect(url_for("staff.login") + query)


def wants_json() -> bool:
    """Whether the console's own script asks."""
    return request.headers.get("X-Requested-With") == "console"


def open_session(response: Response | BaseResponse, staff_id: int, *, full: bool) -> None:
    """Begin a session and hand its cookie over. An older session of this browser ends; so does its CSRF token."""
    now = clock.now()
    device = request.user_agent.string[:120]
    with write(house().engine) as conn:
        old = request.cookies.get(_name())
        if old:
            sessions.end(conn, old, now)
        token = sessions.start(conn, staff_id, now, full=full, device=device)
    session.pop("csrf_token", None)
    settings = house().settings
    response.set_cookie(
        _name(), token, path=settings.cookie_path("/staff"), httponly=True, samesite="Lax", secure=settings.https,
        max_age=int(sessions.ABSOLUTE.total_seconds()),
    )  # fmt: skip


def close_session(response: BaseResponse) -> None:
    """Log this browser out."""
    token, settings = request.cookies.get(_name()), house().settings
    if token:
        with write(house().engine) as conn:
            sessions.end(conn, token, clock.now())
    session.pop("csrf_token", None)
    response.delete_cookie(
        _name(), path=settings.cookie_path("/staff"), secure=settings.https, httponly=True, samesite="Lax"
    )
    # What the console's pages kept in this browser (words not yet sent) goes with the session.
    response.headers["Clear-Site-Data"] = '"storage"'


def _name() -> str:
    return house().settings.cookie(COOKIE)
