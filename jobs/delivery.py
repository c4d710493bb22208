"""Empties the outbox: claims what is due, sends it by its channel, settles each row by what the platform said.

Bounded: `records.outbox.BACKOFF` names every further try, and after the last one a row has failed, by name, where
staff see it. An HTTP 200 with an error code is a failure; what to do about a code is the channel's knowledge.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import Engine, Row

import clock
import logs
from records import outbox, people
from records.base import read, write

log = logging.getLogger(__name__)

BATCH = 20
LINES = 6
"""Calls of the platform at the same time, in one worker; its connections to the database must suffice for them."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one sending, in the outbox's terms."""

    state: str
    errcode: int | None
    detail: str
    platform_id: str = ""


Sender = Callable[[Row[Any], Mapping[str, Any]], Any]
"""Sends one payload to one person (a `people` row); gives back an outcome with `action`, `errcode`, `detail` and
`platform_id`: `delivered`, `accepted` (word comes later), `retry` (later), `wait` (for the person's next contact), `drop`
(never), `alert` (ours to mend)."""

_STATE_OF = {"delivered": "delivered", "accepted": "accepted", "wait": "waiting", "drop": "refused", "alert": "failed"}


def deliver_due(engine: Engine, senders: Mapping[str, Sender]) -> int:
    """Send everything that is due. Returns how many rows were settled or put off.

    Several at a time, each for another person (`outbox.claim`), so that a slow answer of the platform holds up one
    person and not the city.
    """
    done = 0
    while True:
        with write(engine) as conn:
            rows = outbox.claim(conn, clock.now(), BATCH)
        until = monotonic() + outbox.LEASE.total_seconds() / 2
        with ThreadPoolExecutor(LINES, thread_name_prefix="deliver") as pool:
            list(pool.map(partial(_deliver, engine, senders, until), rows))
        done += len(rows)
        if len(rows) < BATCH:
            return done


def sweep(engine: Engine) -> None:
    """Put right what no single sending puts right; safe at any moment, any number of times.

    Let go what waited for a contact that has come, end what waited too long, free what a wrong clock put off for days,
    give the platform's later words to their rows.
    """
    with write(engine) as conn:
        outbox.unstick(conn, clock.now())
        outbox.release(conn, clock.now())
        outbox.give_up_waiting(conn, clock.now())
        outbox.match_reports(conn, clock.now())


def _deliver(engine: Engine, senders: Mapping[str, Sender], until: float, row: Row[Any]) -> None:
    if monotonic() > until:
        return  # our hold on the row is running out, and another worker may take it: leave it for the next look
    logs.follow(row.key.partition(":")[0])
    with read(engine) as conn:
        person = people.get(conn, row.person_id)
    sender = senders.get(row.channel)
    if person is None or not person.external:
        settled = Settled("refused", None, "the person's data was erased")
    elif sender is None:
        settled = Settled("failed", None, f"no sender for channel {row.channel}")
    elif row.attempts > len(outbox.BACKOFF):
        settled = Settled("failed", row.errcode, row.error or "tried often enough")
    else:
        settled = _sent(sender, person, row)
    _settle(engine, row, settled)


def _sent(sender: Sender, person: Row[Any], row: Row[Any]) -> Settled:
    try:
        outcome = sender(person, row.payload)
    except Exception as error:  # the boundary to a channel: one bad row must not hold up the others
        log.exception("outbox row %s: its channel broke", row.id)
        return Settled("pending", None, type(error).__name__)
    return Settled(_STATE_OF.get(outcome.action, "pending"), outcome.errcode, outcome.detail, outcome.platform_id)


def _settle(engine: Engine, row: Row[Any], settled: Settled) -> None:
    now = clock.now()
    state, next_at = settled.state, None
    if state == "pending":
        next_at = outbox.retry_at(row.attempts + 1, now)
        if next_at is None:
            state = "failed"
    with write(engine) as conn:
        outbox.settle(
            conn, row.id, state, now, errcode=settled.errcode, error=settled.detail, next_at=next_at,
            platform_id=settled.platform_id,
        )  # fmt: skip
    if state in ("failed", "refused"):
        log.warning("outbox row %s ended as %s: errcode %s", row.id, state, settled.errcode)
