"""Menu, login and signatures for pages: what leaves is checked, and nobody is sent where they don't belong."""

import hashlib
import itertools
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf.csrf import CSRFProtect

import clock
from bot import choices
from bot.sandbox.platform import Platform as Sandbox
from bot.service import Service
from bot.wechat import channel, jssdk, menu, oauth
from bot.wechat.client import client_of
from jobs import queue, worker

from .conftest import NOW, Stage, serving


@pytest.fixture
def app(stage: Stage) -> Flask:
    made = Flask(__name__)
    made.secret_key = stage.service.settings.secret_key
    made.extensions["service"] = stage.service
    made.extensions["csrf"] = CSRFProtect(made)
    channel.register(made, stage.service)

    @made.get("/me")
    @oauth.person_required
    def me() -> str:
        return str(oauth.current_person().id)

    return made


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def leave(browser: FlaskClient, after: str = "/me") -> dict[str, str]:
    """Begin a login; what WeChat is told."""
    response = browser.get(oauth.login_url(after))
    assert response.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()}


def come_back(browser: FlaskClient, stage: Stage, state: str, key: str = "1"):
    from bot.sandbox import api_pages

    code = api_pages.issue_code(stage.platform, key, "snsapi_base")
    return browser.get("/wechat/oauth/callback", query_string={"code": code, "state": state})


# --- login


def test_a_page_about_oneself_sends_to_wechat_and_back(browser: FlaskClient, stage: Stage) -> None:
    sent = browser.get("/me?tab=2")
    assert sent.location == "/wechat/oauth/login?next=/me%3Ftab%3D2"
    asked = leave(browser, "/me?tab=2")
    assert asked["scope"] == "snsapi_base"
    assert asked["state"].isalnum()
    assert len(asked["state"]) <= 128
    back = come_back(browser, stage, asked["state"])
    assert (back.status_code, back.location) == (302, "/me?tab=2")
    assert browser.get("/me").status_code == 200


def test_the_same_person_comes_back_as_the_same_person(app: Flask, stage: Stage) -> None:
    ids = []
    for key in ("1", "1", "2"):
        browser = app.test_client()
        come_back(browser, stage, leave(browser)["state"], key)
        ids.append(browser.get("/me").text)
    assert ids[0] == ids[1] != ids[2]


def test_a_state_of_another_browser_is_refused(app: Flask, stage: Stage) -> None:
    mine, theirs = app.test_client(), app.test_client()
    state = leave(mine)["state"]
    response = come_back(theirs, stage, state)
    assert response.status_code == 400
    assert "登录没有完成" in response.text
    assert theirs.get("/me").status_code == 302


def test_a_real_account_sends_to_wechat_itself_with_the_registered_address(browser: FlaskClient, stage: Stage) -> None:
    stage.service.settings = replace(
        stage.service.settings,
        app_mode="production",
        public_url="https://city.test",
        wechat_api_base="https://api.test",
    )
    response = browser.get("/wechat/oauth/login", headers={"Host": "evil.test"})
    parts = urlsplit(response.location)
    assert parts.hostname == "open.weixin.qq.com"
    assert parts.fragment == "wechat_redirect"
    assert parse_qs(parts.query)["redirect_uri"] == ["https://city.test/wechat/oauth/callback"]
    assert "Secure" in response.headers["Set-Cookie"]
    assert "HttpOnly" in response.headers["Set-Cookie"]


@pytest.mark.parametrize("state", ["", "0" * 32, "签"])
def test_a_made_up_state_is_refused(browser: FlaskClient, stage: Stage, state: str) -> None:
    leave(browser)
    assert come_back(browser, stage, state).status_code == 400


def test_a_state_that_only_begins_like_ours_is_refused(browser: FlaskClient, stage: Stage) -> None:
    state = leave(browser)["state"]
    assert come_back(browser, stage, state[:8] + "0" * 24).status_code == 400


def test_a_state_is_good_once_and_for_five_minutes(browser: FlaskClient, stage: Stage, monkeypatch) -> None:
    state = leave(browser)["state"]
    assert come_back(browser, stage, state).status_code == 302
    assert come_back(browser, stage, state).status_code == 400
    state = leave(browser)["state"]
    monkeypatch.setattr(oauth, "LIFE", -1)
    assert come_back(browser, stage, state).status_code == 400


