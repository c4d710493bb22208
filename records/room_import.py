"""Rooms from a file and back: 80,000 of them in one go, every bad row named, loading twice changes nothing.

Rows are written a thousand at a time, so that people are still answered while a city is being loaded; a load that was
cut short is simply started again.
"""

import csv
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from records import places, room_codes, rooms, sheets
from records.base import read, write
from records.crypto import cipher
from records.keyed import adopt
from records.places import Place
from records.rooms import Landlord, Room

COLUMNS: Final = {
    "city": ("城市", "市"),
    "district": ("区县", "区", "县(市)区", "区(县、市)"),
    "street": ("街道", "镇街", "街道镇", "乡镇街道", "镇"),
    "community": ("村社", "社区", "村", "村社区", "村居"),
    "grid": ("网格", "网格名称"),
    "building": ("楼栋", "幢", "楼幢", "门牌", "门牌号", "地址"),
    "room": ("房间", "房号", "室", "房间号"),
    "landlord": ("房东", "出租人", "房东姓名", "出租人姓名", "业主"),
    "landlord_phone": ("房东电话", "出租人电话", "房东手机", "联系电话", "电话"),
    "kind": ("类型", "房屋类型", "房屋类别"),
    "area_m2": ("面积", "面积平方米", "面积㎡", "使用面积"),
    "beds": ("床位", "床位数", "床"),
}
"""The header of CONTRACTS, and the headings that offices use for the same."""
REQUIRED: Final = ("city", "district", "street", "community", "building", "room")
CHUNK: Final = 1000
MOST: Final = 500_000
"""Rows in one file: what is remembered to find duplicates stays within some 100 MB."""
_KINDS = {
    **{key: key for key in rooms.KINDS}, **{name: key for key, name in rooms.KINDS.items()},
    "商品房住宅": "flat", "住宅": "flat", "公寓": "flat", "单元房": "flat", "民房": "house", "农房": "house",
    "私房": "house", "村民自建房": "house", "农民自建房": "house", "出租私房": "house", "宿舍": "dormitory",
    "员工宿舍": "dormitory", "企业宿舍": "dormitory", "private": "house", "": "other",
}  # fmt: skip
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}")


@dataclass(slots=True)
class Count:
    """What a load did, or would do. `rejected` rows are in `bad`'s file."""

    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A row that was found good."""

    line: int
    names: tuple[str, ...]
    room: str
    landlord: tuple[str, str] | None
    values: dict[str, Any]


class BadRow(ValueError):
    """Why a row can't be taken, in words for whoever keeps the file."""


