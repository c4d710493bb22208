"""The front desk: the house as a board, its rooms, what waits to be checked, what doesn't fit, a list for walking round."""

from datetime import date
from typing import Any

from flask import abort, current_app, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.orm import aliased
from werkzeug.wrappers import Response

import clock
from records import (
    board,
    cases,
    declarations,
    dormitories,
    employers,
    filing,
    identity,
    inspections,
    landlords,
    places,
    room_codes,
    room_rules,
    room_story,
    rooms,
    staff,
)
from records import doubts as doubts_of
from records.base import read
from records.places import Place
from records.rooms import Room
from staff.blueprint import blueprint
from staff.house import house, me, scope
from staff.permissions import needs

LABELS = 2400
"""Labels in one download (100 sheets, some seconds); more by the command."""
GRIDS = 200
"""Grids to choose from in one list."""
DRAWN = 1500
"""Rooms on one board; a place with more shows what is in it instead."""


def may_see(path: str) -> bool:
    """Whether a place lies in the region of whoever is logged in."""
    regions = scope().regions
    return regions is None or places.region(path) in regions


@blueprint.get("/rooms")
@needs("rooms.see")
def rooms_board() -> str:
    """The board of a place, or the places below it when it holds too many rooms to draw."""
    with read(house().engine) as conn:
        place = _place(conn, request.args.get("place", 0, type=int)) or _start(conn)
        path = place.path if place else ""
        statement = rooms.under(path) if path else rooms.listing().order_by(Place.path, Room.number)
        below = [row for row in children(conn, place.id if place else None) if may_see(row.path)]
        total = sum(row.rooms for row in below) if below else conn.execute(
            select(func.count()).select_from(statement.order_by(None).subquery())).scalar_one()  # fmt: skip
        tiles: list[board.Tile] = []
        if 0 < total <= DRAWN:
            found = [row for row in conn.execute(statement) if may_see(row.path)]
            tiles = board.tiles(conn, found, clock.now().date())
        waiting = sum(may_see(row.path) for row in board.to_check(conn, path))
        claims = sum(may_see(row.path) for row in dormitories.waiting(conn)) if me().may("rooms.manage") else 0
        lives = board.living(conn, path) if place is not None and place.kind == "community" else 0
        trail = _trail(conn, place)
    colour = request.args.get("colour", "")
    return render_template(
        "rooms/board.html", place=place, trail=trail, below=below, total=total, colours=rooms.COLOURS,
        counts={key: sum(tile.colour == key for tile in tiles) for key in rooms.COLOURS}, colour=colour,
        people=sum(tile.people for tile in tiles), waiting=waiting, kinds=places.NAMES,
        houses=_houses([tile for tile in tiles if colour in ("", tile.colour)]), drawn=bool(tiles),
        crowd=room_rules.rules()["crowd_beds"], claims=claims, lives=lives, desk_people=room_rules.rules()["desk_people"],
        sizes=current_app.extensions["rooms"]["label_sizes"], most=LABELS,
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


def _start(conn: Connection) -> Row[Any] | None:
    """Where the board begins: at one's own district, where one works for one."""
    regions = scope().regions
    if regions is None:
        return None
    own = [row for row in places.of_kind(conn, "district") if places.region(row.path) in regions]
    return own[0] if len(own) == 1 else None


def _trail(conn: Connection, place: Row[Any] | None) -> list[Row[Any]]:
    """The places above one, the largest first, and itself."""
    found: list[Row[Any]] = []
    row = place
    while row is not None:
        found.insert(0, row)
        row = places.get(conn, row.parent_id) if row.parent_id else None
    return found


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


def seen_declaration(conn: Connection, declaration_id: int) -> Row[Any]:
    """A declaration (a row of `declarations.listing`) that whoever is logged in may see; 404 otherwise."""
    row = declarations.get(conn, declaration_id)
    if row is None:
        abort(404)
    found = next(one for one in declarations.of_filing(conn, row.filing_id) if one.id == declaration_id)
    if not may_see(found.path):
        abort(404)
    return found


def back_to(room_id: int) -> Response:
    """To the page of rooms that a form was on, otherwise to its room."""
    back = request.form.get("back", "")
    return redirect(back if back.startswith("/staff/rooms") else url_for("staff.rooms_room", room_id=room_id))


@blueprint.get("/rooms/<int:room_id>")
@needs("rooms.see")
def rooms_room(room_id: int) -> str:
    """One room: who lives there, or did on a day; what is open; visits; codes."""
    today = clock.now().date()
    day = day_of(request.args.get("on", ""), today)
    with read(house().engine) as conn:
        row = seen_room(conn, room_id)
        tile = board.tiles(conn, [row], today)[0]
        here = board.room_on(conn, room_id, day)
        if day == today:
            here = [one for one in here if one.state in declarations.LIVING]
        waiting = [one for one in declarations.living_in(conn, room_id) if one.state in ("declared", "checked")]
        then = declarations.states_on(conn, [one.id for one in here], room_story.end_of(day)) if day < today else {}
        return render_template(
            "rooms/room.html", then=then, steps=room_story.STEPS, case_states=cases.STATES, story=room_story.of_room(conn, room_id, day), names=staff.names(conn),
            firms=[one for one in employers.listing(conn) if one.region == places.region(row.path)], sizes=current_app.extensions["rooms"]["label_sizes"], room=row, tile=tile, address=rooms.address(row), today=today, day=day,
            people=[shown(conn, one) for one in here], waiting=[shown(conn, one) for one in waiting],
            landlord=landlords.listing(conn, [room_id]).get(room_id), capacity=room_rules.capacity(row),
            firm=employers.get(conn, row.employer_id) if row.employer_id else None,
            reports=inspections.reports(conn, room_id), visits=inspections.of_room(conn, room_id),
            codes=room_codes.history(conn, room_id), kinds=rooms.KINDS, states=rooms.STATES, colours=rooms.COLOURS,
            says=landlords.SAYS, results=inspections.RESULTS, points=inspections.POINTS,
            relations=declarations.RELATIONS, decided=declarations.STATES, kinds_of_report=inspections.REPORTS,
            mask=identity.mask_name, secret=None,
        )  # fmt: skip


def day_of(text: str, today: date) -> date:
    """The day that somebody asks about; today where the words are none, never later."""
    try:
        return min(date.fromisoformat(text), today) if text else today
    except ValueError:
        return today


def shown(conn: Connection, row: Row[Any]) -> dict[str, Any]:
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
        residents = [shown(conn, row) for row in people if may_see(row.path)]
    return render_template(
        "rooms/search.html", word=word, steps=room_story.STEPS, tiles=tiles, people=residents, states=declarations.STATES,
        relations=declarations.RELATIONS, colours=rooms.COLOURS, address=rooms.address,
    )  # fmt: skip


@blueprint.get("/rooms/check")
@needs("rooms.see")
def rooms_check() -> str:
    """What waits to be checked, and what doesn't fit together."""
    with read(house().engine) as conn:
        place = _place(conn, request.args.get("place", 0, type=int))
        path = place.path if place else ""
        waiting = [shown(conn, row) for row in board.to_check(conn, path) if may_see(row.path)]
        doubts = [
            {"kind": doubt.kind, "title": doubts_of.KINDS[doubt.kind], "key": doubt.key,
             "rooms": [row for row in doubt.rows if not hasattr(row, "who")],
             "people": [shown(conn, row) for row in doubt.rows if hasattr(row, "who") and may_see(row.path)],
             "hidden": sum(not may_see(row.path) for row in doubt.rows)}
            for doubt in doubts_of.found(conn, path, clock.now().date()) if any(may_see(row.path) for row in doubt.rows)
        ]  # fmt: skip
    return render_template(
        "rooms/check.html", place=place, steps=room_story.STEPS, waiting=len(waiting), families=_families(waiting), doubts=doubts, states=declarations.STATES,
        relations=declarations.RELATIONS, flags=filing.NOTICED, address=rooms.address, says=landlords.SAYS,
    )  # fmt: skip


def _families(waiting: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Those who were declared with one form, together."""
    found: dict[int, list[dict[str, Any]]] = {}
    for one in waiting:
        found.setdefault(one["row"].filing_id, []).append(one)
    return list(found.values())


@blueprint.get("/rooms/walk")
@needs("rooms.see")
def rooms_walk() -> str:
    """A grid's rooms house by house, on a phone: what to look at at each door."""
    with read(house().engine) as conn:
        place = _place(conn, request.args.get("place", 0, type=int))
        near = place or _start(conn)
        # The grids next door are at hand; those of a whole city are chosen on the board.
        around = "/".join(near.path.split("/")[:4]) if near is not None else ""
        grids = [row for row in places.of_kind(conn, "grid", around) if may_see(row.path)]
        tiles = []
        if place is not None:
            tiles = board.tiles(conn, list(conn.execute(rooms.under(place.path)))[:DRAWN], clock.now().date())
    only = request.args.get("only", "")
    if only == "todo":
        tiles = [tile for tile in tiles if tile.colour != "green" or tile.to_check or "no_code" in tile.signs]
    return render_template(
        "rooms/walk.html",
        place=place,
        grids=grids[:GRIDS],
        more=len(grids) > GRIDS,
        houses=_houses(tiles),
        only=only,
        colours=rooms.COLOURS,
    )
