"""Pictures in the web chat: redrawn and encrypted before they are kept, shown again to the one who sent them only."""

from flask import Response, abort, jsonify, request

import clock
from bot import turn
from bot.message import Inbound
from bot.service import service
from bot.web import chat, visitors
from bot.web.blueprint import web
from records import conversations, people, pictures, uploads
from records.base import Busy, read


@web.post("/chat/photo")
def send_photo() -> Response | tuple[Response, int]:
    """Take one picture: a form with `photo`, `key` and `after`; answers as `/chat/say` does."""
    visitor = visitors.current()
    visitors.touch()
    photo, key = request.files.get("photo"), request.form.get("key", "")
    if not chat.KEY.fullmatch(key):
        return jsonify(error="这张图片缺少编号，请刷新页面后再发。", code=422), 422
    try:
        drawn = pictures.redrawn(photo.read() if photo else b"")
    except pictures.NotAPicture as fault:
        return jsonify(error=f"{fault}。", code=422), 422
    name = uploads.keep(service().settings.data_dir / "uploads", drawn)
    inbound = Inbound(
        channel="web", sender=visitor.id, key=f"w:{key}", kind="image", sent_at=clock.now(), media=name
    )  # fmt: skip
    try:
        taken = turn.take(service(), inbound)
    except Busy:
        _drop(name)
        return jsonify(error=chat.NOT_SENT, code=503), 503
    if taken.duplicate:
        _drop(name)  # the first try's file is the one that counts
    return chat.answer(visitor, request.form.get("after", 0, type=int))


@web.get("/chat/photo/<name>")
def photo(name: str) -> Response:
    """A picture of this visitor's own conversation."""
    with read(service().engine) as conn:
        person = people.find(conn, "web", visitors.current().id)
        rows = conversations.transcript(conn, person.id, limit=1_000) if person else []
    mine = any(isinstance(row.body, dict) and row.body.get("media") == name and row.kind == "image" for row in rows)
    data = uploads.read(service().settings.data_dir / "uploads", name) if mine else None
    if data is None:
        abort(404)
    response = Response(data, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _drop(name: str) -> None:
    uploads.remove(service().settings.data_dir / "uploads", [name])
