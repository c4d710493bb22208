"""What happens to rooms because time passes: reminders of duties once, and a question after a year."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

import clock
from jobs import moves
from records import conversations, declarations, employers, filing, landlords
from records.base import read, write
from records.declarations import Declaration

from .conftest import NOW, id_number, room_named, somebody
from .test_declarations import declare, only, resident


def said(engine: Engine, person: int) -> list[str]:
    with read(engine) as conn:
        return [row.body[0]["text"] for row in conversations.transcript(conn, person)]


def test_a_landlord_is_reminded_once_on_the_day_before(engine: Engine) -> None:
    room = room_named(engine, "1号楼", "102")
    owner = somebody(engine, "openid-owner")
    with write(engine) as conn:
        landlords.bind(conn, room.landlord_id, owner)
    with clock.frozen(NOW):  # a Sunday; three working days end on Wednesday
        declare(engine, room.id, resident())
        before = len(said(engine, owner))
        moves.remind_of_duties(engine)
        already = len(said(engine, owner))  # older moves of the demo village are long due
    with clock.frozen(NOW + timedelta(days=1)):
        assert moves.remind_of_duties(engine) == 0
    with clock.frozen(NOW + timedelta(days=2)):
        assert moves.remind_of_duties(engine) == 1
        assert moves.remind_of_duties(engine) == 0
    words = said(engine, owner)
    assert len(words) == already + 1
    assert already - before <= 1
    assert "2026-11-25" in words[-1]


def test_a_firm_that_reported_is_not_reminded(engine: Engine) -> None:
    room = room_named(engine, "员工宿舍", "101")
    agent = somebody(engine, "openid-agent")
    with write(engine) as conn:
        employers.bind(conn, room.employer_id, agent)
    with clock.frozen(NOW):
        row = only(engine, declare(engine, room.id, resident(), employer_id=room.employer_id, source="employer"))
        with write(engine) as conn:
            filing.move_out(conn, [row.id], f"employer:{room.employer_id}", NOW.date(), NOW)
    with clock.frozen(NOW + timedelta(days=3)):
        moves.remind_of_duties(engine)
    assert said(engine, agent) == []


@pytest.mark.usefixtures("at")
def test_after_a_year_somebody_is_asked_once(engine: Engine) -> None:
    room = room_named(engine, "1号楼", "102")
    person = somebody(engine, "openid-year")
    row = only(engine, declare(engine, room.id, resident(), person_id=person))
    with write(engine) as conn:
        conn.execute(update(Declaration).where(Declaration.id == row.id).values(until=NOW.date() - timedelta(days=1)))
    assert moves.ask_again(engine) == 1
    assert moves.ask_again(engine) == 0
    assert "满一年" in said(engine, person)[-1]
    with write(engine) as conn:
        declarations.renew(conn, [row.id], f"person:{person}", NOW.date() + timedelta(days=365), NOW)
        assert declarations.expired(conn, NOW.date()) == []


@pytest.mark.usefixtures("at")
def test_all_whose_year_ends_on_one_day_are_asked(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declarations.expired, "__defaults__", (2,))
    room = room_named(engine, "1号楼", "102")
    for number in range(5):
        person = somebody(engine, f"openid-{number}")
        who = resident(f"同日{number}", id_number(f"1990020{number + 1}"))
        row = only(engine, declare(engine, room.id, who, person_id=person))
        with write(engine) as conn:
            over = NOW.date() - timedelta(days=1)
            conn.execute(update(Declaration).where(Declaration.id == row.id).values(until=over, relation="self"))
    assert moves.ask_again(engine) == 5
    assert moves.ask_again(engine) == 0


def test_what_is_over_is_emptied_on_schedule_and_what_counts_is_not(engine: Engine) -> None:
    room, dormitory = room_named(engine, "1号楼", "102"), room_named(engine, "员工宿舍", "101")
    with clock.frozen(NOW):
        gone = only(engine, declare(engine, room.id, resident("走了", id_number("19900101"))))
        stays = only(engine, declare(engine, room.id, resident("还在", id_number("19900102"))))
        named = resident("没同意", id_number("19900103"))
        waits = only(engine, declare(engine, dormitory.id, named, employer_id=dormitory.employer_id, state="waiting"))
        with write(engine) as conn:
            declarations.move(conn, gone.id, "moved_out", "staff:1", NOW, text="房东电话里说的")
    for days, known in ((29, [True, True, True]), (31, [True, True, False]), (731, [False, True, False])):
        with clock.frozen(NOW + timedelta(days=days)):
            moves.retire(engine)
        with read(engine) as conn:
            rows = [declarations.get(conn, one.id) for one in (gone, stays, waits)]
            assert [row.who is not None for row in rows] == known, days
            assert [row.number_hash is not None for row in rows] == known, days
    with read(engine) as conn:
        assert all(event.text is None for event in declarations.history(conn, gone.id))
        assert declarations.get(conn, waits.id).state == "superseded"
