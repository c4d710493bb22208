"""A chat goes back to its queue by one statement: whoever took it over in that very moment keeps it."""

import threading
from datetime import timedelta
from typing import Any

import pytest

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from records import handoffs, queues, staff
from records.base import read, write
from tests.plain import understander  # noqa: F401 - a fixture


@pytest.fixture
def desk(service: Service) -> list[int]:
    """Two members of staff."""
    with write(service.engine) as conn:
        return [staff.create(conn, f"desk-{n}", "员工", "officer", "-", clock.now()) for n in (1, 2)]


@pytest.fixture
def claimed(service: Service, desk: list[int]) -> int:
    """A chat that the first of them has claimed."""
    said = Inbound("wechat", "oQueue", "m:1", "text", clock.now(), text="转人工", window="message")
    person = turn.take(service, said).person_id
    with write(service.engine) as conn:
        row = handoffs.open_of(conn, person)
        assert row is not None and handoffs.claim(conn, row.id, desk[0], clock.now())
    return int(row.id)


def chat_of(service: Service, handoff_id: int) -> Any:
    with read(service.engine) as conn:
        return handoffs.get(conn, handoff_id)


def test_a_chat_goes_back_once_and_says_in_whose_hands_it_was(service: Service, desk: list[int], claimed: int) -> None:
    chat = chat_of(service, claimed)
    for expected in (True, False):
        with write(service.engine) as conn:
            assert queues.put_back(conn, chat, "unanswered", clock.now()) is expected
    assert chat_of(service, claimed).state == "waiting"
    with read(service.engine) as conn:
        assert [(step.actor, step.action) for step in handoffs.history(conn, claimed)][-1] == (f"staff:{desk[0]}", "unanswered")  # fmt: skip


def test_whoever_takes_a_chat_over_in_that_moment_keeps_it(service: Service, desk: list[int], claimed: int) -> None:
    """The sweep has looked at the chat; a colleague's taking over isn't committed yet when it moves."""
    chat, later = chat_of(service, claimed), clock.now() + timedelta(seconds=5)
    done: list[bool] = []

    def sweep() -> None:
        with write(service.engine) as conn:
            done.append(queues.put_back(conn, chat, "unanswered", clock.now()))

    with write(service.engine) as conn:
        handoffs.pass_to(conn, claimed, desk[1], later)
        sweeping = threading.Thread(target=sweep)
        sweeping.start()
        sweeping.join(0.5)  # it waits for the row, or on SQLite for its turn
        assert done == []
    sweeping.join(5)
    assert done == [False]
    now = chat_of(service, claimed)
    assert (now.state, now.claimed_by) == ("claimed", desk[1])


def test_a_new_claim_by_the_same_person_is_not_the_old_one(service: Service, desk: list[int], claimed: int) -> None:
    chat = chat_of(service, claimed)
    with write(service.engine) as conn:
        handoffs.pass_to(conn, claimed, desk[0], clock.now() + timedelta(seconds=5))
        assert not queues.put_back(conn, chat, "offshift", clock.now())
