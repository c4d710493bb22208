"""Where things are: city → district → street → community → grid → building, one tree, each place under its parent.

A place is known by its path (`宁波市/奉化区/锦屏街道/大成社区/第1网格/3号楼`), so that two files that name the same
building mean the same row, and everything under a place is found by one prefix.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, ForeignKey, Index, Row, String, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base

KINDS = ("city", "district", "street", "community", "grid", "building")
"""From the largest to the smallest; a room stands under a building."""
NAMES = {
    "city": "城市", "district": "区县（市）", "street": "街道（镇）", "community": "村（社区）", "grid": "网格",
    "building": "楼栋",
}  # fmt: skip
NO_GRID = "未划网格"
"""The grid of buildings for which a file names none."""
REGIONS = {
    "宁波市": ("ningbo", "NB"), "海曙区": ("haishu", "HS"), "江北区": ("jiangbei", "JB"), "镇海区": ("zhenhai", "ZH"),
    "北仑区": ("beilun", "BL"), "鄞州区": ("yinzhou", "YZ"), "奉化区": ("fenghua", "FH"), "余姚市": ("yuyao", "YY"),
    "慈溪市": ("cixi", "CX"), "宁海县": ("ninghai", "NH"), "象山县": ("xiangshan", "XS"), "中山市": ("zhongshan", "ZS"),
}  # fmt: skip
"""Official name of a city or district → region key, and two letters for numbers and short codes."""


class Place(Base):
    """One place that holds others."""

    __tablename__ = "places"
    __table_args__ = (Index("ix_places_kind_path", "kind", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(40))
    path: Mapped[str] = mapped_column(String(260), unique=True)


def clean(name: str) -> str:
    """A name as it goes into a path: no slash, no double spaces."""
    return " ".join(name.replace("/", "／").split())


def ensure(conn: Connection, names: Iterable[str]) -> int:
    """The id of the place at the end of `names` (city first), made with its parents where missing.

    Safe when two imports make the same place at once.
    """
    parent: int | None = None
    path = ""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    for kind, raw in zip(KINDS, names, strict=False):
        name = clean(raw)
        path = f"{path}/{name}" if path else name
        found = conn.execute(select(Place.id).where(Place.path == path)).scalar()
        if found is None:
            row = {"parent_id": parent, "kind": kind, "name": name, "path": path}
            conn.execute(dialect.insert(Place).on_conflict_do_nothing(index_elements=["path"]), row)
            found = conn.execute(select(Place.id).where(Place.path == path)).scalar_one()
        parent = found
    if parent is None:
        raise ValueError("a place needs at least the name of its city")
    return parent


def get(conn: Connection, place_id: int) -> Row[Any] | None:
    """A place's row, or None."""
    return conn.execute(select(Place.__table__).where(Place.id == place_id)).first()


def children(conn: Connection, place_id: int | None) -> list[Row[Any]]:
    """The places right under one (`None`: the cities), by name."""
    under = Place.parent_id.is_(None) if place_id is None else Place.parent_id == place_id
    return list(conn.execute(select(Place.__table__).where(under).order_by(Place.name)))


def under(path: str) -> ColumnElement[bool]:
    """The condition that a place is `path` or below it."""
    return or_(Place.path == path, Place.path.startswith(path + "/", autoescape=True))


def of_kind(conn: Connection, kind: str, path: str = "") -> list[Row[Any]]:
    """All places of a kind, below `path` when it is given, in order of their paths."""
    table = Place.__table__
    statement = select(table).where(Place.kind == kind).order_by(Place.path)
    return list(conn.execute(statement.where(under(path)) if path else statement))


def part(path: str, kind: str) -> str:
    """The name of the place of `kind` within a path; empty when the path is shorter."""
    names = path.split("/")
    index = KINDS.index(kind)
    return names[index] if index < len(names) else ""


def region(path: str) -> str:
    """The region key that a path lies in: the district's, otherwise the city's, otherwise `ningbo`."""
    return _region(path)[0]


def letters(path: str) -> str:
    """`NB-FH` for a path in 奉化: the beginning of a short code."""
    city = REGIONS.get(part(path, "city"), REGIONS["宁波市"])[1]
    return f"{city}-{_region(path)[1]}"


def _region(path: str) -> tuple[str, str]:
    for kind in ("district", "city"):
        found = REGIONS.get(part(path, kind))
        if found:
            return found
    return REGIONS["宁波市"]


def address(path: str, number: str) -> str:
    """A room's address as it stands on its label: street, community, building, room."""
    names = path.split("/")
    return " ".join([*names[2:4], *names[5:6], number])
