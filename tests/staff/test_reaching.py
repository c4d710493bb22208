"""Somebody whom no message reaches any more: what he agreed to get is sent him, once each, or he is rung up."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

import clock
from bot.sandbox.driver import Phone
from bot.sandbox.platform import TEMPLATES
from bot.sandbox.platform import Platform as Sandbox
from bot.wechat import delivery
from jobs.delivery import deliver_due, sweep
from records import audit, cases, handoffs, people, push_consents
from records.base import read, write
from records.outbox import Outgoing
from tests.staff.test_browser import chromium, city, desk, open_page, wait_until  # noqa: F401 - fixtures
from tests.staff.test_chat import chat_url

REPLY = next(id for id in TEMPLATES if "reply" in id)
WORDS = {"title": "居住证签注", "text": "材料已核对，请点开看回复"}


def agreed(app: Flask, person_id: int) -> int:
    with read(app.extensions["service"].engine) as conn:
        return push_consents.left(conn, person_id, REPLY)


def person_of(app: Flask, handoff_id: int) -> int:
    with read(app.extensions["service"].engine) as conn:
        return handoffs.get(conn, handoff_id).person_id


def shut(app: Flask, person_id: int, pushes: int = 0) -> None:
    """The platform's window is over; the person agreed to some messages outside it."""
    with write(app.extensions["service"].engine) as conn:
        people.exhaust(conn, person_id)
        for _ in range(pushes):
            push_consents.give(conn, person_id, REPLY, clock.now())


def rows(app: Flask) -> list[tuple[str, str]]:
    with read(app.extensions["service"].engine) as conn:
        found = conn.execute(select(Outgoing.payload, Outgoing.state).order_by(Outgoing.id)).all()
    return [(row.payload["kind"], row.state) for row in found]


def test_while_the_window_is_open_no_consent_is_spent(app: Flask, hire, asks) -> None:
    officer, id = hire("officer"), asks()
    officer.post(chat_url(id, "claim"))
    with write(app.extensions["service"].engine) as conn:
        push_consents.give(conn, person_of(app, id), REPLY, clock.now())
    assert "直接发消息" in officer.post(chat_url(id, "push"), 409, key="push-0001", **WORDS)["error"]
    assert agreed(app, person_of(app, id)) == 1 and rows(app) == []


def test_without_a_consent_nothing_goes_and_the_phone_is_named(app: Flask, hire, asks) -> None:
    officer, id = hire("officer"), asks()
    officer.post(chat_url(id, "claim"))
    shut(app, person_of(app, id))
    said = officer.json(chat_url(id, "news"))["quota"]
    assert (said["kind"], said["pushes"]) == ("gone", 0) and "打电话" in said["text"]
    assert "打电话" in officer.post(chat_url(id, "push"), 409, key="push-0001", **WORDS)["error"]
    assert rows(app) == []


def test_of_two_who_send_at_once_one_spends_the_consent(app: Flask, hire, asks) -> None:
    officer, lead, id = hire("officer"), hire("supervisor"), asks()
    officer.post(chat_url(id, "claim"))
    shut(app, person_of(app, id), pushes=1)

    def press(number: int) -> int:
        who = (officer, lead)[number]
        headers = {"X-Requested-With": "console", "X-CSRFToken": who.csrf}
        form = {"key": f"push-000{number}", **WORDS}
        return who.client.post(chat_url(id, "push"), data=form, headers=headers).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, range(2))) == [200, 409]
    assert agreed(app, person_of(app, id)) == 0
    assert rows(app) == [("subscribe", "pending")]


def test_the_same_press_twice_spends_one(app: Flask, hire, asks) -> None:
    officer, id = hire("officer"), asks()
    officer.post(chat_url(id, "claim"))
    shut(app, person_of(app, id), pushes=2)
    for _ in range(2):
        officer.post(chat_url(id, "push"), key="push-0001", **WORDS)
    assert agreed(app, person_of(app, id)) == 1 and len(rows(app)) == 1


def test_only_whoever_has_the_chat_sends_and_both_fields_are_needed(app: Flask, hire, asks) -> None:
    officer, other, id = hire("officer", "a"), hire("officer", "b"), asks()
    officer.post(chat_url(id, "claim"))
    shut(app, person_of(app, id), pushes=1)
    other.post(chat_url(id, "push"), 409, key="push-0001", **WORDS)
    assert "20字" in officer.post(chat_url(id, "push"), 400, key="push-0001", title="签注", text="长" * 21)["error"]
    assert agreed(app, person_of(app, id)) == 1


