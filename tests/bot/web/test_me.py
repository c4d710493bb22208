"""A person's own records: read, changed, taken along, deleted; never anybody else's."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

import clock
from bot.service import Service
from records import cases, handoffs, people, push_consents, reminders
from records.base import read, write
from records.people import Person
from tests.bot.web.conftest import Browser

QUESTION = "居住证快到期了怎么办签注"


def person_of(city: Service) -> int:
    with read(city.engine) as conn:
        return int(conn.execute(select(Person.id).order_by(Person.id.desc())).scalars().first())


def file_case(city: Service, person_id: int) -> str:
    with write(city.engine) as conn:
        return cases.open_case(
            conn, kind="wage", title="欠薪投诉", region="haishu", team="labour", at=clock.now(), person_id=person_id,
            data=[["单位", "某某厂"], ["欠多少", "8000元"]],
        )  # fmt: skip


def sign_in(browser: Browser, city: Service, openid: str) -> int:
    with write(city.engine) as conn:
        people.add(conn, "wechat", openid, clock.now())
        id = people.find(conn, "wechat", openid).id
    with browser.client.session_transaction() as session:
        session["person"] = id
    return int(id)


def test_somebody_new_is_told_that_there_is_nothing(browser: Browser) -> None:
    assert "还没有您的记录" in browser.page("/me")
    assert browser.get("/me/export").status_code == 404
    assert browser.get("/me/delete").headers["Location"] == "/me"


def test_ones_own_records_at_a_glance(browser: Browser, city: Service) -> None:
    browser.say(QUESTION)
    browser.say("转人工")
    number = file_case(city, person_of(city))
    page = browser.page("/me")
    for seen in (QUESTION, number, "欠薪投诉", "已收到", "等工作人员接", "/me/export", "/me/delete"):
        assert seen in page, seen


def test_one_case_step_by_step_and_taken_back(browser: Browser, city: Service) -> None:
    browser.say(QUESTION)
    number = file_case(city, person_of(city))
    with write(city.engine) as conn:
        id = cases.by_number(conn, number).id
        cases.move(conn, id, "accepted", "staff:1", clock.now(), text="已受理，三天内联系您")
        cases.note(conn, id, "staff:1", "comment", clock.now(), text="内部意见")
    page = browser.page(f"/me/cases/{number}")
    assert "已受理，三天内联系您" in page and "某某厂" in page and "内部意见" not in page
    taken = browser.submit(f"/me/cases/{number}/withdraw", f"/me/cases/{number}")
    assert taken.status_code == 303
    assert "已撤回" in browser.page(f"/me/cases/{number}")
    with read(city.engine) as conn:
        assert cases.by_number(conn, number).state == "withdrawn"


def test_nobody_elses_case_can_be_seen_or_taken_back(browser: Browser, other: Browser, city: Service) -> None:
    browser.say(QUESTION)
    number = file_case(city, person_of(city))
    other.say("你好")
    assert other.get(f"/me/cases/{number}").status_code == 404
    refused = other.client.post(f"/me/cases/{number}/withdraw", data={"csrf_token": other.token()})
    assert refused.status_code == 404
    with read(city.engine) as conn:
        assert cases.by_number(conn, number).state == "filed"


def test_the_place_can_be_changed_and_answers_follow(browser: Browser, city: Service) -> None:
    browser.say(QUESTION)
    assert browser.submit("/me/region", "/me", region="zhongshan").status_code == 303
    page = browser.page("/me?changed=region")
    assert 'value="zhongshan" selected' in page and "已经换好地方" in page
    *_, answer = browser.say(QUESTION)
    assert "中山" in "".join(part.get("text", "") for part in answer["parts"])
    assert browser.submit("/me/region", "/me", region="atlantis").status_code == 400


def test_everything_can_be_taken_along(browser: Browser, city: Service) -> None:
    browser.say(QUESTION)
    number = file_case(city, person_of(city))
    download = browser.get("/me/export.json")
    assert "attachment" in download.headers["Content-Disposition"]
    assert download.headers["Cache-Control"] == "no-store"
    data = download.json
    assert data["messages"][0]["text"] == QUESTION and data["cases"][0]["number"] == number
    page = browser.page("/me/export")
    assert QUESTION in page and number in page and "依据：《" in page


def test_deleting_asks_first_and_then_leaves_nothing(browser: Browser, city: Service) -> None:
    browser.say(QUESTION)
    number = file_case(city, person_of(city))
    page = browser.page("/me/delete")
    assert "找不回来" in page and "个人信息保护法" in page and number in page
    unsure = browser.submit("/me/delete", "/me/delete")
    assert unsure.status_code == 400 and "请先勾上" in unsure.text
    assert browser.look()["messages"], "nothing is gone yet"
    done = browser.submit("/me/delete", "/me/delete", sure="yes")
    assert done.status_code == 200 and "已经删除" in done.text and "1 件办件" in done.text
    assert browser.look() == {"messages": [], "line": None}
    assert "还没有您的记录" in browser.page("/me")
    with read(city.engine) as conn:
        assert people.get(conn, person_of(city)).external is None
        assert cases.by_number(conn, number).person_id is None


def test_consents_to_pushes_are_shown_and_can_be_taken_back(browser: Browser, city: Service) -> None:
    browser.page("/me")
    mine = sign_in(browser, city, "oPushed00000000000000000000")
    with write(city.engine) as conn:
        for _ in range(2):
            push_consents.give(conn, mine, "a-template", clock.now())
    assert "2 条" in browser.page("/me") and "您同意收的微信通知" in browser.page("/me/export")
    assert browser.submit("/me/pushes/refuse").status_code == 303
    with read(city.engine) as conn:
        assert push_consents.of_person(conn, mine) == []
    assert "不再接收" not in browser.page("/me")


def test_a_reminder_is_shown_and_can_be_dropped(browser: Browser, other: Browser, city: Service) -> None:
    browser.say(QUESTION)
    mine = person_of(city)
    with write(city.engine) as conn:
        reminders.add(conn, mine, "居住证该签注了", clock.now() + timedelta(days=30), clock.now())
        (row,) = reminders.of_person(conn, mine)
    assert "居住证该签注了" in browser.page("/me") and "居住证该签注了" in browser.page("/me/export")
    other.say("你好")
    assert other.submit(f"/me/reminders/{row.id}/cancel").status_code == 404
    assert browser.submit(f"/me/reminders/{row.id}/cancel").status_code == 303
    assert "居住证该签注了" not in browser.page("/me")


def test_deleting_needs_the_forms_token(browser: Browser) -> None:
    browser.say(QUESTION)
    assert browser.client.post("/me/delete", data={"sure": "yes"}).status_code == 400
    assert browser.look()["messages"]


def test_a_person_in_danger_is_told_why_it_waits(browser: Browser, city: Service) -> None:
    browser.say("我不想活了，想从楼上跳下去")
    held = browser.submit("/me/delete", "/me/delete", sure="yes")
    assert "我们先把人顾好" in held.text and 'href="tel:12356"' in held.text
    assert browser.look()["messages"]
    with read(city.engine) as conn:
        assert len(handoffs.open_alarms(conn)) == 1


def test_whoever_is_signed_in_sees_that_record(browser: Browser, city: Service) -> None:
    browser.say(QUESTION)
    id = sign_in(browser, city, "o-openid-9")
    page = browser.page("/me")
    assert "微信公众号" in page and QUESTION not in page and "/me?as=web" in page
    assert QUESTION in browser.page("/me?as=web")
    assert QUESTION in browser.page("/me/export?as=web")
    assert browser.submit("/me/delete", "/me/delete", sure="yes").status_code == 200
    with read(city.engine) as conn:
        assert people.get(conn, id).external is None
    assert QUESTION in browser.page("/me"), "the other record is still there"


def test_an_erased_person_is_nobody(browser: Browser, city: Service) -> None:
    id = sign_in(browser, city, "o-openid-9")
    with write(city.engine) as conn:
        conn.execute(Person.__table__.update().where(Person.id == id).values(external=None))
    assert "还没有您的记录" in browser.page("/me")


@pytest.mark.parametrize("path", ["/me", "/me/export", "/me/export.json", "/me/delete"])
def test_records_are_kept_by_no_cache(browser: Browser, app: Flask, path: str) -> None:
    browser.say(QUESTION)
    assert browser.get(path).headers["Cache-Control"] == "no-store"
