"""A platform, and a small service for it to call: an echo on real HTTP, written with wechatpy, so that the sandbox's
signatures and envelopes are checked by somebody else's."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from flask import Flask, request
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import TextReply
from wechatpy.utils import check_signature
from werkzeug.serving import WSGIRequestHandler, make_server

from bot.sandbox.door import Door
from bot.sandbox.driver import Phone
from bot.sandbox.platform import Platform
from bot.sandbox.store import MemoryStore, RedisStore
from bot.sandbox.wire import Account

ACCOUNT = Account(
    app_id="wx0123456789abcdef",
    app_secret="0123456789abcdef0123456789abcdef",
    token="sandboxtoken",
    aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
)


@pytest.fixture
def account() -> Account:
    return ACCOUNT


class Quiet(WSGIRequestHandler):
    def log(self, type, message, *args):
        pass


@dataclass
class City:
    """The service: remembers what it was sent, answers with `answer(message)` (a text, or None for silence)."""

    url: str = ""
    heard: list[Any] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    answer: Callable[[Any], str | None] = lambda message: f"你说：{message.content}" if message.type == "text" else None
    raw: Callable[[Any], Any] | None = None
    """Instead of `answer`: whatever Flask should send."""


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Puts an application on a free port; returns its address."""
    servers = []

    def start(app: Flask, threaded: bool = True) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=threaded, request_handler=Quiet)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def city(serve: Callable[..., str]) -> City:
    city = City()
    app = Flask("city")
    crypto = WeChatCrypto(ACCOUNT.token, ACCOUNT.aes_key, ACCOUNT.app_id)

    @app.post("/wechat")
    def callback():
        query = request.args.to_dict()
        check_signature(ACCOUNT.token, query["signature"], query["timestamp"], query["nonce"])
        body = request.get_data(as_text=True)
        sealed = "encrypt_type" in query
        plain = (
            crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"]) if sealed else body
        )
        message = parse_message(plain)
        city.heard.append(message)
        city.queries.append(query)
        city.bodies.append(body)
        if city.raw is not None:
            return city.raw(message)
        text = city.answer(message)
        if text is None:
            return ""
        reply = TextReply(content=text, message=message).render()
        return crypto.encrypt_message(reply, query["nonce"], query["timestamp"]) if sealed else reply

    city.url = serve(app)
    return city


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """An empty Redis, a real one."""
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(params=["memory", "redis"])
def platform(request: pytest.FixtureRequest, city: City) -> Platform:
    """A platform in memory and one in Redis: every test holds for both."""
    store = MemoryStore() if request.param == "memory" else RedisStore(request.getfixturevalue("client"))
    platform = Platform(ACCOUNT, store, city.url + "/wechat", city.url)
    platform.switch(patience=2.0)
    return platform


@pytest.fixture
def phone(platform: Platform) -> Phone:
    """A phone whose owner follows the account."""
    phone = Phone(platform, "1")
    phone.follow()
    return phone


@pytest.fixture
def api(platform: Platform) -> Iterator[str]:
    """The address of the platform's API."""
    door = Door()
    yield door.base(platform)
    door.close()
