"""How soon there is an answer: from a start, and from a fresh copy without packages, model or data."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench import load
from bench.callback import ROOT, free_port
from settings import Settings


@contextmanager
def service(env: dict[str, str], command: list[str], root: Path = ROOT) -> Iterator["subprocess.Popen[bytes]"]:
    """The whole service, as `make run` or `python app.py` starts it."""
    process = subprocess.Popen(
        command, env=env, cwd=root, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def tree(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """The service's processes."""
    mother = psutil.Process(process.pid)
    return [mother, *mother.children(recursive=True)]


def megabytes(processes: list[psutil.Process]) -> float:
    """Their memory, shared pages counted in shares (proportional set size)."""
    return float(sum(p.memory_full_info().pss for p in processes)) / 2**20


def home(folder: Path, name: str, *, trained: bool = True) -> dict[str, str]:
    """An environment with an empty data folder of its own and free ports; SQLite, its own Redis."""
    made = folder / name
    made.mkdir()
    if trained:
        (made / "model").symlink_to(ROOT / "var" / "model")
    # As an office's machine has it, where nobody keeps Python from storing its bytecode (make run stores it too).
    left_out = ("DATABASE_URL", "REDIS_URL", "PYTHONDONTWRITEBYTECODE")
    env = {key: value for key, value in os.environ.items() if key not in left_out}
    port, stream = free_port(), free_port()
    return env | {
        "DATA_DIR": str(made),
        "PORT": str(port),
        "STREAM_PORT": str(stream),
        "WORKERS": "2",
        "LOG_LEVEL": "ERROR",
    }


def first_answer(env: dict[str, str], started: float, limit: float) -> float:
    """Seconds from `started` until a question is answered rightly. Raises `RuntimeError` after `limit`."""
    while time.perf_counter() - started < limit:
        if (Path(env["DATA_DIR"]) / "secrets.json").exists():
            settings = Settings.from_env(env)
            port = int(env["PORT"])
            requests = load.build(settings, port, 1, f"first{time.perf_counter()}")
            seconds, sent = load.run(port, requests, 1)
            if load.check(settings, "turn", seconds, sent).right:
                return time.perf_counter() - started
        time.sleep(0.05)
    raise RuntimeError(f"no answer within {limit:.0f} s")


def start_and_memory(folder: Path) -> list[str]:
    """Seconds from `python app.py` to the first answer, and the memory of the whole service."""
    empty, warm = [], []
    env = home(folder, "start")
    load.lines()
    used = 0.0
    for number in range(4):
        started = time.perf_counter()
        with service(env, [sys.executable, "app.py"]) as process:
            (warm if number else empty).append(first_answer(env, started, 120))
            if number == 3:
                settings, port = Settings.from_env(env), int(env["PORT"])
                load.run(port, load.build(settings, port, 1000, "warm"), 16)
                processes = tree(process)
                used, count = megabytes(processes), len(processes)
    return [
        "## Start and memory", "",
        "| what | figure | target |", "|---|---|---|",
        f"| start to first answered message, installed and trained, empty database | {empty[0]:.1f} s | |",
        f"| the same, database filled (best of 3) | {min(warm):.1f} s | < 5 s |",
        f"| whole service after 1,000 messages, two web processes, proportional set size | {used:.0f} MB in {count} processes | < 500 MB |",
        "",
    ]  # fmt: skip


def from_clone(folder: Path) -> list[str]:
    """Seconds from a copy of the tree without packages, model or data to its first answer."""
    copy = folder / "clone"
    left_out = shutil.ignore_patterns(".git", ".venv*", "var", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, copy, ignore=left_out)
    env = home(folder, "cloned", trained=False)
    env = {key: value for key, value in env.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    env["UV_CACHE_DIR"] = str(folder / "packages")
    load.lines()
    started = time.perf_counter()
    with service(env, ["make", "run"], copy):
        seconds = first_answer(env, started, 900)
    return [
        "## From a fresh copy", "",
        "`make run` in a copy of the tree with no virtual environment, no package cache, no model and no data.", "",
        "| what | figure | target |", "|---|---|---|",
        f"| to the first answered message, packages fetched and model trained | {seconds:.0f} s | < 90 s |", "",
    ]  # fmt: skip
