"""Firms: dormitories registered and confirmed, people with a link each, moves reported within the term and reminded."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import Workbook
from sqlalchemy import Connection, Engine, func, select

import clock
from bot.rooms import employer
from jobs import moves
from records import conversations, declarations, dormitories, doubts, employers, filing, migrate, rooms, staff
from records.base import Busy, read, write
from records.declarations import Declaration, Filing
from records.employers import Duty

from .conftest import NOW, id_number, room_named, sign_in, somebody
from .test_declarations import declare, resident
from .test_desk import HASHED, bound, declared, desk, engine_of


def firm_of(web: Flask, name: str = "openid-firm") -> FlaskClient:
    return bound(web, "employer", room_named(engine_of(web), "员工宿舍", "101").employer_id, name)


def worker(web: Flask, firm: FlaskClient, number: str = "") -> tuple[str, int]:
    """Somebody whom the firm named: his link, and his declaration."""
    room = room_named(engine_of(web), "员工宿舍", "101")
    data = {"room": room.short, "name": "褚工", "number": number or id_number("19930303"), "phone": "13911114444"}
    url = re.search(r"http://city\.test(/consent/[\w-]+)", firm.post("/employer/people", data=data).text)[1]
    with read(engine_of(web)) as conn:
        return url, employers.people_of(conn, room.employer_id)[-1].id


def claims(web: Flask):
    with read(engine_of(web)) as conn:
        return dormitories.waiting(conn)


def test_a_dormitory_from_a_file_is_the_firms_once_the_office_says_so(web: Flask) -> None:
    engine = engine_of(web)
    firm, listed = firm_of(web), room_named(engine, "4号楼", "201")
    book, out = Workbook(), io.BytesIO()
    for row in (
        ["编号", "街道", "村社", "楼栋", "房号", "床位", "面积"],
        [listed.short, "", "", "", "", 4, ""],
        ["", "演练街道", "样板村", "新宿舍", "301", 6, 30],
        ["", "演练街道", "样板村", "新宿舍", "302", "很多", 30],
        ["NB-FH-999999", "", "", "", "", 4, ""],
    ):
        book.active.append(row)
    book.save(out)
    content = out.getvalue()
    for _ in range(2):  # the same file again is the same claims
        page = firm.post("/employer/rooms", data={"file": (io.BytesIO(content), "宿舍.xlsx")}).text
        assert "收下2间宿舍" in page and "2行没有收下" in page
        assert "床位“很多”不对" in page and "没有编号是“NB-FH-999999”的房间" in page
    waiting = claims(web)
    assert [row.number for row in waiting] == ["201", "301"]
    with read(engine) as conn:
        assert rooms.get(conn, listed.id).employer_id is None
    officer = desk(web, "officer")
    assert "名册里没有这间房" in officer.get("/staff/rooms/owners").text
    for row in waiting:
        officer.post(f"/staff/rooms/dormitory/{row.id}/confirmed")
    with read(engine) as conn:
        now = rooms.get(conn, listed.id)
        made = room_named(engine, "新宿舍", "301")
    assert (now.employer_id, now.beds, now.kind) == (made.employer_id, 4, "dormitory")
    assert made.short.startswith("NB-FH-") and made.beds == 6
    page = firm.get("/employer").text
    assert "新宿舍 301" in page and "等总台核对" not in page


def test_a_dormitory_that_is_refused_tells_the_firm_why(web: Flask) -> None:
    firm = firm_of(web)
    firm.post("/employer/rooms", data={"short": room_named(engine_of(web), "1号楼", "101").short, "beds": "4"})
    officer, claim = desk(web, "officer"), claims(web)[0]
    assert "有房东" in officer.get("/staff/rooms/owners").text
    officer.post(f"/staff/rooms/dormitory/{claim.id}/refused", data={"reason": ""})
    assert len(claims(web)) == 1
    officer.post(f"/staff/rooms/dormitory/{claim.id}/refused", data={"reason": "这是房东自己出租的"})
    assert claims(web) == [] and "这是房东自己出租的" in firm.get("/employer").text
    assert officer.post(f"/staff/rooms/dormitory/{claim.id}/confirmed", follow_redirects=True).text.count(
        "已经有人处理"
    )
    assert desk(web, "officer", "cixi").post(f"/staff/rooms/dormitory/{claim.id}/confirmed").status_code == 404


def test_staff_give_rooms_to_a_firm_by_their_codes(web: Flask) -> None:
    engine = engine_of(web)
    room, firm_id = room_named(engine, "4号楼", "202"), room_named(engine, "员工宿舍", "101").employer_id
    officer = desk(web, "officer")
    answer = officer.post(
        f"/staff/rooms/firms/{firm_id}/rooms", data={"codes": f"{room.short}，NB-FH-999999"}, follow_redirects=True
    )
    assert "登记了1间宿舍" in answer.text and "没有这些编号：NB-FH-999999" in answer.text
    with read(engine) as conn:
        assert rooms.get(conn, room.id).employer_id == firm_id
    officer.post(f"/staff/rooms/{room.id}/firm", data={"firm": ""})
    with read(engine) as conn:
        assert rooms.get(conn, room.id).employer_id is None


def test_a_lost_link_is_made_anew_and_the_old_one_ends(web: Flask) -> None:
    firm = firm_of(web)
    old, declaration_id = worker(web, firm)
    page = firm.post(f"/employer/people/{declaration_id}/link").text
    new = re.search(r"http://city\.test(/consent/[\w-]+)", page)[1]
    assert web.test_client().get(old).status_code == 410
    assert web.test_client().get(new).status_code == 200
    stranger = bound(web, "employer", other_firm(web), "openid-other-firm")
    assert stranger.post(f"/employer/people/{declaration_id}/link").status_code == 404


def other_firm(web: Flask) -> int:
    with write(engine_of(web)) as conn:
        return employers.add(conn, "另一家厂", "", "", "fenghua", clock.now())


def test_who_moved_out_by_himself_is_reported_by_the_firm_with_one_press(web: Flask) -> None:
    engine, firm = engine_of(web), firm_of(web)
    url, declaration_id = worker(web, firm)
    own = sign_in(web.test_client(), somebody(engine, "openid-worker"))
    own.post(url, data={"agree": "2026-11", "answer": "agree", "last4": id_number("19930303")[-4:]})
    own.post(f"/rooms/mine/{declaration_id}/leave")
    with read(engine) as conn:
        duty = conn.execute(select(Duty.__table__).where(Duty.move == "out")).one()
    assert "要报的变动 1" in firm.get("/employer").text
    with clock.frozen(clock.now() + timedelta(days=(duty.due_on - clock.now().date()).days - 1)):
        moves.remind_of_duties(engine)
        moves.remind_of_duties(engine)
    with read(engine) as conn:
        boss = conn.execute(
            select(employers.Employer.person_id).where(employers.Employer.id == duty.employer_id)
        ).scalar()
        said = [row.body[0]["text"] for row in conversations.transcript(conn, boss)]
    assert sum("变动要报" in text for text in said) == 1
    stranger = bound(web, "employer", other_firm(web), "openid-other-firm2")
    assert stranger.post(f"/employer/duty/{duty.id}").status_code == 404
    firm.post(f"/employer/duty/{duty.id}")
    assert "要报的变动" not in firm.get("/employer").text
    assert firm.post(f"/employer/duty/{duty.id}").status_code == 404
    with read(engine) as conn:
        assert declarations.history(conn, declaration_id)[-1].action == "employer_reported"


def test_a_landlord_reports_who_came_and_who_went(web: Flask) -> None:
    engine = engine_of(web)
    room, row = declared(web)
    owner = bound(web, "landlord", room.landlord_id, "openid-owner-duty")
    with write(engine) as conn:
        filing.move_out(conn, [row.id], "person", clock.now().date(), clock.now())
        duties = conn.execute(select(Duty.__table__).where(Duty.declaration_id == row.id)).all()
    assert sorted(duty.move for duty in duties) == ["in", "out"]
    page = owner.get("/landlord").text
    assert "是，住进来了" in page and "是，搬走了" in page
    for duty in duties:
        owner.post(f"/landlord/duty/{duty.id}")
        assert owner.post(f"/landlord/duty/{duty.id}").status_code == 404
    assert "吴*" not in owner.get("/landlord").text


def test_a_landlord_reports_all_he_was_shown_with_one_press_and_nothing_of_others(web: Flask) -> None:
    engine = engine_of(web)
    room, row = declared(web)
    owner = bound(web, "landlord", room.landlord_id, "openid-owner-all")
    with read(engine) as conn:
        every = {
            str(one.id): one.landlord_id for one in conn.execute(select(Duty.__table__).where(Duty.done_at.is_(None)))
        }
    assert len(set(every.values())) == 2
    owner.post("/landlord/duties", data={"duty": list(every)})
    with read(engine) as conn:
        left = conn.execute(select(Duty.landlord_id).where(Duty.done_at.is_(None))).scalars().all()
        assert declarations.get(conn, row.id).landlord_says == "confirms"
    assert left and room.landlord_id not in left


def test_a_landlord_reads_why_his_room_has_its_colour_and_what_was_found(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "202")
    owner = bound(web, "landlord", room.landlord_id, "openid-owner-colour")
    page = owner.get("/landlord").text
    assert "检查要求整改" in page and "灭火器" in page and "复查" in page
    assert "《宁波市出租房安全管理条例》" in page


def test_claims_and_words_about_doubts_hold_on_both_databases(engine: Engine, at: None) -> None:
    listed = room_named(engine, "4号楼", "201")
    with write(engine) as conn:
        clerk = staff.create(conn, "clerk", "员工", "officer", HASHED, NOW, teams=("rooms",))
        firm = employers.listing(conn)[0]
        for _ in range(2):
            dormitories.claim(conn, firm, {"short": listed.short, "beds": "6"}, NOW)
        claim = dormitories.waiting(conn)
        assert len(claim) == 1 and claim[0].room_id == listed.id
        assert dormitories.decide(conn, claim[0].id, "confirmed", staff_id=clerk, reason="", at=NOW) == listed.id
        assert dormitories.claim(conn, firm, {"short": listed.short, "beds": "6"}, NOW).state == "confirmed"
    people = [resident("吴晓"), *(resident(f"同住{n}", id_number("19900101", 10 + n), "other") for n in range(7))]
    declare(engine, listed.id, *people)
    with write(engine) as conn:
        doubt = next(one for one in doubts.found(conn, "", NOW.date()) if one.kind == "over_beds")
        assert doubts.settle(conn, doubt.key, "看过现场", "staff:1", NOW).rows[0].id == listed.id
        assert doubt.key not in {one.key for one in doubts.found(conn, "", NOW.date())}


def listed(room: str, count: int, day: str = "2026-01-05") -> dict[str, tuple[io.BytesIO, str]]:
    """A file that names so many people for one room."""
    people = [f"{room},褚工,{id_number('19930303', serial)},139{serial:08d},{day}" for serial in range(1, count + 1)]
    text = "房间编号,姓名,身份证号,手机号,入住日期\n" + "\n".join(people)
    return {"file": (io.BytesIO(text.encode("utf-8-sig")), "名单.csv")}


def named(web: Flask) -> int:
    with read(engine_of(web)) as conn:
        return conn.execute(select(func.count()).select_from(Declaration)).scalar_one()


def test_a_number_that_two_buildings_have_is_refused_with_both_codes(web: Flask) -> None:
    engine, firm = engine_of(web), firm_of(web)
    one, other = room_named(engine, "员工宿舍", "101"), room_named(engine, "2号楼", "101")
    with write(engine) as conn:
        rooms.change(conn, other.id, clock.now(), employer_id=one.employer_id)
    before = named(web)
    page = firm.post("/employer/people", data=listed("101", 1)).text
    assert "单位有2间101，分不清是哪一间" in page and named(web) == before
    assert f"员工宿舍的是{one.short}" in page and f"2号楼的是{other.short}" in page
    assert "1个链接，请发给本人" in firm.post("/employer/people", data=listed(other.short.lower(), 1)).text
    with read(engine) as conn:
        assert [row.room_id for row in employers.people_of(conn, one.employer_id)] == [other.id]
    assert "1个链接，请发给本人" in firm.post("/employer/people", data=listed("102", 1)).text, "one 102 needs no code"


def test_a_long_list_lets_others_write_in_between(web: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    filed: list[int] = []
    file = filing.file

    @contextmanager
    def counted(engine: Engine) -> Iterator[Connection]:
        filed.append(0)
        with write(engine) as conn:
            yield conn

    def counting(*given):
        filed[-1] += 1
        return file(*given)

    firm, room = firm_of(web), room_named(engine_of(web), "员工宿舍", "101")
    monkeypatch.setattr(employer, "write", counted)
    monkeypatch.setattr(filing, "file", counting)
    firm.post("/employer/people", data=listed(room.short, 120))
    assert filed == [50, 50, 20]


def test_a_list_that_breaks_off_keeps_its_links_and_goes_on_where_it_was(
    web: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, calls = filing.file, iter(range(100))

    def breaking(*given):
        if next(calls) == 4:
            raise Busy("locked")
        return file(*given)

    firm, room, before = firm_of(web), room_named(engine_of(web), "员工宿舍", "101"), named(web)
    monkeypatch.setattr(employer, "BATCH", 3)
    monkeypatch.setattr(filing, "file", breaking)
    page = firm.post("/employer/people", data=listed(room.short, 6)).text
    assert "3个链接，请发给本人" in page and "3行没有收下" in page and page.count("系统正忙") == 3
    assert named(web) - before == 3, "of the batch that broke nothing stays"
    page = firm.post("/employer/people", data=listed(room.short, 6)).text
    assert "3个链接，请发给本人" in page and page.count("登记过了") == 3
    assert named(web) - before == 6
    firm.post("/employer/people", data=listed(room.short, 6))
    assert named(web) - before == 6


def test_no_number_can_be_guessed_from_a_forms_key(web: Flask) -> None:
    """What is stored of a line is no sum that whoever has the database, but no key, could work out."""
    firm, room = firm_of(web), room_named(engine_of(web), "员工宿舍", "101")
    firm.post("/employer/people", data=listed(room.short, 1))
    guessed = f"{room.employer_id}:{id_number('19930303')}:2026-01-05"
    with read(engine_of(web)) as conn:
        stored = conn.execute(select(Filing.key).where(Filing.source == "employer")).scalar_one()
    assert bytes(stored) != filing._form_hash(room.id, guessed)
    assert "登记过了" in firm.post("/employer/people", data=listed(room.short, 1)).text, "it is still the same form"


def test_the_keys_of_before_are_forgotten_and_nobody_is_named_twice(web: Flask) -> None:
    engine, firm, room = engine_of(web), firm_of(web), room_named(engine_of(web), "员工宿舍", "101")
    firm.post("/employer/people", data=listed(room.short, 2))
    with read(engine) as conn:
        before = {row.id: (row.source, bytes(row.key)) for row in conn.execute(select(Filing.__table__))}
    migrate.downgrade(engine, "0017")
    migrate.upgrade(engine)
    with read(engine) as conn:
        after = {row.id: (row.source, bytes(row.key)) for row in conn.execute(select(Filing.__table__))}
    assert {id for id in before if before[id] != after[id]} == {
        id for id in before if before[id][0] == "employer"
    } and len({key for _, key in after.values()}) == len(before)
    page = firm.post("/employer/people", data=listed(room.short, 2)).text
    assert "2个链接，请发给本人" in page, "each has a link again"
    with read(engine) as conn:
        assert len(employers.people_of(conn, room.employer_id)) == 2


def test_an_officer_puts_only_a_firm_of_his_district_on_a_room(web: Flask) -> None:
    engine, room = engine_of(web), room_named(engine_of(web), "员工宿舍", "101")
    with write(engine) as conn:
        foreign = employers.add(conn, "别区的厂", "", "", "haishu", NOW)
    officer = desk(web, "officer", "fenghua")
    for firm in (foreign, 999_999):
        assert officer.post(f"/staff/rooms/{room.id}/firm", data={"firm": firm}).status_code == 404
    assert room_named(engine, "员工宿舍", "101").employer_id == room.employer_id
