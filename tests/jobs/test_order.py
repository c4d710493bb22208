"""What one person gets comes in the order it was written, whatever was late, cut in two, or waited."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from bot.wechat import replies
from bot.wechat.delivery import Outcome
from jobs import delivery
from records import outbox, people
from records.base import read, write
from records.outbox import Outgoing

NOW = clock.now().replace(microsecond=0)
SENDER = "oOrder0000000000000000000000"


def said(number: int, text: str = "居住证快到期了怎么签注") -> Inbound:
    return Inbound("wechat", SENDER, f"m:{number}", "text", NOW, text=text, window="message")


def person_of(service: Service) -> int:
    with read(service.engine) as conn:
        return int(people.find(conn, "wechat", SENDER).id)


def sent(service: Service, at: Any, act: Callable[[Any, Any], Outcome] | None = None) -> list[str]:
    """What the worker sends at a moment, in its order."""
    screen: list[str] = []

    def send(person: Any, payload: Any) -> Outcome:
        screen.append(payload["text"])
        return act(person, payload) if act else Outcome("delivered")

    with clock.frozen(at):
        while delivery.deliver_due(service.engine, {"wechat": send}):
            pass
    return screen


def put(service: Service, *texts: str, key: str, at: Any = NOW) -> None:
    with write(service.engine) as conn:
        outbox.put(conn, person_of(service), "wechat", [{"kind": "text", "text": t} for t in texts], key=key, at=at)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers too long for one message."""
    monkeypatch.setattr(replies, "LIMIT", 200)


def test_the_rest_of_an_answer_waits_for_its_beginning(service: Service, cut: None) -> None:
    with clock.frozen(NOW):
        turn.take(service, said(1))
    assert sent(service, NOW + timedelta(seconds=1)) == []
    assert sent(service, NOW + outbox.BEHIND)


def test_a_late_beginning_still_goes_before_the_rest(service: Service, cut: None) -> None:
    with clock.frozen(NOW):
        whole, rest = replies.first_and_rest(service.settings, turn.take(service, said(1)).replies)
        assert rest, "the answer must be too long for this test"
    with clock.frozen(NOW + timedelta(seconds=1)):
        turn.take(service, said(1), late=True)
        turn.take(service, said(1), late=True)  # the spool's replay after the late thread
    assert sent(service, NOW + timedelta(seconds=9)) == [whole, *(one["text"] for one in rest)]


def test_a_late_answer_goes_before_what_was_written_since(service: Service, cut: None) -> None:
    with clock.frozen(NOW):
        first, _ = replies.first_and_rest(service.settings, turn.take(service, said(1)).replies)
    with clock.frozen(NOW + timedelta(seconds=1)):
        _, later = replies.first_and_rest(service.settings, turn.take(service, said(2, "孩子上小学怎么报名")).replies)
        put(service, "工作人员的话", key="staff-1", at=clock.now())
    with clock.frozen(NOW + timedelta(seconds=2)):
        turn.take(service, said(1), late=True)
    screen = sent(service, NOW + timedelta(seconds=9))
    assert screen[0] == first and screen[-1] == "工作人员的话"
    assert screen[-1 - len(later) : -1] == [one["text"] for one in later]


def test_a_row_that_is_tried_again_holds_back_the_later_ones(service: Service) -> None:
    turn.take(service, said(1))
    put(service, "一", "二", key="a")
    put(service, "三", key="b")
    assert sent(service, NOW, lambda *_: Outcome("retry", -1)) == ["一"]
    assert sent(service, NOW + timedelta(seconds=2)) == []
    assert sent(service, NOW + timedelta(seconds=40)) == ["一", "二", "三"]


def test_what_waited_for_a_contact_goes_before_what_is_new(service: Service) -> None:
    with clock.frozen(NOW):
        turn.take(service, said(1))
    put(service, "旧", key="a")
    with write(service.engine) as conn:
        people.exhaust(conn, person_of(service))
    assert sent(service, NOW, lambda *_: Outcome("wait")) == ["旧"]
    with clock.frozen(NOW + timedelta(hours=1)):
        turn.take(service, said(2))
        put(service, "新", key="b", at=clock.now())
    assert sent(service, NOW + timedelta(hours=1, seconds=10))[:2] == ["旧", "新"]


def states(service: Service) -> dict[str, tuple[str, str | None]]:
    with read(service.engine) as conn:
        return {row.key: (row.state, row.error) for row in conn.execute(select(Outgoing.__table__))}


@pytest.mark.parametrize("early", [False, True], ids=["after the row", "before the row"])
def test_the_platforms_later_word_ends_a_push(service: Service, early: bool) -> None:
    turn.take(service, said(1))
    pushes = {"1001": "delivered", "1002": "refused", "1003": "failed"}
    for number in pushes:
        put(service, number, key=f"push-{number}")

    def hear() -> None:
        for number, state in pushes.items():
            with write(service.engine) as conn:
                outbox.hear(conn, number, state, None if state == "delivered" else state, NOW)

    if early:  # the platform is quicker than our commit
        hear()
    sent(service, NOW, lambda _, payload: Outcome("accepted", 0, "", payload["text"]))
    assert {state for state, _ in states(service).values()} == {"accepted"}
    if not early:
        hear()
    with clock.frozen(NOW):
        for _ in range(2):
            delivery.sweep(service.engine)
    hear()  # told twice
    assert {key: state for key, (state, _) in states(service).items()} == {
        f"push-{number}:0": state for number, state in pushes.items()
    }


def test_a_word_about_nothing_of_ours_is_forgotten(service: Service) -> None:
    with write(service.engine) as conn:
        assert not outbox.hear(conn, "77", "failed", "failed:system failed", NOW)
        assert not outbox.hear(conn, "77", "failed", "failed:system failed", NOW)
    with clock.frozen(NOW + timedelta(days=2)):
        delivery.sweep(service.engine)
    with read(service.engine) as conn:
        assert conn.execute(select(outbox.PushReport.__table__)).all() == []
