"""Photos that people and inspectors took: of a room, and in a case. Shown to whoever may see the room or the case."""

from flask import Response, abort

from records import case_list, inspections, pictures
from records.base import read
from staff.blueprint import blueprint
from staff.cases import reach
from staff.house import house
from staff.permissions import needs
from staff.rooms import seen_room

MARK = "picture:"
"""How a photo stands among a case's answers: `["照片1", "picture:<id>"]`."""


@blueprint.get("/rooms/<int:room_id>/photo/<picture>")
@needs("rooms.see")
def rooms_photo(room_id: int, picture: str) -> Response:
    """A photo of a visit or a report of this room."""
    with read(house().engine) as conn:
        seen_room(conn, room_id)
        known = {one for visit in inspections.of_room(conn, room_id) for one in visit.findings["photos"]}
        known |= {one for report in inspections.reports(conn, room_id) for one in report.photos}
    return _photo(picture if picture in known else "")


@blueprint.get("/cases/<int:case_id>/photo/<int:index>")
@needs("cases.see")
def case_photo(case_id: int, index: int) -> Response:
    """The photo that stands at `index` among a case's answers."""
    with read(house().engine) as conn:
        row = case_list.one(conn, reach(), case_id)
    if row is None or not 0 <= index < len(row.data):
        abort(404)
    value = str(row.data[index][1])
    return _photo(value.removeprefix(MARK) if value.startswith(MARK) else "")


def _photo(picture: str) -> Response:
    data = pictures.read(house().settings.data_dir, picture) if picture else None
    if data is None:
        abort(404)
    return Response(data, mimetype="image/jpeg", headers={"Cache-Control": "private, no-store"})
