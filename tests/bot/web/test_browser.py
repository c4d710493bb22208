"""The conversation in a real browser on a small phone: keyboard only, connection lost, a public machine."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

import clock
from bot.service import Service
from records import conversations, staff
from records.base import read, write
from records.conversations import Message
from records.people import Person
from tests import browser_setup

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=browser_setup.chromium(), args=list(browser_setup.ARGUMENTS)
        )
        yield launched
        launched.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application behind a real port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def context(chromium: Chromium, address: str) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport=PHONE, base_url=address, locale="zh-CN", timezone_id="Asia/Shanghai")
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not complain: a script error or a refused resource fails the test."""
    opened = context.new_page()
    trouble: list[str] = []
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on("console", lambda message: trouble.append(message.text) if "Content Security" in message.text else None)
    yield opened
    assert trouble == []


def answers(page: Page) -> int:
    return page.locator(".msg.bot:not(.typing)").count()


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element is reached; it must be reachable, and its focus visible."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and focused.evaluate("(node, wanted) => node.matches(wanted)", wanted):
            assert focused.evaluate("node => getComputedStyle(node).outlineStyle") != "none"
            return
    raise AssertionError(f"the keyboard doesn't reach {wanted}")


def tab_back_to(page: Page, choice: str) -> None:
    """The newest answer's choices come just before the input: Shift+Tab from there."""
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.locator(":focus").get_attribute("value") == choice:
            return
    raise AssertionError(f"the keyboard doesn't reach the choice {choice}")


def test_a_conversation_with_the_keyboard_only(page: Page, app: Flask) -> None:
    page.goto("/chat")
    tab_to(page, "#text")
    page.keyboard.type("居住证快到期了怎么办签注")
    page.keyboard.press("Enter")
    answer = page.locator(".msg.bot:not(.typing)").nth(1)
    expect(answer).to_contain_text("依据：《")
    expect(page.locator(".msg.me")).to_have_text("您居住证快到期了怎么办签注")
    expect(page.locator("#log")).to_have_attribute("aria-live", "polite")

    tab_back_to(page, "human_agent")
    page.keyboard.press("Enter")
    expect(page.locator(".msg.me").last).to_contain_text("找工作人员")
    expect(page.locator("#line")).to_have_text("已叫工作人员，请稍等")

    staff_says(app.extensions["service"], "您好，我来帮您")
    expect(page.locator(".msg.staff")).to_contain_text("陆远 工作人员", timeout=15_000)
    assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"], "nothing sticks out sideways"

    page.reload()
    expect(page.locator(".msg.staff")).to_contain_text("您好，我来帮您")
    expect(page.locator(".msg.me")).to_have_count(2)


def test_without_a_network_a_message_waits_and_then_goes_by_itself(
    page: Page, context: BrowserContext, app: Flask
) -> None:
    page.goto("/chat")
    context.set_offline(True)
    page.fill("#text", "居住证快到期了怎么办签注")
    page.press("#text", "Enter")
    expect(page.locator(".resend")).to_have_text("没有网络，连上后自动发出")
    context.set_offline(False)
    expect(page.locator(".msg.bot:not(.typing)").nth(1)).to_contain_text("依据：《")
    expect(page.locator(".resend")).to_have_count(0)
    assert said(app.extensions["service"]) == 1


def test_a_message_that_did_not_arrive_survives_a_reload(page: Page, app: Flask) -> None:
    page.goto("/chat")
    page.route("**/chat/say", lambda route: route.abort())
    page.fill("#text", "居住证快到期了怎么办签注")
    page.press("#text", "Enter")
    expect(page.locator(".resend")).to_have_text("还没发出去，点一下重发")
    page.reload()
    expect(page.locator(".msg.me")).to_contain_text("居住证快到期了怎么办签注")
    expect(page.locator(".resend")).to_be_visible()
    page.unroute("**/chat/say")
    page.locator(".resend").click()
    expect(page.locator(".msg.bot:not(.typing)").nth(1)).to_contain_text("依据：《")
    expect(page.locator(".msg.me")).to_have_count(1)
    assert said(app.extensions["service"]) == 1


