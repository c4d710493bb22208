"""How often one address may ask for codes or try to move somebody out. Counted in Redis; without Redis nobody waits.

A village behind one router counts as one address, so limits by it are wide.
"""

import logging

import redis

from bot.web.limits import address

__all__ = ["address", "allowed"]

log = logging.getLogger(__name__)


def allowed(store: redis.Redis, what: str, who: str, most: int, seconds: int) -> bool:
    """Whether `who` may do `what` once more within `seconds`."""
    key = f"rooms:{what}:{who}"
    try:
        pipe = store.pipeline()
        pipe.set(key, 0, ex=seconds, nx=True)  # the embedded Redis 6.2 has no EXPIRE … NX
        pipe.incr(key)
        return int(pipe.execute()[1]) <= most
    except redis.RedisError as error:
        log.warning("limits are off, Redis is away (%s)", type(error).__name__)
        return True
