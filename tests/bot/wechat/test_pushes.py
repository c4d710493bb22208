"""What somebody asked to be told reaches him when no window is open: one consent is one message, and no means no."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

import clock
from bot.sandbox.driver import Phone
from bot.sandbox.platform import TEMPLATES
from bot.sandbox.platform import Platform as Sandbox
from bot.wechat import delivery, pushes
from jobs.delivery import deliver_due, sweep
from records import people, privacy, push_consents, reminders, subscriptions
from records.base import read, write
from records.outbox import Outgoing

from .conftest import NOW, Stage

NOTICE, REMINDER, _ = TEMPLATES
LATER = NOW + timedelta(days=3)
WORDS = "提醒您：今天可以办“居住证签注”了。要带什么、在哪里办，直接问我。"


@dataclass
class Follower:
    """Somebody who follows the account, with his phone."""

    stage: Stage
    phone: Phone
    id: int

    def consents(self) -> dict[str, int]:
        with read(self.stage.service.engine) as conn:
            return {row.template: row.remaining for row in push_consents.of_person(conn, self.id)}

    def reminded(self, at: datetime, due: datetime | None = None) -> list[Any]:
        """A reminder falls due; what the worker then makes of it. Returns the outbox's states, oldest first."""
        with write(self.stage.service.engine) as conn:
            reminders.add(conn, self.id, WORDS, due or at, NOW)
            reminders.send_due(conn, at)
        return self.worked()

    def worked(self) -> list[Any]:
        service = self.stage.service
        deliver_due(service.engine, {"wechat": lambda person, payload: delivery.send(service, person, payload)})
        return self.rows()

    def rows(self) -> list[Any]:
        with read(self.stage.service.engine) as conn:
            return list(conn.execute(select(Outgoing.state).order_by(Outgoing.id)).scalars())

    def settled(self) -> list[Any]:
        """The states once the platform has said what became of its push."""
        for _ in range(100):
            sweep(self.stage.service.engine)
            if "accepted" not in self.rows():
                break
            time.sleep(0.05)
        return self.rows()

    def cards(self) -> list[dict[str, Any]]:
        return [entry for entry in self.stage.screen() if entry.get("via") == "subscribe"]


@pytest.fixture
def follower(city: Sandbox, stage: Stage) -> Iterator[Follower]:
    with clock.frozen(NOW):
        stage.platform.callback = city.callback  # so that the API's side can tell what became of a push
        phone = Phone(city, "1")
        phone.follow()
        with read(stage.service.engine) as conn:
            person = people.find(conn, "wechat", city.openid("1"))
        yield Follower(stage, phone, person.id)


def test_a_yes_brings_one_reminder_outside_the_window_and_the_second_waits(follower: Follower) -> None:
    follower.phone.do("consent", template=REMINDER, accept=True)
    assert follower.consents() == {REMINDER: 1}
    with clock.frozen(LATER):
        follower.reminded(LATER)
        assert follower.settled() == ["delivered"]
        (card,) = follower.cards()
        assert [value for _, value in card["fields"]] == [
            "您要的提醒",
            "2026年11月25日",
            "提醒您：今天可以办“居住证签注”了。要…",
        ]
        assert card["url"] == "http://city.test/me"
        assert follower.consents() == {}
        after = LATER + timedelta(minutes=1)
    with clock.frozen(after):
        assert follower.reminded(after) == ["delivered", "waiting"]
        assert len(follower.cards()) == 1
        assert follower.stage.calls("message/subscribe/bizsend") == 1


def test_a_later_yes_lets_go_what_waits(follower: Follower) -> None:
    with clock.frozen(LATER):
        assert follower.reminded(LATER) == ["waiting"]
        follower.phone.do("consent", template=REMINDER, accept=True)
        follower.worked()
        assert follower.settled() == ["delivered"]
        assert len(follower.cards()) == 1


def test_inside_the_window_it_is_a_customer_message_and_the_consent_stays(follower: Follower) -> None:
    follower.phone.do("consent", template=REMINDER, accept=True)
    follower.phone.say("您好")
    assert follower.reminded(NOW) == ["delivered"]
    assert follower.stage.screen()[-1]["via"] == "custom" and follower.cards() == []
    assert follower.consents() == {REMINDER: 1}


def test_where_the_platform_says_that_the_window_is_over_the_consent_is_used(follower: Follower) -> None:
    follower.phone.do("consent", template=REMINDER, accept=True)
    follower.phone.say("您好")
    follower.phone.do("quota", state="closed")
    follower.reminded(NOW)
    assert follower.settled() == ["delivered"]
    assert len(follower.cards()) == 1 and follower.consents() == {}


