"""A credential of the platform's that all processes share: the access token, the ticket for pages.

Kept in Redis and renewed by one caller at a time: a lock of the process for its threads, a lock in Redis for the
processes. wechatpy fetches once for every thread that finds none (5 to 8 times at a cold start) and once for every
process. With Redis away each process keeps its own copy and goes on.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import redis

import clock
from bot import metrics
from bot.wechat.errors import ApiFault

log = logging.getLogger(__name__)

Fetch = Callable[[bool], tuple[str, int]]
"""Asks the platform for the credential: (by force) -> (value, seconds it is valid)."""

FORCE_GAP = 30
"""Seconds between two forced renewals (wx-tok-02)."""
FORCE_DAILY = 20
"""Forced renewals a day (wx-tok-02)."""
_LOCK_TTL = 15  # longer than one fetch can take; a holder that died frees it after this
_LOCK_WAIT = 20


class Kept(NamedTuple):
    """A value, the moment (seconds since 1970) it ends, and how long before that it is renewed."""

    value: str
    until: float
    margin: float

    @property
    def fresh(self) -> bool:
        return clock.now().timestamp() < self.until - self.margin

    @property
    def usable(self) -> bool:
        return clock.now().timestamp() < self.until - 10


class Shared:
    """One credential, by `name`, of one account."""

    def __init__(self, store: redis.Redis | None, name: str, fetch: Fetch, *, forcible: bool = False) -> None:
        self._redis = store
        self._name = f"wx:{name}"
        self._fetch = fetch
        self._forcible = forcible
        self._mine = threading.Lock()
        self._local: Kept | None = None
        self._local_forced: list[float] = []

    def get(self) -> str:
        """The current value, fetched when there is none or it is about to end. Raises `ApiFault`."""
        kept = self._read()
        if kept and kept.fresh:
            return kept.value
        if kept and kept.usable and self._mine.locked():
            return kept.value  # somebody here renews it already, and this one still serves
        with self._alone():
            kept = self._read()
            return kept.value if kept and kept.fresh else self._renewed(False).value

    def renew(self, refused: str) -> str:
        """A value other than `refused`, which the platform no longer takes. Raises `ApiFault`.

        An ordinary fetch comes first: it yields a new one when the old has ended, and costs nothing of the few
        forced renewals.
        """
        with self._alone():
            kept = self._read()
            if kept and kept.value != refused:
                return kept.value
            kept = self._renewed(False)
            if kept.value != refused:
                return kept.value
            if not self._forcible or not self._may_force():
                raise ApiFault(None, "the platform refuses its own token, and a forced renewal is not due yet")
            return self._renewed(True).value

    def forget(self) -> None:
        """Drop the kept value (a test's way to a cold start)."""
        self._local = None
        if self._redis is not None:
            with suppress(redis.RedisError):
                self._redis.delete(self._name)

    def _renewed(self, force: bool) -> Kept:
        value, seconds = self._fetch(force)
        metrics.count("city_token_fetches", "yes" if force else "no")
        # The platform renews 5 minutes early with both valid meanwhile, so as little as 300 s may be left.
        kept = Kept(value, clock.now().timestamp() + seconds, min(300.0, seconds / 4))
        self._local = kept
        if self._redis is not None:
            try:
                self._redis.set(self._name, json.dumps(kept), px=max(1000, seconds * 1000))
            except redis.RedisError:
                log.warning("redis is away; this process keeps the platform's %s to itself", self._name)
        return kept

    def _read(self) -> Kept | None:
        if self._redis is not None:
            try:
                stored = self._redis.get(self._name)
                return Kept(*json.loads(stored)) if isinstance(stored, bytes | str) else None
            except redis.RedisError:
                log.warning("redis is away; using this process's own copy of %s", self._name)
        return self._local

    def _may_force(self) -> bool:
        """Count a forced renewal against the platform's limits; False when one is not due."""
        now = clock.now()
        if self._redis is not None:
            try:
                if not self._redis.set(f"{self._name}:forced", "1", nx=True, ex=FORCE_GAP):
                    return False
                day = f"{self._name}:forced:{now.date()}"
                count = self._redis.incr(day)
                self._redis.expire(day, 90_000)
                return int(str(count)) <= FORCE_DAILY
            except redis.RedisError:
                log.warning("redis is away; counting forced renewals in this process")
        stamp = now.timestamp()
        self._local_forced = [at for at in self._local_forced if at > stamp - 86_400]
        if len(self._local_forced) >= FORCE_DAILY or (
            self._local_forced and self._local_forced[-1] > stamp - FORCE_GAP
        ):
            return False
        self._local_forced.append(stamp)
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one thread of one process goes on; with Redis away, only one thread of this process."""
        with self._mine:
            lock = None
            if self._redis is not None:
                lock = self._redis.lock(
                    f"{self._name}:lock", timeout=_LOCK_TTL, sleep=0.05, blocking_timeout=_LOCK_WAIT
                )
                try:
                    lock = lock if lock.acquire() else None
                except redis.RedisError:
                    lock = None
            try:
                yield
            finally:
                if lock is not None:
                    # The lock may have run out, or Redis gone: either way there is nothing left to free.
                    with suppress(redis.RedisError):
                        lock.release()
