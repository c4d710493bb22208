"""A case's clock stands still while it waits for the person, and what was left comes back with it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

import clock
from records import case_list, cases, crypto, migrate
from records.base import engine_for, write

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=clock.CHINA)
EVERYWHERE = case_list.Reach()


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    crypto.configure("A" * 43 + "=")
    engine = engine_for(database_url)
    migrate.upgrade(engine)
    with write(engine) as connection:
        yield connection
    engine.dispose()


def filed(conn: Connection) -> int:
    what = {"kind": "hazard_report", "title": "出租房隐患举报", "region": "haishu", "team": "rooms"}
    number = cases.open_case(conn, **what, data=[["地方", "演练路1号"]], at=NOW)
    return int(cases.by_number(conn, number).id)


def due(conn: Connection, case_id: int) -> datetime | None:
    found = case_list.one(conn, EVERYWHERE, case_id)
    assert found is not None
    return found.due_at


def test_while_the_person_is_asked_for_more_nothing_is_late_and_the_rest_comes_back(conn: Connection) -> None:
    one = filed(conn)
    cases.move(conn, one, "returned", "staff:1", NOW + timedelta(hours=20), text="请补一张照片")
    after = NOW + timedelta(days=9)
    assert due(conn, one) is None
    assert cases.climb_overdue(conn, after) == 0
    assert case_list.counts(conn, EVERYWHERE, after)["overdue"] == 0
    assert case_list.listed(conn, EVERYWHERE, case_list.Filter(overdue=True), after) == []
    cases.move(conn, one, "accepted", "staff:1", after)
    assert due(conn, one) == after + timedelta(hours=4)
    assert cases.climb_overdue(conn, after + timedelta(hours=3)) == 0
    assert cases.climb_overdue(conn, after + timedelta(hours=5)) == 1


def test_what_was_late_before_is_late_again(conn: Connection) -> None:
    one = filed(conn)
    cases.move(conn, one, "returned", "staff:1", NOW + timedelta(hours=30), text="请写明几栋几号")
    after = NOW + timedelta(days=9)
    cases.move(conn, one, "accepted", "staff:1", after)
    assert due(conn, one) == after - timedelta(hours=6)
    assert cases.climb_overdue(conn, after) == 1


def test_twice_returned_only_the_time_with_staff_counts(conn: Connection) -> None:
    one = filed(conn)
    for hours in (5, 50):
        cases.move(conn, one, "returned", "staff:1", NOW + timedelta(hours=hours), text="请补充")
        cases.move(conn, one, "accepted", "staff:1", NOW + timedelta(hours=hours + 40))
    assert due(conn, one) == NOW + timedelta(hours=24 + 80)


def test_what_is_withdrawn_while_it_waits_has_no_clock(conn: Connection) -> None:
    one = filed(conn)
    cases.move(conn, one, "returned", "staff:1", NOW, text="请补充")
    cases.move(conn, one, "withdrawn", "person", NOW)
    row = case_list.one(conn, EVERYWHERE, one)
    assert row is not None and row.due_at is None and row.paused_s is None


def test_what_waits_for_the_person_stands_behind_what_runs_out(conn: Connection) -> None:
    waits, runs = filed(conn), filed(conn)
    cases.move(conn, waits, "returned", "staff:1", NOW, text="请补充")
    assert [row.id for row in case_list.listed(conn, EVERYWHERE, case_list.Filter(), NOW)] == [runs, waits]
