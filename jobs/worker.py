"""The worker's loop: it runs every job each second, and at once when it is nudged, until it is told to stop."""

import logging
import signal
import threading
from collections.abc import Callable, Sequence

from huey import Huey
from huey.consumer import Consumer

from jobs import queue
from records.base import Busy

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between looks; a lost nudge costs no more than this
SWEEP_EVERY = 15  # looks between sweeps

Job = Callable[[], object]


def run(tasks: Huey, jobs: Sequence[Job], sweeps: Sequence[Job]) -> int:
    """Run `jobs` at every look and `sweeps` now and then, until SIGTERM; what is in hand is finished first.

    Jobs must be safe at any moment and any number of times.
    """
    stop, wake = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        wake.set()

    queue.on_delivery(tasks, wake.set)
    listener = Consumer(tasks, workers=1, periodic=False, initial_delay=0.05, max_delay=0.5, backoff=1.2)
    listener.start()
    for name in (signal.SIGTERM, signal.SIGINT):  # after the consumer's start, which sets handlers of its own
        signal.signal(name, end)
    log.info("worker ready")
    looks = 0
    while not stop.is_set():
        wake.clear()
        for job in (*jobs, *(sweeps if looks % SWEEP_EVERY == 0 else ())):
            _safely(job)
        looks += 1
        wake.wait(EVERY)
    listener.stop(graceful=True)
    return 0


def _safely(job: Job) -> None:
    """One job's trouble must not stop the others; what it left undone it finds again next time."""
    try:
        job()
    except Busy as busy:
        log.warning("the database can't be had (%s); the worker tries again", busy)
    except Exception:  # the boundary of the worker: it logs and goes on
        log.exception("a job broke")
