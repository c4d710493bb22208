"""A phone of 390 px: scan, declare a couple with a child, the desk confirms, the person sees it, moves out."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright
from sqlalchemy import func, select
from werkzeug.serving import make_server

import clock
from records import declarations, staff
from records.base import read, write
from records.declarations import Filing
from staff import passwords
from tests import browser_setup

from .conftest import id_number, room_named

pytestmark = pytest.mark.browser
PASSWORD = "rehearsal-2026"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=browser_setup.chromium(), args=list(browser_setup.ARGUMENTS)
        )
        yield launched
        launched.close()


@pytest.fixture
def city(web: Flask) -> Iterator[str]:
    """The application, served as it is to phones, CSRF tokens and all."""
    web.config["WTF_CSRF_ENABLED"] = True
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def phone(chromium: Browser, city: str) -> Iterator[Callable[..., Page]]:
    """Opens somebody's browser; whatever its scripts or the policy complain of fails the test."""
    made: list[BrowserContext] = []
    trouble: list[str] = []

    def open_it(width: int = 390, height: int = 844, **more: object) -> Page:
        context = chromium.new_context(
            base_url=city, viewport={"width": width, "height": height}, locale="zh-CN", **more
        )
        context.set_default_timeout(20_000)
        made.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if "Content Security" in said.text else None)
        return page

    yield open_it
    for context in made:
        context.close()
    assert trouble == []


