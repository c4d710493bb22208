"""`/api/v1`: the same service as JSON, for mini-programs and other front ends.

Everybody who calls holds a bearer token or asks for what is public; there are no cookies, so no form of another site
can speak for anybody, and CSRF tokens have no place here. Every refusal is `application/problem+json` in plain Chinese.
"""

import json
from collections.abc import Callable

from flask import Blueprint, Flask, Response, render_template
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from bot.api import commands, contract, document, facts, homes, limits, own, problems, signing, talking
from bot.api.contract import PREFIX
from bot.api.problems import Problem
from bot.service import Service
from records.base import Busy

__all__ = ["facts", "homes", "own", "register", "signing", "talking"]

pages = Blueprint("api", __name__, url_prefix=PREFIX, template_folder="templates", static_folder="static",
                  static_url_path="/static")  # fmt: skip


def register(app: Flask, *, openid_of: Callable[[str], str | None]) -> None:
    """Add the API and the command `vacancies import`.

    `openid_of(code)`: who a mini-program's login code stands for, None for a code that isn't good. Raises
    `ConnectionError` when the platform can't be asked.
    """
    service: Service = app.extensions["service"]
    app.register_blueprint(pages)
    app.extensions["csrf"].exempt(pages)
    app.extensions["api"] = {"openid_of": openid_of, "limiter": limits.apply(app, service, pages.name)}
    app.cli.add_command(commands.group)


@pages.get("/openapi.json")
def openapi() -> Response:
    """The description for programs."""
    return Response(json.dumps(document.description(), ensure_ascii=False), mimetype="application/json")


@pages.get("/docs")
def docs() -> str:
    """The description for people."""
    return render_template(
        "api/docs.html", about=document.ABOUT, version=document.VERSION, prefix=PREFIX, tags=document.TAGS,
        operations=contract.OPERATIONS, described=document.description(), titles=problems.TITLES,
        words=problems.WORDS, path_of=document.wire_path, example_of=document.example_of,
        written=lambda value: json.dumps(value, ensure_ascii=False, indent=2),
    )  # fmt: skip


@pages.after_request
def kept_nowhere(response: Response) -> Response:
    """Answers are about people, or change by the day."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@pages.errorhandler(Problem)
def refused(problem: Problem) -> Response:
    """A refusal of ours."""
    return problems.answer(problem)


@pages.errorhandler(Busy)
def busy(_error: Busy) -> Response:
    """The database can't be had; nothing was stored."""
    return problems.answer(Problem(503), retry_after=2)


@pages.errorhandler(RateLimitExceeded)
def too_fast(error: RateLimitExceeded) -> Response:
    """Too many calls."""
    return limits.too_fast(error)


@pages.errorhandler(HTTPException)
def http_fault(error: HTTPException) -> Response:
    """What Flask itself refuses."""
    return problems.of_status(error.code or 500)


contract.mount(pages)
