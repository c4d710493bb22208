"""What is published reaches every process within two seconds; until the new snapshot is whole the old one serves."""

import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import pytest
import redis

import clock
from knowledge_base import live, transfer
from records import articles, crypto, migrate
from records.base import engine_for, write
from tests.knowledge_base.kit import ARTICLE
from tests.knowledge_base.kit import write as put

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def engine(database_url, folder):
    crypto.configure(KEY)
    made = engine_for(database_url)
    migrate.upgrade(made)
    with write(made) as conn:
        transfer.seed(conn, at=clock.now(), folder=folder)
    yield made
    made.dispose()


def publish(engine, answer):
    with write(engine) as conn:
        row = articles.get(conn, "nb-permit-renewal")
        text = articles.revision(conn, row.id, row.revision).content | {"answer": answer}
        n = articles.save(conn, text, base=row.revision, actor="staff:1", at=clock.now(), why="改")
        for state, actor in (("in_review", "staff:1"), ("approved", "staff:2"), ("published", "staff:2")):
            articles.move(conn, row.id, state, number=n, actor=actor, name=actor, at=clock.now())


def until(true, seconds=2.0):
    begin = time.monotonic()
    while not true():
        assert time.monotonic() - begin < seconds
        time.sleep(0.02)
    return time.monotonic() - begin


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_publication_is_live_within_two_seconds_with_redis_and_without(engine, folder, redis_url, with_redis):
    client = redis.Redis.from_url(redis_url) if with_redis else None
    holders = [live.Live(engine, client, folder=folder) for _ in range(2)]
    assert {holder.current.articles["nb-permit-renewal"].answer for holder in holders} == {"每年签一次。"}
    time.sleep(0.3)  # both threads are at their look by now
    publish(engine, "新的。")
    if client:
        live.announce(client)
    took = until(lambda: all(h.current.articles["nb-permit-renewal"].answer == "新的。" for h in holders))
    assert took < (0.9 if with_redis else 2)
    for holder in holders:
        holder.close()
    if client:
        client.close()


CHILD = """
import sys, time
from pathlib import Path
from knowledge_base import live
from records import crypto
from records.base import engine_for
crypto.configure(sys.argv[2])
held = live.Live(engine_for(sys.argv[1]), folder=Path(sys.argv[3]))
last = None
while True:
    answer = held.current.articles["nb-permit-renewal"].answer
    if answer != last:
        print(answer, flush=True)
        last = answer
    time.sleep(0.02)
"""


def test_another_process_serves_it_within_two_seconds(engine, folder, database_url):
    command = [sys.executable, "-c", CHILD, database_url, KEY, str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=ROOT)
    try:
        assert child.stdout.readline().strip() == "每年签一次。"
        publish(engine, "新的。")
        begin = time.monotonic()
        assert child.stdout.readline().strip() == "新的。"
        assert time.monotonic() - begin < 2
    finally:
        child.kill()
        child.wait(5)
        child.stdout.close()


def test_the_old_snapshot_serves_until_the_new_one_is_whole(engine, folder, monkeypatch):
    held = live.Live(engine, folder=folder)
    building, finish, real = threading.Event(), threading.Event(), live.snapshot

    def slow(*given):
        building.set()
        finish.wait(5)
        return real(*given)

    monkeypatch.setattr(live, "snapshot", slow)
    old = held.current
    publish(engine, "新的。")
    assert building.wait(3)
    assert held.current is old
    assert old.search("签注", "ningbo", date(2026, 11, 22))[0].article.answer == "每年签一次。"
    finish.set()
    until(lambda: held.current.articles["nb-permit-renewal"].answer == "新的。")
    held.close()


def test_a_withdrawn_article_is_told_to_nobody(engine, folder):
    held = live.Live(engine, folder=folder)
    with write(engine) as conn:
        articles.move(
            conn, "nb-permit-renewal", "withdrawn", number=1, actor="staff:1", at=clock.now(), reason="要核实"
        )
    held.refresh()
    assert held.current.find("permit_renewal", "ningbo", date(2026, 11, 22)) == []
    assert held.current.search("签注", "ningbo", date(2026, 11, 22)) == []
    held.close()


def test_without_a_database_the_files_serve(folder, tmp_path):
    engine = engine_for(f"sqlite:///{tmp_path / 'empty.db'}")
    held = live.Live(engine, folder=folder)
    assert list(held.current.articles) == ["nb-permit-renewal"]
    held.close()
    engine.dispose()


def test_when_the_database_goes_away_the_last_snapshot_serves_on(engine, folder):
    held = live.Live(engine, folder=folder)
    with write(engine) as conn:
        articles.touch(conn)
        conn.exec_driver_sql("ALTER TABLE articles RENAME TO gone")
    assert not held.refresh()
    assert list(held.current.articles) == ["nb-permit-renewal"]
    held.close()


def test_an_article_that_no_longer_fits_the_schema_is_left_out_and_the_others_serve(engine, folder, caplog):
    put(folder, "ningbo/work.yml", ARTICLE.replace("nb-permit-renewal", "nb-other"))
    with write(engine) as conn:
        transfer.import_folder(conn, folder, actor="command:x", at=clock.now())
        conn.exec_driver_sql("UPDATE articles SET region='ningbo'")
        row = articles.revision(conn, "nb-other", 1).content
        articles.place(
            conn, row | {"answer": "", "status": "published", "reviewed_on": "2026-11-20", "reviewed_by": "a",
            "approved_by": "b"}, file="ningbo/work.yml", actor="command:x", at=clock.now(), why="",
        )  # fmt: skip
        articles.touch(conn)
    held = live.Live(engine, folder=folder)
    assert list(held.current.articles) == ["nb-permit-renewal"]
    assert "nb-other" in caplog.text and "`answer` is missing" in caplog.text
    held.close()


def test_what_was_made_before_a_fork_serves_on_without_being_built_again(engine, folder):
    before = live.Live(engine, folder=folder)
    held = live.Live(engine, folder=folder, known=before)
    assert held.current is before.current
    publish(engine, "新的。")
    late = live.Live(engine, folder=folder, known=before)  # a web process that is started again a day later
    assert late.current.articles["nb-permit-renewal"].answer == "新的。"
    for one in (before, held, late):
        one.close()
