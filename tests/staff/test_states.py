"""What the console says when something is away, over, or was lost to somebody else; and what a phone has room for."""

import re

import pytest
from flask import Flask
from playwright.sync_api import expect

import clock
from records import handoffs, sessions, staff
from records.base import Busy, read, write
from tests.staff.conftest import PASSWORD
from tests.staff.test_browser import chromium, city, desk, open_page  # noqa: F401 - fixtures
from tests.staff.test_chat import chat_url

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_with_the_database_away_it_says_so_and_when_to_try_again(app: Flask, hire, asks, monkeypatch) -> None:
    officer, id = hire("officer"), asks()
    officer.post(chat_url(id, "claim"))

    def away(*_: object) -> None:
        raise Busy("nobody home")

    monkeypatch.setattr("staff.chat.write", away)
    said = officer.post(chat_url(id, "say"), 503, text="您好", key="abcd-1234-0001")
    assert "没有做成" in said["error"] and "再试" in said["error"]
    assert "再试" in officer.get(chat_url(id), 503)


def test_an_error_of_ours_is_a_page_in_words(app: Flask, hire, monkeypatch) -> None:
    officer = hire("officer")
    app.testing = False

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("staff.inbox.desk_queries.inbox", broken)
    page = officer.get("/staff/inbox", 500)
    assert "服务器出错了" in page and "a fault of ours" not in page


@pytest.mark.browser
def test_after_the_session_ended_one_is_back_where_one_was_with_ones_words(app: Flask, desk, asks) -> None:  # noqa: F811
    officer, id = desk("zhou", "officer"), asks()
    officer.goto(f"/staff/chat/{id}")
    officer.get_by_role("button", name="接起").click()
    expect(officer.locator("#state")).to_contain_text("接待中")
    officer.get_by_label("回复", exact=True).fill("写了一半的话，还没有发")
    with write(app.extensions["service"].engine) as conn:
        sessions.end_all(conn, staff.by_login(conn, "zhou").id, clock.now())
    officer.wait_for_url(re.compile("/staff/login"))
    expect(officer.get_by_role("status")).to_contain_text("登录已过期")
    officer.get_by_label("账号").fill("zhou")
    officer.get_by_label("密码").fill(PASSWORD)
    officer.get_by_role("button", name="登录").click()
    officer.wait_for_url(re.compile(f"/staff/chat/{id}"))
    expect(officer.get_by_label("回复", exact=True)).to_have_value("写了一半的话，还没有发")
    officer.get_by_role("button", name="发送").click()
    expect(officer.locator(".line-staff .text").last).to_have_text("写了一半的话，还没有发")
    officer.reload()
    expect(officer.get_by_label("回复", exact=True)).to_have_value("")


@pytest.mark.browser
def test_who_loses_a_claim_reads_to_whom(app: Flask, desk, hire, asks) -> None:  # noqa: F811
    officer, other, id = desk("zhou", "officer"), hire("officer", "he"), asks()
    officer.route(re.compile("/news"), lambda route: route.abort())  # it hasn't heard yet
    officer.goto(f"/staff/chat/{id}")
    other.post(chat_url(id, "claim"))
    officer.unroute_all()
    officer.evaluate("document.querySelector('#claim button').click()")
    expect(officer.locator("#toast")).to_contain_text(re.compile("员工he已经接了|没有"))
    expect(officer.locator("#state")).to_contain_text("员工he接待中")
    expect(officer.locator("#toast")).to_contain_text("员工he已经接了这个会话")
    with read(app.extensions["service"].engine) as conn:
        assert handoffs.get(conn, id).claimed_by == other.staff_id


@pytest.mark.browser
def test_with_the_stream_away_the_page_says_so_and_comes_back(desk) -> None:  # noqa: F811
    officer = desk("zhou", "officer")
    officer.route(re.compile("/stream"), lambda route: route.abort())
    officer.goto("/staff/inbox")
    expect(officer.locator("#slow")).to_be_visible(timeout=12_000)
    officer.unroute_all()
    expect(officer.locator("#slow")).to_be_hidden(timeout=20_000)
    expect(officer.locator("body")).to_have_attribute("data-stream", "on")


@pytest.mark.browser
def test_what_takes_long_shows_that_it_is_under_way(desk, asks) -> None:  # noqa: F811
    officer, id = desk("zhou", "officer"), asks()
    officer.goto(f"/staff/chat/{id}")
    held: list = []
    officer.route(re.compile("/claim"), lambda route: held.append(route))
    officer.get_by_role("button", name="接起").click()
    expect(officer.locator("body")).to_have_class(re.compile("is-loading"))
    expect(officer.locator("#claim button")).to_be_disabled()
    held[0].continue_()
    expect(officer.locator("#state")).to_contain_text("员工zhou接待中")
    expect(officer.locator("body")).not_to_have_class(re.compile("is-loading"))


@pytest.mark.browser
def test_on_a_phone_an_export_stays_beside_what_it_exports(desk) -> None:  # noqa: F811
    page = desk("lu", "supervisor")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/staff/reports")
    groups = page.get_by_role("group", name="导出")
    expect(groups).to_have_count(3)
    for group in groups.all():
        boxes = [part.bounding_box() for part in (group.locator(".meta"), *group.get_by_role("link").all())]
        assert len(boxes) == 3 and all(boxes)
        middles = {round(box["y"] + box["height"] / 2) for box in boxes}
        assert max(middles) - min(middles) <= 2, f"{group.inner_text()!r} is broken over lines"
        assert all(box["x"] + box["width"] <= 390 for box in boxes)
