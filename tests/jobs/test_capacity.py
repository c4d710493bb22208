"""The reckoning of machines and staff agrees with what books say."""

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
    assert capacity.late(day, peak)[0] < 0.01
    assert capacity.late(day, peak / 2)[0] > capacity.late(day, peak / 1.5)[0] > 1


def test_more_chats_need_more_people() -> None:
    needed = [capacity.staff_for(hour, 8, 3, 0.95, 60) for hour in (30, 120, 500)]
    assert needed == sorted(needed) and needed[0] < needed[-1]
