"""How often one person, and one address, may call. Counted in Redis; in memory while Redis is away."""

import time
from typing import Any

from flask import Flask, Response
from flask_limiter import Limiter, RateLimitExceeded

from bot.api import contract, problems
from bot.service import Service
from bot.web.limits import address


def apply(app: Flask, service: Service, blueprint: str) -> Limiter:
    """Put each operation's limits on its route, which must be registered already. Returns the limiter."""
    pool: dict[str, Any] = {"connection_pool": service.redis.connection_pool}
    limiter = Limiter(
        address, app=app, storage_uri="redis://", storage_options=pool, strategy="fixed-window",
        in_memory_fallback_enabled=True, key_prefix="api",
    )  # fmt: skip
    whose = {"person": caller, "address": address}
    for one in contract.OPERATIONS:
        endpoint = f"{blueprint}.{one.name}"
        view: Any = app.view_functions[endpoint]
        for rule, who in one.limits:
            view = limiter.limit(rule, key_func=whose[who])(view)
        app.view_functions[endpoint] = view
    return limiter


def caller() -> str:
    """The person who is signed in; the address for somebody who isn't (and is about to be refused)."""
    person = contract.person_or_none()
    return f"p:{person.id}" if person is not None else address()


def too_fast(error: RateLimitExceeded) -> Response:
    """429, with the seconds to wait."""
    wait = 60 if error.limit is None else int(error.limit.limit.get_expiry())
    left = wait - int(time.time()) % wait  # fixed windows begin with the clock
    return problems.answer(problems.Problem(429), retry_after=max(1, left))
