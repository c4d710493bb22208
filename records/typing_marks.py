"""Who is typing just now, kept in Redis for a few seconds. Nothing rests on it: without Redis nobody is seen typing."""

import logging

import redis

log = logging.getLogger(__name__)

LASTS = 6
"""Seconds that a sign of typing is believed."""
_PUSH, _AGAIN = "city:typing:push", 10


def mark(client: redis.Redis, side: str, person_id: int) -> bool:
    """Somebody types in the chat with a person. `side`: `person` or `staff`. False while Redis is away."""
    try:
        client.set(f"city:typing:{side}:{person_id}", 1, ex=LASTS)
    except redis.RedisError as error:
        log.debug("nobody is seen typing, Redis is away (%s)", type(error).__name__)
        return False
    return True


def seen(client: redis.Redis, side: str, person_id: int) -> bool:
    """Whether somebody types there."""
    try:
        return bool(client.exists(f"city:typing:{side}:{person_id}"))
    except redis.RedisError:
        return False


def ask_to_push(client: redis.Redis, person_id: int) -> bool:
    """Have the worker tell a platform that we are typing; once in ten seconds for a person. True when it was asked."""
    try:
        if not client.set(f"city:typing:pushed:{person_id}", 1, ex=_AGAIN, nx=True):
            return False
        client.sadd(_PUSH, person_id)
    except redis.RedisError:
        return False
    return True


def to_push(client: redis.Redis, most: int = 20) -> list[int]:
    """Whom to tell; each is given out once."""
    try:
        found = client.spop(_PUSH, most)
    except redis.RedisError:
        return []
    return [int(id) for id in found] if isinstance(found, list) else []
