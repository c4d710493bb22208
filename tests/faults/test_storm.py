"""Nothing lost, nothing twice: people write while processes are killed, and the books balance (promises 1 to 6)."""

import json
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import clock
from intents.understander import Understander
from records import staff
from records.base import write
from tests.faults.books import Books
from tests.faults.city import City
from tests.faults.people import Ledger, Person, Staff

MODEL = Path(__file__).parents[2] / "var" / "model"


@pytest.fixture
def build(understander: Understander) -> Iterator[Callable[[int], City]]:
    """Builds a city in a folder of its own; all its processes end with the test."""
    made: list[City] = []
    # Not in pytest's own folder: sessions that run side by side tidy that up for each other.
    folder = Path(tempfile.mkdtemp(prefix="city-storm-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own

    def start(seed: int) -> City:
        city = City(folder, MODEL, seed)
        made.append(city)
        with write(city.engine) as conn:
            for number in (1, 2):
                staff.create(conn, f"s{number}", f"员工{number}", "supervisor", "-", clock.now())
        city.start()
        return city

    yield start
    for city in made:
        city.end()
    shutil.rmtree(folder, ignore_errors=True)


def storm(city: City, persons: int, rest: float, kills: int, pause: tuple[float, float]) -> tuple[Ledger, Books]:
    """Let `persons` write with `rest` seconds between two messages while `kills` kills go on; then balance."""
    ledger, stop = Ledger(), threading.Event()
    crowd = [Person(city, ledger, number, rest, stop) for number in range(persons)]
    hands = [Staff(city, ledger, number, stop) for number in (1, 2)]
    for thread in (*crowd, *hands):
        thread.start()
    time.sleep(1)
    city.hurt(kills, pause)
    time.sleep(2)
    stop.set()
    for thread in (*crowd, *hands):
        thread.join(70)
        assert not thread.is_alive(), f"{thread.name} hangs"
    city.calm()
    return ledger, Books(city, ledger)


def check(city: City, ledger: Ledger, books: Books) -> None:
    states = Counter(said.state for said in ledger.said)
    print(f"kills={city.kills} harm={city.harm} said={len(ledger.said)} {dict(states)} cases={len(books.cases)} alarms={len(books.alarms)}"
          f" claims={len(ledger.claims)} outbox={dict(Counter(row.state for row in books.outbox))}")  # fmt: skip
    faults = books.faults()
    print("\n".join(faults))
    assert faults == [], "\n".join(faults[:20])
    assert leaked(city, ledger) == [], "the log of a whole run holds what somebody said, or who it was"
    assert states["answered"] > len(ledger.said) / 2, "hardly anything worked: this proves nothing"


_OPENID = re.compile(r"\bo[A-Za-z0-9_-]{27}\b")
_MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")


def leaked(city: City, ledger: Ledger) -> list[str]:
    """Lines of any process, in whatever form it wrote them, that tell what was said or who said it."""
    words = {said.text for said in ledger.said if len(said.text) >= 5} | {text for _, text in ledger.replies}
    words |= {json.dumps(text)[1:-1] for text in words}
    lines = [line for path in city.folder.glob("*.log") for line in path.read_text("utf-8", "replace").splitlines()]
    assert len(lines) > 10, "nothing was logged although processes were killed: this looks at nothing"
    return [
        line[:300]
        for line in lines
        if _OPENID.search(line) or _MOBILE.search(line) or any(text in line for text in words)
    ]


@pytest.mark.timeout(240)
def test_ten_kills_lose_nothing_and_double_nothing(build: Callable[[int], City]) -> None:
    city = build(7)
    ledger, books = storm(city, persons=24, rest=1.2, kills=10, pause=(0.3, 2.0))
    check(city, ledger, books)
    assert len(ledger.said) > 100 and books.alarms and books.cases and ledger.claims


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_kills(build: Callable[[int], City], seed: int) -> None:
    city = build(seed)
    ledger, books = storm(city, persons=100, rest=1.8, kills=50, pause=(0.5, 4.0))
    check(city, ledger, books)
