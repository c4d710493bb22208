"""Passes for the stream of live updates: signed, good for a minute, and naming what may be heard."""

from collections.abc import Iterable
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

from settings import Settings

LASTS = 60  # seconds


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose stream it is; `person`: whose chat is open (0: none); `alarms`: whether alarms are heard; `own`: whose
    chats one has in hand."""

    staff_id: int
    person: int
    alarms: bool
    own: frozenset[int] = frozenset()


def make(secret_key: str, staff_id: int, person: int, alarms: bool, own: Iterable[int] = ()) -> str:
    """A pass as the page puts it into the stream's address."""
    return _serializer(secret_key).dumps([staff_id, person, int(alarms), sorted(own)])


def read(secret_key: str, ticket: str) -> Ticket | None:
    """What a pass allows; None for a forged or old one."""
    try:
        staff_id, person, alarms, own = _serializer(secret_key).loads(ticket, max_age=LASTS)
    except (BadSignature, ValueError, TypeError):
        return None
    return Ticket(int(staff_id), int(person), bool(alarms), frozenset(map(int, own)))


def stream_url(settings: Settings, scheme: str, host: str) -> str:
    """Where a page that was asked for at `host` finds the stream; empty when there is none."""
    if settings.stream_url:
        return settings.stream_url
    return f"{scheme}://{host.rsplit(':', 1)[0]}:{settings.stream_port}" if settings.stream_port else ""


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt="staff-stream")
