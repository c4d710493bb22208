"""What staff can change while the service runs, without a deployment: the bot, the emergency notice, hours, limits.

Every process looks again once a second at the most, so that a change is live within two.
"""

import json
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, String, Text, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Busy, Instant, read

_FRESH = 1.0  # seconds


class Switch(Base):
    """One change of one switch; the newest row of a name counts, the others are its history."""

    __tablename__ = "switches"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), index=True)
    value: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[str] = mapped_column(String(60))
    changed_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Switches:
    """How the switches stand."""

    bot_on: bool = True
    notice: str = ""
    """An emergency notice, shown above every first answer; empty for none."""
    hours: tuple[str, ...] = ("08:30-17:30",) * 5 + ("", "")
    """When the desks are open, Monday to Sunday; see `records.hours`."""
    auto_assign: bool = True
    """Whether waiting chats are given to whoever is free, without anybody pressing a button."""
    unanswered_minutes: int = 10
    """How long a claimed chat may wait for an answer before it goes back to its queue."""
    alarm_supervisor_seconds: int = 60
    """How long an alarm waits for a counsellor before supervisors are told."""
    alarm_outside_seconds: int = 180
    """How long before the outside notice goes out (WeCom group, e-mail)."""
    answer_from: float = 0.0
    """The least probability at which the bot answers; 0: as the model was tuned (`intents/bands.yml`)."""
    confirm_from: float = 0.0
    """The least probability at which it asks 您是想问…; 0: as tuned."""
    approve_intents: tuple[str, ...] = ()
    """Intents whose answers staff see before people do."""
    approve_minutes: int = 10
    """How long such an answer may wait before a person takes the matter over."""
    teams: tuple[tuple[str, str], ...] = ()
    """(intent, team): whose people go to another queue than the one they were made for."""
    texts: tuple[tuple[str, str], ...] = ()
    """(name, words): what is said in place of the words that came with the service."""

    def text(self, name: str) -> str:
        """The words that were put in place of the usual ones; empty where none were."""
        return next((words for key, words in self.texts if key == name), "")

    def team(self, intent: str, usual: str) -> str:
        """The queue for an intent; `usual` where nothing else was said."""
        return next((team for key, team in self.teams if key == intent), usual)


def change(conn: Connection, name: str, value: Any, by: str, at: datetime) -> None:
    """Set a switch, a field of `Switches`. Raises `ValueError` for one that doesn't exist."""
    if name not in Switches.__dataclass_fields__:
        raise ValueError(f"there is no switch {name!r}; there are: {', '.join(Switches.__dataclass_fields__)}")
    conn.execute(insert(Switch), {"name": name, "value": json.dumps(value), "changed_by": by, "changed_at": at})


def load(conn: Connection) -> Switches:
    """How the switches stand in the database now."""
    rows = conn.execute(select(Switch.name, Switch.value).order_by(Switch.id))
    values = {row.name: _read(json.loads(row.value)) for row in rows}
    return Switches(**{name: values[name] for name in Switches.__dataclass_fields__ if name in values})


def _read(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def history(conn: Connection, limit: int = 50) -> list[Row[Any]]:
    """The last changes, the newest first: (name, value as JSON, changed_by, changed_at)."""
    return list(conn.execute(select(Switch.__table__).order_by(Switch.id.desc()).limit(limit)))


class Watch:
    """Keeps one process's view of the switches, at most a second old; the last one known while the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._current = Switches()
        self._read_at = float("-inf")

    def current(self) -> Switches:
        """The switches as they stand, or stood a second ago."""
        if time.monotonic() - self._read_at > _FRESH and self._lock.acquire(blocking=False):
            try:
                self._read_at = time.monotonic()
                with read(self._engine) as conn:
                    self._current = load(conn)
            except Busy:
                self._read_at = time.monotonic()
            finally:
                self._lock.release()
        return self._current
