"""Photos and papers that staff send, and the sign that somebody is typing."""

from flask import Response as FlaskResponse
from flask import abort, jsonify, request
from werkzeug.wrappers import Response

import clock
from records import staff_words, typing_marks, uploads
from records.base import read, write
from staff import files
from staff.blueprint import blueprint
from staff.chat import KEY, _done, owned
from staff.house import house, me
from staff.permissions import needs


@blueprint.post("/chat/<int:handoff_id>/file")
@needs("chat.reply")
def file_said(handoff_id: int) -> Response:
    """Send one picture, or one PDF as a link that is good for a week."""
    upload, key = request.files.get("file"), request.form.get("key", "")
    if upload is None or not KEY.fullmatch(key):
        abort(400, "请选一个文件。")
    try:
        name, kind, title = files.keep(upload.read(files.LARGEST + 1), upload.filename or "")
    except ValueError as fault:
        abort(400, f"{fault}。")
    now = clock.now()
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        made = files.send(conn, row, me().id, name, kind, title, key, now)
    if made is None:
        uploads.remove(house().settings.data_dir / "uploads", [name])  # the first try's file is the one that counts
    house().nudge()
    house().signal("message", row.person_id)
    return _done(handoff_id)


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
