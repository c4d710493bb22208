"""What may be published tells nobody: small groups are left out, one person more or less can't be read off."""

import random
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert

import clock
from records import cases, crypto, migrate, open_figures, staff
from records.base import engine_for, read, write
from records.conversations import Message
from records.handoffs import Handoff
from records.people import Person, external_hash

OCTOBER = datetime(2026, 10, 10, 12, 0, tzinfo=clock.CHINA)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=clock.CHINA)


@pytest.fixture
def engine(database_url: str):
    crypto.configure("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    made = engine_for(database_url)
    migrate.upgrade(made)
    yield made
    made.dispose()


def ask(engine: Engine, name: str, region: str, intent: str, times: int = 1, at: datetime = OCTOBER) -> int:
    """Somebody who asked about something, so many times."""
    with write(engine) as conn:
        person = {
            "channel": "wechat", "external_hash": external_hash("wechat", name), "external": name, "region": region,
            "created_at": at, "seen_at": at,
        }  # fmt: skip
        made = int(conn.execute(insert(Person).returning(Person.id), person).scalar_one())
        rows = [
            {"person_id": made, "turn_id": f"t{made}-{n}", "author": "person", "kind": "text", "intent": intent,
             "body": {"text": "话"}, "created_at": at}
            for n in range(times)
        ]  # fmt: skip
        conn.execute(insert(Message), rows)
    return made


def published(engine: Engine, year: int = 2026, month: int = 10) -> dict[tuple[str, str, str], int]:
    with clock.frozen(NOW), read(engine) as conn:
        return {(one.region, one.what, one.kind): one.people for one in open_figures.of_month(conn, year, month)}


def test_a_small_group_is_left_out_however_much_it_said(engine: Engine) -> None:
    for n in range(9):
        ask(engine, f"few-{n}", "ninghai", "wage_arrears", times=30)
    for n in range(23):
        ask(engine, f"many-{n}", "cixi", "wage_arrears")
    assert published(engine) == {("cixi", "asked", "wage_arrears"): 25}
    ask(engine, "the-tenth", "ninghai", "wage_arrears")
    assert published(engine)[("ninghai", "asked", "wage_arrears")] == 10, "people count, not their messages"


def test_every_number_stands_for_several_true_ones(engine: Engine) -> None:
    told: dict[int, list[int]] = {}
    for people in range(open_figures.FEWEST, 400):
        told.setdefault(open_figures.rounded(people), []).append(people)
    assert all(number % open_figures.STEP == 0 for number in told)
    whole = {number: of for number, of in told.items() if max(of) < 398}
    assert all(len(of) >= 3 for of in whole.values()), "a number that one count alone gives would tell it"
    assert all(abs(number - one) <= 2 for number, of in told.items() for one in of)


def test_one_person_more_cannot_be_read_off_by_taking_away(engine: Engine) -> None:
    """Of a hundred cities with one person more, four in five are published as before, and the fifth differs by a whole
    step: no difference of one is ever there to be seen."""
    chance, same = random.Random(5), 0
    for _ in range(100):
        people = chance.randrange(open_figures.FEWEST, 500)
        apart = open_figures.rounded(people + 1) - open_figures.rounded(people)
        assert apart in (0, open_figures.STEP)
        same += apart == 0
    assert same >= 60


@pytest.mark.parametrize(("year", "month"), [(2026, 11), (2026, 12), (2027, 1), (2026, 13), (2026, 0), (0, 1)])
def test_a_month_that_runs_on_is_refused(engine: Engine, year: int, month: int) -> None:
    """Two looks at a running month would differ by whoever came between them."""
    with clock.frozen(NOW), read(engine) as conn, pytest.raises(open_figures.NotOver):
        open_figures.of_month(conn, year, month)


def test_there_is_no_shorter_stretch_and_no_sum(engine: Engine) -> None:
    for n in range(40):
        ask(engine, f"o-{n}", "cixi" if n % 2 else "yuyao", "permit_renewal", at=OCTOBER + timedelta(days=n % 20))
    for n in range(12):
        ask(engine, f"s-{n}", "cixi", "permit_renewal", at=datetime(2026, 9, 30, 23, 59, tzinfo=clock.CHINA))
    assert published(engine) == {("cixi", "asked", "permit_renewal"): 20, ("yuyao", "asked", "permit_renewal"): 20}
    assert published(engine, 2026, 9) == {("cixi", "asked", "permit_renewal"): 10}


def test_what_is_of_the_mind_and_who_was_erased_are_not_in_it(engine: Engine) -> None:
    with write(engine) as conn:
        boss = staff.create(conn, "boss", "员工", "officer", "-", OCTOBER)
        assert boss
    for n in range(30):
        person = ask(engine, f"m-{n}", "cixi", "psych_support" if n % 2 else "psych_crisis")
        with write(engine) as conn:
            row = {
                "person_id": person,
                "team": "psychology",
                "region": "cixi",
                "reason": "asked",
                "state": "closed",
                "opened_at": OCTOBER,
            }
            conn.execute(insert(Handoff), row)  # fmt: skip
    for n in range(12):
        person = ask(engine, f"gone-{n}", "yuyao", "permit_renewal")
        if n < 3:
            with write(engine) as conn:
                conn.execute(Person.__table__.update().where(Person.id == person).values(external=None))
    assert published(engine) == {}


def test_ten_reports_of_nobody_may_be_one_mans(engine: Engine) -> None:
    with write(engine) as conn:
        for _ in range(30):
            cases.open_case(
                conn, kind="hazard", title="隐患", region="cixi", team="rooms", data=[], at=OCTOBER, anonymous=True
            )
    assert published(engine) == {}
    for n in range(11):
        person = ask(engine, f"c-{n}", "cixi", "greet")
        with write(engine) as conn:
            for _ in range(3):
                cases.open_case(
                    conn,
                    kind="hazard",
                    title="隐患",
                    region="cixi",
                    team="rooms",
                    data=[],
                    at=OCTOBER,
                    person_id=person,
                )
    assert published(engine)[("cixi", "filed", "hazard")] == 10


def test_the_command_writes_the_table_and_is_noted(app) -> None:
    run = app.test_cli_runner().invoke
    with clock.frozen(NOW):
        for n in range(14):
            ask(app.extensions["service"].engine, f"cli-{n}", "cixi", "permit_renewal")
        done = run(args=["figures", "2026-10"])
        assert done.output.splitlines() == ["month,region,what,kind,people", "2026-10,cixi,asked,permit_renewal,15"]
        for wrong in ("2026-11", "october", "2026-99"):
            assert run(args=["figures", wrong]).exit_code == 1
    from records import audit

    with read(app.extensions["service"].engine) as conn:
        assert len(audit.search(conn, action="figures.published")) == 1
