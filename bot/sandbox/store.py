"""Where the sandbox remembers: in Redis (every process of the service sees the same platform) or in memory (tests).

Values are JSON. Instants are kept in the values and compared with `clock.now()`, so that a test's frozen clock
governs windows and tokens; Redis expiry only sweeps up what nobody will ask for again.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, cast

import redis

PREFIX = "sandbox:"
DAY = 86_400

# One step, so that entries become visible in the order of their numbers: a reader who has seen 6 has seen 5.
APPEND = """
local n = redis.call('INCR', KEYS[2])
redis.call('ZADD', KEYS[1], n, n .. ' ' .. ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[2]) + 1))
return n
"""


class Store(Protocol):
    """What the platform needs of a memory."""

    def get(self, key: str) -> Any:
        """The value kept under `key`, or None."""

    def put(self, key: str, value: Any, keep: int | None = None) -> None:
        """Keep a JSON value, for `keep` seconds at least (None: for good)."""

    def drop(self, key: str) -> None:
        """Forget `key`."""

    def add(self, log: str, entry: dict[str, Any], limit: int = 500) -> int:
        """Append to a log that keeps its last `limit` entries; returns the entry's number (from 1, never reused)."""

    def since(self, log: str, number: int) -> list[dict[str, Any]]:
        """The entries after `number`, oldest first, each with its `seq`."""

    def clear(self, log: str) -> None:
        """Empty a log; its numbers go on."""

    def lock(self) -> AbstractContextManager[object]:
        """Hold the whole platform still for a read and a write that belong together."""

    def wipe(self) -> None:
        """Forget everything."""


class MemoryStore:
    """For one process."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._logs: dict[str, list[dict[str, Any]]] = {}
        self._numbers: dict[str, int] = {}
        self._lock = threading.RLock()

    def get(self, key: str) -> Any:
        raw = self._values.get(key)
        return None if raw is None else json.loads(raw)

    def put(self, key: str, value: Any, keep: int | None = None) -> None:
        self._values[key] = json.dumps(value, ensure_ascii=False)

    def drop(self, key: str) -> None:
        self._values.pop(key, None)

    def add(self, log: str, entry: dict[str, Any], limit: int = 500) -> int:
        with self._lock:
            number = self._numbers[log] = self._numbers.get(log, 0) + 1
            kept = self._logs.setdefault(log, [])
            kept.append(json.loads(json.dumps({**entry, "seq": number})))
            del kept[:-limit]
            return number

    def since(self, log: str, number: int) -> list[dict[str, Any]]:
        with self._lock:
            return [entry for entry in self._logs.get(log, []) if entry["seq"] > number]

    def clear(self, log: str) -> None:
        with self._lock:
            self._logs.pop(log, None)

    def lock(self) -> AbstractContextManager[object]:
        return self._lock

    def wipe(self) -> None:
        with self._lock:
            self._values.clear()
            self._logs.clear()


class RedisStore:
    """For all processes of a service."""

    def __init__(self, client: redis.Redis, prefix: str = PREFIX) -> None:
        self._redis = client
        self._prefix = prefix
        self._append = client.register_script(APPEND)

    def get(self, key: str) -> Any:
        raw = self._redis.get(self._prefix + key)
        return None if raw is None else json.loads(raw)

    def put(self, key: str, value: Any, keep: int | None = None) -> None:
        self._redis.set(self._prefix + key, json.dumps(value, ensure_ascii=False), ex=keep)

    def drop(self, key: str) -> None:
        self._redis.delete(self._prefix + key)

    def add(self, log: str, entry: dict[str, Any], limit: int = 500) -> int:
        keys = [f"{self._prefix}log:{log}", f"{self._prefix}number:{log}"]
        return int(cast(int, self._append(keys=keys, args=[json.dumps(entry, ensure_ascii=False), limit])))

    def since(self, log: str, number: int) -> list[dict[str, Any]]:
        found = cast("list[bytes | str]", self._redis.zrangebyscore(f"{self._prefix}log:{log}", f"({number}", "+inf"))
        return [_numbered(member) for member in found]

    def clear(self, log: str) -> None:
        self._redis.delete(f"{self._prefix}log:{log}")

    @contextmanager
    def lock(self) -> Iterator[object]:
        # The time-out only matters when a process dies holding it: what is done inside takes milliseconds.
        with self._redis.lock(self._prefix + "lock", timeout=5, sleep=0.005, blocking_timeout=10) as held:
            yield held

    def wipe(self) -> None:
        # Numbers of logs stay, so that an open page does not take new entries for old ones.
        for key in self._redis.scan_iter(match=self._prefix + "*", count=500):
            name = key.decode() if isinstance(key, bytes) else key
            if not name.startswith((self._prefix + "number:", self._prefix + "lock")):
                self._redis.delete(key)


def _numbered(member: bytes | str) -> dict[str, Any]:
    text = member.decode() if isinstance(member, bytes) else member
    number, _, body = text.partition(" ")
    entry = cast("dict[str, Any]", json.loads(body))
    entry["seq"] = int(number)
    return entry
