"""What happens because time passes: reminders come due, cases climb, articles end, people who left are erased."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import redis
from sqlalchemy import Engine

import clock
from knowledge_base import live
from records import articles, case_photos, cases, privacy, reminders, uploads
from records.base import write

LONGEST_WRITE = timedelta(hours=1)
"""No file takes as long to be written: one that is half written and older was left behind."""
BETWEEN_LOOKS = timedelta(minutes=10)


def reminders_due(engine: Engine) -> int:
    """Send what people asked to be told by now. Returns how many."""
    with write(engine) as conn:
        return reminders.send_due(conn, clock.now())


def overdue_cases(engine: Engine) -> int:
    """Move cases past their level's clock one level up. Returns how many."""
    with write(engine) as conn:
        return cases.climb_overdue(conn, clock.now())


def articles_expire(engine: Engine, client: redis.Redis) -> int:
    """Take out articles past their review or their law, and tell their owners. Returns how many."""
    with write(engine) as conn:
        ended = articles.expire(conn, clock.now())
    if ended:
        live.announce(client)
    return len(ended)


def erasures_due(engine: Engine, data_dir: Path) -> int:
    """Erase who stopped following the account (platform's norm wx-cb-12: delete all of that user's data)."""
    with write(engine) as conn:
        return privacy.erase_due(conn, clock.now(), folder=data_dir)


def case_photos_expire(engine: Engine, folder: Path) -> int:
    """Delete photos whose cases were closed long ago. Returns how many."""
    with write(engine) as conn:
        return case_photos.expire(conn, clock.now(), folder)


def leftovers_expire(*folders: Path) -> Callable[[], int]:
    """A job that deletes what a kill or a power cut left half written in the folders of people's files.

    Every name in them is looked at, so not at every call. Returns how many files went.
    """
    next_look = clock.now()

    def look() -> int:
        nonlocal next_look
        now = clock.now()
        if now < next_look:
            return 0
        next_look = now + BETWEEN_LOOKS
        return sum(uploads.tidy(folder, now - LONGEST_WRITE) for folder in folders)

    return look
