"""Whoever asks to be told later is asked for the platform's consent, on one page of ours, by the platform's own button."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import redis
import requests
from flask import Flask
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

import clock
from app import create_app
from bot.sandbox.driver import Phone
from bot.sandbox.platform import TEMPLATES, Platform
from bot.service import Service
from bot.wechat import consents, delivery
from jobs.delivery import deliver_due, sweep
from records import cases, migrate, people, push_consents, reminders, staff_words, subscriptions
from records.base import read, write
from records.outbox import Outgoing
from tests import browser_setup
from tests.conftest import make_settings

NOTICE, REMINDER, _ = TEMPLATES
WISH = "积分申评开放时告诉我"
LINK = "同意收一条微信通知"


class Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """A test's own log is enough."""


@dataclass
class Town:
    """The whole service behind a real port, with the sandbox playing the platform, and one follower's phone."""

    app: Flask
    base: str
    phone: Phone

    @property
    def service(self) -> Service:
        return self.app.extensions["service"]

    @property
    def platform(self) -> Platform:
        return self.app.extensions["sandbox"]

    @property
    def id(self) -> int:
        with read(self.service.engine) as conn:
            return int(people.find(conn, "wechat", self.platform.openid("1")).id)

    def consents(self) -> dict[str, int]:
        with read(self.service.engine) as conn:
            return {row.template: row.remaining for row in push_consents.of_person(conn, self.id)}

    def became(self, count: dict[str, int]) -> bool:
        """Whether the ledger comes to hold `count`: the platform's event takes a moment."""
        for _ in range(100):
            if self.consents() == count:
                return True
            time.sleep(0.05)
        return False

    def opened(self) -> tuple[requests.Session, requests.Response]:
        """The page, as the phone's own browser opens it."""
        browser = requests.Session()
        return browser, browser.get(f"{self.base}/sandbox/phone/1/open", params={"url": "/tell-me"}, timeout=10)

    def delivered(self) -> list[str]:
        """What the worker makes of the outbox; its states."""
        deliver_due(self.service.engine, {"wechat": lambda person, row: delivery.send(self.service, person, row)})
        for _ in range(100):
            sweep(self.service.engine)
            with read(self.service.engine) as conn:
                states = list(conn.execute(select(Outgoing.state).order_by(Outgoing.id)).scalars())
            if "accepted" not in states:
                break
            time.sleep(0.05)
        return states

    def cards(self) -> list[dict[str, Any]]:
        return [entry for entry in self.phone.chat() if entry.get("via") == "subscribe"]


@pytest.fixture
def town(tmp_path, sqlite_url, redis_url, understander, knowledge) -> Iterator[Town]:
    redis.Redis.from_url(redis_url).flushall()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    settings = make_settings(tmp_path, sqlite_url, redis_url)
    settings = replace(settings, port=port, public_url=base, wechat_api_base=f"{base}/sandbox/api")
    app = create_app(settings, understander=understander, knowledge=knowledge)
    migrate.upgrade(app.extensions["service"].engine)
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    phone = Phone(app.extensions["sandbox"], "1")
    phone.follow()
    yield Town(app, base, phone)
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["service"].engine.dispose()


def wished(town: Town) -> Any:
    """The wish, said in the chat; its row."""
    answer = town.phone.say(WISH)[-1]["text"]
    assert "记下了" in answer and f'<a href="{town.base}/tell-me">{LINK}</a>' in answer
    with read(town.service.engine) as conn:
        (row,) = subscriptions.of_person(conn, town.id)
    return row


@pytest.mark.browser
def test_who_asks_to_be_told_agrees_on_his_phone_and_is_told_days_later(town: Town) -> None:
    row = wished(town)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser_setup.chromium(), args=list(browser_setup.ARGUMENTS)
        )
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        trouble: list[str] = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        page.goto(f"{town.base}/sandbox/phone/1/open?url=/tell-me")
        expect(page.get_by_text("有新消息")).to_be_visible()
        page.get_by_role("button", name="同意收一条通知").click()
        expect(page.get_by_role("dialog")).to_contain_text("办理进度通知")
        page.get_by_role("button", name="允许").click()
        expect(page.get_by_role("status")).to_have_text("好了。到时候在微信里给您发一条。")
        assert town.became({NOTICE: 1})
        page.reload()
        expect(page.get_by_text("还可以发 1 条")).to_be_visible()
        assert trouble == []
        chromium.close()
    later = clock.now() + timedelta(days=3)
    with clock.frozen(later):
        with write(town.service.engine) as conn:
            words = ("积分申评开放了", "今年的积分申评从今天开始。", "/services")
            assert subscriptions.tell(conn, row.topic, frozenset({row.region}), *words, later) == 1
        assert town.delivered() == ["delivered"]
    (card,) = town.cards()
    assert "积分申评开放了" in str(card["fields"]) and town.consents() == {}


