"""Pictures and papers of a case: what the person sent, what staff put to it."""

from datetime import timedelta
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, make_response, redirect, request, url_for
from sqlalchemy import Connection, Row, select
from werkzeug.wrappers import Response

import clock
from records import audit, case_files, case_photos, desk_queries, pictures, uploads
from records.base import read, write
from records.conversations import Message
from records.inspections import RoomReport
from staff.blueprint import blueprint
from staff.cases import seen_case
from staff.files import LARGEST, keep
from staff.house import house, me
from staff.media import picture_of
from staff.permissions import needs

AROUND = timedelta(days=3)
"""How long before and after the filing a picture sent in the chat is shown with the case."""


def shown_with(conn: Connection, case: Row[Any]) -> dict[str, Any]:
    """What the case's page shows: files, photos of a report about a room, pictures of the chat."""
    report = conn.execute(select(RoomReport.__table__).where(RoomReport.case_number == case.number)).first()
    return {
        "files": case_files.of_case(conn, case.id), "report": report, "sent": _sent(conn, case),
        "photos": case_photos.of_case(conn, case.id),
    }  # fmt: skip


def _sent(conn: Connection, case: Row[Any]) -> list[int]:
    """The pictures that the person sent about the time of the filing: their messages' ids. Nothing of the mind."""
    if case.person_id is None:
        return []
    # What was sent for the form lies with the case already; of its pictures only later ones are new.
    since = case.filed_at if case_photos.of_case(conn, case.id) else case.filed_at - AROUND
    about = (
        Message.person_id == case.person_id, Message.author == "person", Message.kind == "image",
        Message.created_at.between(since, case.filed_at + AROUND),
    )  # fmt: skip
    plain = Message.owner.is_(None) | Message.owner.not_in(("crisis", "staff"))
    told = Message.intent.is_(None) | Message.intent.not_in(desk_queries.MIND)
    return list(conn.execute(select(Message.id).where(*about, plain, told).order_by(Message.id).limit(12)).scalars())


@blueprint.post("/cases/<int:case_id>/files")
@needs("cases.move")
def case_file_added(case_id: int) -> Response:
    """Put a picture or a PDF to a case."""
    upload = request.files.get("file")
    with read(house().engine) as conn:
        row = seen_case(conn, case_id)
    if upload is None or not upload.filename:
        abort(400, "请选一个文件。")
    try:
        name, kind, title = keep(upload.read(LARGEST + 1), upload.filename)
        title = request.form.get("title", "").strip()[:60] or title
        with write(house().engine) as conn:
            case_files.add(conn, case_id, name, kind, title, me().id, clock.now())
            audit.note(conn, me().actor, "case.attached", f"case:{row.number}", clock.now())
    except ValueError as fault:
        abort(400, str(fault))
    flash("已附上。", "good")
    return redirect(url_for("staff.case_page", case_id=case_id))


@blueprint.get("/cases/<int:case_id>/files/<int:file_id>")
@needs("cases.see")
def case_file(case_id: int, file_id: int) -> FlaskResponse:
    """One file of a case."""
    with read(house().engine) as conn:
        seen_case(conn, case_id)
        row = case_files.get(conn, case_id, file_id)
    data = uploads.read(house().settings.data_dir / "uploads", row.upload) if row else None
    if row is None or data is None:
        abort(404, "没有这个附件，或已按期删除。")
    response = make_response(data)
    response.mimetype = row.kind
    response.headers["Cache-Control"] = "private, no-store"
    if row.kind != "image/jpeg":
        response.headers["Content-Disposition"] = "attachment; filename=file.pdf"
    return response


@blueprint.get("/cases/<int:case_id>/photos/<int:photo_id>")
@needs("cases.see")
def case_photo(case_id: int, photo_id: int) -> FlaskResponse:
    """A photo that came with the filed form. Every look is noted."""
    with write(house().engine) as conn:
        case = seen_case(conn, case_id)
        row = next((one for one in case_photos.of_case(conn, case_id) if one.id == photo_id), None)
        data = pictures.read(house().settings.data_dir, row.upload) if row and row.upload else None
        if data is not None:
            audit.note(conn, me().actor, "case.photo", f"case:{case.number}", clock.now())
    if data is None:
        abort(404, "照片还没有取到，或已按期删除。")
    response = make_response(data)
    response.mimetype = "image/jpeg"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/cases/<int:case_id>/sent/<int:message_id>")
@needs("cases.see")
def case_sent(case_id: int, message_id: int) -> FlaskResponse:
    """A picture that the person sent about the time of the filing."""
    with read(house().engine) as conn:
        case = seen_case(conn, case_id)
        known = message_id in _sent(conn, case)
        row = conn.execute(select(Message.body).where(Message.id == message_id)).first() if known else None
    if row is None:
        abort(404, "没有这张照片。")
    return picture_of(str(row.body.get("media", "")))
