"""What people send that is no words: pictures, voices, films, places."""

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from flask import Response as FlaskResponse
from flask import abort, make_response, send_file

from records import desk_queries, recordings, uploads
from records.base import read
from staff.blueprint import blueprint
from staff.chat import seen
from staff.house import house, scope
from staff.permissions import needs

_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif"}


@blueprint.get("/chat/<int:handoff_id>/photo/<int:message_id>")
@needs("chat.see")
def photo(handoff_id: int, message_id: int) -> FlaskResponse:
    """A picture that the person or a colleague sent, for those who may read the message it came with."""
    return picture_of(_media_of(handoff_id, message_id))


def picture_of(media: str) -> FlaskResponse:
    """A picture by what its message calls it. 404 when it isn't there."""
    folder = house().settings.data_dir / "uploads"
    # The web's pictures lie under their own name, the platform's under one made of its id.
    data = uploads.read(folder, media) or uploads.read(folder, uploads.of_media(folder, media)) if media else None
    kind = next((kind for magic, kind in _PICTURES.items() if data and data.startswith(magic)), None)
    if data is None or kind is None:
        abort(404, "图片还没有取到，或已按期删除。")
    response = make_response(data)
    response.mimetype = kind
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/chat/<int:handoff_id>/recording/<int:message_id>")
@needs("chat.see")
def recording(handoff_id: int, message_id: int) -> FlaskResponse:
    """A voice or a film that the person sent, for those who may read the message it came with."""
    media, folder = _media_of(handoff_id, message_id), house().settings.data_dir / "uploads"
    data = uploads.read(folder, uploads.of_media(folder, media)) if media else None
    kind = recordings.kind_of(data) if data is not None else None
    if data is None or kind is None:
        abort(404, "还没有从微信取到，过一会儿再试；超过三天没取到的，微信已经删除了。")
    answer = send_file(
        BytesIO(data), kind, as_attachment=kind not in recordings.PLAYED, conditional=True, etag=False,
        download_name=f"chat-{handoff_id}-{message_id}.{recordings.NAMES[kind]}",
    )  # fmt: skip
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _media_of(handoff_id: int, message_id: int) -> str:
    """What a message of a chat that one may see calls its file; empty when it has none, or isn't to be seen."""
    with read(house().engine) as conn:
        row = seen(conn, handoff_id)
        found = desk_queries.transcript(conn, scope(), row, after=message_id - 1, before=message_id + 1)
    return str(found[0].body.get("media", "")) if found and isinstance(found[0].body, dict) else ""


def map_of(detail: dict[str, Any]) -> str:
    """Where a place that somebody sent stands on a public map; WeChat's coordinates are that map's own (GCJ-02)."""
    try:
        east, north = float(detail["longitude"]), float(detail["latitude"])
    except (KeyError, ValueError):
        return ""
    return f"https://uri.amap.com/marker?{urlencode({'position': f'{east:.6f},{north:.6f}', 'coordinate': 'gaode'})}"


blueprint.add_app_template_filter(map_of, "staff_map")
