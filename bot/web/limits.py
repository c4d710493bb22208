"""How often one browser, and one address, may ask. Counted in Redis; in memory while Redis is away."""

from ipaddress import ip_address
from typing import Any

from flask import Flask, request
from flask_limiter import Limiter

from bot.service import Service
from bot.web import visitors

# A dormitory or a factory goes out through one address, so what an address may do is many times a person's.
RULES = {
    "web.say": (("30 per minute; 600 per day", "person"), ("600 per minute", "address")),
    "web.send_photo": (("10 per minute; 100 per day", "person"), ("200 per minute", "address")),
    "web.messages": (("90 per minute", "person"), ("6000 per minute", "address")),
    "web.typing": (("30 per minute", "person"), ("3000 per minute", "address")),
    "web.file": (("30 per minute", "address"),),
    "web.answers": (("120 per minute", "person"), ("1200 per minute", "address")),
    "web.services": (("120 per minute", "person"), ("1200 per minute", "address")),
    "web.qr": (("30 per minute", "person"), ("300 per minute", "address")),
    "web.carry_on": (("20 per minute", "address"),),
    "web.export_json": (("20 per hour", "person"), ("300 per hour", "address")),
    "web.export_page": (("60 per hour", "person"), ("300 per hour", "address")),
}
"""By endpoint: limit and whose."""


def apply(app: Flask, service: Service) -> None:
    """Put the limits on the routes of `RULES`, which must be registered already."""
    pool: dict[str, Any] = {"connection_pool": service.redis.connection_pool}
    limiter = Limiter(
        address,
        app=app,
        storage_uri="redis://",  # where Redis is, the pool knows
        storage_options=pool,
        strategy="fixed-window",
        in_memory_fallback_enabled=True,
        key_prefix="web",
    )
    whose = {"person": person, "address": address}
    for endpoint, rules in RULES.items():
        view: Any = app.view_functions[endpoint]
        for rule, who in rules:
            view = limiter.limit(rule, key_func=whose[who])(view)
        app.view_functions[endpoint] = view


def person() -> str:
    """The visitor of this browser."""
    return f"v:{visitors.current().id}"


def address() -> str:
    """Where the request comes from; behind a proxy in our own network, what that proxy says."""
    direct = request.remote_addr or ""
    forwarded = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
    try:
        if forwarded and ip_address(direct).is_private:
            return f"a:{ip_address(forwarded)}"
    except ValueError:
        return f"a:{direct}"
    return f"a:{direct}"
