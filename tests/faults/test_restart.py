"""Planned restarts and a lost Redis cost nobody an answer (figures of recovery; draining on SIGTERM)."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

import redis_server
from tests.faults.books import Books
from tests.faults.city import City, wait_ready
from tests.faults.people import Ledger, Person
from tests.faults.test_storm import build

__all__ = ["build"]


@pytest.mark.timeout(240)
def test_a_rolling_restart_and_a_lost_redis_fail_no_callback(build: Callable[[int], City]) -> None:
    city = build(1)
    ledger, stop = Ledger(), threading.Event()
    crowd = [Person(city, ledger, number, 0.6, stop) for number in range(12)]
    for person in crowd:
        person.start()
    time.sleep(1)
    for at, port in enumerate(city.ports):  # as a new version is rolled out: one after the other, each drained
        assert city.webs[at].stop() in (0, -15), "the web process had to be killed: it does not drain"
        city.webs[at].start()
        wait_ready(port)
    assert city.worker.stop() == 0, "the worker had to be killed: it does not finish what it has in hand"
    city.worker.start()
    city.redis.kill()
    city.redis.wait(5)
    time.sleep(1.5)
    city.redis = redis_server.start(city.folder)
    time.sleep(1.5)
    stop.set()
    for person in crowd:
        person.join(60)
    city.calm()
    states = Counter(said.state for said in ledger.said)
    assert len(ledger.said) > 100 and states["failed"] == 0, states
    assert Books(city, ledger).faults() == []