def test_two_pages_opened_at_once_both_come_back(browser: FlaskClient, stage: Stage) -> None:
    first, second = leave(browser, "/me?a=1")["state"], leave(browser, "/me?a=2")["state"]
    assert come_back(browser, stage, first).location == "/me?a=1"
    assert come_back(browser, stage, second).location == "/me?a=2"


def test_a_code_used_twice_gets_a_page_that_says_so(browser: FlaskClient, stage: Stage) -> None:
    from bot.sandbox import api_pages

    code = api_pages.issue_code(stage.platform, "1", "snsapi_base")
    for status in (302, 400):
        state = leave(browser)["state"]
        response = browser.get("/wechat/oauth/callback", query_string={"code": code, "state": state})
        assert response.status_code == status
    assert "用过" in response.text


def test_a_silent_platform_gets_a_page_that_says_so(browser: FlaskClient, stage: Stage) -> None:
    state = leave(browser)["state"]
    stage.rule("sns/oauth2/access_token", "reset")
    response = come_back(browser, stage, state)
    assert response.status_code == 503
    assert "12345" in response.text


def test_a_refused_consent_gets_a_page(browser: FlaskClient) -> None:
    state = leave(browser)["state"]
    assert browser.get("/wechat/oauth/callback", query_string={"state": state}).status_code == 400


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "javascript:alert(1)", "evil.test", "",
        "/a\nb", "/\t/evil.test", "http:evil.test", "/" + "x" * 600,
    ],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(browser: FlaskClient, stage: Stage, target: str) -> None:
    assert oauth.safe_path(target) == "/me"
    response = browser.get("/wechat/oauth/login", query_string={"next": target})
    state = parse_qs(urlsplit(response.location).query)["state"][0]
    assert come_back(browser, stage, state).location == "/me"


def test_somebody_erased_is_nobody(browser: FlaskClient, stage: Stage) -> None:
    from sqlalchemy import update

    from records.base import write
    from records.people import Person

    come_back(browser, stage, leave(browser)["state"])
    with write(stage.service.engine) as conn:
        conn.execute(update(Person).values(external=None))
    assert browser.get("/me").status_code == 302


def test_signing_out_needs_our_own_form(browser: FlaskClient, stage: Stage) -> None:
    come_back(browser, stage, leave(browser)["state"])
    assert browser.post("/wechat/oauth/leave").status_code == 400  # no CSRF token
    assert browser.get("/me").status_code == 200


def test_the_login_pages_load_nothing_from_elsewhere_and_are_not_kept(browser: FlaskClient) -> None:
    response = browser.get("/wechat/oauth/callback")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"
    assert "style=" not in response.text
    assert browser.get("/wechat/oauth/static/notice.css").status_code == 200


# --- signatures for pages


def test_a_page_of_ours_is_signed_as_the_platform_checks_it(stage: Stage) -> None:
    with clock.frozen(NOW):
        config = jssdk.config(stage.service, "http://city.test/me?a=1#top")
        ticket = client_of(stage.service).tickets.get()
    text = f"jsapi_ticket={ticket}&noncestr={config['nonceStr']}&timestamp={config['timestamp']}&url=http://city.test/me?a=1"
    assert config["signature"] == hashlib.sha1(text.encode()).hexdigest()


def test_one_ticket_serves_all_pages_until_it_ends(stage: Stage) -> None:
    with clock.frozen(NOW):
        for _ in range(3):
            jssdk.config(stage.service, "http://city.test/me")
    assert stage.calls("ticket/getticket") == 1
    with clock.frozen(NOW + timedelta(seconds=7100)):
        jssdk.config(stage.service, "http://city.test/me")
    assert stage.calls("ticket/getticket") == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://city.test/me",
        "http://evil.test/",
        "http://city.test.evil.test/",
        "http://city.test@evil.test/",
        "",
        "http://[",
    ],
)
def test_a_page_of_somebody_else_is_not_signed(browser: FlaskClient, stage: Stage, url: str) -> None:
    assert browser.get("/wechat/jssdk", query_string={"url": url}).status_code == 403
    assert stage.calls("ticket/getticket") == 0


# --- the menu


