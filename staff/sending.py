"""Photos and papers that staff send, and the sign that somebody is typing."""

from typing import Any

from flask import Response as FlaskResponse
from flask import abort, jsonify, request
from werkzeug.wrappers import Response

import clock
from records import file_links, pictures, scanner, staff_words, typing_marks, uploads
from records.base import read, write
from staff.blueprint import blueprint
from staff.chat import KEY, _done, owned
from staff.house import house, me
from staff.permissions import needs

LARGEST = 10 * 1024 * 1024
"""Bytes of a paper; a phone on a bad line has to fetch it."""


class NotAPaper(ValueError):
    """The bytes are neither a picture nor a PDF. The message is for whoever sends them."""


@blueprint.post("/chat/<int:handoff_id>/file")
@needs("chat.reply")
def file_said(handoff_id: int) -> Response:
    """Send one picture, or one PDF as a link that is good for a week."""
    upload, key = request.files.get("file"), request.form.get("key", "")
    if upload is None or not KEY.fullmatch(key):
        abort(400, "请选一个文件。")
    try:
        name, kind, title = keep(upload.read(LARGEST + 1), upload.filename or "")
    except ValueError as fault:
        abort(400, f"{fault}。")
    now = clock.now()
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        if kind == "image/jpeg":
            body: dict[str, Any] = {"text": "", "media": name}
            payload: dict[str, Any] = {"kind": "image", "upload": name}
            made = staff_words.send(conn, row, me().id, "image", body, payload, key, now)
        else:
            path = f"/file/{file_links.make(name, title, now)}"
            body = {"text": f"给您发了一份文件：{title}（一周内能打开）", "media": name, "links": [[title, path]]}
            payload = {"kind": "text", "text": f"{body['text']}\n{house().settings.public_url}{path}"}
            made = staff_words.send(conn, row, me().id, "file", body, payload, key, now)
    if made is None:
        uploads.remove(house().settings.data_dir / "uploads", [name])  # the first try's file is the one that counts
    house().nudge()
    house().signal("message", row.person_id)
    return _done(handoff_id)


def keep(data: bytes, filename: str) -> tuple[str, str, str]:
    """Keep a picture (drawn anew) or a PDF, encrypted: its name, kind and title. Raises `ValueError` in plain words."""
    if len(data) > LARGEST:
        raise NotAPaper(f"文件太大了，最多{LARGEST >> 20}MB")
    folder = house().settings.data_dir / "uploads"
    title = " ".join(filename.replace("/", " ").replace("\\", " ").split())[-60:] or "文件"
    try:
        if data.startswith(b"%PDF-"):
            scanner.check(data)  # kept as it came; pictures are looked at where they are drawn anew
            return uploads.keep(folder, data), "application/pdf", title
        return uploads.keep(folder, pictures.redrawn(data)), "image/jpeg", title
    except scanner.Refused as fault:
        raise NotAPaper(str(fault)) from fault
    except pictures.NotAPicture as fault:
        if isinstance(fault.__cause__, scanner.Refused):
            raise NotAPaper(str(fault)) from fault
        raise NotAPaper("只能发照片（JPG、PNG）或 PDF 文件") from fault


@blueprint.post("/chat/<int:handoff_id>/typing")
@needs("chat.reply")
def typing(handoff_id: int) -> FlaskResponse:
    """One's hands are on the keys: the person sees it, in the web chat at once, on WeChat through its own command."""
    with read(house().engine) as conn:
        row = owned(conn, handoff_id)
    typing_marks.mark(house().redis, "staff", row.person_id)
    if row.channel in staff_words.PUSHED and typing_marks.ask_to_push(house().redis, row.person_id):
        house().nudge()
    return jsonify(ok=True)
