"""Files that staff sent: behind a sealed address that only the one who got it knows, for a week."""

from urllib.parse import quote

from flask import Response, abort

import clock
from bot.service import service
from bot.web.blueprint import web
from records import file_links, uploads


@web.get("/file/<token>")
def file(token: str) -> Response:
    """One file, to be kept."""
    found = file_links.read(token, clock.now())
    data = uploads.read(service().settings.data_dir / "uploads", found[0]) if found else None
    if found is None or data is None:
        abort(404, "这份文件的链接过期了，或者不完整。请在对话里再要一次。")
    response = Response(data, mimetype="application/pdf")
    name = found[1] if found[1].lower().endswith(".pdf") else f"{found[1]}.pdf"
    response.headers["Content-Disposition"] = f"attachment; filename=file.pdf; filename*=UTF-8''{quote(name)}"
    response.headers["Cache-Control"] = "private, no-store"
    return response
