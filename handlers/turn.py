"""What a handler gets and what it gives back: neither knows a channel, an openid, SQL or HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from intents import Understanding
from knowledge_base import Knowledge
from records.desk import Desk

MAX_LABEL = 20
"""Characters of a choice's label: what a thumb hits and a small screen shows on one line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something the person may tap, or answer with its number. `id` is `<intent>`, `<intent>/<aspect>` or
    `region=<key>`."""

    label: str
    id: str

    def __post_init__(self) -> None:
        if len(self.label) > MAX_LABEL:
            raise ValueError(f"a choice's label is at most {MAX_LABEL} characters: {self.label!r}")


@dataclass(frozen=True, slots=True)
class Link:
    """A page of ours. `path` begins with a slash."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Handoff:
    """A handler's wish that a member of staff takes over. `team` is a queue of `records.staff.TEAMS`."""

    team: str
    reason: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One thing said to a person, and what comes with it.

    `articles`: ids of what was shown, kept in the transcript. `handoff`, `region`, `reminder` (when, what) and `asking` are wishes that the
    turn carries out: a member of staff, a region to remember, the kind of answer expected next (`confirm`).
    """

    text: str = ""
    choices: tuple[Choice, ...] = ()
    links: tuple[Link, ...] = ()
    urgent: bool = False
    articles: tuple[str, ...] = ()
    handoff: Handoff | None = None
    region: str | None = None
    asking: str = ""
    reminder: tuple[datetime, str] | None = None
    subscribe: str = ""
    """A topic to be told about once there is news of it."""
    rating: str = ""
    """The answer to the question how satisfied somebody was (`rate:<handoff>:<score>`)."""
    unsubscribe: bool = False
    """No news is wanted any more."""
    pending: tuple[str, ...] = ()
    """What the next message is taken for; see `bot.state.State.pending`."""

    def stored(self) -> dict[str, Any]:
        """What the transcript keeps: enough to say the same again."""
        row: dict[str, Any] = {"text": self.text}
        if self.choices:
            row["choices"] = [[choice.label, choice.id] for choice in self.choices]
        if self.links:
            row["links"] = [[link.label, link.path] for link in self.links]
        if self.urgent:
            row["urgent"] = True
        return row

    @classmethod
    def from_stored(cls, row: Mapping[str, Any]) -> "Reply":
        """The inverse of `stored`."""
        return cls(
            text=row["text"],
            choices=tuple(Choice(label, id) for label, id in row.get("choices", ())),
            links=tuple(Link(label, path) for label, path in row.get("links", ())),
            urgent=bool(row.get("urgent")),
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of one person, as a handler sees it.

    `aspect` is the side of the matter asked for (`knowledge_base.schema.ASPECTS`). `region` is where the answer is
    to hold; `region_known` says whether the person named it, now or before. `waiting`: a handoff is already open.
    """

    text: str
    intent: str
    understanding: Understanding
    region: str
    region_known: bool
    now: datetime
    knowledge: Knowledge
    aspect: str = "main"
    topic: str = ""
    waiting: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    sides: tuple[str, ...] = ()
    """Sides of the matter that a whole question names, to be told beside its main answer."""
    plain: bool = False
    """Whether the person reads with difficulty: short, a phone number first."""
    misses: int = 0
    """How many messages in a row were not understood before this one."""
    shown: str = ""
    """The article last told about the same topic."""
    earlier: str = ""
    """The question that this one leans on (她呢, 那要是没合同), where it says too little by itself."""
    about: str = ""
    """Whom it is for, when not the person (弟弟, 老婆)."""
    desk: Desk | None = None
    """Where the person's own cases are looked up; None where there is no database."""
