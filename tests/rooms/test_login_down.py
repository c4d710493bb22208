"""WeChat's login is down, or its owner said no: whoever stands before the door registers with a phone number."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bot.wechat import oauth
from bot.wechat.errors import ApiFault
from records import declarations
from records.base import Busy, read

from .conftest import form, room_named
from .test_desk import engine_of

INSIDE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.49"}


def sent_to_login(browser: FlaskClient, path: str) -> str:
    """Opens a page inside WeChat and follows to the login; returns the state it left with."""
    answer = browser.get(path, headers=INSIDE)
    assert answer.status_code == 302
    away = browser.get(answer.location, headers=INSIDE)
    return parse_qs(urlsplit(away.location).query)["state"][0]


class Down:
    """The platform's API, out of order."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    def oauth_openid(self, code: str) -> str:
        raise self.fault


@pytest.mark.parametrize("fault", [ApiFault(None, "timed out"), Busy("locked")])
def test_when_the_platform_does_not_answer_the_form_is_one_press_away(
    web: Flask, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    browser = web.test_client()
    state = sent_to_login(browser, f"/r/{room.token}")
    monkeypatch.setattr(oauth, "client_of", lambda service: Down(fault))
    notice = browser.get(f"/wechat/oauth/callback?state={state}&code=abc", headers=INSIDE)
    assert notice.status_code == 503 and "填手机号登记" in notice.text
    onward = re.search(r'href="(/r/[^"]+)"', notice.text)[1]
    page = browser.get(onward, headers=INSIDE)
    assert page.status_code == 200 and "微信登录没有成功" in page.text and "再试一次微信登录" in page.text
    browser.post(f"/r/{room.token}/declare", data=form(), headers=INSIDE)
    assert "已申报" in browser.get("/me", headers=INSIDE).text
    with read(engine_of(web)) as conn:
        assert len(declarations.living_in(conn, room.id)) == 1


def test_when_the_login_page_itself_is_down_going_back_opens_the_form(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    browser = web.test_client()
    assert browser.get(f"/r/{room.token}", headers=INSIDE).status_code == 302
    page = browser.get(f"/r/{room.token}", headers=INSIDE)  # the person pressed "back"
    assert page.status_code == 200 and 'name="p0-phone"' in page.text and "微信登录没有成功" in page.text


def test_who_said_no_is_not_sent_in_circles(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    browser = web.test_client()
    state = sent_to_login(browser, f"/r/{room.token}")
    notice = browser.get(f"/wechat/oauth/callback?state={state}", headers=INSIDE)
    assert notice.status_code == 400 and f'href="/r/{room.token}"' in notice.text


def test_pages_that_need_to_know_who_it_is_offer_no_way_around(web: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = web.test_client()
    state = sent_to_login(browser, "/landlord")
    monkeypatch.setattr(oauth, "client_of", lambda service: Down(ApiFault(None, "timed out")))
    notice = browser.get(f"/wechat/oauth/callback?state={state}&code=abc", headers=INSIDE)
    assert notice.status_code == 503 and "先不登录" not in notice.text and "重新登录" in notice.text
