"""The turn: nothing lost, nothing twice, one at a time, danger first."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

import clock
from bot import turn
from bot.message import Inbound, Reply
from bot.service import Service
from handlers import registry
from records import cases, conversations, handoffs, outbox, people, switches
from records.base import read, write
from records.conversations import Message
from records.handoffs import Alarm, Handoff
from records.outbox import Outgoing
from records.people import Person

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=clock.CHINA)


def said(text: str, key: str = "m:1", sender: str = "o-anna", **more: str) -> Inbound:
    return Inbound(
        channel="wechat", sender=sender, key=key, kind="text", sent_at=NOW, text=text, window="message", **more
    )


def happened(event: str, scene: str = "", key: str = "e:1", sender: str = "o-anna") -> Inbound:
    return Inbound(channel="wechat", sender=sender, key=key, kind="event", sent_at=NOW, event=event, scene=scene)


def count(service: Service, table: type) -> int:
    with read(service.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_question_is_answered_with_its_source_and_kept(service: Service) -> None:
    taken = turn.take(service, said("居住证快到期了怎么办签注"))
    assert "依据：《" in taken.replies[0].text and "起施行）" in taken.replies[0].text
    assert taken.replies[0].choices
    with read(service.engine) as conn:
        rows = conversations.transcript(conn, taken.person_id)
    assert [(row.author, row.intent) for row in rows] == [("person", "permit_renewal"), ("bot", "permit_renewal")]
    assert rows[0].body["text"] == "居住证快到期了怎么办签注"
    assert rows[1].articles


def test_what_was_said_is_not_readable_in_the_database(service: Service) -> None:
    turn.take(service, said("我在某某厂三车间，居住证丢了", sender="o-secret-openid"))
    with read(service.engine) as conn:
        raw = conn.exec_driver_sql("SELECT body FROM messages").scalars().all()
        names = conn.exec_driver_sql("SELECT external FROM people").scalars().all()
    assert all("车间".encode() not in bytes(body) for body in raw)
    assert all(b"o-secret-openid" not in bytes(name) for name in names)


def test_a_retry_gets_the_stored_answer_and_nothing_runs_twice(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    handler = registry.handler_of("permit_renewal")

    def counted(t: registry.Turn) -> Reply:
        runs.append(t.text)
        return handler(t)

    monkeypatch.setitem(registry._handlers, "permit_renewal", counted)
    first = turn.take(service, said("居住证快到期了怎么办签注"))
    again = turn.take(service, said("居住证快到期了怎么办签注"))
    assert again.duplicate and not first.duplicate
    assert [reply.stored() for reply in again.replies] == [reply.stored() for reply in first.replies]
    assert len(runs) == 1
    assert count(service, Message) == 2


def test_one_message_id_of_two_people_is_two_messages(service: Service) -> None:
    first = turn.take(service, said("你好", key="m:7", sender="o-anna"))
    other = turn.take(service, said("谢谢", key="m:7", sender="o-bo"))
    assert not other.duplicate
    assert first.replies[0].text != other.replies[0].text
    assert count(service, Message) == 4


def test_the_same_push_many_times_at_once_is_one_turn(service: Service) -> None:
    gate = threading.Barrier(6)

    def push() -> turn.Taken:
        gate.wait()
        return turn.take(service, said("我要转人工", key="m:9"))

    with ThreadPoolExecutor(6) as pool:
        results = [job.result() for job in [pool.submit(push) for _ in range(6)]]
    assert sum(not taken.duplicate for taken in results) == 1
    assert len({taken.replies[0].text for taken in results}) == 1
    assert count(service, Message) == 2
    assert count(service, Handoff) == 1


def test_turns_of_one_person_run_one_at_a_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    decide = turn.decide

    def watched(situation: object) -> object:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.02)
        inside -= 1
        return decide(situation)

    monkeypatch.setattr(turn, "decide", watched)
    turn.take(service, said("你好", key="m:0"))
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda n: turn.take(service, said("你好", key=f"m:{n}")), range(1, 6)))
    assert most == 1
    assert count(service, Message) == 12


def test_a_number_answers_the_choices_offered_before(service: Service) -> None:
    first = turn.take(service, said("居住证怎么签注", key="m:1"))
    at = [choice.id for choice in first.replies[0].choices].index("permit_replacement")
    second = turn.take(service, said(f"{at + 1}", key="m:2"))
    with read(service.engine) as conn:
        rows = conversations.transcript(conn, second.person_id)
    assert rows[-1].intent == "permit_replacement"


def test_a_tapped_choice_from_elsewhere_is_not_trusted(service: Service) -> None:
    taken = turn.take(service, said("", key="m:1", choice="../../etc/passwd"))
    assert taken.replies and taken.replies[0].choices


def test_a_bare_place_asks_the_same_for_there(service: Service) -> None:
    turn.take(service, said("孩子上小学怎么报名", key="m:1"))
    taken = turn.take(service, said("换成慈溪呢", key="m:2"))
    assert "慈溪" in taken.replies[0].text
    with read(service.engine) as conn:
        assert people.get(conn, taken.person_id).region == "cixi"


def test_asking_for_a_person_stores_one_handoff(service: Service) -> None:
    turn.take(service, said("老板拖欠工资不给", key="m:1"))
    turn.take(service, said("转人工", key="m:2"))
    again = turn.take(service, said("转人工", key="m:3"))
    with read(service.engine) as conn:
        waiting = handoffs.open_handoffs(conn)
    assert [(row.team, row.reason, row.state) for row in waiting] == [("labour", "asked", "waiting")]
    assert "排" in again.replies[0].text


def test_danger_comes_first_in_every_state(service: Service) -> None:
    danger = "我不想活了，想从楼上跳下去"
    states = {
        "new": lambda: None,
        "waiting": lambda: turn.take(service, said("转人工", key="m:w", sender="o-waiting")),
        "attacked": lambda: turn.take(service, said("有人拿刀追着我砍", key="m:a", sender="o-attacked")),
        "claimed": lambda: _claim(service, "o-claimed"),
        "off": lambda: _switch(service, "bot_on", False),
    }
    for name, prepare in states.items():
        prepare()
        taken = turn.take(service, said(danger, key="m:x", sender=f"o-{name}"))
        text = taken.replies[0].text
        assert all(number in text for number in ("12356", "120", "110")), name
        assert not taken.replies[0].choices, name
        with read(service.engine) as conn:
            alarms = conn.execute(select(Alarm).where(Alarm.person_id == taken.person_id)).all()
            handoff = handoffs.open_of(conn, taken.person_id)
        assert len(alarms) == 1, name
        assert handoff is not None and handoff.urgent, name
        assert handoff.reason == "crisis", f"{name}: the chat must not be closed without the safety check"
        assert handoff.team == "psychology" or handoff.state == "claimed", name


def _claim(service: Service, sender: str) -> int:
    taken = turn.take(service, said("转人工", key="m:h", sender=sender))
    with write(service.engine) as conn:
        from records import staff

        worker = staff.create(conn, f"s-{sender}", "甲", "officer", "x", clock.now())
        handoff = handoffs.open_of(conn, taken.person_id)
        assert handoffs.claim(conn, handoff.id, worker, clock.now())
    return taken.person_id


def _switch(service: Service, name: str, value: object) -> None:
    with write(service.engine) as conn:
        switches.change(conn, name, value, "test", clock.now())
    service.switches._read_at = float("-inf")


def test_a_phone_number_tells_nobody_else_what_was_filed_with_it(service: Service) -> None:
    """Promise 12: a landlord knows his tenant's number."""
    phone = "19900001234"
    with write(service.engine) as conn:
        tenant = people.add(conn, "wechat", "o-tenant", clock.now())
        cases.open_case(
            conn, kind="rental_hazard_report", title="出租房隐患举报", region="ningbo", team="housing",
            data=[], at=clock.now(), person_id=tenant, phone=phone,
        )  # fmt: skip
    mine = turn.take(service, said(f"查进度，手机号{phone}", key="m:1", sender="o-tenant"))
    his = turn.take(service, said(f"查进度，手机号{phone}", key="m:1", sender="o-landlord"))
    nobodys = turn.take(service, said("查进度，手机号19900005678", key="m:2", sender="o-landlord"))
    assert "出租房隐患举报" in mine.replies[0].text
    assert his.replies[0].text == nobodys.replies[0].text, "not even whether anything was filed"


