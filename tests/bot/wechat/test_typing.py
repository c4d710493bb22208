"""Somebody on WeChat sees that he is being written to; it costs nothing and nothing rests on it."""

import redis

from bot.wechat import typing
from records import typing_marks

from .conftest import Stage


def test_the_platform_is_told_once_and_no_message_is_spent(stage: Stage) -> None:
    person = stage.follower()
    assert typing_marks.ask_to_push(stage.service.redis, person.id)
    assert not typing_marks.ask_to_push(stage.service.redis, person.id)  # once in ten seconds
    assert [typing.push(stage.service), typing.push(stage.service)] == [1, 0]
    assert stage.calls("custom/typing") == 1


def test_nobody_without_an_open_window_is_asked_for(stage: Stage) -> None:
    person = stage.follower(window="")
    typing_marks.ask_to_push(stage.service.redis, person.id)
    assert typing.push(stage.service) == 0
    assert stage.calls("custom/typing") == 0


def test_without_redis_nobody_is_seen_typing_and_nothing_breaks() -> None:
    away = redis.Redis(port=1, socket_connect_timeout=0.05)
    assert not typing_marks.mark(away, "staff", 1) and not typing_marks.seen(away, "staff", 1)
    assert not typing_marks.ask_to_push(away, 1) and typing_marks.to_push(away) == []
