"""Rooms and declarations by district and grid: what stands where, who lives there, what these days brought."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from records.declarations import LIVING, Declaration
from records.places import REGIONS, Place
from records.rooms import Room

FIGURES = ("rooms", "living", "to_check", "declared", "moved_out", "red")
"""Rooms in use; who counts as living there; of these, not checked yet; declared and moved out in these days; rooms
that the office marked red."""
_NAMES = {key: name for name, (key, _) in REGIONS.items()}


@dataclass(slots=True)
class Grid:
    """One grid's figures, by the names of `FIGURES`. A district's have only the first two names."""

    city: str
    district: str
    street: str = ""
    community: str = ""
    grid: str = ""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIGURES, 0), kw_only=True)


def inside(region: str) -> list[ColumnElement[bool]]:
    """Narrows places to those of a region; to none for a region without places of its own."""
    name = _NAMES.get(region)
    if not region or region == "national":
        return []
    if region in ("zhejiang", "guangdong"):
        return [Place.path.startswith("宁波市/" if region == "zhejiang" else "中山市/")]
    return [or_(Place.path.startswith(f"{name}/", autoescape=True), Place.path.contains(f"/{name}/", autoescape=True))]


def by_grid(conn: Connection, since: datetime, until: datetime, region: str = "") -> list[Grid]:
    """Every grid with rooms in it, in the order of the tree; `since` to `until` is for what was declared meanwhile."""
    found: dict[tuple[str, ...], Grid] = {}
    waiting = Declaration.state.in_(("declared", "checked"))
    of_rooms = select(Place.path, func.count().label("n")).join(Room, Room.building_id == Place.id)
    of_rooms = of_rooms.where(Room.state == "open", *inside(region)).group_by(Place.path)
    counted = {
        "rooms": of_rooms,
        "red": of_rooms.where(Room.colour == "red"),
        "living": _filed(Declaration.state.in_(LIVING), region),
        "to_check": _filed(waiting, region),
        "declared": _filed(and_(Declaration.declared_at >= since, Declaration.declared_at < until), region),
        "moved_out": _filed(
            and_(Declaration.moved_out >= since.date(), Declaration.moved_out < until.date()), region
        ),
    }  # fmt: skip
    for name, statement in counted.items():
        for path, n in conn.execute(statement):
            place = tuple(str(path).split("/")[:5])
            grid = found.setdefault(place, Grid(*place))
            grid.counts[name] += int(n)
    return [found[place] for place in sorted(found)]


def by_district(grids: Iterable[Grid]) -> list[Grid]:
    """The same, added up by district."""
    found: dict[tuple[str, str], Grid] = {}
    for grid in grids:
        key = (grid.city, grid.district)
        whole = found.setdefault(key, Grid(*key))
        for name, n in grid.counts.items():
            whole.counts[name] += n
    return list(found.values())


def _filed(what: ColumnElement[bool], region: str) -> Select[str, int]:
    return (
        select(Place.path, func.count().label("n"))
        .select_from(Declaration)
        .join(Room, Room.id == Declaration.room_id)
        .join(Place, Place.id == Room.building_id)
        .where(what, *inside(region))
        .group_by(Place.path)
    )