def test_danger_is_seen_when_understanding_is_down(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("model gone")

    monkeypatch.setattr(service.understander, "understand", broken)
    assert "12356" in turn.take(service, said("我想自杀", key="m:1")).replies[0].text
    vague = turn.take(service, said("签注", key="m:2", sender="o-bo"))
    assert vague.replies[0].choices[0].id == "human_agent"


def test_words_of_danger_are_never_answered_alike_twice(service: Service) -> None:
    texts = [turn.take(service, said("我不想活了", key=f"m:{n}")).replies[0].text for n in range(4)]
    assert all(before != after for before, after in itertools.pairwise(texts))
    assert count(service, Alarm) == 1


def test_the_bot_is_silent_while_staff_own_the_chat(service: Service) -> None:
    _claim(service, "o-anna")
    taken = turn.take(service, said("居住证怎么签注", key="m:5"))
    assert taken.replies == ()
    assert count(service, Message) == 3


def test_switched_off_hands_to_staff_once(service: Service) -> None:
    _switch(service, "bot_on", False)
    first = turn.take(service, said("居住证怎么签注", key="m:1"))
    second = turn.take(service, said("在吗", key="m:2"))
    assert "工作人员" in first.replies[0].text and second.replies == ()
    assert count(service, Handoff) == 1


def test_an_emergency_notice_is_shown_once(service: Service) -> None:
    _switch(service, "notice", "台风红色预警，请留在室内。")
    first = turn.take(service, said("你好", key="m:1"))
    second = turn.take(service, said("你好", key="m:2"))
    assert first.replies[0].text.startswith("【通知】台风红色预警")
    assert "台风" not in second.replies[0].text


def test_not_understood_is_never_the_same_sentence_twice(service: Service) -> None:
    texts = [
        turn.take(service, said(text, key=f"m:{n}")).replies[0].text
        for n, text in enumerate(["唔姆呀呀", "咕噜咕噜巴", "叽哩呱啦啦"])
    ]
    assert all(before != after for before, after in itertools.pairwise(texts))


def test_long_answers_overflow_into_the_outbox(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._handlers, "greet", lambda t: Reply(text="问" * 2000))
    taken = turn.take(service, said("你好", key="m:1"))
    assert taken.posted
    with read(service.engine) as conn:
        rows = conn.execute(select(Outgoing.__table__)).all()
    assert [row.state for row in rows] == ["pending"] * 3
    turn.take(service, said("你好", key="m:1"))
    assert count(service, Outgoing) == 3


def test_a_late_turn_sends_everything_through_the_outbox_once(service: Service) -> None:
    turn.take(service, said("居住证怎么签注", key="m:1"), late=True)
    turn.take(service, said("居住证怎么签注", key="m:1"), late=True)
    assert count(service, Outgoing) == 1
    turn.take(service, said("你好", key="m:2"))
    assert count(service, Outgoing) == 1
    turn.take(service, said("你好", key="m:2"), late=True)
    turn.take(service, said("你好", key="m:2"), late=True)
    assert count(service, Outgoing) == 2


def test_unfollowing_marks_the_person_for_erasure_and_returning_clears_it(service: Service) -> None:
    taken = turn.take(service, said("你好", key="m:1"))
    assert turn.take(service, happened("unsubscribe", key="e:1")).replies == ()
    with read(service.engine) as conn:
        row = people.get(conn, taken.person_id)
        assert not row.following and row.erase_at is not None
    back = turn.take(service, happened("subscribe", key="e:2"))
    assert back.replies[0].choices
    with read(service.engine) as conn:
        row = people.get(conn, back.person_id)
        assert row.following and row.erase_at is None


@pytest.mark.parametrize("kind", ["image", "voice", "video", "shortvideo", "location", "link"])
def test_what_has_no_words_gets_an_answer(service: Service, kind: str) -> None:
    inbound = replace(said("", key="m:1"), kind=kind, media="media-1")
    assert turn.take(service, inbound).replies[0].text


@pytest.mark.parametrize(
    "text",
    ["😭", "\x00\x01居住证", "\u202e证住居", "签注" * 4000, " ", "\ud800签注", "{}", "<xml>", "1" * 30, "' OR 1=1 --"],
    ids=["emoji", "nul", "rtl", "long", "blank", "surrogate", "json", "xml", "digits", "sql"],
)
def test_odd_texts_are_answered_and_stored(service: Service, text: str) -> None:
    taken = turn.take(service, said(text))
    assert taken.replies
    assert count(service, Message) == 2


def test_two_senders_cannot_spend_the_same_quota(service: Service) -> None:
    taken = turn.take(service, said("你好", key="m:1"))

    def spend() -> str | None:
        with write(service.engine) as conn:
            return people.spend(conn, taken.person_id, clock.now())

    with ThreadPoolExecutor(8) as pool:
        spent = [job.result() for job in [pool.submit(spend) for _ in range(12)]]
    assert sum(window is not None for window in spent) == 5
    with read(service.engine) as conn:
        assert people.left(conn, taken.person_id, clock.now()).left == 0


def test_a_window_ends_after_48_hours(service: Service) -> None:
    with clock.frozen(NOW):
        taken = turn.take(service, said("你好", key="m:1"))
    with write(service.engine) as conn:
        assert people.spend(conn, taken.person_id, NOW + timedelta(hours=47)) == "message"
        assert people.spend(conn, taken.person_id, NOW + timedelta(hours=49)) is None


def test_two_hundred_claims_of_one_handoff_have_one_winner(service: Service) -> None:
    taken = turn.take(service, said("转人工", key="m:1"))
    from records import staff

    with write(service.engine) as conn:
        workers = [staff.create(conn, f"s{n}", "甲", "officer", "x", clock.now()) for n in range(200)]
        handoff = handoffs.open_of(conn, taken.person_id)

    def claim(worker: int) -> bool:
        with write(service.engine) as conn:
            return handoffs.claim(conn, handoff.id, worker, clock.now())

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, workers)) == 1


