"""The stream of live updates: only with a ticket, only what concerns one, and away when Redis is."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

import redis_server
from settings import Settings
from staff import tickets

ROOT = Path(__file__).parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until the stream's process answers."""
    for _ in range(400):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the stream's process did not come up")


@pytest.fixture
def streaming(tmp_path: Path) -> Iterator[tuple[Settings, redis.Redis, "subprocess.Popen[bytes]"]]:
    """A Redis of this test's own, and the stream's process."""
    server = redis_server.start(tmp_path)
    port = free_port()
    env = {
        "DATA_DIR": str(tmp_path),
        "STREAM_PORT": str(port),
        "REDIS_URL": f"unix://{redis_server.socket_of(tmp_path)}",
    }
    settings = Settings.from_env(env)
    arguments = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "stream:create", "--port", str(port),
                 "--workers", "1", "--no-ws", "--backlog", "2048", "--log-level", "warning"]  # fmt: skip
    child = subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, **env})
    wait_for(port)
    client = redis.Redis.from_url(env["REDIS_URL"])
    for _ in range(100):
        if client.pubsub_numsub("city:live")[0][1]:
            break
        time.sleep(0.05)
    yield settings, client, server
    child.terminate()
    child.wait(10)
    if server.poll() is None:
        server.terminate()
        server.wait(5)


def address(settings: Settings, ticket: str) -> str:
    return f"http://127.0.0.1:{settings.stream_port}/stream?ticket={ticket}"


def listen(settings: Settings, ticket: str):
    return urllib.request.urlopen(address(settings, ticket), timeout=5)


def events(answer, count: int) -> list[str]:
    found = []
    while len(found) < count:
        line = answer.readline().decode()
        assert line, found
        if line.startswith("event: "):
            found.append(line.removeprefix("event: ").strip())
    return found


def open_streams(settings: Settings, count: int) -> None:
    """Wait until the process holds `count` streams."""
    for _ in range(200):
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.stream_port}/healthz", timeout=2) as answer:
            if f"consoles={count}" in answer.read().decode():
                return
        time.sleep(0.02)
    raise AssertionError(f"there are no {count} streams")


def test_nobody_listens_without_a_fresh_ticket(streaming) -> None:
    settings, _, _ = streaming
    good = tickets.make(settings.secret_key, 1, 0, False)
    for bad in ("", "x", good[:-2], tickets.make("another-key-of-32-characters-long", 1, 0, True)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            listen(settings, bad)
        assert refused.value.code == 403
        refused.value.close()


def test_each_console_hears_what_concerns_it(streaming) -> None:
    settings, client, _ = streaming
    care = listen(settings, tickets.make(settings.secret_key, 1, 7, True))
    other = listen(settings, tickets.make(settings.secret_key, 2, 8, False))
    open_streams(settings, 2)
    client.publish("city:live", "message:7")
    assert events(care, 1) == ["message"]
    client.publish("city:live", "alarm:9")
    assert sorted(events(care, 2)) == ["alarm", "tick"]
    assert events(other, 1) == ["tick"]
    client.publish("city:live", "message:8")
    assert events(other, 1) == ["message"]
    care.close()
    other.close()
    open_streams(settings, 0)


def test_who_has_a_chat_in_hand_hears_of_it_with_another_one_open(streaming) -> None:
    settings, client, _ = streaming
    answer = listen(settings, tickets.make(settings.secret_key, 1, 7, False, own=(7, 8)))
    open_streams(settings, 1)
    client.publish("city:live", "message:9")
    client.publish("city:live", "typing:8")
    client.publish("city:live", "message:8")
    client.publish("city:live", "message:7")
    assert sorted(events(answer, 2)) == ["message", "mine"]
    answer.close()


def test_many_signals_are_bundled_into_a_few_ticks(streaming) -> None:
    settings, client, _ = streaming
    answer = listen(settings, tickets.make(settings.secret_key, 1, 0, False))
    open_streams(settings, 1)
    for n in range(50):
        client.publish("city:live", f"handoff:{n}")
    assert events(answer, 2) == ["tick", "tick"]
    client.publish("city:live", "handoff:99")
    began = time.monotonic()
    assert events(answer, 1) == ["tick"]
    assert time.monotonic() - began < 2
    answer.close()


def test_streams_end_when_redis_goes_and_come_back_with_it(streaming, tmp_path: Path) -> None:
    settings, _, server = streaming
    ticket = tickets.make(settings.secret_key, 1, 0, False)
    answer = listen(settings, ticket)
    open_streams(settings, 1)
    server.kill()
    server.wait(5)
    assert b"" in iter(answer.readline, b"x")  # ended by the server, so that the page asks by itself
    with pytest.raises(urllib.error.HTTPError) as away:
        listen(settings, ticket)
    assert away.value.code == 503
    away.value.close()
    again = redis_server.start(tmp_path)
    for _ in range(100):
        try:
            listen(settings, tickets.make(settings.secret_key, 1, 0, False)).close()
            break
        except urllib.error.HTTPError as busy:
            busy.close()
            time.sleep(0.05)
    else:
        raise AssertionError("the stream did not come back")
    again.terminate()
    again.wait(5)


@pytest.mark.nightly
def test_a_message_reaches_its_console_in_time_with_500_staff_connected(streaming) -> None:
    settings, client, _ = streaming
    delays = asyncio.run(_many(settings, client, consoles=500, seconds=6, rate=50))
    delays.sort()
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    print(json.dumps({"messages": len(delays), "p50_ms": round(p50 * 1000, 1), "p99_ms": round(p99 * 1000, 1)}))
    assert len(delays) == 300
    assert p99 < 0.3


async def _many(settings: Settings, client: redis.Redis, consoles: int, seconds: int, rate: int) -> list[float]:
    delays: list[float] = []
    sent: dict[int, float] = {}
    ready = asyncio.Semaphore(0)

    async def console(person: int) -> None:
        ticket = tickets.make(settings.secret_key, person, person, False)
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.stream_port)
        writer.write(f"GET /stream?ticket={ticket} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b": open"):
                    ready.release()
                if line.startswith(b"event: message") and person in sent:
                    delays.append(time.perf_counter() - sent.pop(person))
        finally:
            writer.close()

    tasks = [asyncio.create_task(console(n)) for n in range(1, consoles + 1)]
    for _ in tasks:
        await ready.acquire()
    for n in range(seconds * rate):
        person = n % consoles + 1
        sent[person] = time.perf_counter()
        client.publish("city:live", f"handoff:{person}")
        client.publish("city:live", f"message:{person}")
        await asyncio.sleep(1 / rate)
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return delays
