"""A phone of the stand-in platform and our callback, over real HTTP, in every mode the console offers."""

import threading
from dataclasses import replace

import pytest

from bot.sandbox.driver import Phone
from bot.sandbox.platform import Platform as Sandbox
from jobs.delivery import deliver_due

from .conftest import Stage


@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
def test_a_phone_follows_asks_and_is_answered_in_every_mode(city: Sandbox, mode: str) -> None:
    city.switch(mode=mode)
    phone = Phone(city, "1")
    assert "回复数字" in phone.follow()[-1]["text"]
    assert phone.say("您好")[-1]["text"]
    assert phone.say("🈶 ]]> <b>\n  你好  ")[-1]["text"]


def test_an_answer_lost_on_the_way_comes_again_and_is_shown_once(city: Sandbox) -> None:
    phone = Phone(city, "1")
    phone.follow()
    city.switch(lost_answers=2)
    assert [entry["who"] for entry in phone.say("您好")] == ["account"]


def test_a_late_answer_reaches_the_phone_by_customer_message(city: Sandbox, stage: Stage, monkeypatch) -> None:
    from bot import turn
    from bot.wechat import delivery, spool

    phone = Phone(city, "1")
    phone.follow()
    service = stage.service
    service.settings = replace(service.settings, reply_budget=0.1)
    go, really = threading.Event(), turn.take

    def slow(*args, **kwargs):
        go.wait(10)
        return really(*args, **kwargs)

    monkeypatch.setattr(turn, "take", slow)
    assert phone.say("您好") == []
    go.set()
    spool.replay(service)
    deliver_due(service.engine, {"wechat": lambda person, payload: delivery.send(service, person, payload)})
    shown = [entry for entry in city.store.since("chat:1", 0) if entry.get("via") == "custom"]
    assert len(shown) == 1
