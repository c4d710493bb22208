"""A demo village, and people nobody is: their ID numbers have a region code that was never issued."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

import clock
from app import create_app
from bot.service import Service
from knowledge_base import Knowledge
from records import consent, demo_rooms, migrate, people, rooms
from records.base import engine_for, read, write
from records.demo_rooms import checked
from settings import Settings
from tests.conftest import make_settings
from tests.plain import Words, understander  # noqa: F401 - a fixture

NOW = clock.now().replace(year=2026, month=11, day=22, hour=10, minute=0, second=0, microsecond=0)


def id_number(born: str, serial: int = 1) -> str:
    """An ID number with a right checksum that belongs to nobody: `born` as 19900307."""
    return checked(f"990101{born}{serial:03d}")


@pytest.fixture
def at() -> Iterator[None]:
    """The clock stands at NOW."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """A migrated database with the demo village in it, on SQLite and on PostgreSQL."""
    from records import crypto

    crypto.configure(settings.data_key)
    made = engine_for(settings.database_url, pool=12)
    migrate.upgrade(made)
    with write(made) as conn:
        demo_rooms.seed(conn, NOW)
    yield made
    made.dispose()


def room_named(engine: Engine, building: str, number: str):
    """A room of the demo village."""
    with read(engine) as conn:
        found = rooms.selection(f"building={building},room={number}")
        return conn.execute(found).one()


def somebody(engine: Engine, name: str, channel: str = "wechat") -> int:
    """A person in a channel."""
    with write(engine) as conn:
        people.add(conn, channel, name, clock.now())
        return people.find(conn, channel, name).id


@pytest.fixture
def web(tmp_path: Path, sqlite_url: str, redis_url: str, knowledge: Knowledge) -> Iterator[Flask]:
    """The application on SQLite with the demo village; forms need no CSRF token here."""
    import redis

    redis.Redis.from_url(redis_url).flushall()
    app = create_app(make_settings(tmp_path, sqlite_url, redis_url), understander=Words(), knowledge=knowledge)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    service: Service = app.extensions["service"]
    migrate.upgrade(service.engine)
    with write(service.engine) as conn:
        demo_rooms.seed(conn, clock.now())
    yield app
    service.engine.dispose()
    service.redis.close()


def sign_in(browser: FlaskClient, person_id: int) -> FlaskClient:
    """As if the browser had come back from the channel's login."""
    with browser.session_transaction() as session:
        session["person"] = person_id
    return browser


def form(key: str = "k" * 22, **more: str) -> dict[str, str]:
    """A declaration of one adult, complete."""
    today = clock.now().date()
    values = {
        "key": key, "p0-relation": "self", "p0-name": "吴晓", "p0-paper": "id", "p0-number": id_number("19910203"),
        "p0-phone": "13911112222", "moved_in": date(today.year, today.month, 1).isoformat(),
        "agree": consent.VERSION, "alone": "no",
    }  # fmt: skip
    return values | more
