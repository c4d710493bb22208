"""A console with accounts in it, browsers that are logged in, and people who ask for a member of staff."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import clock
from bot import turn
from bot.message import Inbound
from records import handoffs, staff
from records.base import read, write
from staff import passwords

PASSWORD = "rehearsal-2026"
HASHED = passwords.hashed(PASSWORD)


@dataclass
class Desk:
    """One member of staff's browser."""

    client: FlaskClient
    staff_id: int
    login: str
    csrf: str = ""

    def get(self, path: str, status: int = 200, **more: Any) -> str:
        answer = self.client.get(path, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.get_data(as_text=True)[:400])
        return answer.get_data(as_text=True)

    def json(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path, headers={"X-Requested-With": "console"})
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.get_json()

    def post(self, path: str, status: int = 200, **form: Any) -> dict[str, Any]:
        """Post a form as the console's script does."""
        headers = {"X-Requested-With": "console", "X-CSRFToken": self.csrf}
        answer = self.client.post(path, data=form, headers=headers)
        assert answer.status_code == status, (path, answer.status_code, answer.get_data(as_text=True)[:400])
        return answer.get_json(silent=True) or {}


def token(page: str) -> str:
    """The CSRF token of a page."""
    found = re.search(r'(?:name="csrf_token" value|data-csrf)="([^"]+)"', page)
    assert found, page[:300]
    return found[1]


def log_in(app: Flask, login: str, password: str = PASSWORD) -> FlaskClient:
    """A browser that went through the login page."""
    client = app.test_client()
    page = client.get("/staff/login").get_data(as_text=True)
    form = {"login": login, "password": password, "csrf_token": token(page)}
    client.post("/staff/login", data=form)
    return client


@pytest.fixture
def hire(app: Flask) -> Callable[..., Desk]:
    """Makes an account of a role, and logs it in."""
    engine = app.extensions["service"].engine

    def make(role: str, login: str = "", teams: tuple[str, ...] = ("general",), **more: Any) -> Desk:
        login = login or role
        with write(engine) as conn:
            made = staff.create(conn, login, f"员工{login}", role, HASHED, clock.now(), teams=teams, **more)
        client = log_in(app, login)
        desk = Desk(client, made, login)
        desk.csrf = token(desk.get("/staff/account"))
        return desk

    return make


@pytest.fixture
def says(app: Flask) -> Callable[..., turn.Taken]:
    """A person says something to the bot."""
    service, count = app.extensions["service"], iter(range(10_000))

    def say(text: str, sender: str = "o-anna", channel: str = "wechat") -> turn.Taken:
        key = f"m:{next(count)}"
        return turn.take(
            service,
            Inbound(
                channel=channel, sender=sender, key=key, kind="text", sent_at=clock.now(), text=text, window="message"
            ),
        )

    return say


@pytest.fixture
def asks(app: Flask, says: Callable[..., turn.Taken]) -> Callable[..., int]:
    """A person asks for a member of staff, about `topic` if given. Returns the handoff's id."""
    engine = app.extensions["service"].engine

    def ask(sender: str = "o-anna", topic: str = "", channel: str = "wechat") -> int:
        if topic:
            says(topic, sender, channel)
        taken = says("转人工", sender, channel)
        with read(engine) as conn:
            row = handoffs.open_of(conn, taken.person_id)
        assert row is not None
        return row.id

    return ask
