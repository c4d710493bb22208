"""Two real browsers: a person on the phone, a counsellor at the desk."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import make_server

import clock
from records import canned, demo_rooms, ratings, staff
from records.base import read, write
from tests import browser_setup
from tests.staff.conftest import HASHED, PASSWORD
from tests.staff.test_more_desk import picture
from tests.staff.test_stream import free_port, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=browser_setup.chromium(), args=list(browser_setup.ARGUMENTS)
        )
        yield launched
        launched.close()


@contextmanager
def server_of(app: Flask) -> Iterator[str]:
    """The web process: its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)


@pytest.fixture
def city(app: Flask) -> Iterator[str]:
    """The web process and, beside it, the stream of live updates."""
    service = app.extensions["service"]
    port = free_port()
    service.settings = replace(service.settings, stream_port=port)
    arguments = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "stream:create", "--port", str(port),
                 "--workers", "1", "--no-ws", "--log-level", "warning"]  # fmt: skip
    settings = service.settings
    env = {
        **os.environ,
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": str(settings.redis_url),
        "SECRET_KEY": settings.secret_key,
    }
    child = subprocess.Popen(arguments, cwd=ROOT, env=env)
    with server_of(app) as base:
        wait_for(port)
        yield base
    child.terminate()
    child.wait(10)


@pytest.fixture
def open_page(chromium: Browser, city: str) -> Iterator[Callable[..., Page]]:
    """Opens a browser of somebody's own. What its scripts complain of fails the test."""
    made: list[BrowserContext] = []
    trouble: list[str] = []

    def open_it(width: int = 1440, height: int = 900) -> Page:
        context = chromium.new_context(base_url=city, viewport={"width": width, "height": height}, locale="zh-CN")
        context.set_default_timeout(20_000)
        made.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text) if "Content Security" in message.text else None)
        return page

    yield open_it
    for context in made:
        context.close()
    assert trouble == []


