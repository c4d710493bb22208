"""The demo city is whole, the same for the same number, and holds nobody real."""

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from bot.service import Service
from jobs import demo, demo_city
from records import schema
from records.base import read
from records.cases import Case
from records.ratings import SCORES, Rating
from records.residents import Resident


@pytest.fixture
def desk(service: Service) -> Service:
    demo.seed(service.settings)
    return service


def count(service: Service) -> dict[str, int]:
    with read(service.engine) as conn:
        tables = schema.TABLES.sorted_tables
        return {one.name: conn.execute(select(func.count()).select_from(one)).scalar_one() for one in tables}


def test_a_city_has_something_of_everything_and_comes_once(desk: Service) -> None:
    made = demo_city.make(desk.engine, desk.knowledge, 160)
    assert made["people"] == 160 and made["villages"] == 4 and made["rooms"] == 96
    there = count(desk)
    for table in (
        "messages",
        "cases",
        "case_events",
        "handoffs",
        "ratings",
        "reminders",
        "rooms",
        "declarations",
        "room_codes",
    ):
        assert there[table] > 3, table
    with read(desk.engine) as conn:
        states = Counter(conn.execute(select(Case.state)).scalars())
        scores = set(conn.execute(select(Rating.score).where(Rating.score.is_not(None))).scalars())
    assert len(states) >= 4, states
    assert scores and scores <= set(SCORES)
    again = demo_city.make(desk.engine, desk.knowledge, 160)
    assert again == {"known": 164} and count(desk) == there


def test_nobody_in_it_is_real(desk: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Resident] = []
    real = demo_city.Resident

    def noted(*fields):
        made.append(real(*fields))
        return made[-1]

    monkeypatch.setattr(demo_city, "Resident", noted)
    demo_city.make(desk.engine, desk.knowledge, 40)
    assert made and all(one.number.startswith("99") and one.phone.startswith("1390002") for one in made)


def test_production_refuses_it(desk: Service) -> None:
    with pytest.raises(RuntimeError, match="rehearsals"):
        demo.seed(replace(desk.settings, app_mode="production"))
