"""The second factor: time-based one-time codes (RFC 6238: SHA-1, six digits, steps of 30 s), as every authenticator
app makes them."""

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote

STEP = 30


def new_secret() -> str:
    """A secret of 160 bits in base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(secret: str, step: int, digits: int = 6) -> str:
    """The code of one step (RFC 4226, section 5.3)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: str, given: str, at: datetime) -> int | None:
    """The step whose code was given; a clock may be one step off. None for a wrong code."""
    now = int(at.timestamp()) // STEP
    given = "".join(given.split())
    steps = (now, now - 1, now + 1)
    return next((step for step in steps if hmac.compare_digest(code(secret, step).encode(), given.encode())), None)


def uri(secret: str, login: str) -> str:
    """What the QR code for an authenticator app holds."""
    issuer = quote("新市民服务工作台")
    return f"otpauth://totp/{issuer}:{quote(login)}?secret={secret}&issuer={issuer}&digits=6&period={STEP}"
