"""Keeps the processes of the service on one machine running, and ends them together.

They are forked from one process that has imported everything, so that they share what they never change: two web
workers, the worker and the live updates cost little more memory than one of them.
"""

import ctypes
import gc
import logging
import multiprocessing
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import redis_server
from jobs import announce
from settings import Settings

log = logging.getLogger(__name__)

CALM = 10.0
"""A child that lived this long (seconds) is started again at once; one that died sooner after a pause."""
GRACE = 15.0
"""Seconds a child gets to finish what it has in hand."""
_M_ARENA_MAX = -8  # malloc.h

_fork = multiprocessing.get_context("fork")


class Running(Protocol):
    """What is needed of a process, however it was started."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


@dataclass
class Child:
    """One process that must be there. `start` starts it; `ended` tells its exit status, None while it runs."""

    name: str
    start: Callable[[], Running]
    ended: Callable[[Running], int | None]
    process: Running | None = None
    started: float = 0.0

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self.process is not None:
            status = self.ended(self.process)
            if status is None:
                return
            log.warning("%s ended with %s; starting it again", self.name, status)
            if time.monotonic() - self.started < CALM:
                time.sleep(1.0)
        self.process, self.started = self.start(), time.monotonic()

    def end(self) -> None:
        """Ask it to end, and insist."""
        if self.process is None:
            return
        self.process.terminate()
        until = time.monotonic() + GRACE
        while self.ended(self.process) is None:
            if time.monotonic() > until:
                self.process.kill()
            time.sleep(0.05)


def forked(name: str, target: Callable[[], object]) -> Child:
    """A child that runs `target` in a copy of this process."""

    def start() -> Running:
        process = _fork.Process(target=_in_child, args=(target,), name=name)
        process.start()
        return process

    def ended(process: Running) -> int | None:
        assert isinstance(process, _fork.Process)
        return process.exitcode

    return Child(name, start, ended)


def _in_child(target: Callable[[], object]) -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    redis_server.end_with_parent()
    target()


def _redis(settings: Settings) -> Child:
    def ended(process: Running) -> int | None:
        assert isinstance(process, subprocess.Popen)
        return process.poll()

    return Child("redis", lambda: redis_server.start(settings.data_dir), ended)


def apart(name: str, task: Callable[[], object], meanwhile: Callable[[], object]) -> int:
    """Run `task` in a copy of this process, which takes with it what it needed, and `meanwhile` here. Returns the copy's
    exit status.

    Ctrl-C and SIGTERM meanwhile end the copy as well.
    """
    process = _fork.Process(target=_in_child, args=(task,), name=name)
    process.start()
    try:
        meanwhile()
        process.join()
    except KeyboardInterrupt:
        process.terminate()
        process.join()
    return process.exitcode or 0


def supervise(settings: Settings, targets: Mapping[str, Callable[[], object]]) -> int:
    """Run Redis (where none was named) and a process for each of `targets` until SIGTERM or Ctrl-C.

    The pages are announced once the service answers.
    """
    children = [forked(name, target) for name, target in targets.items()]
    if not settings.redis_url:
        children.insert(0, _redis(settings))
    _tidy()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    announced = False
    while not stop.is_set():
        for child in children:
            child.ensure()
        if not announced and _ready(settings):
            announce.announce(settings)
            announced = True
        stop.wait(0.5 if announced else 0.1)
    for child in reversed(children):
        child.end()
    return 0


def _ready(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/readyz", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _tidy() -> None:
    """Before the first fork: leave nothing loose in memory that every child would copy when it touches it.

    glibc gives each thread a heap of its own, up to eight a core, and keeps in each what was freed. Under Python's lock
    our threads hardly ever allocate at once, so two are enough; that halves what a web process holds for itself. Other C
    libraries have no such heaps and none of these functions.
    """
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
        libc.mallopt(_M_ARENA_MAX, 2)
        libc.malloc_trim(0)  # what reading models and tables left behind
    gc.freeze()  # what is there now is never collected, so collecting doesn't copy it into each child


def quiet_threads() -> None:
    """One thread a process for number crunching: our processes are the parallelism."""
    threadpool_limits(1)
