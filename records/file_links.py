"""Addresses of files that staff sent: sealed, so that nobody can make one up or read what is in it, and good for a week."""

import base64
import binascii
import json
from datetime import datetime, timedelta

from records.crypto import CipherError, cipher

LASTS = timedelta(days=7)


def make(upload: str, title: str, at: datetime) -> str:
    """The token of a kept file (see `records.uploads`)."""
    until = int((at + LASTS).timestamp())
    sealed = cipher().encrypt(json.dumps(["file", upload, title, until]).encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(token: str, at: datetime) -> tuple[str, str] | None:
    """(upload, title) of a token; None for one that was made up, or is too old."""
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        what, upload, title, until = json.loads(cipher().decrypt(sealed))
    except (ValueError, binascii.Error, TypeError, CipherError):
        return None
    return (upload, title) if what == "file" and until > at.timestamp() else None