def fits(page: Page) -> bool:
    """Nothing sticks out to the right of the phone."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def fill_family(page: Page) -> None:
    page.get_by_label("您的姓名").fill("吴晓")
    page.locator("#p0-number").fill(id_number("19910203"))
    page.get_by_label("手机号", exact=True).first.fill("13911112222")
    page.get_by_role("button", name="还有家人一起住").click()
    page.locator("#p1-relation").select_option(label="配偶")
    page.locator("#p1-name").fill("郑南")
    page.locator("#p1-number").fill(id_number("19920405"))
    page.get_by_role("button", name="还有家人一起住").click()
    page.locator("#p2-relation").select_option(label="子女")
    page.locator("#p2-name").fill("吴小禾")
    page.locator("#p2-paper").select_option("none")
    page.locator("#p2-born").fill("2020-05-06")


def test_a_family_declares_the_desk_confirms_they_move_out(web: Flask, phone: Callable[..., Page]) -> None:
    engine = web.extensions["service"].engine
    room = room_named(engine, "1号楼", "102")
    page = phone()
    page.goto(f"/r/{room.token}")
    assert fits(page)
    fill_family(page)
    page.get_by_label("没有，只有我们").check()
    page.get_by_label("同住的成年人知道").check()
    page.get_by_label("我是孩子的监护人").check()
    page.get_by_label("我看过了，同意").check()
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_role("heading", name="收到您的登记")).to_be_visible()
    assert fits(page)
    number = page.locator(".number").inner_text()
    assert id_number("19910203") not in page.content()

    with write(engine) as conn:
        staff.create(conn, "clerk", "小叶", "front_desk", passwords.hashed(PASSWORD), clock.now(), teams=("rooms",))
    desk = phone(1280, 900)
    desk.goto("/staff/login?next=/staff/rooms/check")
    desk.get_by_label("账号").fill("clerk")
    desk.get_by_label("密码", exact=True).fill(PASSWORD)
    desk.get_by_role("button", name="登录").click()
    desk.goto("/staff/rooms/check")
    desk.locator(".family", has_text=number).get_by_role("button", name="这一户3人都确认").click()
    expect(desk.locator(".resident", has_text=number)).to_have_count(0)

    page.goto("/rooms/mine")
    expect(page.locator(".state.confirmed")).to_have_count(3)
    page.goto("/me")
    expect(page.locator(".filed", has_text=number).locator(".state.confirmed")).to_have_count(3)
    assert fits(page)
    page.goto("/chat")
    expect(page.get_by_text("您的入住登记办好了").first).to_be_visible()
    page.goto(f"/r/{room.token}")
    assert page.locator("#p0-name").count() == 0  # what is known isn't asked again
    page.locator("#out summary").click()
    page.get_by_role("button", name="确认搬走").click()
    expect(page.get_by_role("heading", name="搬走已记下")).to_be_visible()
    with read(engine) as conn:
        assert declarations.living_in(conn, room.id) == []


def test_a_lost_connection_loses_nothing_and_files_once(web: Flask, phone: Callable[..., Page]) -> None:
    room = room_named(web.extensions["service"].engine, "1号楼", "102")
    page = phone()
    page.goto(f"/r/{room.token}")
    page.get_by_label("您的姓名").fill("吴晓")
    page.locator("#p0-number").fill(id_number("19910203"))
    page.get_by_label("手机号", exact=True).first.fill("13911112222")
    page.get_by_label("我看过了，同意").check()
    answers = 0

    def broken(route: Route) -> None:
        nonlocal answers
        answers += 1
        if answers == 1:
            route.abort()  # never arrived
        elif answers == 2:
            route.fetch()
            route.abort()  # arrived, but its answer was lost
        else:
            route.continue_()

    page.route("**/declare", broken)
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_text("没有网络")).to_be_visible()
    expect(page.get_by_role("heading", name="收到您的登记")).to_be_visible()
    assert answers == 3
    with read(web.extensions["service"].engine) as conn:
        assert conn.execute(select(func.count()).where(Filing.room_id == room.id)).scalar_one() == 1


def test_a_draft_survives_a_reload_without_any_number(web: Flask, phone: Callable[..., Page]) -> None:
    room = room_named(web.extensions["service"].engine, "1号楼", "102")
    page = phone()
    page.goto(f"/r/{room.token}")
    fill_family(page)
    stored = page.evaluate("JSON.stringify(sessionStorage)")
    assert "吴小禾" in stored
    for number in (id_number("19910203"), id_number("19920405"), "13911112222", "2020-05-06"):
        assert number not in stored
    page.reload()
    expect(page.locator("#p0-name")).to_have_value("吴晓")
    expect(page.locator("#p2-name")).to_have_value("吴小禾")
    expect(page.locator("#p0-number")).to_have_value("")


def test_the_form_works_without_its_script(web: Flask, phone: Callable[..., Page]) -> None:
    room = room_named(web.extensions["service"].engine, "1号楼", "102")
    page = phone(java_script_enabled=False)
    page.goto(f"/r/{room.token}")
    page.get_by_label("您的姓名").fill("吴晓")
    page.locator("#p0-number").fill(id_number("19910203")[:-1])
    page.get_by_label("手机号", exact=True).first.fill("13911112222")
    page.get_by_label("我看过了，同意").check()
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.locator("#p0-number-fault")).to_contain_text("18位")
    page.locator("#p0-number").fill(id_number("19910203"))
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_role("heading", name="收到您的登记")).to_be_visible()


def test_faults_are_named_at_their_fields_and_the_first_gets_the_focus(web: Flask, phone: Callable[..., Page]) -> None:
    room = room_named(web.extensions["service"].engine, "1号楼", "102")
    page = phone()
    page.goto(f"/r/{room.token}")
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.locator("#p0-name-fault")).to_have_text("请填姓名")
    expect(page.locator("#p0-name")).to_be_focused()
    assert page.locator("#p0-name").get_attribute("aria-invalid") == "true"
    expect(page.locator("#agree-fault")).to_be_visible()


def test_targets_are_big_enough_for_a_thumb(web: Flask, phone: Callable[..., Page]) -> None:
    room = room_named(web.extensions["service"].engine, "1号楼", "102")
    page = phone()
    page.goto(f"/r/{room.token}")
    page.locator("#out summary").click()
    page.locator("#report summary").click()
    small = page.evaluate("""() => [...document.querySelectorAll('main :is(button, select, input:not([type=hidden], [type=checkbox], [type=radio]), summary)')]
      .filter(e => e.offsetParent && e.getBoundingClientRect().height < 40).map(e => e.outerHTML.slice(0, 80))""")
    assert small == []
    assert fits(page)
