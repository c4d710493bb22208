"""The blueprint that all pages of the web channel hang on."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request, url_for

from bot.web import visitors

FOLDER = Path(__file__).parent / "static"

web = Blueprint("web", __name__, template_folder="templates", static_folder="static", static_url_path="/assets")
web.after_request(visitors.keep)


@web.after_request
def cache_assets(response: Response) -> Response:
    """A file asked for by its print (`?v=`) never changes, so a phone needn't ask again."""
    if request.endpoint == "web.static" and request.args.get("v") and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@web.app_template_global("asset")
def asset(name: str) -> str:
    """The address of a file of ours, with its print."""
    return url_for("web.static", filename=name, v=_print(name))


@cache
def _print(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:10]
