"""The callback's throughput: our full turn beside its floors, and with more processes."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from tqdm import tqdm

from bench import load
from bench.servers import TABLE
from records import migrate
from records.base import engine_for
from settings import Settings

ROOT = Path(__file__).parent.parent
KINDS = {
    "ok": ("bench.servers:ok", "(a) the same server answering 'ok'"),
    "echo": ("bench.servers:echo", "(b) wechatpy echo, safe mode"),
    "floor": ("bench.servers:floor", "(c) that echo + Redis SET NX + one committed insert"),
    "turn": ("app:create_app", "**our full turn**"),
}


@dataclass(frozen=True, slots=True)
class Server:
    """One server under load."""

    process: "subprocess.Popen[bytes]"
    port: int

    def cpu(self) -> float:
        """CPU seconds that its processes have used."""
        mother = psutil.Process(self.process.pid)
        return sum(sum(p.cpu_times()[:2]) for p in (mother, *mother.children(recursive=True)))


def environment(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    """The service's settings for a measurement; the database is migrated."""
    env = {
        **os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(folder), "WORKERS": "2",
        "LOG_LEVEL": "ERROR", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    model = folder / "model"
    if not model.exists():
        model.symlink_to(ROOT / "var" / "model")
    engine = engine_for(Settings.from_env(env).database_url)
    migrate.upgrade(engine)
    TABLE.create(engine, checkfirst=True)
    engine.dispose()
    return env


def throughput(name: str, env: dict[str, str], rounds: int, count: int) -> list[str]:
    """All kinds of server beside each other on one database, taking turns, as a table."""
    settings = Settings.from_env(env)
    results: dict[tuple[str, int], list[load.Result]] = {}
    with serving(env, {kind: (target, 2) for kind, (target, _) in KINDS.items()}) as servers:
        for kind, server in servers.items():  # warm up
            load.run(server.port, load.build(settings, server.port, 300, f"w{kind}"), 8)
        plan = [(r, c, k) for r in range(rounds) for c in (16, 64) for k in KINDS]
        for number, connections, kind in tqdm(plan, desc=name, unit="run", leave=False):
            seed = f"{name[0]}{number}{connections}{kind}"
            results.setdefault((kind, connections), []).append(
                _measured(settings, kind, servers[kind], count, seed, connections)
            )
    return _table(name, results)


def _measured(
    settings: Settings, kind: str, server: Server, count: int, seed: str, connections: int
) -> load.Result:  # fmt: skip
    requests = load.build(settings, server.port, count, seed)
    before = server.cpu()
    seconds, sent = load.run(server.port, requests, connections)
    return load.check(settings, kind, seconds, sent, server.cpu() - before)


def processes(name: str, env: dict[str, str], rounds: int, count: int) -> list[str]:
    """The full turn with 1, 2 and 4 processes, 64 connections."""
    settings = Settings.from_env(env)
    counts = (1, 2, 4)
    results: dict[int, list[load.Result]] = {}
    with serving(env, {str(workers): ("app:create_app", workers) for workers in counts}) as servers:
        for workers in counts:
            port = servers[str(workers)].port
            load.run(port, load.build(settings, port, 300, f"p{workers}"), 8)
        for number in range(rounds):
            for workers in counts:
                one = _measured(settings, "turn", servers[str(workers)], count, f"P{number}{workers}", 64)
                results.setdefault(workers, []).append(one)
    lines = [
        f"## More processes, {name}",
        "",
        "Full turn at 64 connections, 4 threads a process; median of the rounds.",
        "",
    ]
    lines += ["| processes | right answers/s | wrong | p50 | p99 ms | CPU ms a turn |", "|---|---|---|---|---|---|"]
    for workers, runs in results.items():
        rate, p50, p99, cost = _medians(runs, (0.5, 0.99))
        wrong = sum(r.wrong for r in runs)
        lines.append(f"| {workers} | {rate:,.0f} | {wrong} | {p50:.1f} | {p99:.1f} | {cost:.2f} |")
    return [*lines, ""]


def _medians(runs: list[load.Result], shares: tuple[float, ...]) -> tuple[float, ...]:
    median = statistics.median
    return (
        median(r.rate for r in runs),
        *(median(r.at(s) for r in runs) for s in shares),
        median(r.cost for r in runs),
    )


def _table(name: str, results: dict[tuple[str, int], list[load.Result]]) -> list[str]:
    lines = [f"## Callback on {name}", "", f"{load.MIX}. Median of the rounds; 2 processes × 4 threads.", ""]
    lines += [
        "| what answers | connections | right answers/s | wrong | p50 | p95 | p99 ms | CPU ms a request | of (c) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for connections in (16, 64):
        floor = _medians(results["floor", connections], (0.99,))
        for kind, (_, title) in KINDS.items():
            runs = results[kind, connections]
            rate, p50, p95, p99, cost = _medians(runs, (0.5, 0.95, 0.99))
            share = ""
            if kind == "turn":
                share = f"{rate / floor[0]:.0%} of its rate, p99 × {p99 / floor[1]:.1f}, CPU × {cost / floor[2]:.1f}"
            wrong = sum(r.wrong for r in runs)
            lines.append(
                f"| {title} | {connections} | {rate:,.0f} | {wrong} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {cost:.2f} "
                f"| {share} |"
            )
    return [*lines, ""]


@contextmanager
def serving(env: dict[str, str], wanted: dict[str, tuple[str, int]]) -> Iterator[dict[str, Server]]:
    """Servers by name, each (factory, processes) on a port of its own; the idle ones cost nothing."""
    servers: dict[str, Server] = {}
    try:
        for name, (target, workers) in wanted.items():
            port = free_port()
            command = [
                sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", target, "--port", str(port),
                "--workers", str(workers), "--blocking-threads", "4", "--backlog", "1024", "--log-level", "error",
                "--no-ws",
            ]  # fmt: skip
            process = subprocess.Popen(command, env={**env, "PORT": str(port)}, cwd=ROOT, start_new_session=True)
            servers[name] = Server(process, port)
        for server in servers.values():
            wait(server.port)
        yield servers
    finally:
        for server in servers.values():
            os.killpg(server.process.pid, signal.SIGTERM)
        for server in servers.values():
            server.process.wait(20)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(port: int, seconds: float = 180) -> None:
    """Until somebody listens on `port`. Raises `RuntimeError`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port} after {seconds:.0f} s")
