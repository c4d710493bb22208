"""The front page, and what every site has."""

import re
from dataclasses import replace

import pytest
from flask import Flask

from bot.web import front
from tests.bot.web.conftest import Browser


def test_the_front_page_says_what_this_is_and_leads_on(browser: Browser) -> None:
    page = browser.page("/")
    for path in ("/chat", "/me", "/staff", "/sandbox"):
        assert f'href="{path}"' in page
    for number in ("110", "119", "120", "12356", "12345"):
        assert f'href="tel:{number}"' in page
    assert "依据：《" in page, "the picture shows a real answer with its source"


def test_a_tile_asks_its_question(browser: Browser) -> None:
    sent = browser.submit("/chat/say", "/", choice="permit_renewal", key="tile-key-1")
    assert sent.status_code == 303
    assert "依据：《" in browser.page("/chat")


def test_every_tile_is_a_service_of_ours() -> None:
    from handlers.registry import handled

    assert {intent for intent, _, _ in front.TOPICS} <= handled()


def test_the_sandbox_is_named_in_rehearsals_only(app: Flask, browser: Browser) -> None:
    service = app.extensions["service"]
    service.settings = replace(service.settings, app_mode="production")
    assert "/sandbox" not in browser.page("/")


def test_small_things_are_there(browser: Browser) -> None:
    assert browser.page("/robots.txt") == "User-agent: *\nDisallow: /\n"
    assert "<svg" in browser.page("/favicon.svg")
    assert browser.get("/favicon.ico").mimetype == "image/svg+xml"
    assert browser.get("/manifest.webmanifest").json["start_url"] == "/chat"


def test_every_file_of_a_page_is_there_and_may_be_kept(browser: Browser) -> None:
    pages = browser.page("/") + browser.page("/chat") + browser.page("/chat?kiosk=1") + browser.page("/me")
    files = set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', pages))
    assert len(files) >= 4
    for path in files:
        response = browser.get(path)
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize(("path", "code"), [("/nosuch", 404), ("/chat/say", 405)])
def test_errors_are_pages_that_lead_on(browser: Browser, path: str, code: int) -> None:
    response = browser.get(path)
    assert response.status_code == code
    assert 'href="/chat"' in response.text and "Traceback" not in response.text


def test_a_break_is_told_without_its_insides(app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret insides")

    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(app.view_functions, "web.home", broken)
    response = browser.get("/")
    assert response.status_code == 500
    assert "编号" in response.text and "insides" not in response.text
