"""Numbers to ring are tappable; amounts, articles and dates are not."""

import pytest

from bot.web.phones import split


def tapped(text: str, more: tuple[str, ...] = ()) -> list[str]:
    parts = split(text, more)
    assert "".join(part.get("text") or part["tel"] for part in parts) == text, "nothing of the text may be lost"
    return [part["tel"] for part in parts if "tel" in part]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("请现在就打电话：12356，或者110、120", ["12356", "110", "120"]),
        ("119火警 · 120急救 · 110报警", ["119", "120", "110"]),
        ("电话：12345（政务服务便民热线）", ["12345"]),
        ("劳动监察12333，法律援助12348。", ["12333", "12348"]),
        ("打0760-88884120，或0574-89108910", ["0760-88884120", "0574-89108910"]),
        ("急事请打12345；马上有危险打110。", ["12345", "110"]),
    ],
)
def test_numbers_to_ring_are_found(text: str, numbers: list[str]) -> None:
    assert tapped(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "每月补120元",
        "依据第120条、第110号令",
        "满110分就能申请",
        "房子110平方米",
        "编号 NB-20261122-0110",
        "2026-11-22 01:10",
        "三个月内，共120天",
        "从100到120",
        "110%",
        "1.120",
        "身份证990101199001011200",
        "112345 和 123456",
    ],
)
def test_amounts_articles_and_dates_are_not(text: str) -> None:
    assert tapped(text) == []


def test_the_knowledge_bases_own_numbers_are_found_too() -> None:
    assert tapped("打96309问问") == []
    assert tapped("打96309问问", ("96309",)) == ["96309"]
    assert tapped("外地打0574-12345", ("0574-12345",)) == ["0574-12345"]
