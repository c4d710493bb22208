"""The reckoning of machines and staff agrees with what books say."""

from pathlib import Path

import pytest

from jobs import capacity


@pytest.mark.parametrize(("load", "staff", "chance"), [(1, 2, 1 / 3), (2, 3, 0.4444), (10, 14, 0.1741), (5, 5, 1.0)])
def test_erlang_c_gives_the_published_values(load: float, staff: int, chance: float) -> None:
    assert capacity.erlang_c(load, staff) == pytest.approx(chance, abs=0.001)


def test_all_who_write_arrive_and_enough_machines_leave_nobody_waiting() -> None:
    day = capacity.Day(people=100_000, share=0.1, messages=1)
    arrived = sum(day.rate(second) for second in range(day.minutes * 240))
    assert arrived == pytest.approx(10_000, rel=0.02)
    peak = max(day.rate(second) for second in range(2400))
    assert capacity.late(day, 8, peak * 1.3)[0] < 1
    assert capacity.late(day, 8, peak / 2)[0] > capacity.late(day, 8, peak / 1.5)[0] > 1


def test_the_simulated_queue_waits_as_the_books_say() -> None:
    """A steady M/M/c queue: the share that waits is Erlang's C."""
    rate, places, each = 8.0, 4, 2.5  # load 3.2 of 4
    day = type("Steady", (), {"minutes": 60, "rate": lambda self, second: rate})()
    variation, capacity.VARIATION = capacity.VARIATION, 1.0  # a gamma of variation 1 is exponential
    try:
        _, _, waits = capacity.late(day, places, places * each)
    finally:
        capacity.VARIATION = variation
    waiting = capacity.erlang_c(rate / each, places)
    mean = waiting / (places * each - rate)  # seconds
    assert 0.5 < waiting < 0.7
    # Of some eight messages a second the longest wait was kept: more than the mean of all, less than ten times it.
    assert mean < sum(waits) / len(waits) < 10 * mean


BENCH = """# Measurements

<!-- processes -->
## More processes, SQLite

*2026-11-22 14:00 UTC, 4 cores*

| processes | right answers/s | wrong | p50 | p99 ms | CPU ms a turn |
|---|---|---|---|---|---|
| 1 | 999 | 0 | 1 | 1 | 1 |

## More processes, PostgreSQL (fsync on)

| processes | right answers/s | wrong | p50 | p99 ms | CPU ms a turn |
|---|---|---|---|---|---|
| 1 | 200 | 0 | 1 | 1 | 1 |
| 2 | 380 | 0 | 1 | 1 | 1 |
| 4 | 1,600 | 0 | 1 | 1 | 1 |
<!-- /processes -->
"""


def test_measured_figures_are_read_and_whole_machines_counted(tmp_path: Path) -> None:
    page = tmp_path / "bench.md"
    assert capacity.measured(page) is None
    page.write_text(BENCH, encoding="utf-8")
    found = capacity.measured(page)
    assert found is not None and found.rates == {1: 200, 2: 380, 4: 1600} and "4 cores" in found.where
    assert [found.rate(count) for count in (1, 2, 3, 4, 6)] == [200, 380, 570, 1600, 1980]
    assert capacity.needed(found, 1700) == 5
    small = capacity.Day(people=10_000)
    assert "Measured full turns" in capacity.page(small, 40, found)[0]
    assert "ASSUMPTION" in capacity.page(small, 40)[0]


def test_more_chats_need_more_people() -> None:
    needed = [capacity.staff_for(hour, 8, 3, 0.95, 60) for hour in (30, 120, 500)]
    assert needed == sorted(needed) and needed[0] < needed[-1]
