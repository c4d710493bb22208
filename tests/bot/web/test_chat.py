"""The conversation in a browser: said once, answered once, seen only by whoever said it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
from flask import Flask
from sqlalchemy import func, select, text

import clock
from bot.service import Service
from bot.web import chat
from records import conversations, crypto, handoffs, people, staff, switches
from records.base import Busy, read, write
from records.conversations import Message
from records.people import Person
from tests.bot.web.conftest import Browser, words

QUESTION = "居住证快到期了怎么办签注"


def count(city: Service, table: type) -> int:
    with read(city.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def only_person(city: Service) -> int:
    with read(city.engine) as conn:
        return int(conn.execute(select(Person.id)).scalar_one())


def staff_says(city: Service, person_id: int, said: str, kind: str = "text", name: str = "陆远") -> None:
    with write(city.engine) as conn:
        known = staff.by_login(conn, "desk")
        id = known.id if known else staff.create(conn, "desk", name, "front_desk", "-", clock.now())
        row = {"turn_id": "s", "person_id": person_id, "author": "staff", "staff_id": id, "kind": kind,
               "body": {"text": said}, "created_at": clock.now()}  # fmt: skip
        conversations.add(conn, [row])


def test_a_question_is_answered_with_its_source(browser: Browser) -> None:
    mine, answer = browser.say(QUESTION)
    assert (mine["by"], words(mine)) == ("me", QUESTION)
    assert answer["by"] == "bot"
    assert answer["source"].startswith("依据：《")
    assert answer["choices"]


def test_a_choice_is_taken_and_shown_by_its_words(browser: Browser) -> None:
    _, answer = browser.say(QUESTION)
    offered = next(choice for choice in answer["choices"] if choice["id"] == "human_agent")
    mine, answer = browser.say(choice="human_agent", after=answer["seq"])[-2:]
    assert words(mine) == offered["label"]
    assert "工作人员" in words(answer)
    assert browser.look()["line"] == "waiting"


def test_looking_stores_nothing_and_the_first_words_are_there(browser: Browser, city: Service) -> None:
    page = browser.page("/chat")
    assert "您好，这里是新市民服务" in page and 'value="permit_renewal"' in page
    assert browser.look() == {"messages": [], "line": None}
    assert count(city, Person) == 0


def test_the_same_key_is_said_once_however_often_it_is_sent(browser: Browser, city: Service) -> None:
    first = browser.say(QUESTION, key="same-key-1")
    again = browser.say(QUESTION, key="same-key-1")
    assert [m["id"] for m in again] == [m["id"] for m in first]
    assert count(city, Message) == 2
    assert [m["key"] for m in first if m["by"] == "me"] == ["same-key-1"]


def test_two_people_may_use_the_same_key(browser: Browser, other: Browser, city: Service) -> None:
    browser.say(QUESTION, key="same-key-1")
    other.say("孩子上学要什么材料", key="same-key-1")
    assert count(city, Message) == 4
    assert all("上学" not in words(m) for m in browser.look()["messages"])


def test_history_comes_back_after_a_reload(browser: Browser) -> None:
    _, answer = browser.say(QUESTION)
    page = browser.page("/chat")
    assert QUESTION in page
    assert f'data-id="{answer["id"]}"' in page


def test_without_a_script_the_form_is_enough(browser: Browser, city: Service) -> None:
    sent = browser.submit("/chat/say", "/chat", text=QUESTION, key="form-key-1")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/chat#end")
    again = browser.submit("/chat/say", "/chat", text=QUESTION, key="form-key-1")
    assert again.status_code == 303
    assert count(city, Message) == 2
    page = browser.page("/chat")
    assert "依据：《" in page
    chosen = browser.submit("/chat/say", "/chat", choice="human_agent", key="form-key-2")
    assert chosen.status_code == 303
    assert "找工作人员" in browser.page("/chat")


def test_staffs_words_come_with_their_name_and_their_notes_never(browser: Browser, city: Service) -> None:
    _, answer = browser.say(QUESTION)
    staff_says(city, only_person(city), "给别的同事看的话", kind="note")
    staff_says(city, only_person(city), "您好，我来帮您，可以打12333问问")
    news = browser.look(after=answer["seq"])["messages"]
    (said,) = [m for m in news if m["by"] == "staff"]
    assert said["name"] == "陆远"
    assert {"tel": "12333"} in said["parts"]
    page = browser.page("/chat")
    assert 'href="tel:12333"' in page and "工作人员</span>" in page and "陆远" in page
    assert "给别的同事看的话" not in page + str(news)


def test_a_row_that_was_committed_late_is_not_missed(browser: Browser, city: Service) -> None:
    """Ids are given out before the commit, so a lower one may show up after a higher one."""
    _, answer = browser.say(QUESTION)
    assert answer["id"] in [m["id"] for m in browser.look(after=answer["seq"])["messages"]]
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert browser.look(after=answer["seq"])["messages"] == []


def test_words_are_never_markup(browser: Browser, city: Service) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    browser.say(evil)
    staff_says(city, only_person(city), evil, name="<b>陆远</b>")
    page = browser.page("/chat") + browser.page("/me") + browser.page("/me/export")
    assert "<script>alert" not in page and "<img src=x" not in page and "<b>陆远" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_pages_carry_nothing_inline(browser: Browser) -> None:
    browser.say(QUESTION)
    for path in ("/", "/chat", "/chat?kiosk=1", "/me", "/me/export", "/me/delete", "/nosuch"):
        response = browser.get(path)
        assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
        page = response.text
        assert " style=" not in page and "<style" not in page and " onclick" not in page, path
        assert "<script>" not in page and "http://" not in page.replace("http://www.w3.org", ""), path


def test_words_of_danger_get_numbers_to_tap(browser: Browser) -> None:
    *_, answer = browser.say("我不想活了，想从楼上跳下去")
    assert answer["urgent"]
    assert {"12356", "120", "110"} <= {part.get("tel") for part in answer["parts"]}
    assert 'class="msg bot urgent"' in browser.page("/chat")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"text": "长" * 2001}, "您写了2001个字"),
        ({"text": "  \n "}, "还没有写字"),
        ({"text": "你好", "key": "short"}, "缺少编号"),
        ({"text": "你好", "key": "with space 1"}, "缺少编号"),
        ({"choice": "x" * 121}, "选项认不出来"),
        ({"choice": "a\nb"}, "选项认不出来"),
    ],
)
def test_what_cannot_be_taken_is_told_clearly(
    browser: Browser, city: Service, said: dict[str, str], reason: str
) -> None:
    response = browser.send(**{"text": "", **said})
    assert response.status_code == 422
    assert reason in response.json["error"]
    assert count(city, Message) == 0


@pytest.mark.parametrize("body", ["[]", '"x"', "{", '{"text": 7, "key": ["a"]}', '{"text": null}', ""])
def test_nonsense_is_refused(browser: Browser, city: Service, body: str) -> None:
    headers = {"X-CSRFToken": browser.token(), "Content-Type": "application/json"}
    response = browser.client.post("/chat/say", data=body, headers=headers)
    assert response.status_code == 422
    assert count(city, Message) == 0


def test_a_form_that_is_refused_keeps_the_words(browser: Browser) -> None:
    response = browser.submit("/chat/say", "/chat", text="长" * 2001, key="form-key-1")
    assert response.status_code == 422
    assert "您写了2001个字" in response.text and "长" * 2001 in response.text


def test_another_site_cannot_speak_for_anybody(browser: Browser, city: Service) -> None:
    browser.page("/chat")
    refused = browser.client.post("/chat/say", json={"text": QUESTION, "key": "foreign-key"})
    assert refused.status_code == 400
    assert browser.client.post("/chat/say", data={"text": QUESTION, "key": "foreign-key"}).status_code == 400
    assert count(city, Message) == 0


def test_a_token_can_be_had_anew_after_the_session_ended(browser: Browser) -> None:
    browser.say(QUESTION)
    browser.client.delete_cookie("city")
    stale = browser.client.post("/chat/say", json={"text": "你好", "key": "later-key-1"}, headers={"X-CSRFToken": "x"})
    assert stale.status_code == 400
    fresh = browser.get("/chat/token").json["token"]
    headers = {"X-CSRFToken": fresh}
    response = browser.client.post("/chat/say", json={"text": "你好", "key": "later-key-1"}, headers=headers)
    assert response.status_code == 200
    assert QUESTION in browser.page("/chat"), "the visitor is still the same"


def test_a_forged_visitor_is_a_new_one(browser: Browser, other: Browser) -> None:
    browser.say(QUESTION)
    value = browser.client.get_cookie("visitor").value
    other.client.set_cookie("visitor", value[:-3] + ("AAA" if value[-3:] != "AAA" else "BBB"))
    assert QUESTION not in other.page("/chat")
    other.client.set_cookie("visitor", "null.x.y")
    assert other.get("/chat").status_code == 200


def test_a_busy_database_is_told_and_the_same_key_works_later(
    browser: Browser, city: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise Busy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(chat.turn, "take", busy)
        response = browser.send(QUESTION, key="kept-key-1")
        assert (response.status_code, response.json["error"]) == (503, "还没发出去，点一下重发。")
        form = browser.submit("/chat/say", "/chat", text=QUESTION, key="kept-key-1")
        assert form.status_code == 503
        assert 'value="kept-key-1"' in form.text and QUESTION in form.text
    assert browser.say(QUESTION, key="kept-key-1")
    assert count(city, Message) == 2


def test_an_answer_that_cannot_be_read_back_at_once_is_not_lost(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def busy(_engine: object) -> Iterator[None]:
        raise Busy("slow")
        yield

    token = browser.token()
    with monkeypatch.context() as patch:
        patch.setattr(chat, "read", busy)
        sent = browser.client.post(
            "/chat/say", json={"text": QUESTION, "key": "once-key-1"}, headers={"X-CSRFToken": token}
        )
        assert (sent.status_code, sent.json["messages"]) == (200, [])
        assert browser.get("/chat/messages").status_code == 503
        assert browser.get("/chat").status_code == 200
    assert len(browser.look()["messages"]) == 2


def test_too_much_too_fast_is_stopped_for_one_person_only(browser: Browser, other: Browser) -> None:
    token = browser.token()
    statuses = [
        browser.client.post("/chat/say", json={"text": " ", "key": "x" * 8}, headers={"X-CSRFToken": token})
        for _ in range(31)
    ]
    assert [r.status_code for r in statuses] == [422] * 30 + [429]
    assert "12356" in statuses[-1].json["error"]
    assert other.say(QUESTION)


def test_with_redis_away_people_are_still_answered_and_still_limited(
    browser: Browser, city: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(city.redis.connection_pool, "get_connection", away)
    assert browser.say(QUESTION)
    token = browser.token()
    statuses = {
        browser.client.post("/chat/say", json={"text": " ", "key": "x" * 8}, headers={"X-CSRFToken": token}).status_code
        for _ in range(31)
    }
    assert statuses == {422, 429}


def test_an_emergency_notice_is_on_top(browser: Browser, city: Service) -> None:
    with write(city.engine) as conn:
        switches.change(conn, "notice", "台风今晚登陆，请不要外出", "staff:1", clock.now())
    city.switches._read_at = float("-inf")
    assert "台风今晚登陆" in browser.page("/chat")
    assert "台风今晚登陆" in browser.page("/")


# --- the public machine


def test_a_kiosk_forgets_the_one_before(browser: Browser, city: Service) -> None:
    assert 'data-idle="60"' in browser.page("/chat?kiosk=1")
    browser.say(QUESTION)
    assert QUESTION in browser.page("/chat?kiosk=1")
    left = browser.submit("/chat/leave", "/chat?kiosk=1")
    assert (left.status_code, left.headers["Location"]) == (303, "/chat?kiosk=1")
    assert QUESTION not in browser.page("/chat?kiosk=1")
    assert browser.look() == {"messages": [], "line": None}
    assert browser.page("/me").count("还没有您的记录") == 1


def test_a_kiosk_forgets_by_itself_even_when_its_page_has_died(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.page("/chat?kiosk=1")
    browser.say(QUESTION)
    monkeypatch.setattr("bot.web.visitors.IDLE", -17)
    assert QUESTION not in browser.page("/chat?kiosk=1")


def test_a_kiosk_keeps_no_cookie_beyond_its_session(browser: Browser) -> None:
    response = browser.get("/chat?kiosk=1")
    (cookie,) = [c for c in response.headers.getlist("Set-Cookie") if c.startswith("visitor=")]
    assert "Max-Age" not in cookie and "Expires" not in cookie
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    (cookie,) = [c for c in browser.get("/chat").headers.getlist("Set-Cookie") if c.startswith("visitor=")]
    assert "Max-Age=15552000" in cookie


def test_a_kiosks_conversation_is_not_the_phones_and_the_other_way_round(browser: Browser) -> None:
    browser.page("/chat")
    browser.say(QUESTION)
    assert QUESTION not in browser.page("/chat?kiosk=1")


def test_a_conversation_is_carried_to_a_phone_and_gone_from_the_kiosk(app: Flask, city: Service) -> None:
    kiosk, phone, third = Browser(app), Browser(app), Browser(app)
    kiosk.page("/chat?kiosk=1")
    kiosk.say(QUESTION)
    assert kiosk.get("/chat/qr.svg").mimetype == "image/svg+xml"
    with app.test_request_context(headers={"Cookie": f"visitor={kiosk.client.get_cookie('visitor').value}"}):
        path = f"/chat/carry/{chat.visitors.carry_token(chat.visitors.current())}"
    assert "接着聊" in phone.page(path), "a code alone changes nothing: the person has to say so"
    assert phone.submit(path, path).headers["Location"] == "/chat"
    assert QUESTION in phone.page("/chat")
    assert kiosk.look() == {"messages": [], "line": None}
    assert third.client.post(path, data={"csrf_token": third.token()}).status_code == 410
    assert count(city, Person) == 1


def test_a_forged_code_carries_nothing(browser: Browser) -> None:
    assert browser.get("/chat/carry/abc").status_code == 410


def test_the_person_is_found_by_a_keyed_hash_only(browser: Browser, city: Service) -> None:
    browser.say(QUESTION)
    with read(city.engine) as conn:
        raw = conn.execute(text("SELECT external FROM people")).scalar_one()
        person = people.get(conn, only_person(city))
    assert person.channel == "web"
    assert len(person.external) >= 22, "128 bits at the least"
    assert person.external.encode() not in bytes(raw)
    assert crypto.cipher().decrypt(bytes(raw)).decode() == person.external


def test_a_claimed_chat_is_between_people(browser: Browser, city: Service) -> None:
    *_, answer = browser.say("转人工")
    with write(city.engine) as conn:
        id = staff.create(conn, "desk", "陆远", "front_desk", "-", clock.now())
        (handoff,) = handoffs.open_handoffs(conn)
        assert handoffs.claim(conn, handoff.id, id, clock.now())
    news = browser.say("在吗", after=answer["seq"])
    assert [m["by"] for m in news if m["seq"] > answer["seq"]] == ["me"]
    assert "工作人员正在接待您" in browser.page("/chat")
