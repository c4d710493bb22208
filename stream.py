"""The process of the console's live updates: `granian --interface asgi --factory stream:create`.

It knows Redis and the signing key, nothing else: no database, no model, little memory.
"""

import os
from collections.abc import Callable
from typing import Any

import logs
import redis_server
from settings import Settings
from staff import stream


def create() -> Callable[..., Any]:
    """The ASGI application, with the settings of the environment."""
    redis_server.end_with_parent()  # killed with the process that started it, not left behind
    settings = Settings.from_env(os.environ)
    logs.configure(settings.log_level)
    return stream.create(settings, redis_server.url_of(settings))
