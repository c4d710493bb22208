"""What is remembered of a person from one turn to the next; small, and stored encrypted with the person."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

KEPT = 3
"""Forms that are kept for somebody who left them."""
FRESH = timedelta(hours=12)
"""How long a topic and the choices offered with it stay in mind."""


@dataclass(frozen=True, slots=True)
class State:
    """The memory of a conversation."""

    topic: str = ""
    """The service last talked about."""
    aspect: str = "main"
    offered: tuple[tuple[str, str], ...] = ()
    """(label, id) of the choices of the last answer, in their order."""
    asking: str = ""
    """What the last answer asked for: `confirm`, `which` or nothing."""
    misses: int = 0
    """How many messages in a row were not understood."""
    warned: int = 0
    """How many messages of danger were answered within `CARE`."""
    warned_at: datetime | None = None
    form: tuple[Any, ...] = ()
    """An open form, as `bot.forms.Progress` packs itself; empty for none."""
    parked: tuple[Any, ...] = ()
    """Forms that were put aside or given up, packed alike, the latest first, in case the person wants one back."""
    plain: bool = False
    """Whether answers are to be short, with a phone number first: somebody old, or who reads with difficulty."""
    pending: tuple[str, ...] = ()
    """What the next message is taken for, whatever else it looks like: `case` (a case's number or phone)."""
    stale: bool = False
    """Whether the person comes back after a long time; never stored."""
    known: tuple[tuple[str, str], ...] = ()
    """(entity type, value) of what was said about the topic, so that a form needn't ask again."""
    shown: str = ""
    """The article last told."""
    said: str = ""
    """The words that brought up the topic, so that a form about it needn't ask for what they told."""
    asked: str = ""
    """The last question about the topic in the person's own words: what a further one, or one for another place, leans
    on."""
    before: tuple[str, ...] = ()
    """Services talked about before, or named beside another, the latest first."""
    notice: str = ""
    """The emergency notice this person has already been shown."""
    at: datetime | None = field(default=None)

    def putting_aside(self, form: tuple[Any, ...]) -> "State":
        """With a form among those that can be had back; the same form only once."""
        others = [row for row in self.parked if row[0] != form[0]]
        return replace(self, parked=(form, *others)[:KEPT])

    def packed(self) -> dict[str, Any]:
        """What the database keeps: only what differs from nothing."""
        row: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name != "stale" and value != getattr(_EMPTY, name):
                row[name] = value
        for name in ("at", "warned_at"):
            if name in row:
                row[name] = row[name].timestamp()
        return row

    @classmethod
    def unpacked(cls, row: Mapping[str, Any] | None, now: datetime) -> "State":
        """The inverse of `packed`; what is no longer fresh is forgotten, fields of older versions are ignored."""
        known = {name: value for name, value in (row or {}).items() if name in cls.__dataclass_fields__}
        if "offered" in known:
            known["offered"] = tuple((label, id) for label, id in known["offered"])
        if "known" in known:
            known["known"] = tuple((kind, value) for kind, value in known["known"])
        for name in ("form", "parked", "pending", "before"):
            if name in known:
                known[name] = _tuples(known[name])
        for name in ("at", "warned_at"):
            if name in known:
                known[name] = datetime.fromtimestamp(known[name], now.tzinfo)
        state = cls(**known)
        if state.at is None or now - state.at > FRESH:
            phone = tuple((kind, value) for kind, value in state.known if kind == "phone")
            return replace(
                _EMPTY, notice=state.notice, warned=state.warned, warned_at=state.warned_at, form=state.form,
                parked=state.parked, plain=state.plain, known=phone, stale=True,
            )  # fmt: skip
        return state


def _tuples(value: Any) -> Any:
    """Lists of JSON as the tuples they were."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


_EMPTY = State()
