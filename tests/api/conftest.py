"""A city with the API, the sandbox behind it, the demo village, and people nobody is."""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import clock
from app import create_app
from bot.service import Service
from knowledge_base import Knowledge
from records import api_sessions, demo_rooms, migrate, people, rooms
from records.base import read, write
from records.demo_rooms import checked
from tests.conftest import make_settings
from tests.plain import Words


class Api:
    """A mini-program: calls with its token, and looks at every answer."""

    def __init__(self, client: FlaskClient, token: str = "") -> None:
        self.client, self.token = client, token

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= more.pop("headers", {})
        answer = self.client.open(f"/api/v1{path}", method=method, json=body, headers=headers, **more)
        assert "Set-Cookie" not in answer.headers, "the API knows no cookies"
        assert "no-store" in answer.headers["Cache-Control"]
        if answer.status_code >= 400:
            assert answer.mimetype == "application/problem+json", answer.text
            told = json.loads(answer.text)
            assert told["status"] == answer.status_code and told["detail"] and told["code"] and told["title"]
        return answer


@pytest.fixture
def city(settings, knowledge: Knowledge) -> Iterator[Flask]:
    """The application on both databases."""
    app = create_app(settings, understander=Words(), knowledge=knowledge)
    service: Service = app.extensions["service"]
    migrate.upgrade(service.engine)
    with write(service.engine) as conn:
        demo_rooms.seed(conn, clock.now())
    yield app
    service.engine.dispose()
    service.redis.close()


@pytest.fixture(scope="module")
def one_city(tmp_path_factory: pytest.TempPathFactory, redis_url: str, knowledge: Knowledge) -> Iterator[Flask]:
    """The application on SQLite, for a whole file."""
    folder = tmp_path_factory.mktemp("api")
    redis.Redis.from_url(redis_url).flushall()
    app = create_app(
        make_settings(folder, f"sqlite:///{folder / 'city.db'}", redis_url),
        understander=Words(),
        knowledge=knowledge,
    )
    service: Service = app.extensions["service"]
    migrate.upgrade(service.engine)
    with write(service.engine) as conn:
        demo_rooms.seed(conn, clock.now())
    yield app
    service.engine.dispose()
    service.redis.close()


def signed_in(app: Flask, name: str = "") -> tuple[str, int]:
    """A token of somebody new, without the platform: (token, id of the person)."""
    service = app.extensions["service"]
    with write(service.engine) as conn:
        external = name or f"o{secrets.token_hex(12)}"
        people.add(conn, "mini", external, clock.now())
        person = people.find(conn, "mini", external).id
        return api_sessions.start(conn, person, clock.now()), person


@pytest.fixture
def api(city: Flask) -> Callable[..., Api]:
    """Makes mini-programs: `api()` of somebody new, `api("")` of nobody."""

    def make(token: str | None = None) -> Api:
        return Api(city.test_client(), signed_in(city)[0] if token is None else token)

    return make


def room(app: Flask) -> Any:
    """An empty room of the demo village, with its token."""
    with read(app.extensions["service"].engine) as conn:
        row = (
            conn.execute(rooms.selection("building=后街12号,room=201")).first()
            or conn.execute(rooms.selection("")).first()
        )
        return row, rooms.token(conn, row.id)


def id_number(born: str, serial: int = 1) -> str:
    """An ID number with a right checksum that belongs to nobody."""
    return checked(f"990101{born}{serial:03d}")


def declaration(key: str = "form-key-0123456789", **more: Any) -> dict[str, Any]:
    """A declaration of one adult."""
    today = clock.now().date()
    return {
        "key": key, "moved_in": date(today.year, today.month, 1).isoformat(), "alone": False,
        "people": [{"relation": "self", "name": "吴晓", "paper": "id", "number": id_number("19910203"), "phone": "13911112222"}],
        "consent": {"version": "2026-11", "guardian": False, "on_behalf": False},
    } | more  # fmt: skip
