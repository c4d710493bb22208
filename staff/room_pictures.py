"""Photos that people and inspectors took of a room, shown to whoever may see the room."""

from flask import Response, abort

from records import inspections, pictures
from records.base import read
from staff.blueprint import blueprint
from staff.house import house
from staff.permissions import needs
from staff.rooms import seen_room


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
