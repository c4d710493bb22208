"""A browser without a screen: it keeps cookies, finds form tokens, and makes keys as the page's script does."""

import itertools
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bot.service import Service


class Browser:
    """One visitor."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self._keys = itertools.count(1)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def page(self, path: str) -> str:
        response = self.get(path)
        assert response.status_code == 200, f"{path} answered {response.status_code}"
        return response.text

    def token(self, path: str = "") -> str:
        """Of the form on the page `path`; any, as the script gets one, when none is named."""
        if not path:
            return self.get("/chat/token").json["token"]
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.page(path))
        assert found, f"{path} has no form"
        return unescape(found[1])

    def key(self) -> str:
        return f"key-{next(self._keys):08d}"

    def send(self, text: str = "", *, choice: str = "", key: str = "", after: int = 0) -> TestResponse:
        """As the script does."""
        body = {"text": text, "choice": choice, "key": key or self.key(), "after": after}
        return self.client.post("/chat/say", json=body, headers={"X-CSRFToken": self.token()})

    def say(self, text: str = "", **more: Any) -> list[dict[str, Any]]:
        """As `send`; the bubbles that come back."""
        response = self.send(text, **more)
        assert response.status_code == 200, response.text
        return response.json["messages"]

    def look(self, after: int = 0) -> dict[str, Any]:
        response = self.get(f"/chat/messages?after={after}")
        assert response.status_code == 200
        return response.json

    def submit(self, path: str, form: str = "", **fields: str) -> TestResponse:
        """As a form of the page `form` (or `path`) without a script."""
        data = {"csrf_token": self.token(form), **fields}
        return self.client.post(path, data=data)


def words(bubble: dict[str, Any]) -> str:
    """What a bubble says."""
    return "".join(part.get("text") or part["tel"] for part in bubble["parts"]) + bubble.get("source", "")


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def other(app: Flask) -> Browser:
    """Somebody else's."""
    return Browser(app)


@pytest.fixture
def city(app: Flask) -> Service:
    """The service behind the pages."""
    return app.extensions["service"]
