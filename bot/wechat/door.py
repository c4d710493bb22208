"""The callback's own door, in front of Flask.

A callback has no session, no cookie and no form, and it proves itself by its signature. What Flask does around a page
(sessions, form tokens, limits, hooks) costs as much as the turn, so a POST to `/wechat` doesn't go through it. The
answer is the same as that of the view in `bot.wechat.routes`, which serves wherever this door isn't set up.
"""

from collections.abc import Callable, Iterable
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask

from bot import metrics, pages
from bot.service import Service
from bot.wechat import routes
from bot.wechat.refusal import Refused

Start = Callable[[str, list[tuple[str, str]]], object]

_STATUS = {200: "200 OK", 400: "400 Bad Request", 403: "403 Forbidden", 413: "413 Content Too Large"}
_UNAVAILABLE = "503 Service Unavailable"


def put_before(app: Flask) -> None:
    """Have the callback answered here, and everything else by `app` as before."""
    rest: Any = app.wsgi_app
    headers = list((pages.FIXED | pages.transport(app)).items())

    def answer(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/wechat" or environ["REQUEST_METHOD"] != "POST" or not _measured(environ):
            through: Iterable[bytes] = rest(environ, start_response)
            return through
        began, arrived = perf_counter(), monotonic()
        service: Service = app.extensions["service"]
        given = routes.respond(service, _arguments(environ), lambda: _body(environ), arrived)
        body = given.body.encode()
        kind, length = ("Content-Type", given.kind), ("Content-Length", str(len(body)))
        start_response(_STATUS.get(given.status, _UNAVAILABLE), [kind, length, *headers])
        metrics.observe("city_request_seconds", perf_counter() - began, "wechat.receive", f"{given.status // 100}xx")
        return (body,)

    app.wsgi_app = answer  # type: ignore[method-assign]


def _measured(environ: dict[str, Any]) -> bool:
    """Whether the body's length was told; the platform tells it. Anything else is Flask's to read."""
    length: str = environ.get("CONTENT_LENGTH") or ""
    return length.isascii() and length.isdigit()


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ["CONTENT_LENGTH"])
    if length > routes.LARGEST:
        raise Refused(413, "body-too-large")
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _arguments(environ: dict[str, Any]) -> dict[str, str]:
    """The query's fields; of one that stands there twice the first, as Flask gives it."""
    pairs = parse_qsl(environ.get("QUERY_STRING", "")[:8192], keep_blank_values=True, errors="replace")
    return dict(reversed(pairs))