def test_the_phone_is_shown_for_a_reason_that_is_kept(app: Flask, hire, asks, says) -> None:
    officer, id = hire("officer"), asks()
    says("我电话13900005678，找我就打这个")
    with write(app.extensions["service"].engine) as conn:
        filed = {"kind": "hazard_report", "title": "出租房隐患", "region": "haishu", "team": "rooms", "at": clock.now()}
        for phone, anonymous in (("13900001234", False), ("13900009999", True)):
            cases.open_case(conn, person_id=person_of(app, id), phone=phone, anonymous=anonymous,
                            data=[["联系电话", phone], ["房东电话", "13900007777"]], **filed)  # fmt: skip
    assert "理由" in officer.post(chat_url(id, "phones"), 400, reason="看")["error"]
    shown = officer.post(chat_url(id, "phones"), reason="窗口已关，回电")["phones"]
    assert [row["number"] for row in shown] == ["13900001234", "13900005678"]
    assert "出租房隐患" in shown[0]["source"]
    with read(app.extensions["service"].engine) as conn:
        entries = conn.execute(select(audit.Entry.__table__).where(audit.Entry.action == "personal.revealed")).all()
    assert [entry.reason for entry in entries] == ["窗口已关，回电"]
    assert "13900001234" not in officer.get(chat_url(id))


def test_a_stranger_to_the_queue_gets_no_phone(hire, asks) -> None:
    other, id = hire("officer", "b", ("schools",)), asks()
    other.post(chat_url(id, "phones"), 404, reason="窗口已关，回电")


@pytest.fixture
def phone(app: Flask, city: str) -> Phone:  # noqa: F811
    """A phone of the stand-in platform, which really calls this service and is really called by it."""
    service = app.extensions["service"]
    service.settings = replace(service.settings, wechat_api_base=f"{city}/sandbox/api", public_url=city)
    app.extensions["sandbox"].callback, app.extensions["sandbox"].public_url = f"{city}/wechat", city
    return Phone(app.extensions["sandbox"], "1")


def work(app: Flask) -> None:
    """What the worker does: what is due goes out, and the platform's later word is heard."""
    service = app.extensions["service"]
    deliver_due(service.engine, {"wechat": lambda person, payload: delivery.send(service, person, payload)})
    sweep(service.engine)


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_not_delivered_is_said_and_a_notice_is_left_instead(app: Flask, desk, phone: Phone) -> None:  # noqa: F811
    sandbox: Sandbox = app.extensions["sandbox"]
    phone.follow()
    phone.do("consent", template=REPLY, accept=True)
    phone.say("转人工")
    officer = desk("zhou", "officer")
    officer.locator(".chat-row a").first.click()
    officer.get_by_role("button", name="接起").click()
    expect(officer.locator("#reach")).to_be_hidden()
    phone.do("quota", state="closed")
    officer.get_by_label("回复", exact=True).fill("您的签注材料已经核对好了。")
    officer.get_by_role("button", name="发送").click()
    expect(officer.locator(".line-staff .text").last).to_have_text("您的签注材料已经核对好了。")
    work(app)
    expect(officer.locator(".fate-waiting")).to_contain_text("没有发出", timeout=15_000)
    expect(officer.locator("#quota")).to_contain_text("还同意收1条服务通知")
    officer.locator("#reach").click()
    officer.get_by_label("咨询事项").fill("居住证签注")
    officer.get_by_label(re.compile("回复内容")).fill("材料已核对，请点开看回复")
    officer.get_by_role("button", name="发服务通知").click()
    expect(officer.locator(".line-staff .text").last).to_have_text("［服务通知］居住证签注：材料已核对，请点开看回复")
    expect(officer.locator("#reaching")).to_be_hidden()

    work(app)
    wait_until(lambda: (work(app), rows(app)[-1])[1] == ("subscribe", "delivered"))
    cards = [entry for entry in sandbox.store.since("chat:1", 0) if entry.get("via") == "subscribe"]
    assert [value for _, value in cards[0]["fields"]][:2] == ["居住证签注", "材料已核对，请点开看回复"]
    expect(officer.locator(".line-staff .fate").last).to_have_text("已送达", timeout=15_000)
    expect(officer.locator("#quota")).to_contain_text("急事请打电话")

    officer.locator("#reach").click()
    expect(officer.locator("#push-form")).to_be_hidden()
    expect(officer.locator("#push-none")).to_contain_text("请打电话")
    officer.get_by_label("为什么打电话（会记入审计日志）").fill("窗口已关，回电告知")
    officer.get_by_role("button", name="查看电话").click()
    expect(officer.locator("#phones")).to_contain_text("没有留过电话")
    officer.get_by_role("button", name="关掉").locator("visible=true").click()

    with clock.frozen(clock.now() + timedelta(minutes=1)):
        phone.say("看到了，谢谢")
        work(app)
    expect(officer.locator(".fate-waiting")).to_have_count(0, timeout=15_000)