@pytest.mark.parametrize("no", [("refuse-pushes", {}), ("consent", {"accept": False})])
def test_after_a_no_nothing_is_sent(follower: Follower, no: tuple[str, dict[str, Any]]) -> None:
    for _ in range(2):
        follower.phone.do("consent", template=REMINDER, accept=True)
        clock_on = clock.now() + timedelta(seconds=1)
    with clock.frozen(clock_on):
        follower.phone.do(no[0], template=REMINDER, **no[1])
    assert follower.consents() == {}
    with clock.frozen(LATER):
        assert follower.reminded(LATER) == ["waiting"]
    assert follower.stage.calls("message/subscribe/bizsend") == 0


def test_a_no_to_one_template_leaves_the_other(follower: Follower) -> None:
    follower.phone.do("consent", template=REMINDER, accept=True)
    with clock.frozen(NOW + timedelta(seconds=1)):
        follower.phone.do("consent", template=NOTICE, accept=True)
    follower.phone.do("refuse-pushes", template=REMINDER)
    assert follower.consents() == {NOTICE: 1}


def test_a_wish_is_told_by_its_own_template(follower: Follower) -> None:
    follower.phone.do("consent", template=NOTICE, accept=True)
    with write(follower.stage.service.engine) as conn:
        subscriptions.add(conn, follower.id, "points_apply", "haishu", NOW)
    with clock.frozen(LATER):
        with write(follower.stage.service.engine) as conn:
            regions = frozenset({"haishu"})
            told = ("points_apply", regions, "积分申评开放了", "今年的积分申评从今天开始。", "/services")
            assert subscriptions.tell(conn, *told, LATER) == 1
        follower.worked()
        assert follower.settled() == ["delivered"]
    (card,) = follower.cards()
    assert [value for _, value in card["fields"]] == ["积分申评开放了", "有新消息", "2026年11月25日 10:00"]
    assert card["url"] == "http://city.test/services"


def test_when_the_platform_knows_of_no_consent_we_believe_it_and_wait(follower: Follower) -> None:
    with write(follower.stage.service.engine) as conn:
        for _ in range(3):
            push_consents.give(conn, follower.id, REMINDER, NOW)
    with clock.frozen(LATER):
        assert follower.reminded(LATER) == ["waiting"]
    assert follower.stage.calls("message/subscribe/bizsend") == 1
    assert follower.consents() == {}


def test_what_the_platform_did_not_send_is_not_spent(follower: Follower) -> None:
    follower.phone.do("consent", template=REMINDER, accept=True)
    follower.stage.rule("message/subscribe/bizsend", "errcode", errcode=45009)
    with clock.frozen(LATER):
        assert follower.reminded(LATER) == ["pending"]
    assert follower.consents() == {REMINDER: 1}


def test_only_what_was_asked_for_goes_this_way(follower: Follower) -> None:
    follower.phone.do("consent", template=REMINDER, accept=True)
    with clock.frozen(LATER), read(follower.stage.service.engine) as conn:
        person = people.get(conn, follower.id)
    with clock.frozen(LATER):
        said = delivery.send(follower.stage.service, person, {"kind": "text", "text": "您好"})
    assert said.action == "wait" and follower.consents() == {REMINDER: 1}


def test_senders_at_once_never_spend_one_consent_twice(follower: Follower) -> None:
    engine = follower.stage.service.engine
    with write(engine) as conn:
        for _ in range(3):
            push_consents.give(conn, follower.id, REMINDER, NOW)

    def spend(_: int) -> bool:
        with write(engine) as conn:
            return push_consents.spend(conn, follower.id, REMINDER, NOW)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(spend, range(8))) == [False] * 5 + [True] * 3


def test_consents_are_exported_and_go_with_the_person(follower: Follower) -> None:
    follower.phone.do("consent", template=REMINDER, accept=True)
    with read(follower.stage.service.engine) as conn:
        (kept,) = privacy.export_of(conn, follower.id)["others"]["push_consents"]
    assert (kept["template"], kept["remaining"]) == (REMINDER, 1)
    follower.phone.unfollow()
    with write(follower.stage.service.engine) as conn:
        privacy.erase_due(conn, NOW)
    assert follower.consents() == {}


def test_outside_a_rehearsal_only_templates_that_were_set_are_used(settings) -> None:
    payload = {"kind": "text", "text": WORDS, "about": "reminder", "at": NOW.isoformat()}
    city = replace(settings, app_mode="production")
    assert pushes.instead(city, payload) is None
    chosen = replace(city, template_reminder="chosen")
    assert (pushes.instead(chosen, payload) or {})["template_id"] == "chosen"
    assert pushes.instead(replace(chosen, account_kind="subscription"), payload) is None
