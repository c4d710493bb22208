"""Passwords: argon2id, and what makes one good enough."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's least for argon2id: 19 MiB, two passes; 27 ms here."""
SHORTEST = 10
_NOBODY = HASHER.hash(secrets.token_urlsafe(16))  # so that an unknown login takes as long as a known one


def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the stored one. Takes as long when there is no account (`stored` None)."""
    try:
        return HASHER.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def hashed(password: str) -> str:
    """What is stored of a password."""
    return HASHER.hash(password)


def made_up() -> str:
    """A password to be handed over once."""
    return secrets.token_urlsafe(12)


def fault(password: str, login: str) -> str | None:
    """What is wrong with a new password, in words for its owner; None when it will do."""
    if len(password) < SHORTEST:
        return f"密码至少{SHORTEST}个字符。用一句只有您知道的话最好记。"
    if len(password) > 128:
        return "密码最多128个字符。"
    if login and login.lower() in password.lower():
        return "密码里不能有账号名。"
    if len(set(password)) < 5 or password.isdecimal():
        return "这个密码太容易猜到，请混用字母、数字或汉字。"
    return None