def test_the_outbox_claims_each_row_once_and_in_order(service: Service) -> None:
    taken = turn.take(service, said("你好", key="m:1"))
    with write(service.engine) as conn:
        outbox.put(conn, taken.person_id, "wechat", [{"n": 1}, {"n": 2}], key="a", at=NOW)
    with write(service.engine) as conn:
        held = outbox.claim(conn, clock.now())
    assert [row.payload for row in held] == [{"n": 1}]
    with write(service.engine) as conn:
        assert outbox.claim(conn, clock.now()) == []
        outbox.settle(conn, held[0].id, "delivered", clock.now())
    with write(service.engine) as conn:
        assert [row.payload for row in outbox.claim(conn, clock.now())] == [{"n": 2}]


def test_a_held_row_of_a_dead_sender_comes_back(service: Service) -> None:
    taken = turn.take(service, said("你好", key="m:1"))
    with write(service.engine) as conn:
        outbox.put(conn, taken.person_id, "wechat", [{"n": 1}], key="a", at=clock.now())
    with write(service.engine) as conn:
        assert outbox.claim(conn, clock.now())
    with write(service.engine) as conn:
        later = clock.now() + outbox.LEASE + timedelta(seconds=1)
        assert [row.attempts for row in outbox.claim(conn, later)] == [1]
    assert count(service, Person) == 1


def test_a_fault_of_ours_still_answers_and_hands_over(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Reply:
        raise ZeroDivisionError

    monkeypatch.setitem(registry._handlers, "greet", broken)
    taken = turn.take(service, said("你好"))
    assert "工作人员" in taken.replies[0].text
    assert count(service, Message) == 2
    assert count(service, Handoff) == 1
