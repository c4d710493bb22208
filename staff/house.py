"""What the console needs of the rest of the service, and who is asking."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

import redis
from flask import current_app, g
from sqlalchemy import Engine, Row

from intents import Understanding
from knowledge_base import Knowledge
from records.desk_queries import Scope
from records.switches import Watch
from settings import Settings
from staff.permissions import permitted


class Understands(Protocol):
    """What the console needs of `intents`: what a question is about."""

    def understand(self, text: str, now: datetime) -> Understanding:
        """What `text` means at `now`."""


class Pushes(Protocol):
    """What the console needs of a channel: what may be sent to somebody who can't be written to."""

    def instead(self, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        """What may go in the place of `payload`, with the `template_id` that must have been agreed to."""


class House(Protocol):
    """The service as the console sees it; `bot.service.Service` is one."""

    settings: Settings
    engine: Engine
    redis: redis.Redis
    switches: Watch
    understander: Understands

    @property
    def channels(self) -> Mapping[str, Pushes]:
        """The channels that must be sent to, by name."""

    @property
    def knowledge(self) -> Knowledge:
        """The snapshot that serves now."""

    def nudge(self) -> None:
        """Wake the worker: there is something in the outbox."""

    def signal(self, kind: str, person_id: int) -> None:
        """Tell open consoles and chats that something changed."""


def house() -> House:
    """The service of this process."""
    return cast(House, current_app.extensions["service"])


@dataclass(frozen=True, slots=True)
class Me:
    """Who is logged in."""

    id: int
    login: str
    name: str
    role: str
    teams: tuple[str, ...]
    region: str | None
    session_id: int
    has_totp: bool

    def may(self, permission: str) -> bool:
        """Whether this role has a permission."""
        return permitted(self.role, permission)

    @property
    def actor(self) -> str:
        """How the audit log names this person."""
        return f"staff:{self.id}"

    @classmethod
    def of(cls, row: Row[Any]) -> "Me":
        """From a row of `records.sessions.look`."""
        return cls(
            row.id, row.login, row.name, row.role, tuple(row.teams.split()), row.region, row.session_id,
            row.totp is not None,
        )  # fmt: skip


def me() -> Me:
    """Who is logged in. Only inside a view that `needs` a permission."""
    return cast(Me, g.staff)


def scope() -> Scope:
    """Which chats the one who is logged in may see (promise 12)."""
    who = me()
    regions = None
    tree = house().knowledge.regions
    if who.region and who.region in tree:
        regions = tuple(sorted(tree.inside(who.region)))
    teams = None if who.may("inbox.every_team") else who.teams
    return Scope(staff_id=who.id, psychology=who.may("psychology.see"), teams=teams, regions=regions)
