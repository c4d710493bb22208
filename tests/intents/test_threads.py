"""A web process has one model and several threads; what each is told does not depend on the others."""

import dataclasses
import random
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.service import Remembering, Understands
from intents import Understander, Understanding, nlu_files

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
LINES, THREADS = 300, 6
ROUNDING = 1e-3
"""Twenty times what is seen: of a message's parts those that another thread has just asked about needn't be encoded, and
the product of fewer rows is summed in another order. Another message's odds are far off that."""


@pytest.fixture(autouse=True)
def _restless() -> Iterator[None]:
    """Threads give way to each other a hundred times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 100)
    yield
    sys.setswitchinterval(usual)


def lines() -> list[str]:
    """Some lines of the development set from all over it; every tenth is said with another: two needs in one message."""
    every = [line.text for line in nlu_files.read_folder() if nlu_files.is_dev(line.text)]
    some = every[:: len(every) // LINES][:LINES]
    return [f"{text}，另外{some[number - 7]}" if number % 10 == 9 else text for number, text in enumerate(some)]


def differences(one: Understanding, other: Understanding) -> list[str]:
    """The fields in which two answers differ by more than rounding."""
    odds, others = dict(one.ranking), dict(other.ranking)
    near = {
        "ranking": odds.keys() == others.keys() and all(abs(odds[name] - others[name]) < ROUNDING for name in odds),
        "probability": abs(one.probability - other.probability) < ROUNDING,
        "danger_score": abs(one.danger_score - other.danger_score) < ROUNDING,
    }
    names = [field.name for field in dataclasses.fields(one)]
    return [name for name in names if not near.get(name, getattr(one, name) == getattr(other, name))]


def heard_at_once(shared: Understands, said: Sequence[str]) -> Iterator[tuple[str, Understanding]]:
    """What the threads hear: two by two the same at the same time, each pair in an order of its own, some lines twice
    in a row, so that what is remembered of a message is asked for while others push it out."""
    start = threading.Barrier(THREADS)

    def listen(number: int) -> list[tuple[str, Understanding]]:
        chance = random.Random(number // 2)
        order = [text for text in chance.sample(said, len(said)) for _ in range(chance.choice((1, 1, 2)))]
        start.wait()
        return [(text, shared.understand(text, NOW)) for text in order]

    with ThreadPoolExecutor(THREADS) as pool:
        for heard in pool.map(listen, range(THREADS)):
            yield from heard


@pytest.mark.parametrize("remembering", [False, True], ids=["model", "model with remembered messages"])
def test_threads_that_share_a_model_hear_what_one_would(understander: Understander, remembering: bool) -> None:
    alone = {text: understander.understand(text, NOW) for text in lines()}
    edges = dataclasses.astuple(understander.bands)
    said = [text for text, one in alone.items() if all(abs(one.probability - edge) > ROUNDING for edge in edges)]
    assert len(said) > 0.9 * LINES
    assert len({one.intent for one in alone.values()}) > 40, "too much alike to be mixed up"
    assert any(one.second for one in alone.values()) and any(one.danger for one in alone.values())
    shared = Remembering(understander) if remembering else understander
    heard = list(heard_at_once(shared, said))
    assert len(heard) > THREADS * len(said)
    wrong = [(text, names) for text, one in heard if (names := differences(alone[text], one))]
    assert wrong == []
