"""`/healthz`, `/readyz`, `/metrics`: alive, ready, and in numbers."""

from time import perf_counter

import redis
from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from bot import gauges, metrics
from bot.service import Service
from records.base import Busy, read

blueprint = Blueprint("health", __name__)


def register(app: Flask, extra: gauges.Extra = dict) -> None:
    """Add the three routes, and time every request. `extra`: see `bot.gauges.page`."""
    app.register_blueprint(blueprint)
    app.extensions["gauges"] = extra
    metrics.start(app.extensions["service"].redis)
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = perf_counter()


def _end(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    if "began" in g and not endpoint.endswith("static"):
        seconds = perf_counter() - g.began
        metrics.observe("city_request_seconds", seconds, endpoint, f"{response.status_code // 100}xx")
    return response


@blueprint.get("/healthz")
def healthz() -> Response:
    """This process answers."""
    return Response("ok", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Whether turns can be taken. Redis away is said, but doesn't make us unready: people are still answered."""
    service: Service = current_app.extensions["service"]
    parts = {
        "database": _database(service),
        "redis": _redis(service),
        "model": True,
        "knowledge": bool(service.knowledge.articles),
    }
    ready = parts["database"] and parts["knowledge"]
    return jsonify(ready=ready, **parts), 200 if ready else 503


@blueprint.get("/metrics", endpoint="metrics")
def numbers() -> Response:
    """Prometheus text, for the whole installation."""
    page = gauges.page(current_app.extensions["service"], current_app.extensions["gauges"])
    return Response(page, content_type=CONTENT_TYPE_LATEST)


def _database(service: Service) -> bool:
    try:
        with read(service.engine) as conn:
            conn.execute(text("SELECT 1"))
    except Busy:
        return False
    return True


def _redis(service: Service) -> bool:
    try:
        return bool(service.redis.ping())
    except redis.RedisError:
        return False
