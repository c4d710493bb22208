"""Service points: where people can go. `places/<region>.yml` seeds them, the console keeps them."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

KINDS = {
    "police": "派出所",
    "hall": "政务服务大厅",
    "village": "村（社区）窗口",
    "station": "新居民驿站",
    "clinic": "卫生院、接种点",
    "school": "入学报名点",
    "aid": "法律援助、调解",
}
_EARTH = 6_371.0  # km


@dataclass(frozen=True, slots=True)
class Place:
    """One service point. hours and phone are what a source says, never assumed; coordinates are GCJ-02 degrees, as the
    platform's shared locations are. checked_on is the day somebody last made sure."""

    key: str
    region: str
    kind: str
    name: str
    address: str
    source: str
    checked_on: date
    hours: str = ""
    phone: str = ""
    latitude: float | None = None
    longitude: float | None = None

    def fields(self) -> dict[str, Any]:
        """As `records.service_points` stores it."""
        return asdict(self)


def distance(place: Place, latitude: float, longitude: float) -> float:
    """Kilometres as the crow flies; infinite for a place whose position nobody knows."""
    if place.latitude is None or place.longitude is None:
        return math.inf
    here, there = math.radians(latitude), math.radians(place.latitude)
    north, east = (there - here) / 2, math.radians(place.longitude - longitude) / 2
    half = math.sin(north) ** 2 + math.cos(here) * math.cos(there) * math.sin(east) ** 2
    return 2 * _EARTH * math.asin(math.sqrt(min(half, 1.0)))


def nearest(
    places: Iterable[Place], latitude: float, longitude: float, *, kind: str = "", limit: int = 3, within: float = 30
) -> list[tuple[Place, float]]:  # fmt: skip
    """The places nearest to a shared location and how far they are (km), those within `within` km only."""
    wanted = (place for place in places if not kind or place.kind == kind)
    measured = ((place, distance(place, latitude, longitude)) for place in wanted)
    return sorted((pair for pair in measured if pair[1] <= within), key=lambda pair: pair[1])[:limit]


def files(folder: Path) -> list[Path]:
    """The seed files of a knowledge base."""
    return sorted((folder / "places").glob("*.yml"))
