"""Failed logins are counted per account and per address, in Redis so that all processes count together; in this
process's memory while Redis is away."""

import hashlib
import threading
import time

import redis

WINDOW = 15 * 60  # seconds
LIMITS = {"account": 5, "address": 30}
"""How many failures within `WINDOW` lock an account (for this address), or an address."""

_memory: dict[str, tuple[int, float]] = {}
_lock = threading.Lock()


def _keys(login: str, address: str) -> dict[str, str]:
    account = hashlib.sha256(f"{login.strip().lower()}\x1f{address}".encode()).hexdigest()[:24]
    return {
        "account": f"staff:failed:{account}",
        "address": f"staff:failed:{hashlib.sha256(address.encode()).hexdigest()[:24]}",
    }


def locked(client: redis.Redis, login: str, address: str) -> bool:
    """Whether this login from this address, or the address itself, has failed too often."""
    return any(_count(client, key) >= LIMITS[kind] for kind, key in _keys(login, address).items())


def failed(client: redis.Redis, login: str, address: str) -> None:
    """Count a failure."""
    for key in _keys(login, address).values():
        try:
            with client.pipeline() as pipe:
                pipe.incr(key)
                pipe.expire(key, WINDOW)
                pipe.execute()
        except redis.RedisError:
            _remember(key)


def cleared(client: redis.Redis, login: str, address: str) -> None:
    """A login went well: the account's count starts anew (the address's doesn't)."""
    key = _keys(login, address)["account"]
    with _lock:
        _memory.pop(key, None)
    try:
        client.delete(key)
    except redis.RedisError:
        return  # it counts down by itself


def _count(client: redis.Redis, key: str) -> int:
    with _lock:
        count, until = _memory.get(key, (0, 0.0))
    here = count if until > time.monotonic() else 0
    try:
        stored = client.get(key)
    except redis.RedisError:
        return here
    return max(here, int(stored) if isinstance(stored, bytes | str) else 0)


def _remember(key: str) -> None:
    now = time.monotonic()
    with _lock:
        for old in [k for k, (_, until) in _memory.items() if until < now]:
            del _memory[old]
        count, until = _memory.get(key, (0, 0.0))
        _memory[key] = (count + 1 if until > now else 1, now + WINDOW)
