"""Whatever holds a turn up, the platform hears from us in time, nothing is lost, and nothing is said twice."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

import clock
from bot import turn
from bot.message import Inbound
from bot.wechat import budget, spool, wire
from records import conversations, people
from records.base import Busy, read
from records.outbox import Outgoing

from .conftest import NOW, OPENID, Platform, message, no_redis


@contextmanager
def locked(service) -> Iterator[None]:
    """Somebody else holds the database: nothing can be written."""
    other = sqlite3.connect(service.settings.data_dir / "city.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def transcript(service) -> list[str]:
    with read(service.engine) as conn:
        person = people.find(conn, "wechat", OPENID)
        return [row.author for row in conversations.transcript(conn, person.id)] if person else []


def outbox_rows(service) -> list[dict]:
    with read(service.engine) as conn:
        return [row.payload for row in conn.execute(select(Outgoing.payload).order_by(Outgoing.id))]


@pytest.fixture
def hurried(service):
    """A service that gives a turn 300 ms."""
    service.settings = replace(service.settings, reply_budget=0.3)
    return service


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch):
    """Turns wait for the returned event."""
    go = threading.Event()
    really = turn.take

    def take(service, inbound, *, late=False):
        go.wait(10)
        return really(service, inbound, late=late)

    monkeypatch.setattr(turn, "take", take)
    return go


def until(true, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


def test_a_locked_database_gets_an_acknowledgement_and_the_answer_later_once(hurried, platform: Platform) -> None:
    with locked(hurried):
        started = time.monotonic()
        response = platform.post(message(Content="您好"))
        assert time.monotonic() - started < 3  # the database alone would have made it wait 3.5 s
        assert (response.status_code, response.data) == (200, b"")
        assert spool.waiting(hurried.settings) == 1
        assert transcript(hurried) == []
    assert until(lambda: spool.replay(hurried).left == 0, 10)
    spool.replay(hurried)
    assert transcript(hurried) == ["person", "bot"]
    assert len(outbox_rows(hurried)) == 1


def test_a_late_turn_delivers_by_itself_as_soon_as_it_is_done(hurried, platform: Platform, slow) -> None:
    response = platform.post(message(Content="您好"))
    assert (response.status_code, response.data) == (200, b"")
    assert spool.waiting(hurried.settings) == 1
    slow.set()
    assert until(lambda: spool.waiting(hurried.settings) == 0)
    assert transcript(hurried) == ["person", "bot"]
    assert len(outbox_rows(hurried)) == 1


def test_a_late_thread_and_a_replay_together_say_it_once(hurried, platform: Platform, slow) -> None:
    platform.post(message(Content="您好"))
    slow.set()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: spool.replay(hurried), range(4)))
    assert until(lambda: spool.waiting(hurried.settings) == 0)
    assert until(lambda: len(outbox_rows(hurried)) == 1)
    assert transcript(hurried) == ["person", "bot"]


def test_a_turn_in_time_leaves_nothing_in_spool_or_outbox(service, platform: Platform) -> None:
    assert platform.post(message(Content="您好")).data
    assert spool.waiting(service.settings) == 0
    assert outbox_rows(service) == []


def test_the_same_push_three_times_at_once_is_one_turn_with_one_answer(service, platform: Platform) -> None:
    queries = [platform.query() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda query: platform.post(message(Content="您好"), query), queries))
    said = {wire.read(answer.data)["Content"] for answer in answers}
    assert len(said) == 1
    assert said != {""}
    assert transcript(service) == ["person", "bot"]


def test_three_late_pushes_of_one_message_are_kept_once(hurried, platform: Platform) -> None:
    with locked(hurried):
        for _ in range(3):
            assert platform.post(message(Content="您好")).data == b""
        assert spool.waiting(hurried.settings) == 1


def test_somebody_in_danger_gets_the_numbers_even_with_the_database_gone(hurried, platform: Platform) -> None:
    with locked(hurried):
        response = platform.post(message(Content="我不想活了"))
    assert response.status_code == 200
    for number in ("12356", "120", "110"):
        assert number in response.text
    assert spool.waiting(hurried.settings) == 1


def test_a_fault_of_ours_keeps_the_message_and_shows_no_page(
    service, platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args, **_kwargs):
        raise KeyError("秘密：我叫王小明")

    monkeypatch.setattr(turn, "take", broken)
    response = platform.post(message(Content="您好"))
    assert (response.status_code, response.data) == (200, b"")
    assert spool.waiting(service.settings) == 1
    assert "KeyError at test_budget.py" in caplog.text
    assert "秘密" not in caplog.text
    assert OPENID not in caplog.text


def test_a_message_that_fails_again_and_again_is_set_aside_and_the_others_go_on(
    service, platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    really = turn.take

    def picky(service, inbound, *, late=False):
        if inbound.text == "坏的":
            raise ValueError("bad")
        return really(service, inbound, late=late)

    monkeypatch.setattr(turn, "take", picky)
    spool.keep(service, inbound(text="坏的", key="m:1"))
    spool.keep(service, inbound(text="好的", key="m:2"))
    assert spool.replay(service).taken == 1
    spool.replay(service)
    assert spool.waiting(service.settings) == 1  # not at once again: it has its pauses
    for hours in range(spool.ATTEMPTS):
        with clock.frozen(NOW.replace(year=2027) + timedelta(hours=hours)):
            spool.replay(service)
    assert spool.waiting(service.settings) == 0
    assert spool.set_aside(service.settings) == 1
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)


def test_a_full_disk_and_a_locked_database_are_not_acknowledged(
    hurried, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "_write", full)
    with locked(hurried):
        assert platform.post(message(Content="您好")).status_code == 503
        danger = platform.post(message(Content="我不想活了", msg_id="2"))
    assert danger.status_code == 200
    assert "12356" in danger.text
    assert "已经收到" not in danger.text


def test_what_was_set_aside_can_be_queued_again(service, monkeypatch: pytest.MonkeyPatch) -> None:
    spool._set_aside(spool.keep(service, inbound()))
    app = Flask(__name__)
    app.extensions["service"] = service
    app.cli.add_command(spool.group)
    run = app.test_cli_runner().invoke
    assert "等待处理 0 条，处理不了 1 条" in run(args=["spool", "status"]).output
    assert "已重新排队 1 条" in run(args=["spool", "retry"]).output
    assert spool.replay(service).taken == 1
    assert transcript(service) == ["person", "bot"]


def test_an_outage_of_the_database_counts_as_nobody_s_failure(service, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spool.keep(service, inbound())

    def busy(*_args, **_kwargs):
        raise Busy("locked")

    monkeypatch.setattr(turn, "take", busy)
    for _ in range(spool.ATTEMPTS + 1):
        spool.replay(service)
    assert json.loads(path.read_text())["attempts"] == 0


def test_a_message_that_failed_once_keeps_its_place(service) -> None:
    first = spool.keep(service, inbound(key="m:1"))
    time.sleep(0.01)
    second = spool.keep(service, inbound(key="m:2"))
    time.sleep(0.01)
    spool._failed_once(first)
    assert spool._age(first) < spool._age(second)


def test_messages_in_their_pause_do_not_hold_up_the_others(service, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        spool._failed_once(spool.keep(service, inbound(key=f"m:{number}")))
    spool.keep(service, inbound(key="m:9"))
    assert spool.replay(service, limit=1).taken == 1


def test_what_is_spooled_can_be_read_only_with_the_key(service) -> None:
    path = spool.keep(service, inbound(text="我住在某某路8号"))
    raw = path.read_bytes()
    assert "某某路".encode() not in raw
    assert OPENID.encode() not in raw
    assert OPENID not in path.name
    assert path.stat().st_mode & 0o077 == 0


def test_a_spooled_message_comes_back_as_it_was(service, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Inbound] = []
    monkeypatch.setattr(turn, "take", lambda service, inbound, *, late=False: seen.append((inbound, late)))
    sent = inbound(
        key="m:spooled", kind="location", text="海曙区", detail={"latitude": "29.8"}, media="m", window="message"
    )
    spool.keep(service, sent)
    spool.replay(service)
    # A late thread of an earlier test may still call the same name.
    assert [taken for taken in seen if taken[0].key == "m:spooled"] == [(sent, True)]


def test_a_damaged_file_is_set_aside_not_retried_for_ever(service) -> None:
    path = spool.keep(service, inbound())
    path.write_text(path.read_text()[:-20] + '"}')
    assert spool.replay(service).left == 0
    assert spool.set_aside(service.settings) == 1


def test_spooled_messages_are_taken_in_the_order_they_came(service, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(turn, "take", lambda service, inbound, *, late=False: seen.append(inbound.text))
    for number in range(8):
        spool.keep(service, inbound(text=str(number), key=f"m:{number}"))
        time.sleep(0.002)
    spool.replay(service)
    assert seen == [str(number) for number in range(8)]


def test_with_redis_away_people_are_still_answered(service, platform: Platform) -> None:
    service.redis = no_redis()
    assert platform.post(message(Content="您好")).data
    assert platform.post_safe(message(Content="您好", msg_id="2")).data
    assert transcript(service) == ["person", "bot"] * 2


def test_when_every_thread_is_stuck_messages_are_kept(hurried, platform: Platform, slow) -> None:
    hurried.settings = replace(hurried.settings, reply_budget=0.1)
    count = hurried.settings.threads + 4 + 3
    for number in range(count):
        assert platform.post(message(Content="您好", msg_id=str(number))).status_code == 200
    assert spool.waiting(hurried.settings) == count
    slow.set()
    assert until(lambda: spool.replay(hurried).left == 0)
    assert transcript(hurried) == ["person", "bot"] * count


def test_a_long_answer_leaves_its_rest_in_the_outbox_before_it_goes(service, platform: Platform, monkeypatch) -> None:
    from bot.wechat import replies

    monkeypatch.setattr(replies, "LIMIT", 60)
    first = wire.read(platform.post(message(Content="您好")).data)["Content"]
    rest = outbox_rows(service)
    assert rest
    assert wire.read(platform.post(message(Content="您好")).data)["Content"] == first
    assert outbox_rows(service) == rest


def inbound(**fields) -> Inbound:
    with clock.frozen(NOW):
        base = {
            "channel": "wechat",
            "sender": OPENID,
            "key": "m:1",
            "kind": "text",
            "sent_at": clock.now(),
            "text": "您好",
        }
        return Inbound(**(base | fields))


@pytest.fixture(autouse=True)
def _drained() -> Iterator[None]:
    """Threads of one test must not work on the next one's database."""
    yield
    for pool in budget._pools.values():
        pool.shutdown(wait=True)
    budget._pools.clear()
