"""What is named in a message comes out checked and in one form; what only looks like it stays out."""

import json
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.entities import extract, fold, valid_id_number
from intents.numerals import parse

NOW = datetime(2026, 11, 22, 10, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Sunday
CASES = [json.loads(line) for line in (Path(__file__).parent / "entities.jsonl").read_text("utf-8").splitlines()]
TOWNS = Path(__file__).resolve().parents[2] / "intents" / "lookups" / "towns.yml"


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:30] for case in CASES])
def test_annotated_sentences(case: dict) -> None:
    found = [{"type": e.type, "value": e.value, "text": e.text} for e in extract(case["text"], NOW)]
    assert sorted(found, key=str) == sorted(case["entities"], key=str)


def test_the_development_set_covers_every_type_and_many_lookalikes() -> None:
    types = Counter(entity["type"] for case in CASES for entity in case["entities"])
    assert len(CASES) >= 200
    assert set(types) == {"district", "phone", "id_number", "date", "stage", "amount", "duration_months", "room_code"}
    assert min(types.values()) >= 7
    assert sum(not case["entities"] for case in CASES) >= 60


def test_positions_are_those_of_the_message_as_it_came() -> None:
    text = "我住鎮海區，１３８００００１２３４，ｎｂ－ｆｈ－０００１２３"
    found = extract(text, NOW)
    assert [(text[e.start : e.end], e.value) for e in found] == [
        ("鎮海區", "镇海区"),
        ("１３８００００１２３４", "13800001234"),
        ("ｎｂ－ｆｈ－０００１２３", "NB-FH-000123"),
    ]


def test_weeks_start_on_monday() -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=NOW.tzinfo)
    assert [e.value for e in extract("下周一", NOW)] == ["2026-11-23"]
    assert [e.value for e in extract("下周一", monday)] == ["2026-11-30"]
    assert [e.value for e in extract("这周日", NOW)] == ["2026-11-22"]


@pytest.mark.parametrize(
    ("text", "now", "day"),
    [
        ("上个月31号", "2026-05-05", []),
        ("上个月15号", "2026-01-05", ["2025-12-15"]),
        ("下个月1号", "2026-12-31", ["2027-01-01"]),
        ("月底", "2028-02-03", ["2028-02-29"]),
        ("一个月前", "2026-03-31", ["2026-02-28"]),
        ("半个月后", "2026-12-20", ["2027-01-04"]),
        ("2月29号", "2026-05-01", []),
        ("2028年2月29号", "2026-05-01", ["2028-02-29"]),
        ("清明节", "2026-11-22", ["2026-04-05"]),
    ],
)
def test_dates_at_the_edges_of_months_and_years(text: str, now: str, day: list[str]) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=NOW.tzinfo)
    assert [e.value for e in extract(text, at) if e.type == "date"] == day


@pytest.mark.parametrize("wrong", range(17))
def test_one_wrong_digit_breaks_an_identity_number(wrong: int) -> None:
    number = "99010119900307789" + "3"
    number = next(number[:17] + last for last in "0123456789X" if valid_id_number(number[:17] + last))
    broken = number[:wrong] + str((int(number[wrong]) + 1) % 10) + number[wrong + 1 :]
    assert extract(number, NOW)[0].type == "id_number"
    assert "id_number" not in {e.type for e in extract(broken, NOW)}


def test_a_birthday_to_come_is_no_identity_number() -> None:
    number = next(f"9901012027010112{i}" for i in range(10))
    later = next(number + last for last in "0123456789X" if valid_id_number(number + last))
    assert extract(later, NOW) == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [("三千五百", 3500), ("两万三", 23000), ("3千5", 3500), ("一百二", 120), ("一百零二", 102), ("1.2万", 12000), ("十五", 15),
     ("二〇二六", 2026), ("3,800", 3800), ("2万3千", 23000), ("一万零五百", 10500), ("三四千", None), ("五六", None)],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, value: int | None) -> None:
    assert parse(text) == value


def test_no_town_stands_in_two_districts() -> None:
    table = yaml.safe_load(TOWNS.read_text("utf-8"))
    towns = Counter(name for row in table.values() for name in [*row["names"], *row["towns"]])
    assert [name for name, times in towns.items() if times > 1] == []
    assert len(table) == 11


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    for entity in extract(text, NOW):
        assert text[entity.start : entity.end] == entity.text
        assert entity.value
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\ud800",
        "1" * 10_000,
        "一" * 10_000,
        "5年" * 5_000,
        "半个多" * 4_000,
        "1 " * 5_000,
        "二" * 9_999 + "号",
    ],
)
def test_monstrous_messages_cost_no_time(text: str) -> None:
    extract("热身", NOW)
    start = time.process_time()
    extract(text, NOW)
    assert time.process_time() - start < 0.25
