"""How many people a room takes and what colour it has: rules in `room_rules.yml`, applied here, reasons given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from records import places

_FILE = Path(__file__).with_name("room_rules.yml")
_ORDER = ("red", "yellow", "green")
_SIGNS = {
    "closed", "inspection_failed", "over_space", "over_beds", "crowd", "hazard", "objection", "no_landlord",
    "inspection_due", "inspection_fix", "expired", "no_code", "unanswered",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many people a room takes. None: nobody said. `space` counts adults where minors are exempt."""

    space: int | None
    beds: int | None
    source: str

    @property
    def most(self) -> int | None:
        """The smaller of the two."""
        known = [number for number in (self.space, self.beds) if number is not None]
        return min(known) if known else None


@cache
def rules() -> dict[str, Any]:
    """The rules, checked. Raises `ValueError` naming the entry that is wrong."""
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    for entry in loaded["colours"]:
        if entry["when"] not in _SIGNS or entry["colour"] not in _ORDER or not entry["reason"]:
            raise ValueError(f"{_FILE.name}: {entry} names no known sign or colour, or gives no reason")
    return loaded


def capacity(room: Any) -> Capacity:
    """What the area and the beds of a room (its row with `path`) allow."""
    city = "zhongshan" if places.region(room.path) == "zhongshan" else "ningbo"
    space = rules()["space"][city]
    each = space.get(room.kind)
    fits = int(room.area_m2 // each) if each and room.area_m2 is not None else None
    return Capacity(fits, room.beds or None, space["source"])


def over(room: Any, people: int, adults: int) -> tuple[str, ...]:
    """Which limits so many people exceed: `over_space`, `over_beds`, or none."""
    limit = capacity(room)
    found = []
    if limit.space is not None and adults > max(limit.space, 1):
        found.append("over_space")
    if limit.beds is not None and people > limit.beds:
        found.append("over_beds")
    return tuple(found)


def refused(room: Any, people: int) -> bool:
    """Whether so many people in a room must be looked at before anything is declared online."""
    set_by = rules()
    most = capacity(room).most or set_by["form_people"]
    return bool(people > max(most * set_by["refuse_times"], set_by["refuse_from"]))


def colour(signs: Mapping[str, bool]) -> tuple[str, tuple[str, ...]]:
    """The colour of a room for which some signs hold, and all the reasons; green has none."""
    held = [entry for entry in rules()["colours"] if signs.get(entry["when"])]
    if not held:
        return "green", ()
    worst = min(held, key=lambda entry: _ORDER.index(entry["colour"]))
    return worst["colour"], tuple(entry["reason"] for entry in held)


def working_days_after(day: date, count: int, special: Mapping[date, bool]) -> date:
    """The last day of a term of `count` working days that begins on `day`.

    Saturdays and Sundays don't count, except where `special` (hours.worked) knows better: whether a holiday or an
    adjusted working day is worked.
    """
    while count:
        day += timedelta(days=1)
        count -= special.get(day, day.weekday() < 5)
    return day