def test_the_menu_is_published_by_one_command(app: Flask, stage: Stage) -> None:
    result = app.test_cli_runner().invoke(args=["menu", "publish"])
    assert result.exit_code == 0, result.output
    buttons = stage.platform.store.get("menu")
    assert len(buttons) == 3
    assert {"type": "view", "name": "我的记录", "url": "http://city.test/me"} in buttons[1]["sub_button"]
    assert buttons[0]["sub_button"][0]["type"] == "scancode_waitmsg"


def test_every_click_of_the_menu_is_a_choice_that_the_bot_offers() -> None:
    keys = [child["key"] for button in menu.load() for child in button["children"] if child["type"] == "click"]
    assert keys
    assert [key for key in keys if choices.goal(key) is None] == []


def test_a_refusal_of_the_platform_is_told_to_the_operator(app: Flask, stage: Stage) -> None:
    stage.rule("menu/create", "errcode", errcode=40018)
    result = app.test_cli_runner().invoke(args=["menu", "publish"])
    assert result.exit_code != 0
    assert "40018" in result.output


@pytest.fixture
def signals() -> Iterator[None]:
    """The worker takes these signals for itself; given back afterwards."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_the_worker_publishes_the_menu_as_soon_as_the_platform_answers(
    service: Service, store: redis.Redis, signals: None, caplog: pytest.LogCaptureFixture
) -> None:
    """In a rehearsal the platform is our own web process, which is up some seconds after the worker."""
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    service.settings = replace(service.settings, wechat_api_base=f"http://127.0.0.1:{port}/sandbox/api", redis_url=None)
    platform, looks, up = Sandbox.of(service.settings, store), itertools.count(1), ExitStack()
    published: list[bool] = []

    def watch() -> None:
        look = next(looks)
        if look == 2:
            up.enter_context(serving(platform, port))
        if look == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        published.append(platform.store.get("menu") is not None)

    with up:
        assert worker.run(queue.open_queue(service.settings), [menu.publisher(service), watch], []) == 0
    assert published == [False, False, True, True]
    said = [(line.levelno, line.message) for line in caplog.records if "menu" in line.name]
    assert [level for level, _ in said] == [logging.INFO] * 2 and "waits" in said[0][1] and "published" in said[1][1]
    assert [line.message for line in caplog.records if line.levelno > logging.INFO] == []
    assert Stage(platform, service).calls("cgi-bin/menu/create") == 1


def test_a_menu_that_is_refused_is_said_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    publish = menu.publisher(stage.service)
    stage.rule("menu/create", "errcode", errcode=-1)
    publish()
    assert [line for line in caplog.records if line.levelno > logging.INFO] == [], "it is busy: it is asked again"
    stage.rule("menu/create", "errcode", errcode=40018)
    publish()
    publish()
    (said,) = (line.message for line in caplog.records if "menu" in line.name and line.levelno > logging.INFO)
    assert "40018" in said and "flask --app app menu publish" in said
    assert stage.calls("cgi-bin/menu/create") == 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- {name: 五个字的名, type: click, key: a}", "“五个字的名”的名称太长：最多 4 个汉字"),
        ("- {name: 甲, children: [{name: 八个字的子按钮啊, type: click, key: a}]}", "最多 7 个汉字"),
        ("- {type: click, key: a}", "没有 name"),
        ("- {name: 甲, type: click}", "要有 key"),
        (f"- {{name: 甲, type: click, key: {'k' * 129}}}", "1 到 128 字节"),
        ("- {name: 甲, type: view, path: 'https://evil.test'}", "要有 path"),
        ("- {name: 甲, type: jump}", "可用：view"),
        ("[]", "1 到 3 个"),
        ("\n".join(f"- {{name: {n}, type: click, key: a}}" for n in "甲乙丙丁"), "1 到 3 个"),
        ("- name: 甲\n  children:\n" + "    - {name: 子, type: click, key: a}\n" * 6, "最多 5 个"),
        ("hello", "1 到 3 个"),
    ],
)
def test_a_menu_the_platform_would_refuse_is_refused_by_name(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "menu.yml"
    file.write_text(text)
    with pytest.raises(menu.MenuError, match=fault):
        menu.load(file)


def test_narrow_letters_count_half() -> None:
    assert menu.width("居住ABC1") == 4
