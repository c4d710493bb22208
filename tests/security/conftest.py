"""One application for a whole file: these tests look at it from outside and change little."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import clock
from app import create_app
from intents.understander import Understander
from knowledge_base import Knowledge
from records import crypto, migrate, staff
from records.base import engine_for, write
from staff import passwords
from tests.conftest import make_settings

PASSWORD = "rehearsal-2026"
ROLES = tuple(staff.ROLES)


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, understander: Understander, knowledge: Knowledge
) -> Iterator[Flask]:
    """The whole application as it stands behind its proxy: an https address, one account of every role."""
    folder = tmp_path_factory.mktemp("city")
    settings = replace(
        make_settings(folder, f"sqlite:///{folder / 'city.db'}", redis_url), public_url="https://city.test"
    )
    crypto.configure(settings.data_key)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    hashed = passwords.hashed(PASSWORD)
    with write(engine) as conn:
        for role in ROLES:
            staff.create(conn, role, f"员工{role}", role, hashed, clock.now(), teams=("general",))
    engine.dispose()
    made = create_app(settings, understander=understander, knowledge=knowledge)
    yield made
    service = made.extensions["service"]
    service.engine.dispose()
    service.redis.close()


@pytest.fixture
def stranger(city: Flask) -> FlaskClient:
    """A browser that nobody knows."""
    return browser(city)


def browser(app: Flask) -> FlaskClient:
    """A new browser that comes by https."""
    app.config["PREFERRED_URL_SCHEME"] = "https"
    return app.test_client()


def log_in(app: Flask, role: str) -> FlaskClient:
    """A browser of the account of a role."""
    client = browser(app)
    page = client.get("/staff/login").text
    form = {"login": role, "password": PASSWORD, "csrf_token": token_of(page)}
    answer = client.post("/staff/login", data=form, headers={"Referer": "https://localhost/staff/login"})
    assert answer.status_code in (302, 303), answer.text
    return client


def token_of(page: str) -> str:
    """The CSRF token of a page."""
    found = re.search(r'(?:name="csrf_token" value|data-csrf)="([^"]+)"', page)
    assert found, page[:300]
    return found[1]


ROOT = Path(__file__).parents[2]
