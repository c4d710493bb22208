"""What a turn costs the database and Redis: a number of round trips that noise can't change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import redis

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Remembering, Service


def inbound(number: int, text: str = "居住证怎么办", sender: str = "o-one") -> Inbound:
    return Inbound("wechat", sender, f"m:{number}", "text", clock.now(), text=text, window="message")


@contextmanager
def statements(service: Service) -> Iterator[list[str]]:
    """Every statement that goes to the database meanwhile, the transaction's own among them."""
    seen: list[str] = []
    with service.engine.connect() as conn:
        raw: Any = conn.connection.driver_connection
        if service.engine.dialect.name == "sqlite":
            raw.set_trace_callback(lambda sql: _noted(seen, sql))
            conn.rollback()
        else:
            raw.cursor_factory = _counting(seen)
    seen.clear()
    yield seen
    if service.engine.dialect.name == "postgresql":
        seen += ["BEGIN", "COMMIT"]  # the driver says these without a cursor


def _noted(seen: list[str], sql: str) -> None:
    word = sql.split(maxsplit=1)[0].upper()
    if word != "PRAGMA":  # how long to wait for the lock: a setting of the connection, nothing is read or written
        seen.append(word)


def _counting(seen: list[str]) -> type[psycopg.Cursor[Any]]:
    class Counting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> "Counting":
            seen.append(str(query).split(maxsplit=1)[0].upper())
            return super().execute(query, *args, **kwargs)

    return Counting


def test_a_turn_takes_few_statements(service: Service) -> None:
    turn.take(service, inbound(1))
    service.switches.current()
    with statements(service) as seen:
        turn.take(service, inbound(2, "要带什么材料"))
    # PostgreSQL: begin, look and lock, one statement that stores both messages and the memory, commit.
    assert len(seen) <= (4 if service.engine.dialect.name == "postgresql" else 5), seen


def test_a_new_persons_first_turn_takes_two_more(service: Service) -> None:
    turn.take(service, inbound(1))
    with statements(service) as seen:
        turn.take(service, inbound(2, sender="o-two"))
    assert len(seen) <= (5 if service.engine.dialect.name == "postgresql" else 6), seen


def test_a_repeated_push_stores_nothing(service: Service) -> None:
    first = turn.take(service, inbound(1))
    with statements(service) as seen:
        again = turn.take(service, inbound(1))
    assert again.duplicate and [reply.text for reply in again.replies] == [reply.text for reply in first.replies]
    assert not {"INSERT", "UPDATE", "WITH", "DELETE"} & set(seen), seen


def test_an_answered_question_asks_nothing_of_redis(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    turn.take(service, inbound(1))
    asked: list[Any] = []
    send = redis.connection.AbstractConnection.send_packed_command

    def counted(self: Any, command: Any, check_health: bool = True) -> Any:
        asked.append(command)
        return send(self, command, check_health)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", counted)
    taken = turn.take(service, inbound(2, "要带什么材料"))
    assert taken.replies and not taken.escalated
    assert asked == []


class Counting:
    """An understander that counts how often it is asked."""

    def __init__(self, behind: Any) -> None:
        self.behind, self.asked = behind, 0

    def understand(self, text: str, now: Any) -> Any:
        self.asked += 1
        return self.behind.understand(text, now)


def test_only_messages_that_tell_nothing_of_anybody_are_kept_in_mind(service: Service) -> None:
    counting = Counting(service.understander)
    remembering = Remembering(counting)
    for text in (
        "居住证怎么办",
        "我的号码是13800001111",
        "我明天去办居住证行吗",
        "我想问一下居住证要怎么办才行啊，我们厂里的人都说不清楚，谢谢你们",
    ):
        first, second = (remembering.understand(text, clock.now()) for _ in range(2))
        assert first == second
    assert counting.asked == 1 + 2 + 2 + 2
