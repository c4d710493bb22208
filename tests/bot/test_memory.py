"""A stored form that can't be read makes one apology, not one for every turn until it is swept away."""

import logging
from typing import Any

import pytest
from sqlalchemy import update

from bot import turn
from bot.asking import Progress
from bot.memory import recalled
from bot.service import Service
from bot.state import State
from knowledge_base import Knowledge
from records import people
from records.base import read, write
from records.people import Person
from tests.bot.dialogues import NOW
from tests.bot.test_turn import said

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

BROKEN = [
    ["no_such_form"],
    ["wage_claim", "filled", [], "months", 0],
    ["wage_claim", [["employer"]], [], "place", 0],
    ["wage_claim", [["employer", 7]], [], "place", 0],
    ["wage_claim", [], [], "place", "many"],
    ["wage_claim", [], None, "place", 0],
    ["wage_claim", [], [], 3, 0],
    ["wage_claim", [], [], "place", 0, "more", "still more"],
    ["no_such_form", [], [], "x", 0],
    [None, [], [], "x", 0],
    [["wage_claim"], [], [], "x", 0],
]


def stored(service: Service, state: dict[str, Any]) -> None:
    """Somebody who has talked, and then this in his row."""
    turn.take(service, said("你好", key="m:0"))
    with write(service.engine) as conn:
        person = people.find(conn, "wechat", "o-anna")
        kept = State.unpacked(person.state, NOW).packed() | state
        conn.execute(update(Person).where(Person.id == person.id).values(state=kept))


def form_of(service: Service) -> Any:
    with read(service.engine) as conn:
        return (people.find(conn, "wechat", "o-anna").state or {}).get("form")


@ONE
@pytest.mark.parametrize("form", BROKEN, ids=[str(form)[:40] for form in BROKEN])
def test_it_is_dropped_at_once_with_one_apology_and_a_line_in_the_log(
    service: Service, form: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    stored(service, {"form": form})
    with caplog.at_level(logging.ERROR):
        first = turn.take(service, said("居住证快到期了怎么办签注", key="m:1"))
    assert first.replies[0].text.startswith("对不起，您没填完的") and "什么都没有提交" in first.replies[0].text
    assert first.handler == "permit_renewal" and not first.escalated, "and the question is answered"
    assert "it is dropped" in caplog.text and not form_of(service)
    second = turn.take(service, said("要带什么", key="m:2"))
    assert "对不起" not in second.replies[0].text and second.handler == "permit_renewal"


@ONE
@pytest.mark.parametrize(
    "row", [{"offered": 3}, {"known": ["x"]}, {"at": "yesterday"}, {"warned_at": []}, {"form": 5}, {"parked": 5}]
)
def test_a_state_that_makes_no_sense_is_forgotten(service: Service, row: dict[str, Any]) -> None:
    stored(service, row)
    assert turn.take(service, said("居住证快到期了怎么办签注", key="m:1")).handler == "permit_renewal"


@ONE
def test_in_danger_nothing_is_said_of_it(service: Service) -> None:
    stored(service, {"form": BROKEN[0]})
    taken = turn.take(service, said("我不想活了", key="m:1"))
    assert "12356" in taken.replies[0].text and "没填完" not in taken.replies[0].text


def test_a_question_that_a_newer_file_no_longer_asks_costs_only_its_own_answer(knowledge: Knowledge) -> None:
    old = Progress("wage_claim", (("employer", "宏大厂"), ("gone", "x")), ("also_gone",), "gone", 1)
    state, lost = recalled({"form": old.packed(), "at": NOW.timestamp()}, NOW, knowledge)
    kept = Progress.unpacked(state.form)
    assert lost is None and kept.filled == (("employer", "宏大厂"),) and (kept.skipped, kept.asking) == ((), "")


def test_what_is_whole_stays_as_it_is(knowledge: Knowledge) -> None:
    for asking in ("place", "phone#middle", "confirm", "resume", ""):
        form = Progress("wage_claim", (("employer", "宏大厂"),), ("people",), asking, 1).packed()
        state, lost = recalled({"form": form, "at": NOW.timestamp()}, NOW, knowledge)
        assert (state.form, lost) == (form, None)


@ONE
def test_a_broken_form_that_was_put_aside_is_not_offered(service: Service) -> None:
    stored(service, {"parked": BROKEN})
    taken = turn.take(service, said("接着填", key="m:1"))
    assert "出了点问题" not in taken.replies[0].text and not form_of(service)
