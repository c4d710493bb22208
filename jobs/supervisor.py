"""`python app.py`: the whole service on one machine. Starts Redis, the database, the model, the web processes and the
worker, keeps them running, and ends them together."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import logs
import redis_server
from jobs import announce
from settings import Settings

log = logging.getLogger(__name__)

CALM = 10.0
"""A child that lived this long (seconds) is started again at once; one that died sooner after a pause."""


@dataclass
class Child:
    """One process that must be there."""

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        if self.process is not None:
            log.warning("%s ended with %s; starting it again", self.name, self.process.returncode)
            if time.monotonic() - self.started < CALM:
                time.sleep(1.0)
        self.process, self.started = self.start(), time.monotonic()


def command(*arguments: str) -> Callable[[], "subprocess.Popen[bytes]"]:
    """What starts a Python program of ours that ends when we end, however we end."""

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, *arguments], preexec_fn=redis_server.end_with_parent)

    return start


def web_arguments(settings: Settings) -> Sequence[str]:
    """The web server: granian, a process a worker, a few threads each."""
    return (
        "-m", "granian", "--interface", "wsgi", "--factory", "app:create_app", "--host", settings.host,
        "--port", str(settings.port), "--workers", str(settings.workers),
        "--blocking-threads", str(settings.threads), "--backlog", "1024", "--respawn-failed-workers",
        "--workers-kill-timeout", "10", "--log-level", "warning",
    )  # fmt: skip


def stream_arguments(settings: Settings) -> Sequence[str]:
    """The process of the console's live updates: one event loop holds all open consoles."""
    return (
        "-m", "granian", "--interface", "asgi", "--factory", "stream:create", "--host", settings.host,
        "--port", str(settings.stream_port), "--workers", "1", "--no-ws", "--backlog", "2048",
        "--respawn-failed-workers", "--workers-kill-timeout", "3", "--log-level", "warning",
    )  # fmt: skip


def main() -> int:
    """`python -m jobs.supervisor`: supervise what `python app.py` has prepared."""
    settings = Settings.from_env(os.environ)
    logs.configure(settings.log_level)
    return supervise(settings, ("app.py", "worker"))


def become() -> None:
    """Replace this process by the supervisor: what was loaded to prepare the start is given back."""
    os.execv(sys.executable, [sys.executable, "-m", "jobs.supervisor"])  # noqa: S606


def supervise(settings: Settings, worker: Sequence[str]) -> int:
    """Run Redis (where none was named), the web processes and the worker until SIGTERM or Ctrl-C.

    The pages are announced once the service answers.
    """
    children = [
        Child("web", command(*web_arguments(settings))),
        Child("worker", command(*worker)),
    ]
    if settings.stream_port:
        children.append(Child("stream", command(*stream_arguments(settings))))
    if not settings.redis_url:
        redis = Child("redis", lambda: redis_server.start(settings.data_dir))
        redis.ensure()
        children.insert(0, redis)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    threading.Thread(target=_announce_when_ready, args=(settings, stop), daemon=True).start()
    while not stop.is_set():
        for child in children:
            child.ensure()
        stop.wait(0.5)
    return _end(children)


def _announce_when_ready(settings: Settings, stop: threading.Event) -> None:
    url = f"http://127.0.0.1:{settings.port}/readyz"
    while not stop.wait(0.1):
        try:
            with urllib.request.urlopen(url, timeout=2):
                announce.announce(settings)
                return
        except (urllib.error.URLError, OSError):
            continue


def _end(children: Sequence[Child]) -> int:
    """TERM to web and worker first, Redis last; KILL for whoever doesn't listen."""
    for child in reversed(children):
        if child.process is None:
            continue
        child.process.terminate()
        try:
            child.process.wait(15)
        except subprocess.TimeoutExpired:
            child.process.kill()
    return 0


def quiet_threads() -> None:
    """One thread a process for number crunching: our processes are the parallelism."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


if __name__ == "__main__":
    raise SystemExit(main())