def test_an_answer_lost_on_the_way_is_not_asked_for_twice(page: Page, app: Flask) -> None:
    page.goto("/chat")
    lost = []

    def lose_the_first(route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)  # the server took it
        route.abort()  # and nobody heard

    page.route("**/chat/say", lose_the_first)
    page.fill("#text", "居住证快到期了怎么办签注")
    page.press("#text", "Enter")
    resend = page.locator(".resend")
    expect(resend.or_(page.locator(".msg.bot:not(.typing)").nth(1)).first).to_be_visible()
    if resend.count():
        resend.click()
    expect(page.locator(".msg.bot:not(.typing)")).to_have_count(2)
    expect(page.locator(".msg.me")).to_have_count(1)
    assert lost == [200]
    assert said(app.extensions["service"]) == 1


def test_too_long_is_told_before_it_is_sent_and_nothing_is_lost(page: Page) -> None:
    page.goto("/chat")
    page.fill("#text", "长" * 2001)
    page.locator("#send").click()
    expect(page.locator("#error")).to_contain_text("您写了2001个字")
    expect(page.locator("#text")).to_have_value("长" * 2001)
    assert answers(page) == 1


def test_markup_in_an_answer_is_text(page: Page, app: Flask) -> None:
    page.goto("/chat")
    page.fill("#text", "<img src=x onerror=alert(1)><b>你好</b>")
    page.press("#text", "Enter")
    expect(page.locator(".msg.bot:not(.typing)")).to_have_count(2)
    staff_says(app.extensions["service"], "<script>alert(1)</script>请打12345")
    expect(page.locator(".msg.staff .text")).to_have_text("<script>alert(1)</script>请打12345", timeout=15_000)
    expect(page.locator(".msg.staff a.tel")).to_have_attribute("href", "tel:12345")
    expect(page.locator("#log img, #log b, #log script")).to_have_count(0)


def test_a_public_machine_counts_down_and_leaves_nothing(page: Page) -> None:
    page.clock.install()
    page.goto("/chat?kiosk=1")
    page.fill("#text", "居住证快到期了怎么办签注")
    page.press("#text", "Enter")
    page.clock.run_for(2_000)
    expect(page.locator(".msg.bot:not(.typing)").nth(1)).to_contain_text("依据：《")
    page.clock.run_for(44_000)
    expect(page.locator("#still")).to_be_visible()
    page.locator("#here").click()
    expect(page.locator("#still")).to_be_hidden()
    page.clock.run_for(46_000)
    expect(page.locator("#still")).to_be_visible()
    page.clock.run_for(15_000)
    expect(page.locator(".msg.me")).to_have_count(0)
    expect(page.locator(".msg.bot:not(.typing)")).to_have_count(1)
    assert page.evaluate("() => sessionStorage.length + localStorage.length") == 0
    page.go_back()
    expect(page.locator(".msg.me")).to_have_count(0)


def said(city: Service) -> int:
    with read(city.engine) as conn:
        return len(conn.execute(select(Message.id).where(Message.author == "person")).all())


def staff_says(city: Service, words: str) -> None:
    with write(city.engine) as conn:
        now = clock.now() + timedelta(milliseconds=1)
        account = staff.by_login(conn, "desk")
        id = account.id if account else staff.create(conn, "desk", "陆远", "front_desk", "-", now)
        person = conn.execute(select(Person.id)).scalar_one()
        row = {"turn_id": "s", "person_id": person, "author": "staff", "staff_id": id, "kind": "text",
               "body": {"text": words}, "created_at": now}  # fmt: skip
        conversations.add(conn, [row])


def test_without_scripts_the_page_is_whole(chromium: Chromium, address: str) -> None:
    context = chromium.new_context(viewport=PHONE, base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.locator(".tile button").first.click()
    expect(page.locator(".msg.bot").last).to_contain_text("依据：《")
    page.fill("#text", "转人工")
    page.locator("#send").click()
    expect(page.locator(".msg.me").last).to_contain_text("转人工")
    for part in (".bar", ".input", ".msg.bot >> nth=-1"):
        expect(page.locator(part)).to_be_in_viewport()
    context.close()
