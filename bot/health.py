"""`/healthz`, `/readyz`, `/metrics`: alive, ready, and in numbers."""

import redis
from flask import Blueprint, Flask, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from bot.service import Service
from records.base import Busy, read

blueprint = Blueprint("health", __name__)


def register(app: Flask) -> None:
    """Add the three routes."""
    app.register_blueprint(blueprint)


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


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus text."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


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
