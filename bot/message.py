"""A message on its way in, and its answer on the way out, as no channel in particular."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from handlers.turn import Choice, Link, Reply

__all__ = ["Channel", "Choice", "Inbound", "Link", "Reply"]


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message or event from one person.

    `key` is the same for every push of the same message and different for any other of this sender's. `choice` is
    the id of an offered choice that was tapped. `window` says which allowance of later messages this contact opens
    (`message`, `click` or none); see `records.people.WINDOWS`.
    """

    channel: str
    sender: str
    key: str
    kind: str
    sent_at: datetime
    text: str = ""
    event: str = ""
    scene: str = ""
    choice: str = ""
    media: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    window: str = ""


class Channel(Protocol):
    """How one channel carries what can't go out with the immediate answer."""

    def overflow(self, replies: Sequence[Reply]) -> list[dict[str, Any]]:
        """The outbox payloads for what doesn't fit into the immediate answer."""

    def immediate(self, replies: Sequence[Reply]) -> list[dict[str, Any]]:
        """The rest of them: what goes out with the immediate answer, as payloads for when that was lost."""

    def payloads(self, replies: Sequence[Reply]) -> list[dict[str, Any]]:
        """All of `replies` as outbox payloads, for an answer that comes too late to be immediate."""

    def consent(self) -> Link | None:
        """The page where somebody agrees to be told later, when he can't be written to; None where there is none."""

    def instead(self, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        """What may go in the place of `payload` to somebody who can't be written to just now: a payload with the
        `template_id` that he must have agreed to. None: nothing may."""
