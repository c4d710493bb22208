"""A temporary code for somebody who filed without following the account: scan it, follow, and the result comes there."""

import io

import segno
from flask import Response, abort, current_app

from bot.rooms import limits
from bot.rooms.blueprint import found_or_404, pages
from bot.service import service
from records.base import read

SECONDS = 600
"""How long a temporary code works (at most 2,592,000; always sent, wx-qr-01)."""


@pages.get("/r/<code>/follow.svg")
def follow_code(code: str) -> Response:
    """A code that follows the account and comes back to this room. 404 where there is no account that can make one."""
    make = current_app.extensions["rooms"]["follow_code"]
    with read(service().engine) as conn:
        found = found_or_404(conn, code)
    if make is None or found.how == "revoked":
        abort(404)
    # The account may make some 100,000 codes a day (wx-qr-04): no address gets many.
    if not limits.allowed(service().redis, "follow", limits.address(), 30, 3600):
        abort(429)
    text = make(f"r:{code}", SECONDS)
    if text is None:
        abort(404)
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", scale=6, border=4, xmldecl=False)
    response = Response(out.getvalue(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "no-store"
    return response
