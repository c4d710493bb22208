"""Who writes from this browser: an unguessable visitor id in a signed cookie of its own.

Its own, because it must live for months where a login must not, and because a kiosk throws it away each minute.
"""

import secrets
from dataclasses import dataclass

from flask import Response, g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from bot.service import service

COOKIE = "visitor"
LIFE = 180 * 24 * 3600
"""Seconds a phone is recognised after its last visit."""
IDLE = 60
"""Seconds without a touch after which a kiosk forgets."""
GRACE = 15
"""Seconds that the server waits beyond `IDLE`, for the page counts first."""
CARRY = 600
"""Seconds a kiosk's code may be scanned to carry on by phone."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser. `kiosk`: a public machine, so nothing may stay."""

    id: str
    kiosk: bool = False


def current(*, kiosk: bool | None = None) -> Visitor:
    """The visitor of this request, a new one where there is none or the kiosk's last one has gone.

    `kiosk`: what the page is; a visitor of the other kind isn't taken over. None takes either.
    """
    known: Visitor | None = g.get("visitor")
    if known is None:
        known = _from_cookie()
    if known is None or (kiosk is not None and known.kiosk is not kiosk):
        return begin(kiosk=_was_kiosk() if kiosk is None else kiosk)
    g.visitor = known
    return known


def begin(*, kiosk: bool = False) -> Visitor:
    """A new visitor from here on."""
    fresh = Visitor(secrets.token_urlsafe(16), kiosk)
    g.visitor = fresh
    touch()
    return fresh


def become(id: str) -> None:
    """This browser is the visitor `id` from here on."""
    g.visitor = Visitor(id)
    touch()


def touch() -> None:
    """Count the time without a touch from now on again."""
    g.visitor_touched = True


def keep(response: Response) -> Response:
    """After a request: renew the cookie where something has changed."""
    visitor: Visitor | None = g.get("visitor")
    if visitor is not None and g.get("visitor_touched"):
        value = _signer("visitor").dumps([visitor.id, int(visitor.kiosk)])
        response.set_cookie(
            _name(), value, max_age=None if visitor.kiosk else LIFE, httponly=True, samesite="Lax",
            secure=service().settings.https,
        )  # fmt: skip
    return response


def carry_token(visitor: Visitor) -> str:
    """What a kiosk's code carries to a phone; good for `CARRY` seconds."""
    return _signer("carry").dumps(visitor.id)


def carried(token: str) -> str | None:
    """The visitor id in a token of `carry_token`; None when it is forged or too old."""
    try:
        return str(_signer("carry").loads(token, max_age=CARRY))
    except BadSignature:
        return None


def _from_cookie() -> Visitor | None:
    raw = request.cookies.get(_name(), "")
    try:
        id, kiosk = _signer("visitor").loads(raw, max_age=LIFE)
        if kiosk:
            _signer("visitor").loads(raw, max_age=IDLE + GRACE)
    except (BadSignature, ValueError, TypeError):
        return None
    return Visitor(str(id), bool(kiosk))


def _was_kiosk() -> bool:
    """Whether the cookie, however old, was a kiosk's: its next visitor is one at a kiosk too."""
    try:
        return bool(_signer("visitor").loads(request.cookies.get(_name(), ""))[1])
    except (BadSignature, ValueError, TypeError, IndexError):
        return False


def _name() -> str:
    return service().settings.cookie(COOKIE)


def _signer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(service().settings.secret_key, salt=f"web-{purpose}")
