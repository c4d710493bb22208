"""One decorator makes a route of the API: it checks the caller, the limits and the input, and describes itself.

What `operation` is told is all there is: the routes, the checks and the OpenAPI description are made from the same
list, so they can't differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ValidationError
from sqlalchemy import Row

import clock
from bot.api import faults
from bot.api.problems import Problem
from bot.service import service
from records import api_sessions
from records.base import read, write

PREFIX = "/api/v1"
CHANNEL = "mini"
"""The channel under which people who come through a mini-program are known."""
BIGGEST = 64 * 1024
"""Bytes of a request's body."""

View = TypeVar("View", bound=Callable[..., Any])
Limits = tuple[tuple[str, str], ...]
"""(rule, whose): `person` or `address`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: what it takes and gives, whom it is for and how often."""

    method: str
    path: str
    view: Callable[..., Any]
    tag: str
    summary: str
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int
    refusals: tuple[int, ...]
    token: bool
    limits: Limits

    @property
    def name(self) -> str:
        """Its endpoint within the blueprint, and its operationId."""
        return self.view.__name__


OPERATIONS: list[Operation] = []
PATHS = {
    "number": (r"^[A-Za-z]{2,4}-\d{8}-\d{4,6}$", "办件编号", "FH-20261122-0007"),
    "code": (r"^[A-Za-z0-9-]{8,40}$", "房间码：扫到的一串，或手输的编号", "NB-FH-000123"),
}
"""What may stand in a path: pattern, description, example."""


def operation(
    method: str, path: str, *, tag: str, summary: str, answer: type[BaseModel] | None, body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None, status: int = 200, refusals: tuple[int, ...] = (), token: bool = True,
    limits: Limits = (("60 per minute", "person"),),
) -> Callable[[View], View]:  # fmt: skip
    """Make the function a route. It gets the path's parts, then `body` and `query` checked, and returns `answer`."""

    def register(view: View) -> View:
        OPERATIONS.append(
            Operation(
                method, path, view, tag, summary, body, query, answer, status, _refusals(path, body, query, refusals, token),
                token, limits,
            )
        )  # fmt: skip
        return view

    return register


def _refusals(path: str, body: Any, query: Any, more: tuple[int, ...], token: bool) -> tuple[int, ...]:
    """Every status that a route may refuse with."""
    all_of_them = {429, 500, 503, *more}
    all_of_them |= {400, 413, 415, 422} if body else set()
    all_of_them |= {422} if query else set()
    all_of_them |= {401} if token else set()
    all_of_them |= {404} if "<" in path else set()
    return tuple(sorted(all_of_them))


def mount(blueprint: Blueprint) -> None:
    """Add every operation to a blueprint."""
    for one in OPERATIONS:
        blueprint.add_url_rule(one.path, one.name, _bound(one), methods=[one.method])


def _bound(one: Operation) -> Callable[..., Response]:
    def call(**parts: str) -> Response:
        if one.token and person_or_none() is None:
            raise Problem(401, "请先登录：还没有登录，或者登录已经过期。")
        for name, value in parts.items():
            if not faults.fits(PATHS[name][0], value):
                raise Problem(404)
        given: dict[str, Any] = dict(parts)
        if one.query is not None:
            given["query"] = _query(one.query)
        if one.body is not None:
            given["body"] = _body(one.body)
        return _response(one, one.view(**given))

    call.__name__ = call.__qualname__ = one.name  # by these the limiter tells views apart
    call.__module__ = one.view.__module__
    return call


def _response(one: Operation, made: BaseModel | None) -> Response:
    if made is None:
        return Response(status=one.status)
    return Response(made.model_dump_json(exclude_none=True), one.status, mimetype="application/json")


def _body(model: type[BaseModel]) -> BaseModel:
    if request.mimetype != "application/json":
        raise Problem(415)
    if (request.content_length or 0) > BIGGEST:
        raise Problem(413)
    raw = request.get_data(cache=False)
    if len(raw) > BIGGEST:
        raise Problem(413)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise faults.problem_of(error) from None


def _query(model: type[BaseModel]) -> BaseModel:
    doubled = [name for name, values in request.args.lists() if len(values) > 1]
    if doubled:
        raise Problem(422, "有些参数写了两次。", [(f"?{name}", "只能写一次") for name in doubled])
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise faults.problem_of(error, "?") from None


# --- the caller


def person_or_none() -> Row[Any] | None:
    """The person behind the request's bearer token; None without a good one. Looked up once a request."""
    if "api_person" not in g:
        g.api_person = None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and 20 <= len(token) <= 100:
            g.api_person = _signed_in(token.strip())
    found: Row[Any] | None = g.api_person
    return found


def _signed_in(token: str) -> Row[Any] | None:
    now = clock.now()
    with read(service().engine) as conn:
        row = api_sessions.look(conn, token, now)
    if row is not None and api_sessions.stale(row.used_at, now):
        with write(service().engine) as conn:
            api_sessions.touch(conn, row.session_id, now)
    return row


def person() -> Row[Any]:
    """The caller; only in an operation that takes a token."""
    found = person_or_none()
    if found is None:
        raise Problem(401)
    return found
