"""From declared to moved out: one table of moves, nothing overwritten, duplicates found, the last bed counted once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select, update

import clock
from records import (
    board,
    conversations,
    declarations,
    doubts,
    employers,
    filing,
    hours,
    identity,
    landlords,
    outbox,
    room_rules,
    rooms,
)
from records.base import read, write
from records.declarations import Asked, Declaration
from records.employers import Duty
from records.filing import Form
from records.outbox import Outgoing
from records.residents import Resident

from .conftest import NOW, id_number, room_named, somebody


def resident(name: str = "吴晓", number: str = "", relation: str = "self", born: date | None = None) -> Resident:
    number = number or id_number("19910203")
    return Resident(relation, name, "id", number, "13911112222", born or identity.birth_of(number))


def declare(engine: Engine, room_id: int, *people: Resident, key: str = "", **more: object) -> filing.Receipt:
    with write(engine) as conn:
        form = Form(key=key or f"key-{room_id}-{people[0].number}-{len(people)}", residents=people or [resident()],
                    moved_in=more.pop("moved_in", NOW.date()), **more)  # fmt: skip
        return filing.file(conn, room_id, form, clock.now())


def only(engine: Engine, receipt: filing.Receipt):
    with read(engine) as conn:
        return declarations.of_filing(conn, receipt.filing_id)[0]


# --- the state machine


def test_every_allowed_move_is_possible_and_no_other(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    row = only(engine, declare(engine, room.id, resident()))
    for before, allowed in declarations.MOVES.items():
        for after in declarations.STATES:
            with write(engine) as conn:
                conn.execute(update(Declaration).where(Declaration.id == row.id).values(state=before))
                if after in allowed:
                    declarations.move(conn, row.id, after, "staff:1", NOW, text="理由")
                    assert declarations.get(conn, row.id).state == after
                else:
                    with pytest.raises(declarations.IllegalMove):
                        declarations.move(conn, row.id, after, "staff:1", NOW, text="理由")


def test_a_return_needs_a_reason_which_the_person_can_read(engine: Engine, at: None) -> None:
    row = only(engine, declare(engine, room_named(engine, "1号楼", "102").id, resident()))
    with write(engine) as conn:
        with pytest.raises(declarations.IllegalMove, match="理由"):
            declarations.move(conn, row.id, "returned", "staff:1", NOW)
        declarations.move(conn, row.id, "returned", "staff:1", NOW, text="姓名和证件不一致")
        assert declarations.reason(conn, row.id) == "姓名和证件不一致"


def test_of_two_who_confirm_at_once_one_is_told_that_it_was_done(engine: Engine, at: None) -> None:
    row = only(engine, declare(engine, room_named(engine, "1号楼", "102").id, resident()))

    def confirm(staff: int) -> bool:
        try:
            with write(engine) as conn:
                declarations.move(conn, row.id, "confirmed", f"staff:{staff}", NOW)
            return True
        except declarations.IllegalMove:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(confirm, (1, 2))) == [False, True]


# --- nothing twice, nothing overwritten


def test_the_same_form_at_once_is_one_filing(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    with ThreadPoolExecutor(5) as pool:
        receipts = list(pool.map(lambda _: declare(engine, room.id, resident(), key="the-very-same-form-1"), range(5)))
    assert len({receipt.number for receipt in receipts}) == 1
    assert sorted(receipt.again for receipt in receipts) == [False, True, True, True, True]


def test_two_people_and_one_last_bed_one_of_them_is_flagged(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    with write(engine) as conn:
        rooms.change(conn, room.id, NOW, beds=1)
    people = [resident("甲一", id_number("19900101", 5)), resident("乙二", id_number("19900102", 7))]
    with ThreadPoolExecutor(2) as pool:
        receipts = list(pool.map(lambda one: declare(engine, room.id, one), people))
    assert sorted("over_beds" in receipt.flags for receipt in receipts) == [False, True]
    with read(engine) as conn:
        assert len(declarations.living_in(conn, room.id)) == 2


def test_declaring_again_in_the_same_room_supersedes_and_keeps_the_old(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    first = only(engine, declare(engine, room.id, resident(), key="first-form-of-him-1"))
    declare(engine, room.id, resident(), key="second-form-of-him-2")
    with read(engine) as conn:
        living = declarations.living_in(conn, room.id)
        assert [row.replaces for row in living] == [first.id]
        assert declarations.get(conn, first.id).state == "superseded"
        assert declarations.get(conn, first.id).who["name"] == "吴晓"
        owed = [duty.id for duty in landlords.duties(conn, [room.landlord_id]) if duty.room_id == room.id]
        assert owed == [living[0].id]  # once, not for the superseded one as well


def test_a_correction_keeps_what_was_said_before(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    person = somebody(engine, "openid-c")
    row = only(engine, declare(engine, room.id, resident(), person_id=person))
    better = resident("吴小晓", id_number("19910203", 9))
    with write(engine) as conn:
        filing.correct(conn, row, better, NOW.date(), "correction-form-key-1", NOW)
    with read(engine) as conn:
        living = declarations.living_in(conn, room.id)
        assert [(one.who["name"], one.state, one.replaces) for one in living] == [("吴小晓", "declared", row.id)]
        assert [event.action for event in declarations.history(conn, row.id)] == ["declared", "superseded"]


# --- what doesn't fit


def test_one_person_in_two_rooms_is_found_not_overwritten(engine: Engine, at: None) -> None:
    one, two = room_named(engine, "1号楼", "102"), room_named(engine, "2号楼", "103")
    declare(engine, one.id, resident())
    receipt = declare(engine, two.id, resident())
    assert "elsewhere" in receipt.flags
    with read(engine) as conn:
        doubt = next(doubt for doubt in doubts.found(conn, "", NOW.date()) if doubt.kind == "elsewhere")
        assert {row.room_id for row in doubt.rows} == {one.id, two.id}
        assert all(row.state == "declared" for row in doubt.rows)


def test_two_people_with_one_number_are_found(engine: Engine, at: None) -> None:
    room = room_named(engine, "2号楼", "203")
    declare(engine, room.id, resident())
    receipt = declare(engine, room.id, resident("别人"), key="another-persons-form")
    assert "same_number" in receipt.flags
    with read(engine) as conn:
        assert len(declarations.living_in(conn, room.id)) == 2
        assert any(doubt.kind == "same_number" for doubt in doubts.found(conn, "", NOW.date()))


def test_two_hundred_people_in_one_room_go_to_the_desk(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    crowd = [resident(f"人{chr(0x4E00 + i)}", id_number("19900101", i)) for i in range(200)]
    with pytest.raises(filing.Refused, match="总台"):
        declare(engine, room.id, *crowd)
    with read(engine) as conn:
        assert declarations.living_in(conn, room.id) == []


def test_twice_the_same_number_in_one_form_is_refused(engine: Engine, at: None) -> None:
    with pytest.raises(filing.Refused, match="相同"):
        declare(engine, room_named(engine, "1号楼", "102").id, resident(), resident("别人"))


def test_a_closed_room_takes_nobody(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    with write(engine) as conn:
        rooms.change(conn, room.id, NOW, state="closed")
    with pytest.raises(filing.Refused, match="停租"):
        declare(engine, room.id, resident())


@pytest.mark.parametrize(
    ("kind", "area", "beds", "adults", "children", "signs"),
    [
        ("house", 8, 4, 2, 0, ()),
        ("house", 8, 4, 3, 0, ("over_space",)),
        ("house", 8, 4, 2, 2, ()),  # minors don't count for the area
        ("flat", 30, 4, 3, 0, ()),
        ("flat", 29.9, 4, 3, 0, ("over_space",)),
        ("house", 40, 2, 3, 0, ("over_beds",)),
        ("house", None, None, 9, 0, ()),
    ],
)
def test_the_area_rule_counts_adults_by_the_square_metre(
    engine: Engine, at: None, kind: str, area: float, beds: int, adults: int, children: int, signs: tuple[str, ...]
) -> None:
    room = room_named(engine, "3号楼", "201")
    with write(engine) as conn:
        rooms.change(conn, room.id, NOW, kind=kind, area_m2=area, beds=beds)
        changed = rooms.get(conn, room.id)
    assert room_rules.over(changed, adults + children, adults) == signs


# --- the earlier tenant


def test_the_earlier_tenant_is_asked_and_answers(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    earlier = somebody(engine, "openid-before")
    declare(engine, room.id, resident(), person_id=earlier, moved_in=NOW.date() - timedelta(days=300))
    declare(
        engine, room.id, resident("新人", id_number("19950505", 3)), sole=True, person_id=somebody(engine, "openid-new")
    )
    with read(engine) as conn:
        questions = filing.questions_of(conn, earlier)
        sent = conn.execute(select(Outgoing.payload).where(Outgoing.person_id == earlier)).scalars().all()
        said = conversations.transcript(conn, earlier)
    assert len(questions) == 1
    assert any("还住" in payload["description"] for payload in sent)
    assert "还住" in said[-1].body[0]["text"]
    with write(engine) as conn:
        assert not filing.answer(conn, questions[0].asked_id, earlier + 1000, False, NOW)
        assert filing.answer(conn, questions[0].asked_id, earlier, False, NOW)
        assert not filing.answer(conn, questions[0].asked_id, earlier, True, NOW)
    with read(engine) as conn:
        assert [row.who["name"] for row in declarations.living_in(conn, room.id)] == ["新人"]


def test_an_unanswered_question_shows_on_the_board_after_a_week(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    declare(engine, room.id, resident())
    declare(engine, room.id, resident("新人", id_number("19950505", 3)), sole=True)
    with write(engine) as conn:
        conn.execute(update(Asked).values(asked_at=NOW - timedelta(days=8)))
        tile = board.tiles(conn, [rooms.get(conn, room.id)], NOW.date())[0]
    assert "unanswered" in tile.signs


# --- any day


def test_who_lived_where_can_be_read_back_for_any_day(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    start = NOW.date() - timedelta(days=100)
    row = only(engine, declare(engine, room.id, resident(), moved_in=start))
    with write(engine) as conn:
        filing.move_out(conn, [row.id], "staff:1", start + timedelta(days=50), NOW)
    hashed = identity.lookup("number", id_number("19910203"))
    with read(engine) as conn:
        for days, lived in ((-1, 0), (0, 1), (49, 1), (50, 0), (99, 0)):
            assert len(board.room_on(conn, room.id, start + timedelta(days=days))) == lived, days
            assert len(board.person_on(conn, hashed, start + timedelta(days=days))) == lived, days


# --- landlord, firm, colours


def test_a_landlord_confirms_only_his_own_and_has_reported_in_time(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "102")
    row = only(engine, declare(engine, room.id, resident()))
    with write(engine) as conn:
        due = conn.execute(select(Duty).where(Duty.declaration_id == row.id)).one()
        assert due.due_on == date(2026, 11, 25)  # declared on a Sunday: Monday, Tuesday, Wednesday
        assert not landlords.says(conn, [room.landlord_id + 1], row.id, "confirms", "", NOW)
        assert landlords.says(conn, [room.landlord_id], row.id, "confirms", "", NOW)
        assert landlords.duties(conn, [room.landlord_id]) == [] or all(
            one.id != row.id for one in landlords.duties(conn, [room.landlord_id])
        )


def test_a_landlords_objection_colours_the_room_with_its_reason(engine: Engine, at: None) -> None:
    room = room_named(engine, "1号楼", "103")
    row = only(engine, declare(engine, room.id, resident()))
    with write(engine) as conn:
        with pytest.raises(ValueError, match="原因"):
            landlords.says(conn, [room.landlord_id], row.id, "objects", "", NOW)
        landlords.says(conn, [room.landlord_id], row.id, "objects", "不认识这个人", NOW)
        tile = board.tiles(conn, [rooms.get(conn, room.id)], NOW.date())[0]
    assert tile.colour == "yellow"
    assert "房东对登记有异议" in tile.reasons


def test_whom_a_firm_names_counts_only_after_his_own_consent(engine: Engine, at: None) -> None:
    room = room_named(engine, "员工宿舍", "101")
    receipt = declare(
        engine,
        room.id,
        resident(),
        source="employer",
        employer_id=room.employer_id,
        state="waiting",
        actor="employer:1",
    )
    row = only(engine, receipt)
    with read(engine) as conn:
        assert declarations.living_in(conn, room.id) == []
    person = somebody(engine, "openid-worker")
    with write(engine) as conn:
        filing.consented(conn, row, person, NOW)
    with read(engine) as conn:
        assert [one.person_id for one in declarations.living_in(conn, room.id)] == [person]
        assert declarations.of_person(conn, person)[0].id == row.id


def test_a_firm_cannot_replace_what_somebody_declared_himself(engine: Engine, at: None) -> None:
    room = room_named(engine, "员工宿舍", "101")
    own = only(engine, declare(engine, room.id, resident()))
    with pytest.raises(filing.Refused, match="自己已经登记"):
        declare(engine, room.id, resident(), key="firms-form-00000001", employer_id=room.employer_id, state="waiting")
    with read(engine) as conn:
        assert declarations.get(conn, own.id).state == "declared"


def test_who_leaves_a_dormitory_is_to_be_reported_in_three_working_days(engine: Engine, at: None) -> None:
    room = room_named(engine, "员工宿舍", "101")
    row = only(engine, declare(engine, room.id, resident(), employer_id=room.employer_id, source="employer"))
    with write(engine) as conn:
        filing.move_out(conn, [row.id], "person:1", NOW.date(), NOW)
        duties = employers.duties_of(conn, room.employer_id)
        assert [(one.move, one.due_on) for one in duties] == [("out", date(2026, 11, 25))]
        assert [one.declaration_id for one in employers.due(conn, date(2026, 11, 25)) if one.move == "out"] == [row.id]


def test_holidays_and_adjusted_working_days_count_as_the_office_entered_them(engine: Engine, at: None) -> None:
    room = room_named(engine, "员工宿舍", "101")
    row = only(engine, declare(engine, room.id, resident(), employer_id=room.employer_id, source="employer"))
    with write(engine) as conn:
        hours.set_day(conn, date(2026, 11, 24), "", "节假日")  # a Tuesday off
        hours.set_day(conn, date(2026, 11, 28), "08:30-17:30", "调休上班")  # a Saturday worked
        filing.move_out(conn, [row.id], "person:1", NOW.date(), NOW)
        (duty,) = employers.duties_of(conn, room.employer_id)
        assert duty.due_on == date(2026, 11, 26)
        assert filing._report_by(conn, date(2026, 11, 26)) == date(2026, 11, 30)  # Friday, Saturday, Monday


def test_nothing_personal_lies_readable_in_the_database(engine: Engine, at: None) -> None:
    declare(engine, room_named(engine, "1号楼", "102").id, resident("欧阳测试"))
    with read(engine) as conn:
        for table in ("declarations", "declaration_events", "filings", "landlords", "outbox", "messages"):
            for row in conn.exec_driver_sql(f"SELECT * FROM {table}"):
                for value in row:
                    text = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                    assert "欧阳测试".encode() not in text
                    assert id_number("19910203").encode() not in text
                    assert b"13911112222" not in text


def test_the_outbox_is_asked_once_for_each_thing(engine: Engine, at: None) -> None:
    from records import notices

    person = somebody(engine, "openid-told")
    with write(engine) as conn:
        assert notices.tell(conn, person, "标题", "话", "/rooms/mine", key="once", at=NOW)
        assert not notices.tell(conn, person, "标题", "话", "/rooms/mine", key="once", at=NOW)
        assert len(conversations.transcript(conn, person)) == 1
        assert len(outbox.claim(conn, NOW + timedelta(seconds=1))) == 1