def load(
    engine: Engine, path: Path, at: datetime, *, bad_path: Path | None = None, dry_run: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Count:  # fmt: skip
    """Load a file. `bad_path`: where rows that can't be taken are written (only when there are any), each with its
    line and reason; correct that file and load it. `progress` is told the number of rows of each step.

    Raises `sheets.SheetError` when the file can't be read at all.
    """
    count = Count()
    seen: dict[tuple[str, str], int] = {}
    known: dict[str, int] = {}
    owners: dict[bytes, int] = {}
    lines = sheets.rows(path, COLUMNS, REQUIRED)
    with _BadFile(bad_path) as bad:
        while batch := list(islice(lines, CHUNK)):
            good = list(_check(batch, seen, count, bad))
            if dry_run:
                with read(engine) as conn:
                    _compare(conn, good, count)
            else:
                with write(engine) as conn:
                    _store(conn, good, known, owners, count, at)
            progress(len(batch))
            if len(seen) > MOST:
                raise sheets.SheetError(f"{path.name} 超过{MOST}间房，后面的没有读，请分成几个文件")
    return count


class _BadFile:
    """The rows to correct: made when the first one comes."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.file: TextIO | None = None
        self.out: Any = None

    def __enter__(self) -> "_BadFile":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.file:
            self.file.close()

    def add(self, line: sheets.Line, reason: str) -> None:
        if self.path is None:
            return
        if self.file is None:
            self.file = self.path.open("w", encoding="utf-8-sig", newline="")
            self.out = csv.writer(self.file)
            self.out.writerow([*COLUMNS, "line", "reason"])
        cells = [sheets.safe(line.cells.get(name, "")) for name in COLUMNS]
        self.out.writerow([*cells, line.number, reason])


def _check(
    batch: list[sheets.Line], seen: dict[tuple[str, str], int], count: Count, bad: _BadFile
) -> Iterator[_Wanted]:
    for line in batch:
        try:
            wanted = _read(line)
            key = (sys.intern("/".join(wanted.names)), wanted.room)
            if key in seen:
                raise BadRow(f"和第{seen[key]}行是同一间房")
            seen[key] = line.number
            yield wanted
        except BadRow as fault:
            count.rejected += 1
            reason = str(fault)
            kind = re.sub(r"第\d+行|“.*?”", "…", reason)
            count.reasons[kind] = count.reasons.get(kind, 0) + 1
            bad.add(line, reason)


def read_cells(cells: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
    """One room as a form names it (keys of `COLUMNS`): its building's path, its number, kind, area and beds.

    Raises `BadRow`.
    """
    wanted = _read(sheets.Line(1, cells))
    return "/".join(wanted.names), wanted.room, {name: wanted.values[name] for name in ("area_m2", "beds")}


def read_size(cells: dict[str, str]) -> dict[str, Any]:
    """Area and beds as a form names them. Raises `BadRow`."""
    return {"area_m2": _area(cells.get("area_m2", "")), "beds": _beds(cells.get("beds", ""))}


def add_room(conn: Connection, names: tuple[str, ...], number: str, values: dict[str, Any], at: datetime) -> int:
    """Make one room, with its places and its code. `names`: city to building. Returns its id."""
    wanted = _Wanted(1, names, number, None, {})
    _insert(conn, [(wanted, {**values, "building_id": places.ensure(conn, names), "number": number})], at)
    found = select(Room.id).join(Place, Place.id == Room.building_id)
    return int(conn.execute(found.where(Place.path == "/".join(names), Room.number == number)).scalar_one())


def _read(line: sheets.Line) -> _Wanted:
    cells = line.cells
    for name in REQUIRED:
        if not cells.get(name):
            raise BadRow(f"缺{COLUMNS[name][0]}（{name}）；合并过的单元格要取消合并，每行都填上")
    names = tuple(places.clean(cells.get(kind, "")) or places.NO_GRID for kind in places.KINDS)
    for kind, name in zip(places.KINDS, names, strict=True):
        if len(name) > 40:
            raise BadRow(f"{places.NAMES[kind]}的名称超过40个字")
    room = places.clean(cells["room"])
    if len(room) > 24:
        raise BadRow("房号超过24个字")
    sort = _KINDS.get(cells.get("kind", "").strip())
    if sort is None:
        raise BadRow(f"不认识的房屋类型“{cells['kind'][:12]}”；可以填：{'、'.join(rooms.KINDS.values())}")
    values = {"kind": sort, "area_m2": _area(cells.get("area_m2", "")), "beds": _beds(cells.get("beds", ""))}
    return _Wanted(line.number, names, room, _landlord(cells), values)


def _area(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        area = Decimal(text.removesuffix("㎡").removesuffix("平方米").removesuffix("平").strip()).quantize(
            Decimal("0.01")
        )
    except InvalidOperation:
        raise BadRow(f"面积“{text[:12]}”不是数字") from None
    if not 1 <= area <= 5000:
        raise BadRow(f"面积“{text[:12]}”不对，应在1到5000平方米之间")
    return area


def _beds(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 0 <= int(text) <= 500:
        raise BadRow(f"床位“{text[:12]}”不对，应是0到500的整数")
    return int(text)


def _landlord(cells: dict[str, str]) -> tuple[str, str] | None:
    name, phone = cells.get("landlord", ""), re.sub(r"[\s]", "", cells.get("landlord_phone", ""))
    if not name and not phone:
        return None
    if not name:
        raise BadRow("有房东电话，没有房东姓名")
    if len(name) > 40:
        raise BadRow("房东姓名超过40个字")
    if phone and not _PHONE.fullmatch(phone):
        raise BadRow("房东电话不对，应是11位手机号或带区号的座机")
    return name, phone


_FIELDS = ("kind", "area_m2", "beds", "landlord_id")


def _existing(conn: Connection, buildings: list[int]) -> dict[tuple[int, str], Any]:
    table = Room.__table__.c
    columns = (table.id, table.building_id, table.number, *(table[name] for name in _FIELDS))
    found: dict[tuple[int, str], Any] = {}
    for start in range(0, len(buildings), 500):
        some = buildings[start : start + 500]
        for row in conn.execute(select(*columns).where(Room.building_id.in_(some))):
            found[row.building_id, row.number] = row
    return found


def _store(
    conn: Connection, wanted: list[_Wanted], known: dict[str, int], owners: dict[bytes, int], count: Count, at: datetime
) -> None:
    """Write one batch. `known` and `owners` remember ids between batches, so that each is looked up once."""
    for row in wanted:
        path = "/".join(row.names)
        if path not in known:
            known[path] = places.ensure(conn, row.names)
    _ensure_landlords(conn, [row.landlord for row in wanted if row.landlord], owners, at)
    there = _existing(conn, sorted({known["/".join(row.names)] for row in wanted}))
    new, changed = [], []
    for row in wanted:
        building = known["/".join(row.names)]
        owner = owners[rooms.landlord_key(*row.landlord)] if row.landlord else None
        values = {**row.values, "landlord_id": owner}
        old = there.get((building, row.room))
        if old is None:
            new.append((row, {**values, "building_id": building, "number": row.room}))
        elif any(getattr(old, name) != values[name] for name in _FIELDS):
            changed.append({"room_id": old.id, **{f"new_{name}": values[name] for name in _FIELDS}, "new_at": at})
        else:
            count.unchanged += 1
    _insert(conn, new, at)
    if changed:
        conn.execute(_CHANGE, changed)
    count.imported += len(new)
    count.updated += len(changed)


_CHANGE = (
    update(Room)
    .where(Room.id == bindparam("room_id"))
    .values({**{name: bindparam(f"new_{name}") for name in _FIELDS}, "updated_at": bindparam("new_at")})
)


def _insert(conn: Connection, new: list[tuple[_Wanted, dict[str, Any]]], at: datetime) -> None:
    by_letters: dict[str, list[dict[str, Any]]] = {}
    for row, values in new:
        values |= {"state": "open", "created_at": at, "updated_at": at}
        by_letters.setdefault(places.letters("/".join(row.names)), []).append(values)
    for letters, made in by_letters.items():
        for values, short in zip(made, room_codes.reserve_short(conn, letters, len(made)), strict=True):
            values["short"] = short
        ids = conn.execute(insert(Room).returning(Room.id), made).scalars().all()
        room_codes.issue(conn, ids, at)


def _ensure_landlords(
    conn: Connection, named: list[tuple[str, str]], owners: dict[bytes, int], at: datetime
) -> None:  # fmt: skip
    missing = {rooms.landlord_key(*pair): pair for pair in named}
    for name, phone in missing.values() if cipher().hash_keys > 1 else ():
        adopt(conn, "landlord", name, phone)
        if phone:
            adopt(conn, "phone", phone)
    missing = {key: pair for key, pair in missing.items() if key not in owners}
    if not missing:
        return
    found = conn.execute(select(Landlord.key, Landlord.id).where(Landlord.key.in_(list(missing))))
    owners.update({bytes(row.key): row.id for row in found})
    made = [
        {"key": key, "name": name, "phone": phone or None, "created_at": at,
         "phone_hash": rooms.phone_hash(phone) if phone else None}
        for key, (name, phone) in missing.items() if key not in owners
    ]  # fmt: skip
    if made:
        for row in conn.execute(insert(Landlord).returning(Landlord.key, Landlord.id), made):
            owners[bytes(row.key)] = row.id


def _compare(conn: Connection, wanted: list[_Wanted], count: Count) -> None:
    """What `_store` would do."""
    paths = {"/".join(row.names) for row in wanted}
    ids = {row.path: row.id for row in conn.execute(select(Place.path, Place.id).where(Place.path.in_(sorted(paths))))}
    keys = {rooms.landlord_key(*row.landlord) for row in wanted if row.landlord}
    found = conn.execute(select(Landlord.key, Landlord.id).where(Landlord.key.in_(list(keys))))
    owners = {bytes(row.key): row.id for row in found}
    there = _existing(conn, sorted(ids.values()))
    for row in wanted:
        old = there.get((ids.get("/".join(row.names), 0), row.room))
        owner = owners.get(rooms.landlord_key(*row.landlord), -1) if row.landlord else None
        values = {**row.values, "landlord_id": owner}
        if old is None:
            count.imported += 1
        elif any(getattr(old, name) != values[name] for name in _FIELDS):
            count.updated += 1
        else:
            count.unchanged += 1


def export(engine: Engine, path: Path, where: str = "") -> int:
    """Write rooms as a CSV that `load` reads again; landlords included, so keep the file safe. Returns how many.

    Raises `ValueError` for a `where` that can't be read.
    """
    written = 0
    statement = rooms.selection(where).add_columns(
        Landlord.__table__.c.name.label("landlord"), Landlord.__table__.c.phone.label("landlord_phone")
    ).outerjoin(Landlord, Landlord.id == Room.landlord_id)  # fmt: skip
    with path.open("w", encoding="utf-8-sig", newline="") as file, read(engine) as conn:
        out = sheets.writer(file, [*COLUMNS, "short", "state"])
        for page in rooms.pages(conn, statement):
            for row in page:
                beds = "" if row.beds is None else row.beds
                cells = [
                    *row.path.split("/"),
                    row.number,
                    row.landlord,
                    row.landlord_phone,
                    row.kind,
                    row.area_m2,
                    beds,
                ]
                out.writerow([sheets.safe(cell) for cell in (*cells, row.short, row.state)])
            written += len(page)
    return written
