"""What all pages share: security headers, sessions, CSRF protection, and errors a person can read."""

import secrets
from datetime import timedelta

from flask import Flask, Response, current_app, g, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

from bot.api.problems import of_status
from settings import Settings

_CSP = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
_PLAIN = {
    400: "这个请求不对，请返回上一页再试。",
    403: "您没有权限看这一页。",
    404: "没有这一页。可能是链接不完整，或者它已经撤下。",
    405: "这个地址不能这样打开。",
    413: "发来的内容太大了。",
    429: "操作太快了，请过一会儿再试。",
}


def prepare(app: Flask, settings: Settings) -> None:
    """Set up sessions, CSRF, headers and error pages on an application."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=settings.cookie("city"),
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        TEMPLATES_AUTO_RELOAD=False,
    )
    if settings.proxies:
        count = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    csrf = CSRFProtect(app)
    app.extensions["csrf"] = csrf
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.after_request(_protect)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _broken)


FIXED = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Headers of every answer that doesn't set its own."""


def transport(app: Flask) -> dict[str, str]:
    """Where the service is reached by https, browsers are to insist on it. (Behind a proxy requests come by http.)"""
    return (
        {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
        if app.config["SESSION_COOKIE_SECURE"]
        else {}
    )


_REFUSALS = (400, 401, 403, 413, 415, 422, 429)


def _protect(response: Response) -> Response:
    # A line for each refusal, so that somebody who tries doors shows; the callback writes its own.
    if response.status_code in _REFUSALS and request.blueprint != "wechat":
        who = f" staff:{g.staff.id}" if "staff" in g else ""
        current_app.logger.info("refused %s %s %s%s", response.status_code, request.method, request.endpoint, who)
    headers = response.headers
    for name, value in (FIXED | transport(current_app)).items():
        headers.setdefault(name, value)
    if response.mimetype == "text/html":
        headers.setdefault("Cache-Control", "no-store")
    return response


def _csrf_error(_error: CSRFError) -> tuple[Response, int]:
    return _answer(400, "这一页放得太久了，请刷新后再试一次。"), 400


def _http_error(error: HTTPException) -> Response | tuple[Response, int]:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # redirects are responses
    response = _answer(error.code, _PLAIN.get(error.code, "出了点问题，请返回上一页再试。"))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response, error.code


def _broken(error: Exception) -> tuple[Response, int]:
    mark = secrets.token_hex(4)
    current_app.logger.error("request %s broke [%s]", request.endpoint, mark, exc_info=error)
    return _answer(500, f"系统出了点问题，已经记下（编号 {mark}）。请过一会儿再试；急事请打12345。"), 500


def _answer(code: int, text: str) -> Response:
    g.error_text = text
    if request.path.startswith("/api/"):
        return of_status(code, text if code >= 500 else "")
    if request.is_json or request.accept_mimetypes.best == "application/json":
        from flask import jsonify

        return jsonify(error=text, code=code)
    return Response(render_template("error.html", text=text, code=code), mimetype="text/html")
