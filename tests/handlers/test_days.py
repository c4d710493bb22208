"""Days named without their year are those that the question can mean."""

from datetime import date

import pytest

from handlers.days import in_time
from intents import Entity

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "value", "limit", "meant"),
    [
        ("12月5号", "2026-12-05", "past", "2025-12-05"),
        ("11月23号", "2026-11-23", "past", "2026-11-23"),
        ("3月1日", "2026-03-01", "future", "2027-03-01"),
        ("28号", "2026-11-28", "past", "2026-10-28"),
        ("5号", "2026-11-05", "future", "2026-12-05"),
        ("国庆", "2026-10-01", "future", "2027-10-01"),
        ("1月10号", "2026-01-10", "near", "2027-01-10"),
        ("9月10号", "2026-09-10", "near", "2026-09-10"),
        ("2026年12月5日", "2026-12-05", "past", "2026-12-05"),
        ("明天", "2026-11-24", "past", "2026-11-24"),
        ("12月5号", "2026-12-05", "", "2026-12-05"),
        ("2025年8月", "2025-08", "past", "2025-08"),
    ],
)
def test_a_day_without_its_year_is_the_one_that_can_be_meant(text: str, value: str, limit: str, meant: str) -> None:
    assert in_time(Entity("date", value, text, 0, len(text)), limit, TODAY).value == meant