def test_a_no_on_the_page_is_a_no(town: Town) -> None:
    wished(town)
    browser, page = town.opened()
    assert page.url.partition("#")[0] == f"{town.base}/tell-me" and f'data-templates="{NOTICE}"' in page.text
    said = browser.post(f"{town.base}/sandbox/page/subscribe", json={"answers": {NOTICE: True}}, timeout=10)
    assert said.status_code == 200 and town.became({NOTICE: 1})
    browser.post(f"{town.base}/sandbox/page/subscribe", json={"answers": {NOTICE: False}}, timeout=10)
    assert town.became({})


def test_the_page_is_signed_for_the_platforms_script(town: Town) -> None:
    browser, page = town.opened()
    url = page.url.partition("#")[0]
    config = browser.get(f"{town.base}/wechat/jssdk", params={"url": url}, timeout=10).json()
    check = f"{town.base}/sandbox/page/config"
    assert browser.post(check, json=config | {"url": url}, timeout=10).status_code == 200
    for wrong in ({"url": url + "?x"}, {"signature": "0" * 40}, {"appId": "wx0"}):
        assert browser.post(check, json=config | {"url": url} | wrong, timeout=10).status_code == 403


def test_each_thing_that_is_waited_for_is_named_with_its_template(town: Town) -> None:
    wished(town)
    with write(town.service.engine) as conn:
        reminders.add(conn, town.id, "该签注了", clock.now() + timedelta(days=90), clock.now())
    _, page = town.opened()
    assert f'data-templates="{NOTICE},{REMINDER}"' in page.text
    assert "的提醒" in page.text and "有新消息" in page.text


def test_what_becomes_of_a_case_is_told_too_and_asked_for_when_it_is_filed(town: Town) -> None:
    for text in ("举报隐患", "消防", "海曙区演练路1号", "楼道里堆满了电瓶车", "不匿名", "跳过", "确认"):
        answer = town.phone.say(text)[-1]["text"]
    assert "已经提交" in answer and LINK in answer
    with write(town.service.engine) as conn:
        push_consents.give(conn, town.id, NOTICE, clock.now())
        (case,) = cases.of_person(conn, town.id)
    with town.platform.change("1") as person:
        person.consents[NOTICE] = 1
    with clock.frozen(clock.now() + timedelta(days=3)):
        with write(town.service.engine) as conn:
            staff_words.tell(conn, town.id, "wechat", "已经办结。", "case:1:1", clock.now(), title=case.title)
        assert town.delivered() == ["delivered"]
    (card,) = town.cards()
    assert case.title in str(card["fields"])


def test_an_unnamed_report_is_not_asked_for_anything(town: Town) -> None:
    for text in ("举报隐患", "消防", "海曙区演练路1号", "楼道里堆满了电瓶车", "匿名", "确认"):
        answer = town.phone.say(text)[-1]["text"]
    assert "已经提交" in answer and LINK not in answer


def test_an_account_that_sends_no_such_messages_does_not_promise_them(town: Town) -> None:
    service = town.service
    service.settings = replace(service.settings, account_kind="subscription")
    service.channels["wechat"] = type(service.channels["wechat"])(service.settings)
    assert LINK not in town.phone.say(WISH)[-1]["text"]
    _, page = town.opened()
    assert "还不能在微信里主动通知您" in page.text and "<script" not in page.text


def test_in_the_web_chat_nobody_is_asked(town: Town) -> None:
    browser = requests.Session()
    token = browser.get(f"{town.base}/chat/token", timeout=10).json()["token"]
    said = browser.post(
        f"{town.base}/chat/say", json={"text": WISH, "choice": "", "key": "key-00000001", "after": 0},
        headers={"X-CSRFToken": token, "Referer": town.base}, timeout=20,
    )  # fmt: skip
    seen = str(said.json())
    assert "记下了" in seen and "tell-me" not in seen


def policy(page: requests.Response) -> str:
    return page.headers["Content-Security-Policy"]


def test_the_platforms_script_is_let_in_on_this_page_only_and_only_with_a_real_account(town: Town) -> None:
    browser, page = town.opened()
    assert consents.PLATFORM not in policy(page) + page.text and consents.STAND_IN in page.text
    town.service.settings = replace(
        town.service.settings, wechat_api_base="https://api.weixin.qq.com", template_notice="chosen-template"
    )
    real = browser.get(f"{town.base}/tell-me", timeout=10)
    assert f"script-src 'self' {consents.PLATFORM};" in policy(real) and f'src="{consents.SCRIPT}"' in real.text
    assert "unsafe" not in policy(real) and 'data-templates="chosen-template"' in real.text
    other = browser.get(f"{town.base}/me", timeout=10)
    assert consents.PLATFORM not in policy(other) + other.text
    assert 'href="/tell-me"' in other.text


def test_a_stranger_is_sent_to_the_login_first(town: Town) -> None:
    answer = requests.get(f"{town.base}/tell-me", allow_redirects=False, timeout=10)
    assert answer.status_code == 302 and "/wechat/oauth/login" in answer.headers["Location"]


@pytest.mark.parametrize("body", [{"answers": {"unknown": True}}, {"answers": {}}, {"answers": []}, {}])
def test_the_stand_in_refuses_what_it_does_not_know(town: Town, body: dict[str, Any]) -> None:
    browser, _ = town.opened()
    assert browser.post(f"{town.base}/sandbox/page/subscribe", json=body, timeout=10).status_code == 400
