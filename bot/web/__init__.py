"""The same conversation in a browser, and the pages people fill in."""

from flask import Flask

from bot.service import Service
from bot.web import answers, chat, files, front, limits, me, photos, services
from bot.web.blueprint import web

__all__ = ["answers", "chat", "files", "front", "me", "photos", "register", "services"]


def register(app: Flask) -> None:
    """Add the pages. The service must be in `app.extensions["service"]` already."""
    service: Service = app.extensions["service"]
    app.register_blueprint(web)
    limits.apply(app, service)
