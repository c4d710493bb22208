"""The one clock of the service. Everything that needs the time asks `now()`; tests set it with `frozen()`.

All times are aware. People here live by China Standard Time (UTC+8, no daylight saving), so `now()` is in
Asia/Shanghai; the database stores instants, whichever zone they are written in.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")

_frozen: datetime | None = None


def now() -> datetime:
    """The present moment, aware, in Asia/Shanghai."""
    return _frozen if _frozen is not None else datetime.now(CHINA)


def today() -> date:
    """Today's date in China."""
    return now().date()


@contextmanager
def frozen(moment: datetime) -> Iterator[datetime]:
    """Hold the clock still at `moment` (aware) inside the block; for tests and rehearsals of dialogues."""
    global _frozen
    if moment.tzinfo is None:
        raise ValueError("the clock takes aware times only; give the moment a time zone")
    before = _frozen
    _frozen = moment.astimezone(CHINA)
    try:
        yield _frozen
    finally:
        _frozen = before
