"""What is counted: turns and their stages, intents, bands, deliveries, requests. Cheap where it happens.

A count is an addition in this process. Every few seconds the process adds what it has to one hash in Redis, which all
processes on all machines share, and `/metrics` reads that. So any process answers for the whole installation (scrape
one address, not every machine); a process that is killed takes seconds of counting with it, not its history; and with
Redis away the counts wait. Only classes of things are counted, never people.
"""

import atexit
import json
import logging
import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any

import redis
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric

log = logging.getLogger(__name__)

HASH = "metrics"
EVERY = 5.0
"""Seconds between two additions to the shared hash."""
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 4.0, 5.0)
"""Seconds; 4 is the callback's budget, 5 the platform's."""
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "city_turns": ("Turns taken, by who owned them (again: a repeated push)", ("channel", "owner")),
    "city_intents": ("What people wanted, as understood", ("intent", "band", "backend")),
    "city_danger": ("Turns in which the detector saw danger", ()),
    "city_escalated": ("Turns that asked for a person", ()),
    "city_deliveries": ("Sendings from the outbox, by outcome and the platform's errcode", ("outcome", "errcode")),
    "city_token_fetches": ("Fetches of a shared credential from the platform", ("forced",)),
}
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "city_turn_seconds": ("Duration of a turn's stages: understand, transaction, whole", ("stage",)),
    "city_request_seconds": ("Duration of requests by endpoint and status class", ("endpoint", "status")),
}

_Key = tuple[str, ...]
_counts: dict[_Key, float] = {}
_lock = threading.Lock()
_store: redis.Redis | None = None
_flusher_of = 0


def count(name: str, *labels: str, by: float = 1) -> None:
    """Add to a counter of `COUNTERS`; `labels` in its order."""
    key = (name, *labels)
    with _lock:
        _counts[key] = _counts.get(key, 0) + by
    _ensure_flusher()


def observe(name: str, seconds: float, *labels: str) -> None:
    """Add a duration to a histogram of `HISTOGRAMS`."""
    with _lock:
        _observe(name, seconds, labels)
    _ensure_flusher()


def _observe(name: str, seconds: float, labels: tuple[str, ...]) -> None:
    bucket = (name, *labels, str(bisect_left(BOUNDS, seconds)))
    total = (name, *labels, "sum")
    _counts[bucket] = _counts.get(bucket, 0) + 1
    _counts[total] = _counts.get(total, 0) + seconds


def turn(channel: str, owner: str, heard: Any, escalated: bool, began: float, understood: float) -> None:
    """A turn was committed; `began` and `understood` are moments of `perf_counter`."""
    done = perf_counter()
    with _lock:
        _observe("city_turn_seconds", understood - began, ("understand",))
        _observe("city_turn_seconds", done - understood, ("transaction",))
        _observe("city_turn_seconds", done - began, ("whole",))
        keys: list[_Key] = [("city_turns", channel, owner or "again")]
        if heard is not None and owner:
            keys.append(("city_intents", heard.intent, heard.band, heard.backend))
            if heard.danger:
                keys.append(("city_danger",))
        if escalated:
            keys.append(("city_escalated",))
        for key in keys:
            _counts[key] = _counts.get(key, 0) + 1
    _ensure_flusher()


def watched(send: Callable[..., Any]) -> Callable[..., Any]:
    """A channel's sender that counts what became of each message."""

    def counted(person: Any, payload: Mapping[str, Any]) -> Any:
        outcome = send(person, payload)
        count("city_deliveries", outcome.action, str(outcome.errcode or 0))
        return outcome

    return counted


# --- sharing


def start(store: redis.Redis) -> None:
    """Share this process's counts through `store` from now on."""
    global _store
    _store = store


def flush() -> None:
    """Add what was counted here to the shared hash; with Redis away it stays here."""
    if _store is None:
        return
    with _lock:
        mine = dict(_counts)
        _counts.clear()
    if not mine:
        return
    try:
        pipe = _store.pipeline(transaction=False)
        for key, value in mine.items():
            pipe.hincrbyfloat(HASH, json.dumps(key), value)
        pipe.execute()
    except (redis.RedisError, OSError, ValueError, AttributeError):  # the last three: a connection closed while we wait
        with _lock:
            for key, value in mine.items():
                _counts[key] = _counts.get(key, 0) + value


def _ensure_flusher() -> None:
    """One thread a process; a server forks after the application is made, and threads don't follow."""
    global _flusher_of
    if _flusher_of == os.getpid() or _store is None:
        return
    with _lock:
        if _flusher_of == os.getpid():
            return
        _flusher_of = os.getpid()
    threading.Thread(target=_flush_for_ever, name="metrics", daemon=True).start()
    atexit.register(flush)


def _flush_for_ever() -> None:
    pause = threading.Event()
    while not pause.wait(EVERY):
        flush()


# --- reading


def families(shared: Mapping[bytes, bytes]) -> Iterable[Metric]:
    """The shared hash as Prometheus families."""
    counters = {name: CounterMetricFamily(name, told, labels=labels) for name, (told, labels) in COUNTERS.items()}
    buckets: dict[tuple[str, _Key], dict[str, float]] = {}
    for raw, value in shared.items():
        name, *labels = json.loads(raw)
        if name in COUNTERS and len(labels) == len(COUNTERS[name][1]):
            counters[name].add_metric(labels, float(value))
        elif name in HISTOGRAMS and len(labels) == len(HISTOGRAMS[name][1]) + 1:
            buckets.setdefault((name, tuple(labels[:-1])), {})[labels[-1]] = float(value)
    yield from counters.values()
    histograms = {name: HistogramMetricFamily(name, told, labels=labels) for name, (told, labels) in HISTOGRAMS.items()}
    for (name, labelled), held in buckets.items():
        total, rows = 0.0, []
        for number in range(len(BOUNDS) + 1):
            total += held.get(str(number), 0)
            rows.append((str(BOUNDS[number]) if number < len(BOUNDS) else "+Inf", total))
        histograms[name].add_metric(list(labelled), rows, held.get("sum", 0.0))
    yield from histograms.values()
