"""The worker: `python -m jobs.worker` delivers the outbox, replays the spool and sweeps, until it is told to stop.

It wakes for a nudge and looks by itself every second, so that a lost nudge costs a second and nothing else.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import partial

from huey.consumer import Consumer

from jobs import delivery, queue
from records.base import Busy
from settings import Settings

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds
SWEEP_EVERY = 15  # rounds


def main() -> int:
    """Run until SIGTERM; rows in hand are finished first."""
    from app import build_service
    from bot.wechat import delivery as wechat
    from bot.wechat import spool

    settings = Settings.from_env(os.environ)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    service = build_service(settings)
    senders = {"wechat": partial(wechat.send, service)}
    rounds: list[Callable[[], object]] = [
        partial(delivery.deliver_due, service.engine, senders),
        partial(spool.replay, service),
    ]
    stop, wake = threading.Event(), threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: (stop.set(), wake.set()))
    tasks = queue.open_queue(settings)
    queue.on_delivery(tasks, wake.set)
    listener = Consumer(tasks, workers=1, periodic=False, initial_delay=0.05, max_delay=0.5, backoff=1.2)
    listener.start()
    log.info("worker ready")
    count = 0
    while not stop.is_set():
        wake.clear()
        for job in rounds:
            _safely(job)
        if count % SWEEP_EVERY == 0:
            _safely(partial(delivery.sweep, service.engine))
        count += 1
        wake.wait(EVERY)
    listener.stop(graceful=True)
    return 0


def _safely(job: Callable[[], object]) -> None:
    """One job's trouble must not stop the others; what it left undone it finds again next time."""
    try:
        job()
    except Busy as busy:
        log.warning("the database can't be had (%s); the worker tries again", busy)
    except Exception:  # the boundary of the worker: it logs and goes on
        log.exception("a job broke")


if __name__ == "__main__":
    raise SystemExit(main())
