"""What one process of the service holds: settings, database, Redis, what it understands and what it knows."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import redis
from flask import current_app
from sqlalchemy import Engine

from bot.message import Channel
from intents import Understanding
from knowledge_base import Knowledge
from knowledge_base.live import Fixed, Live
from records.switches import Watch
from settings import Settings

log = logging.getLogger(__name__)


def _nobody() -> None:
    """Stands in where no worker listens; the sweep finds the rows anyway."""


class Understands(Protocol):
    """What the turn needs of `intents`."""

    def understand(self, text: str, now: datetime) -> Understanding:
        """What `text` means at `now`."""


class Later:
    """An understander that is loaded when it is first asked: the worker seldom needs one, and it is large."""

    def __init__(self, load: Callable[[], Understands]) -> None:
        self._load = load
        self._made: Understands | None = None

    def understand(self, text: str, now: datetime) -> Understanding:
        """What `text` means at `now`."""
        if self._made is None:
            self._made = self._load()
        return self._made.understand(text, now)


class Remembering:
    """An understander that keeps what the commonest short messages mean (您好, 居住证怎么办, a choice's words).

    Only what says nothing of a person or a day is kept: no digits, nothing named in it.
    """

    def __init__(self, behind: Understands) -> None:
        self._behind = behind
        self._kept: dict[str, Understanding] = {}

    def understand(self, text: str, now: datetime) -> Understanding:
        """What `text` means at `now`."""
        found = self._kept.get(text)
        if found is not None:
            return found
        heard = self._behind.understand(text, now)
        if len(text) <= SHORT and not heard.entities and not any(char.isdigit() for char in text):
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[text] = heard
        return heard


SHORT = 30
"""Characters of a message that may be kept."""
KEPT = 500
"""Messages kept; when they are too many, all are forgotten and the common ones come back."""


@dataclass
class Service:
    """Everything a turn needs. Found in a Flask view as `current_app.extensions["service"]`."""

    settings: Settings
    engine: Engine
    redis: redis.Redis
    articles: Live | Fixed
    """Where `knowledge` comes from."""
    understander: Understands
    switches: Watch
    channels: dict[str, Channel] = field(default_factory=dict)
    nudge: Callable[[], None] = _nobody
    """Wakes the worker: there is something in the outbox."""

    @property
    def knowledge(self) -> Knowledge:
        """The snapshot of what may be told that serves now. Take it once a turn: the next look may be a newer one."""
        return self.articles.current

    def signal(self, kind: str, person_id: int) -> None:
        """Tell open consoles and chats that something changed. They poll as well, so a lost signal only costs time."""
        try:
            self.redis.publish("city:live", f"{kind}:{person_id}")
        except redis.RedisError as error:
            log.warning("signal lost, Redis is away (%s)", type(error).__name__)


def service() -> Service:
    """The service of the application that answers this request, or runs this command."""
    found: Service = current_app.extensions["service"]
    return found
