"""The task queue: Huey on SQLite on one machine, on Redis on many; the same tasks either way.

A task carries nothing: it only wakes the worker, who looks into the database for what is due.
"""

import logging
import sqlite3
from collections.abc import Callable

from huey import Huey, RedisHuey, SqliteHuey
from huey.exceptions import HueyException
from redis import RedisError

from settings import Settings

log = logging.getLogger(__name__)

DELIVER = "deliver"


def open_queue(settings: Settings) -> Huey:
    """The queue of this installation."""
    if settings.redis_url:
        return RedisHuey("city", url=settings.redis_url, store_none=False)
    return SqliteHuey("city", filename=str(settings.data_dir / "tasks.db"), store_none=False)


def on_delivery(queue: Huey, action: Callable[[], None]) -> Callable[[], object]:
    """Register what a nudge does in the worker. `action` must be safe at any moment, any number of times."""

    def deliver() -> None:
        action()

    # A task is found again by its module and name: whoever asks and whoever runs it must register it here.
    task: Callable[[], object] = queue.task(name=DELIVER, retries=0)(deliver)
    return task


def nudger(queue: Huey) -> Callable[[], None]:
    """What wakes the worker from another process. It never raises: without it the worker's sweep finds the rows."""
    task = on_delivery(queue, lambda: None)  # runs in the worker, which has its own action under this name

    def nudge() -> None:
        try:
            task()
        except (HueyException, RedisError, sqlite3.Error, OSError) as error:
            log.warning("nudge lost (%s); the sweep will find the rows", type(error).__name__)

    return nudge
