"""Sweeps that put right what has come apart: chats and their people, forms nobody will finish (`records.reconcile`).

The outbox's own are in `jobs.delivery.sweep`, waiting chats without anybody to take them in the console's sweeps.
"""

import logging
from collections.abc import Callable

from sqlalchemy import Engine

import clock
from handlers.declared import forms
from records import reconcile
from records.base import write

log = logging.getLogger(__name__)


def chats(engine: Engine) -> int:
    """Open chats and their people say the same. Returns how many were put right."""
    with write(engine) as conn:
        done = reconcile.chats(conn, clock.now())
    if done:
        log.warning("%d chats did not agree with their people; put right", done)
    return done


def people(engine: Engine) -> Callable[[], int]:
    """A job that goes through all people, some hundred at each call, and begins again after the last."""
    last = 0

    def some() -> int:
        nonlocal last
        with write(engine) as conn:
            done, last = reconcile.people(conn, clock.now(), forms(), last)
        if done:
            log.info("%d people's lines or forms put right", done)
        return done

    return some
