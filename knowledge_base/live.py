"""What may be told, as one process holds it: a whole snapshot that is swapped for a newer one when staff publish.

A thread asks the database for the version number once a second, at once when Redis gives a sign, and builds the new
snapshot beside the old, which goes on serving until the new one is whole.
"""

import dataclasses
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import redis
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

import clock
from knowledge_base import entries, store, validate
from knowledge_base.places import Place
from knowledge_base.schema import Article
from knowledge_base.store import Knowledge
from records import article_history, articles, service_points
from records.base import Busy, read

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between looks at the version
CHANNEL = "city:knowledge"


def announce(client: redis.Redis) -> None:
    """Tell every process that something was published, after the commit. A lost word costs them a second."""
    try:
        client.publish(CHANNEL, "published")
    except redis.RedisError as error:
        log.warning("word of a new version lost, Redis is away (%s)", type(error).__name__)


class Fixed:
    """A snapshot that never changes, for tests and commands."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.current = knowledge
        self.looked_at = clock.now()

    def close(self) -> None:
        """Nothing to end."""


class Live:
    """The newest snapshot of the database, or of the files while the database has no articles."""

    def __init__(
        self, engine: Engine, client: redis.Redis | None = None, regions: tuple[str, ...] | None = None,
        folder: Path | None = None, known: "Live | None" = None,
    ) -> None:  # fmt: skip
        """Builds the first snapshot at once. Raises KnowledgeError when the files can't be used.

        `known`: another one of the same database and regions, made before this process was forked. Its snapshot serves
        here too, in the same memory, unless the database has a newer version by now.
        """
        self._engine, self._redis = engine, client
        self._parts: Knowledge = known._parts if known else store.parts(folder)
        self._wanted = store.within(self._parts.regions, regions)
        self._version: int = known._version if known else 0
        self.looked_at = clock.now()
        """When this process last knew that it serves what the database says."""
        self._current: Knowledge = known._current if known else self._parts
        self._stop = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self.refresh()
        if not self._current.articles:  # nothing in the database, or no database
            self._current = store.load(folder, regions).ready()

    @property
    def current(self) -> Knowledge:
        """The snapshot that serves now."""
        if self._pid != os.getpid():  # a server forks after the application is made, and threads don't follow
            self._watch()
        return self._current

    def refresh(self) -> bool:
        """Look at the version and build a new snapshot if there is one. False when nothing changed or can be had."""
        try:
            with read(self._engine) as conn:
                version = articles.version(conn)
                if version == self._version:
                    self.looked_at = clock.now()
                    return False
                found = snapshot(conn, self._parts, self._wanted)
        except (Busy, SQLAlchemyError) as error:
            log.warning("the articles can't be read (%s); the last ones serve on", type(error).__name__)
            return False
        if found.articles:
            self._current = found.ready()
        self._version, self.looked_at = version, clock.now()
        log.info("knowledge version %d serves, %d articles", version, len(self._current.articles))
        return True

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(3 * EVERY)

    def _watch(self) -> None:
        with self._start:
            if self._pid == os.getpid() or self._stop.is_set():
                return
            self._pid = os.getpid()
            self._thread = threading.Thread(target=self._look, name="knowledge", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        wait = self._waiter()
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception:  # the thread's boundary: it logs, the old snapshot serves on, and it looks again
                log.exception("a new snapshot could not be built")
            wait()

    def _waiter(self) -> Callable[[], object]:
        """Sleeps until the next look: a second, or until Redis says that something was published."""
        channel: Any = None

        def wait() -> None:
            nonlocal channel
            try:
                if self._redis is None:
                    raise redis.ConnectionError
                if channel is None:
                    channel = self._redis.pubsub(  # type: ignore[no-untyped-call]
                        ignore_subscribe_messages=True
                    )
                    channel.subscribe(CHANNEL)
                channel.get_message(timeout=EVERY)
            except (redis.RedisError, OSError, ValueError):
                channel = None
                self._stop.wait(EVERY)

        return wait


def snapshot(conn: Connection, parts: Knowledge, wanted: frozenset[str]) -> Knowledge:
    """What the database holds, with the files' other `parts` of a knowledge base: articles, service points, phone
    services, synonyms, and what offices filled in for rules."""
    parts = entries.completed(conn, parts)
    found: dict[str, Article] = {}
    for row in article_history.now_shown(conn):
        if row.content["region"] not in wanted:
            continue
        state = "published" if row.shown is not None else row.state
        article = _article(article_history.as_row(row.content, row, state), row.file, parts)
        if article is not None:
            found[article.id] = article
    places = tuple(
        Place(**{name: getattr(row, name) for name in service_points.FIELDS})
        for row in service_points.listing(conn, ("shown",)) if row.region in wanted
    )  # fmt: skip
    return dataclasses.replace(parts, articles=MappingProxyType(found), places=places)


def _article(row: Mapping[str, Any], file: str, parts: Knowledge) -> Article | None:
    dead = [id for id in row.get("hotlines", ()) if id not in parts.hotlines]
    if dead:  # a number was withdrawn: the article stays, the number goes
        row = {**row, "hotlines": [id for id in row["hotlines"] if id not in dead]}
    article, faults = validate.article(row, file, parts.regions.regions)
    if article is None and row["status"] == "published":
        log.error("article %s is left out: %s", row["id"], "; ".join(str(fault) for fault in faults))
    return article
