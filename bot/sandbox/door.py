"""The platform's API over HTTP: mounted in the service's own server, and behind a door of its own.

Why a door: see the package's docstring. A callback that asks the API for something holds one thread of the service's
server; were the answer to come from the same few threads, they could all end up waiting for each other. The door is a
loopback port with a thread for each connection, so an API call made by this process is always answered. It is also
where a hanging or broken line can be acted out for real.
"""

import contextlib
import json
import os
import socket
import struct
import threading
import time
from dataclasses import replace
from typing import Any

import redis
from flask import Blueprint, Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

# Importing the calls registers them.
from bot.sandbox import api, api_assets, api_messages, api_pages  # noqa: F401
from bot.sandbox.platform import Platform
from settings import Settings

BIGGEST_REQUEST = 12 * 1024 * 1024
LONGEST_WAIT = 10.0
"""Seconds a delay may hold a thread of the service's own server; behind the door there is no such limit."""


class Door:
    """A listening loopback port behind which any number of platforms can be called."""

    def __init__(self) -> None:
        app = Flask("sandbox_door", static_folder=None)
        self._platforms: list[Platform] = []
        app.add_url_rule("/<int:number>/sandbox/api/<path:path>", "call", self._serve, methods=["GET", "POST"])
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        threading.Thread(target=self._server.serve_forever, name="sandbox-door", daemon=True).start()

    def base(self, platform: Platform) -> str:
        """What a client of this platform takes for the API's address."""
        self._platforms.append(platform)
        return f"http://127.0.0.1:{self._server.server_port}/{len(self._platforms) - 1}/sandbox/api"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, number: int, path: str) -> Response:
        return _serve(self._platforms[number], path)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """The wire log tells more than an access log."""


_own: dict[int, Door] = {}


def for_process(settings: Settings, platform: Platform) -> Settings:
    """Settings with which this process calls the platform through a door of its own.

    Unchanged where the API's address was set to something else than the service's own sandbox.
    """
    if settings.wechat_api_base != f"http://127.0.0.1:{settings.port}/sandbox/api":
        return settings
    # By process: a door opened before a fork does not listen after it.
    door = _own.get(os.getpid())
    if door is None:
        door = _own[os.getpid()] = Door()
    return replace(settings, wechat_api_base=door.base(platform))


def blueprint(platform: Platform) -> Blueprint:
    """The API as a blueprint; mount it at `/sandbox/api`."""
    pages = Blueprint("sandbox_api", __name__)

    def serve(path: str) -> Response:  # a function, not a partial: rate limiters ask a view for its name
        return _serve(platform, path)

    pages.add_url_rule("/<path:path>", "call", serve, methods=["GET", "POST"])
    return pages


def _serve(platform: Platform, path: str) -> Response:
    ask = _ask(path)
    if ask is None:
        return _json(api.Answer(body=b'{"errcode": 47001, "errmsg": "data format error"}'))
    try:
        answer = api.answer(platform, ask)
    except redis.RedisError:
        answer = api.Answer(body=b'{"errcode": -1, "errmsg": "system error"}')
    own_line = request.environ.get("werkzeug.socket")
    time.sleep(answer.wait if own_line is not None else min(answer.wait, LONGEST_WAIT))
    if answer.effect in ("hang", "reset") and own_line is not None:
        _break(own_line)
    return _json(answer)


def _ask(path: str) -> api.Ask | None:
    """The request as a call, or None when its body is not what it says."""
    query = request.args.to_dict()
    file = request.files.get("media")
    if file is not None:
        upload = api.Upload(file.mimetype or "application/octet-stream", file.read(BIGGEST_REQUEST))
        return api.Ask(request.method, path, query, upload=upload)
    raw = request.get_data()
    if not raw:
        return api.Ask(request.method, path, query)
    try:
        data = json.loads(raw)
    except ValueError:
        return None
    return api.Ask(request.method, path, query, data) if isinstance(data, dict) else None


def _json(answer: api.Answer) -> Response:
    return Response(answer.body, status=answer.status, content_type=answer.mime)


def _break(line: socket.socket) -> None:
    """Drop the connection without a farewell (RST)."""
    with contextlib.suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.shutdown(socket.SHUT_RDWR)