@pytest.fixture
def desk(app: Flask, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """A member of staff, logged in, in a browser."""

    def sit(login: str, role: str, teams: tuple[str, ...] = ("general",)) -> Page:
        with write(app.extensions["service"].engine) as conn:
            staff.create(conn, login, f"员工{login}", role, HASHED, clock.now(), teams=teams)
        page = open_page()
        page.goto("/staff")
        page.get_by_label("账号").fill(login)
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        page.wait_for_url(re.compile("/staff/inbox"))
        expect(page.locator("body")).to_have_attribute("data-stream", "on")
        return page

    return sit


def say(phone: Page, text: str) -> None:
    phone.get_by_label("写消息").fill(text)
    phone.get_by_role("button", name="发送").click()


def claim(page: Page, name: str) -> None:
    """Walk to the first chat of the list by keyboard and take it."""
    page.locator(".chat-row a").first.wait_for()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/staff/chat/\d+"))
    page.keyboard.press("c")
    expect(page.locator("#state")).to_contain_text(f"员工{name}接待中")
    expect(page.locator("body")).to_have_attribute("data-stream", "on")


def test_from_the_handoff_to_the_last_word(app: Flask, desk, open_page) -> None:
    officer = desk("zhou", "officer")
    phone = open_page(390, 844)
    phone.goto("/chat")
    say(phone, "转人工")
    claim(officer, "zhou")
    officer.keyboard.press("r")
    officer.keyboard.type("您好，我是窗口的小周，您要办什么？")
    expect(phone.locator("#line")).to_have_text("工作人员正在输入…", timeout=20_000)
    officer.keyboard.press("Control+Enter")
    expect(officer.locator(".line-staff .text").last).to_have_text("您好，我是窗口的小周，您要办什么？")
    expect(phone.locator("#log")).to_contain_text("您好，我是窗口的小周", timeout=20_000)
    expect(officer.locator("#quota")).to_contain_text("不限条数")

    phone.get_by_label("写消息").press_sequentially("我的电话是13900001234")
    expect(officer.locator("#typing")).to_be_visible()
    say(phone, "我的电话是13900001234，房东不给登记")
    expect(officer.locator(".line-person .text").last).to_have_text("我的电话是139****1234，房东不给登记")
    officer.get_by_role("button", name="查看号码").click()
    officer.get_by_label("理由").fill("回拨电话核实")
    officer.get_by_role("button", name="查看", exact=True).click()
    expect(officer.locator(".line-person .text").last).to_contain_text("13900001234")

    officer.locator("#file").set_input_files({"name": "窗口.png", "mimeType": "image/png", "buffer": picture()})
    expect(officer.locator(".line-staff .photo")).to_be_visible()
    expect(phone.locator(".msg.staff .photo")).to_be_visible(timeout=20_000)

    officer.locator("body").click(position={"x": 5, "y": 5})
    officer.keyboard.press("n")
    officer.get_by_label("备注", exact=True).fill("房东姓名待核实")
    officer.get_by_role("button", name="写下").click()
    expect(officer.locator(".line-note")).to_contain_text("房东姓名待核实")
    officer.keyboard.press("?")
    expect(officer.locator("#keys")).to_be_visible()
    officer.keyboard.press("Escape")
    close(app, officer, phone)


def close(app: Flask, page: Page, phone: Page) -> None:
    """End the chat; the person is asked once how it was, and sees nothing of the notes."""
    page.get_by_role("button", name="结束", exact=True).first.click()
    page.get_by_label("已解决").check()
    page.locator("#closing").get_by_role("button", name="结束", exact=True).click()
    page.wait_for_url(re.compile("view=mine"))
    expect(phone.locator("#log")).to_contain_text("这次人工服务您满意吗", timeout=20_000)
    expect(phone.locator("#log")).not_to_contain_text("房东姓名待核实")
    with read(app.extensions["service"].engine) as conn:
        assert ratings.of_handoff(conn, 1) is not None


def test_from_one_pair_of_hands_to_the_next_and_into_the_report(app: Flask, desk, open_page) -> None:
    officer, lead = desk("zhou", "officer"), desk("lu", "supervisor", tuple(staff.TEAMS))
    second = desk("he", "officer")
    phone = open_page(390, 844)
    phone.goto("/chat")
    say(phone, "转人工")
    claim(officer, "zhou")
    officer.keyboard.press("t")
    officer.get_by_label("转给", exact=True).select_option(label="员工he（民警/经办人，在岗，手上0个）")
    officer.get_by_label("说明（同事能看到）").fill("更熟悉欠薪")
    officer.locator("#transfer").get_by_role("button", name="转交", exact=True).click()
    officer.wait_for_url(re.compile("view=mine"))

    second.goto("/staff/inbox?view=mine")
    second.locator(".chat-row a").first.click()
    expect(second.locator("#side")).to_contain_text("更熟悉欠薪")
    second.get_by_label("回复", exact=True).fill("我来接着办。")
    second.get_by_role("button", name="发送").click()
    expect(phone.locator("#log")).to_contain_text("我来接着办", timeout=20_000)
    close(app, second, phone)
    phone.get_by_role("button", name="满意", exact=True).click()
    phone.locator(".msg.me").get_by_text("满意").wait_for()
    wait_until(lambda: scored(app) == 3)
    lead.goto("/staff/reports")
    expect(lead.locator(".tiles")).to_contain_text("100%")
    expect(lead.locator(".tiles")).to_contain_text("1人答，问了1人")


def scored(app: Flask) -> int | None:
    with read(app.extensions["service"].engine) as conn:
        row = ratings.of_handoff(conn, 1)
    return row.score if row is not None else None


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(100):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not become true in five seconds")


def test_a_crisis_in_the_middle_of_a_form_raises_the_alarm_within_a_second(desk, open_page) -> None:
    counsellor = desk("lin", "counsellor", ("psychology",))
    phone = open_page(390, 844)
    phone.goto("/chat")
    say(phone, "我要举报出租房隐患")
    expect(phone.locator(".msg.bot").last).to_be_visible()
    phone.locator(".msg.bot").nth(1).wait_for()
    phone.get_by_label("写消息").fill("我不想活了，想从楼上跳下去")
    phone.get_by_role("button", name="发送").click()
    phone.locator("#log").get_by_text("12356").first.wait_for()
    said = time.monotonic()
    counsellor.locator("#alarms .alarm").wait_for()
    assert time.monotonic() - said < 1


def test_a_word_in_another_chat_in_hand_shows_at_once(app: Flask, desk, asks, says) -> None:
    officer = desk("zhou", "officer")
    first, second = asks("o-anna"), asks("o-bo")
    for id in (first, second):
        officer.goto(f"/staff/chat/{id}")
        officer.get_by_role("button", name="接起").click()
        expect(officer.locator("#state")).to_contain_text("员工zhou接待中")
    officer.goto(f"/staff/chat/{second}?view=mine")
    expect(officer.locator("body")).to_have_attribute("data-stream", "on")
    expect(officer.locator(".chat-row .badge")).to_have_count(0)
    says("我在别的会话里又说了一句", "o-anna")
    expect(officer.locator(".chat-row .badge")).to_have_text("1 条没看", timeout=2_000)
    expect(officer.locator(".chat-row", has=officer.locator(".badge"))).to_contain_text("我在别的会话里")


def test_words_of_danger_raise_the_alarm_within_a_second(desk, open_page) -> None:
    counsellor = desk("lin", "counsellor", ("psychology",))
    officer = desk("zhou", "officer")
    phone = open_page(390, 844)
    phone.goto("/chat")
    phone.get_by_label("写消息").fill("我不想活了，想从楼上跳下去")
    phone.get_by_role("button", name="发送").click()
    phone.locator("#log").get_by_text("12356").first.wait_for()
    said = time.monotonic()
    counsellor.locator("#alarms .alarm").wait_for()
    assert time.monotonic() - said < 1
    expect(counsellor).to_have_title(re.compile("危机"))
    assert officer.locator("#alarms .alarm").count() == 0
    counsellor.get_by_role("button", name="我来接").click()
    counsellor.wait_for_url(re.compile(r"/staff/chat/\d+"))
    expect(counsellor.locator("#alarms")).to_be_hidden()
    expect(counsellor.locator(".line-person.is-danger")).to_contain_text("跳下去")


def test_without_the_stream_the_console_asks_by_itself(app: Flask, desk, says) -> None:
    officer = desk("zhou", "officer")
    service = app.extensions["service"]
    service.settings = replace(service.settings, stream_port=0)
    officer.reload()
    assert officer.evaluate("document.body.dataset.stream") is None
    says("转人工")
    officer.locator(".chat-row a").first.wait_for(timeout=8_000)


def test_pages_fit_the_smallest_phone(app: Flask, desk, open_page, asks) -> None:
    asks()
    with write(app.extensions["service"].engine) as conn:
        canned.add(
            conn, "clqd", "要带的材料", "请带身份证原件和租房合同，到窗口来办。" * 3, clock.now(), category="居住证"
        )
        demo_rooms.seed(conn, clock.now())
    page = desk("lu", "supervisor", tuple(staff.TEAMS))
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ["/staff/chat/1", *page.eval_on_selector_all(".rail a", "links => links.map(link => link.href)")]:
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"


NAMELESS = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')]
  .filter(el => el.checkVisibility() && !(el.labels?.length || el.ariaLabel || el.title || el.textContent.trim() || el.getAttribute('aria-labelledby')))
  .map(el => el.outerHTML.slice(0, 120))"""
PALE = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = el => {
    for (let at = el; at; at = at.parentElement) { const c = rgb(getComputedStyle(at).backgroundColor); if (c.length < 4 || c[3] > 0.9) return c; }
    return [255, 255, 255];
  };
  const pale = [];
  for (const el of document.querySelectorAll('body *')) {
    if (!el.checkVisibility() || ![...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (el.closest('svg, [disabled], .hide, .skip, option')) continue;
    const a = light(rgb(getComputedStyle(el).color)), b = light(behind(el));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) pale.push(`${ratio.toFixed(2)} ${el.className} ${el.textContent.trim().slice(0, 20)}`);
  }
  return pale;
}"""
TWICE = """() => { const ids = [...document.querySelectorAll('[id]')].map(el => el.id); return ids.filter((id, n) => ids.indexOf(id) !== n); }"""


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_everything_has_a_name_and_can_be_read(desk, open_page, asks, says, colours: str) -> None:
    asks()
    says("我不想活了，想从楼上跳下去", "o-bo")
    page = desk("lu", "supervisor", tuple(staff.TEAMS))
    page.emulate_media(color_scheme=colours, reduced_motion="reduce")
    paths = page.eval_on_selector_all(".rail a", "links => links.map(link => link.href)")
    for path in ["/staff/chat/1", "/staff/chat/2", "/staff/chat/2/safety", *paths]:
        page.goto(path)
        assert page.evaluate(NAMELESS) == [], path
        assert page.evaluate(PALE) == [], path
        assert page.evaluate(TWICE) == [], path
        assert page.locator("h1, h2").count() > 0, path
