"""The front desk: the house as a board, its rooms, what waits to be checked, what doesn't fit, a list for walking round."""

from datetime import date
from typing import Any

from flask import Response, abort, render_template, request
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.orm import aliased

import clock
from records import (
    board,
    declarations,
    employers,
    filing,
    identity,
    inspections,
    landlords,
    pictures,
    places,
    room_codes,
    room_rules,
    rooms,
)
from records.base import read
from records.places import Place
from records.rooms import Room
from staff.blueprint import blueprint
from staff.house import house, scope
from staff.permissions import needs

DRAWN = 1500
"""Rooms on one board; a place with more shows what is in it instead."""
DOUBTS = {
    "elsewhere": "同一个人登记在两间房",
    "same_number": "两个人用同一个证件号",
    "over_space": "人均面积不够",
    "over_beds": "人数多于床位",
    "unanswered": "前租客没有答复是否搬走",
}


def may_see(path: str) -> bool:
    """Whether a place lies in the region of whoever is logged in."""
    regions = scope().regions
    return regions is None or places.region(path) in regions


@blueprint.get("/rooms")
@needs("rooms.see")
def rooms_board() -> str:
    """The board of a place, or the places below it when it holds too many rooms to draw."""
    with read(house().engine) as conn:
        place = _place(conn, request.args.get("place", 0, type=int))
        path = place.path if place else ""
        statement = rooms.under(path) if path else rooms.listing().order_by(Place.path, Room.number)
        below = [row for row in children(conn, place.id if place else None) if may_see(row.path)]
        total = sum(row.rooms for row in below) if below else conn.execute(
            select(func.count()).select_from(statement.order_by(None).subquery())).scalar_one()  # fmt: skip
        tiles: list[board.Tile] = []
        if 0 < total <= DRAWN:
            found = [row for row in conn.execute(statement) if may_see(row.path)]
            tiles = board.tiles(conn, found, clock.now().date())
        waiting = len(board.to_check(conn, path))
    colour = request.args.get("colour", "")
    return render_template(
        "rooms/board.html", place=place, trail=_trail(place), below=below, total=total, colours=rooms.COLOURS,
        counts={key: sum(tile.colour == key for tile in tiles) for key in rooms.COLOURS}, colour=colour,
        people=sum(tile.people for tile in tiles), waiting=waiting, kinds=places.NAMES,
        houses=_houses([tile for tile in tiles if colour in ("", tile.colour)]), drawn=bool(tiles),
        crowd=room_rules.rules()["crowd_beds"],
    )  # fmt: skip


def children(conn: Connection, place_id: int | None) -> list[Row[Any]]:
    """The places right below one, each with the number of its rooms."""
    top, house_ = aliased(Place), aliased(Place)
    inside = (house_.id == top.id) | house_.path.startswith(top.path + "/")
    statement = (
        select(top.id, top.name, top.kind, top.path, func.count(Room.id).label("rooms"))
        .join(house_, inside)
        .join(Room, Room.building_id == house_.id)
        .where(top.parent_id.is_(None) if place_id is None else top.parent_id == place_id)
        .group_by(top.id, top.name, top.kind, top.path)
        .order_by(top.name)
    )
    return list(conn.execute(statement))


def _place(conn: Connection, place_id: int) -> Row[Any] | None:
    if not place_id:
        return None
    row = places.get(conn, place_id)
    if row is None or not may_see(row.path):
        abort(404)
    return row


def _trail(place: Row[Any] | None) -> list[str]:
    return place.path.split("/") if place else []


def _houses(tiles: list[board.Tile]) -> list[dict[str, Any]]:
    """Tiles by building, in the order of walking."""
    found: dict[str, list[board.Tile]] = {}
    for tile in tiles:
        found.setdefault(tile.room.path, []).append(tile)
    return [
        {"name": places.part(path, "building"), "grid": places.part(path, "grid"), "tiles": inside,
         "community": places.part(path, "community"), "beds": sum(tile.beds or 0 for tile in inside),
         "people": sum(tile.people for tile in inside), "kind": inside[0].room.kind}
        for path, inside in found.items()
    ]  # fmt: skip


def seen_room(conn: Connection, room_id: int) -> Row[Any]:
    """A room that whoever is logged in may see; 404 otherwise."""
    row = rooms.get(conn, room_id)
    if row is None or not may_see(row.path):
        abort(404)
    return row


