"""Builds the application; no logic lives here. `python app.py` is the whole service on one machine.

`create_app(settings)` wires the rooms together: channels and pages (`bot`), the console (`staff`), what runs later
(`jobs`). A WSGI server calls it without arguments in each of its processes; `flask --app app …` finds it too.
"""

import logging
import os
from typing import Any

from flask import Flask

import redis_server
from bot import health, pages
from bot.service import Service
from bot.wechat import channel as wechat
from intents.understander import Understander
from jobs import queue
from knowledge_base import store
from records import crypto
from records.base import engine_for
from records.switches import Watch
from settings import Settings


def create_app(settings: Settings | None = None, **parts: Any) -> Flask:
    """The application of one process.

    `settings`: from the environment when not given. `parts` replaces parts of the service (`understander`,
    `knowledge`), so that tests needn't train or load twice. Raises `SettingsError` and `KnowledgeError`.
    """
    settings = settings or Settings.from_env(os.environ)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app = Flask(__name__, static_folder=None)
    pages.prepare(app, settings)
    service = build_service(settings, **parts)
    app.extensions["service"] = service
    health.register(app)
    wechat.register(app, service)
    _register_rooms(app, service)
    return app


def build_service(settings: Settings, **parts: Any) -> Service:
    """Everything a turn needs, without a web server around it (the worker and the commands use it too)."""
    crypto.configure(settings.data_key)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = engine_for(settings.database_url, pool=settings.threads + 2)
    service = Service(
        settings=settings,
        engine=engine,
        redis=redis_server.connect(settings),
        knowledge=parts.get("knowledge") or store.load(regions=settings.regions),
        understander=parts.get("understander") or Understander.load(settings.model_dir),
        switches=Watch(engine),
    )
    service.channels["wechat"] = wechat.Channel(settings)
    service.nudge = queue.nudger(queue.open_queue(settings))
    return service


def _register_rooms(app: Flask, service: Service) -> None:
    """The pages of the other rooms, each by its own `register(app)`."""
    from bot import web
    from staff import register as register_staff

    web.register(app)
    register_staff(app)
    if service.settings.rehearsal:
        from bot.sandbox import routes as sandbox

        sandbox.register(app, service.settings, service.redis)


if __name__ == "__main__":
    from jobs.supervisor import main

    raise SystemExit(main())
