"""A nudge from one process wakes the worker in another."""

import threading
from dataclasses import replace

from jobs import queue
from settings import Settings


def test_a_nudge_runs_the_workers_action_not_the_askers(settings: Settings) -> None:
    asking = queue.open_queue(replace(settings, redis_url=None))
    working = queue.open_queue(replace(settings, redis_url=None))
    woken = threading.Event()
    queue.on_delivery(working, woken.set)
    queue.nudger(asking)()
    task = working.dequeue()
    assert task is not None
    working.execute(task)
    assert woken.is_set()


def test_a_nudge_never_raises(settings: Settings) -> None:
    nowhere = replace(settings, redis_url="unix:///nowhere/redis.sock")
    queue.nudger(queue.open_queue(nowhere))()