@blueprint.get("/rooms/<int:room_id>")
@needs("rooms.see")
def rooms_room(room_id: int) -> str:
    """One room: who lives there, or did on a day; what is open; visits; codes."""
    today = clock.now().date()
    day = _day(request.args.get("on", ""), today)
    with read(house().engine) as conn:
        row = seen_room(conn, room_id)
        tile = board.tiles(conn, [row], today)[0]
        here = board.room_on(conn, room_id, day)
        if day == today:
            here = [one for one in here if one.state in declarations.LIVING]
        waiting = [one for one in declarations.living_in(conn, room_id) if one.state in ("declared", "checked")]
        return render_template(
            "rooms/room.html", room=row, tile=tile, address=rooms.address(row), today=today, day=day,
            people=[_shown(conn, one) for one in here], waiting=[_shown(conn, one) for one in waiting],
            landlord=landlords.listing(conn, [room_id]).get(room_id), capacity=room_rules.capacity(row),
            firm=employers.get(conn, row.employer_id) if row.employer_id else None,
            reports=inspections.reports(conn, room_id), visits=inspections.of_room(conn, room_id),
            codes=room_codes.history(conn, room_id), kinds=rooms.KINDS, states=rooms.STATES, colours=rooms.COLOURS,
            says=landlords.SAYS, results=inspections.RESULTS, points=inspections.POINTS,
            relations=declarations.RELATIONS, decided=declarations.STATES, kinds_of_report=inspections.REPORTS,
            mask=identity.mask_name, secret=None,
        )  # fmt: skip


def _day(text: str, today: date) -> date:
    try:
        return min(date.fromisoformat(text), today) if text else today
    except ValueError:
        return today


def _shown(conn: Connection, row: Row[Any]) -> dict[str, Any]:
    """A declaration with its person masked, and its history."""
    who = row.who or {"name": "（已删除）", "number": "", "phone": "", "born": ""}
    born = date.fromisoformat(who["born"]) if who["born"] else None
    return {
        "row": row, "name": identity.mask_name(who["name"]), "number": identity.mask_number(who["number"]),
        "phone": identity.mask_phone(who["phone"]) if who["phone"] else "", "minor": born is not None
        and identity.age(born, clock.now().date()) < identity.MINOR, "address": declarations.address_of(row),
        "history": declarations.history(conn, row.id), "verified": row.state == "confirmed",
    }  # fmt: skip


@blueprint.get("/rooms/search")
@needs("rooms.see")
def rooms_search() -> str:
    """Rooms and people by number, short code, whole name, phone, ID number, or its last four characters."""
    word = request.args.get("q", "").strip()[:40]
    with read(house().engine) as conn:
        found, people = board.search(conn, word)
        tiles = board.tiles(conn, [row for row in found if may_see(row.path)], clock.now().date())
        shown = [_shown(conn, row) for row in people if may_see(row.path)]
    return render_template(
        "rooms/search.html", word=word, tiles=tiles, people=shown, states=declarations.STATES,
        relations=declarations.RELATIONS, colours=rooms.COLOURS, address=rooms.address,
    )  # fmt: skip


@blueprint.get("/rooms/check")
@needs("rooms.see")
def rooms_check() -> str:
    """What waits to be checked, and what doesn't fit together."""
    with read(house().engine) as conn:
        place = _place(conn, request.args.get("place", 0, type=int))
        path = place.path if place else ""
        waiting = [_shown(conn, row) for row in board.to_check(conn, path) if may_see(row.path)]
        doubts = [
            {"kind": DOUBTS[doubt.kind], "rooms": [row for row in doubt.rows if not hasattr(row, "who")],
             "people": [_shown(conn, row) for row in doubt.rows if hasattr(row, "who")]}
            for doubt in board.doubts(conn, path, clock.now().date()) if may_see(doubt.rows[0].path)
        ]  # fmt: skip
    return render_template(
        "rooms/check.html", place=place, waiting=waiting, doubts=doubts, states=declarations.STATES,
        relations=declarations.RELATIONS, flags=filing.NOTICED, address=rooms.address, says=landlords.SAYS,
    )  # fmt: skip


@blueprint.get("/rooms/walk")
@needs("rooms.see")
def rooms_walk() -> str:
    """A grid's rooms house by house, on a phone: what to look at at each door."""
    with read(house().engine) as conn:
        place = _place(conn, request.args.get("place", 0, type=int))
        grids = [row for row in places.of_kind(conn, "grid") if may_see(row.path)]
        tiles = []
        if place is not None:
            tiles = board.tiles(conn, list(conn.execute(rooms.under(place.path)))[:DRAWN], clock.now().date())
    only = request.args.get("only", "")
    if only == "todo":
        tiles = [tile for tile in tiles if tile.colour != "green" or tile.to_check or "no_code" in tile.signs]
    return render_template(
        "rooms/walk.html", place=place, grids=grids, houses=_houses(tiles), only=only, colours=rooms.COLOURS
    )


@blueprint.get("/rooms/<int:room_id>/photo/<picture>")
@needs("rooms.see")
def rooms_photo(room_id: int, picture: str) -> Response:
    """A photo of a visit or a report of this room."""
    with read(house().engine) as conn:
        seen_room(conn, room_id)
        known = {one for visit in inspections.of_room(conn, room_id) for one in visit.findings["photos"]}
        known |= {one for report in inspections.reports(conn, room_id) for one in report.photos}
    data = pictures.read(house().settings.data_dir, picture) if picture in known else None
    if data is None:
        abort(404)
    return Response(data, mimetype="image/jpeg", headers={"Cache-Control": "private, no-store"})
