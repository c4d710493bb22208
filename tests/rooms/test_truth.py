"""What is true stays readable: dates that aren't lost, people asked where they still live, doubts that staff settle."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, select

import clock
from records import consent, conversations, declarations, doubts, filing, room_story
from records.base import read, write
from records.declarations import Asked

from .conftest import NOW, form, id_number, room_named, sign_in, somebody
from .test_declarations import declare, only, resident
from .test_desk import declared, desk, engine_of


def test_declaring_again_does_not_begin_the_half_year_anew(engine: Engine) -> None:
    room = room_named(engine, "1号楼", "102")
    with clock.frozen(NOW):
        person = somebody(engine, "openid-stays")
        first = only(engine, declare(engine, room.id, resident(), person_id=person))
    later = NOW + timedelta(days=90)
    with clock.frozen(later), write(engine) as conn:
        again = filing.Form(key="later" * 5, residents=[resident()], moved_in=later.date(), person_id=person)
        receipt = filing.file(conn, room.id, again, later)
        row = declarations.of_filing(conn, receipt.filing_id)[0]
    assert (row.moved_in, row.declared_at) == (first.moved_in, first.declared_at)
    with write(engine) as conn:  # a correction is another matter: it says which day is right
        receipt = filing.correct(conn, row, resident(), later.date(), "right" * 5, later)
        assert declarations.of_filing(conn, receipt.filing_id)[0].moved_in == later.date()


def test_who_declares_elsewhere_is_asked_about_the_first_room(engine: Engine, at: None) -> None:
    person = somebody(engine, "openid-two")
    old = only(engine, declare(engine, room_named(engine, "1号楼", "102").id, resident(), person_id=person))
    declare(engine, room_named(engine, "2号楼", "102").id, resident(), person_id=person)
    with read(engine) as conn:
        asked = conn.execute(select(Asked.declaration_id)).scalars().all()
        said = [row.body[0]["text"] for row in conversations.transcript(conn, person)]
    assert asked == [old.id]
    assert any("您在别的房间登记了入住" in text and "1号楼 102" in text for text in said)


def test_one_tick_ends_the_old_registration_with_the_new_one(web: Flask) -> None:
    engine = engine_of(web)
    person = somebody(engine, "openid-moves")
    first, second = room_named(engine, "1号楼", "102"), room_named(engine, "2号楼", "103")
    browser = sign_in(web.test_client(), person)
    browser.post(f"/r/{first.token}/declare", data=form())
    page = browser.get(f"/r/{second.token}").text
    assert "我们已经从 演练街道 样板村 1号楼 102 搬走" in page
    with read(engine) as conn:
        known = declarations.living_in(conn, first.id)[0].id
    data = {"key": "moving-form-key-000001", "p0-known": str(known), "agree": consent.VERSION, "left": "yes"}
    browser.post(f"/r/{second.token}/declare", data=data)
    with read(engine) as conn:
        assert declarations.living_in(conn, first.id) == []
        assert [(row.state, row.flags) for row in declarations.living_in(conn, second.id)] == [("declared", "")]
        assert filing.questions_of(conn, person) == []


def test_nobody_else_is_moved_out_by_that_tick(web: Flask) -> None:
    engine = engine_of(web)
    first, second = room_named(engine, "1号楼", "102"), room_named(engine, "2号楼", "103")
    sign_in(web.test_client(), somebody(engine, "openid-owner-a")).post(f"/r/{first.token}/declare", data=form())
    thief = sign_in(web.test_client(), somebody(engine, "openid-owner-b"))
    thief.post(f"/r/{second.token}/declare", data=form(key="t" * 22, left="yes"))
    with read(engine) as conn:
        assert len(declarations.living_in(conn, first.id)) == 1


def test_adding_a_child_leaves_the_parents_registration_alone(web: Flask) -> None:
    engine = engine_of(web)
    room = room_named(engine, "1号楼", "102")
    browser = sign_in(web.test_client(), somebody(engine, "openid-parent"))
    browser.post(f"/r/{room.token}/declare", data=form())
    page = browser.get(f"/r/{room.token}").text
    assert "只加新来的人" in page and 'name="p0-name"' not in page
    empty = {"key": "nobody-form-key-000001", "agree": consent.VERSION}
    fault = browser.post(f"/r/{room.token}/declare", data=empty, headers={"Accept": "application/json"})
    assert "要加谁" in fault.json["faults"]["form"]
    child = {
        "key": "child-form-key-0000001", "p1-relation": "child", "p1-name": "吴小禾", "p1-paper": "none",
        "p1-born": "2021-05-06", "agree": consent.VERSION, "guardian": consent.VERSION, "behalf": consent.VERSION,
    }  # fmt: skip
    browser.post(f"/r/{room.token}/declare", data=child)
    with read(engine) as conn:
        here = declarations.living_in(conn, room.id)
    assert [(row.relation, len(declarations_of(engine, row.id))) for row in here] == [("self", 1), ("child", 1)]


def declarations_of(engine: Engine, declaration_id: int) -> list[object]:
    with read(engine) as conn:
        return declarations.history(conn, declaration_id)


def test_somebody_else_on_the_same_phone_gets_an_empty_form(web: Flask) -> None:
    declared(web, somebody(engine_of(web), "openid-shared"))
    browser = sign_in(web.test_client(), somebody(engine_of(web), "openid-shared"))
    other = room_named(engine_of(web), "2号楼", "103")
    assert 'name="p0-name"' not in browser.get(f"/r/{other.token}").text
    fresh = browser.get(f"/r/{other.token}?fresh=1").text
    assert 'name="p0-name"' in fresh and "吴晓" not in fresh


# --- doubts


def two_rooms(web: Flask) -> tuple[int, int, int]:
    """Somebody registered in two rooms, by his own word."""
    engine = engine_of(web)
    person = somebody(engine, "openid-double")
    browser = sign_in(web.test_client(), person)
    for index, building in enumerate(("1号楼", "2号楼")):
        room = room_named(engine, building, "102")
        browser.post(f"/r/{room.token}/declare", data=form(key=f"{index}" * 22))
    with read(engine) as conn:
        rows = [row for row in declarations.of_person(conn, person) if row.state == "declared"]
    assert len(rows) == 2
    return person, rows[1].id, rows[0].id


def key_of(web: Flask, kind: str) -> str:
    with read(engine_of(web)) as conn:
        return next((one.key for one in doubts.found(conn, "", clock.now().date()) if one.kind == kind), "")


def test_staff_say_in_which_room_somebody_lives(web: Flask) -> None:
    person, old, new = two_rooms(web)
    clerk = desk(web)
    assert "住在这里，另一处办搬走" in clerk.get("/staff/rooms/check").text
    clerk.post(f"/staff/rooms/doubt/keep/{new}", data={"key": key_of(web, "elsewhere")})
    with read(engine_of(web)) as conn:
        assert declarations.get(conn, old).state == "moved_out"
        assert declarations.get(conn, new).state == "declared"
        assert "已改为搬走" in conversations.transcript(conn, person)[-1].body[0]["text"]
    assert key_of(web, "elsewhere") == ""


def test_what_staff_found_right_comes_back_when_somebody_moves_in_or_half_a_year_is_over(web: Flask) -> None:
    engine = engine_of(web)
    room = room_named(engine, "3号楼", "103")
    people = {f"p{n}-{name}": value for n in range(1, 5) for name, value in
              (("relation", "other"), ("name", f"同住{'甲乙丙丁'[n - 1]}"), ("paper", "id"), ("number", id_number("19900101", 10 + n)))}  # fmt: skip
    web.test_client().post(f"/r/{room.token}/declare", data=form(behalf=consent.VERSION, **people))
    clerk = desk(web)
    key = key_of(web, "over_beds")
    assert key
    clerk.post("/staff/rooms/doubt/settle", data={"key": key, "reason": ""})
    assert key_of(web, "over_beds") == key  # a word without a reason isn't one
    clerk.post("/staff/rooms/doubt/settle", data={"key": key, "reason": "看过现场，两张上下铺"})
    assert key_of(web, "over_beds") == ""
    with clock.frozen(clock.now() + timedelta(days=181)):
        assert key_of(web, "over_beds") == key
    more = form(key="m" * 22, **{"p0-name": "钱多", "p0-number": id_number("19900102", 30)})
    web.test_client().post(f"/r/{room.token}/declare", data=more)
    assert key_of(web, "over_beds") not in ("", key)


def test_a_doubt_that_has_changed_is_not_settled_by_an_old_page(web: Flask) -> None:
    _person, old, _new = two_rooms(web)
    key = key_of(web, "elsewhere")
    clerk = desk(web)
    clerk.post(f"/staff/rooms/declaration/{old}/moved_out")
    answer = clerk.post("/staff/rooms/doubt/settle", data={"key": key, "reason": "两处都住"}, follow_redirects=True)
    assert "情况变了" in answer.text


def test_a_desk_of_another_district_settles_nothing_here(web: Flask) -> None:
    _person, _old, new = two_rooms(web)
    key = key_of(web, "elsewhere")
    clerk = desk(web, "front_desk", "cixi")
    assert clerk.post("/staff/rooms/doubt/settle", data={"key": key, "reason": "随便"}).status_code == 404
    assert clerk.post(f"/staff/rooms/doubt/keep/{new}", data={"key": key}).status_code == 403
    assert key_of(web, "elsewhere") == key


# --- any day


def test_a_person_and_a_room_can_be_read_back_for_any_day(web: Flask) -> None:
    engine = engine_of(web)
    today = clock.now().date()
    with clock.frozen(clock.now() - timedelta(days=60)):
        room, row = declared(web, moved_in=(today - timedelta(days=60)).isoformat())
    with clock.frozen(clock.now() - timedelta(days=20)), write(engine) as conn:
        filing.move_out(conn, [row.id], "staff:1", today - timedelta(days=20), clock.now())
    clerk = desk(web)
    then, now = (today - timedelta(days=30)).isoformat(), today.isoformat()
    page = clerk.get(f"/staff/rooms/person/{row.id}?on={then}").text
    assert f"{then} 住在" in page and "1号楼 102" in page and "那天是：已申报，等核对" in page
    assert "那天没有登记在哪里" in clerk.get(f"/staff/rooms/person/{row.id}?on={now}").text
    page = clerk.get(f"/staff/rooms/{room.id}?on={then}").text
    assert "吴*" in page and "那天是：已申报，等核对" in page and "已搬走" not in page.split("以前的经过")[1]
    assert "吴*：已搬走" in clerk.get(f"/staff/rooms/{room.id}").text
    assert "吴晓" not in page


def test_looking_somebody_up_is_recorded_and_ends_at_the_district(web: Flask) -> None:
    _room, row = declared(web)
    assert desk(web, "front_desk", "cixi").get(f"/staff/rooms/person/{row.id}").status_code == 404
    desk(web).get(f"/staff/rooms/person/{row.id}")
    supervisor = desk(web, "supervisor")
    assert "person.history" in supervisor.get("/staff/audit").text


def test_the_story_of_a_room_tells_codes_visits_and_the_office(web: Flask) -> None:
    room, _row = declared(web)
    officer = desk(web, "officer")
    officer.post(f"/staff/rooms/{room.id}/code", data={"reason": "被撕"})
    officer.post(f"/staff/rooms/{room.id}/visit", data={"result": "pass"})
    officer.post(f"/staff/rooms/{room.id}/office", data={"state": "closed"})
    with read(engine_of(web)) as conn:
        told = [step.what for step in room_story.of_room(conn, room.id, clock.now().date())]
    for what in ("房间码作废", "检查：合格", "办公室改了状态或颜色", "吴*：已申报，等核对"):
        assert what in told
    assert told.index("办公室改了状态或颜色") < told.index("吴*：已申报，等核对")


@pytest.mark.parametrize("region", ["fenghua"])
def test_a_desk_of_a_district_begins_at_its_district(web: Flask, region: str) -> None:
    page = desk(web, "front_desk", region).get("/staff/rooms").text
    assert "<h1>奉化区" in page and "演练街道" in page and 'class="room-tile' in page
