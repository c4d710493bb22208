"""The front desk: the board and its colours, check-in and check-out, search, visits; and who may do what."""

import io
import re
import time
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import insert, select

import clock
from records import board, conversations, declarations, demo_rooms, links, places, room_codes, rooms, staff
from records.audit import Entry
from records.base import read, write
from records.declarations import Declaration
from records.rooms import Room
from staff import passwords

from .conftest import form, id_number, room_named, sign_in, somebody

PASSWORD = "rehearsal-2026"
HASHED = passwords.hashed(PASSWORD)


def engine_of(app: Flask):
    return app.extensions["service"].engine


def desk(app: Flask, role: str = "front_desk", region: str | None = None) -> FlaskClient:
    login = f"{role}{region or ''}"
    with write(engine_of(app)) as conn:
        staff.create(conn, login, "员工", role, HASHED, clock.now(), teams=("rooms",), region=region)
    client = app.test_client()
    client.post("/staff/login", data={"login": login, "password": PASSWORD})
    return client


def declared(app: Flask, person: int | None = None, **more: str):
    room = room_named(engine_of(app), "1号楼", "102")
    browser = app.test_client()
    if person:
        sign_in(browser, person)
    browser.post(f"/r/{room.token}/declare", data=form(**more))
    with read(engine_of(app)) as conn:
        return room, declarations.living_in(conn, room.id)[0]


def test_the_board_shows_every_room_in_its_colour(web: Flask) -> None:
    page = desk(web).get("/staff/rooms").text
    assert len(re.findall(r'class="room-tile', page)) == 30
    assert 'class="room-tile red"' in page and 'class="room-tile yellow"' in page and 'class="room-tile green"' in page
    assert "一凡" not in page


def test_every_colour_has_its_reasons(web: Flask) -> None:
    engine = engine_of(web)
    with read(engine) as conn:
        found = board.tiles(conn, rooms.under("/".join(demo_rooms.VILLAGE)), clock.now().date())
    assert {tile.colour for tile in found} == {"green", "yellow", "red"}
    for tile in found:
        assert bool(tile.reasons) == (tile.colour != "green")


def test_the_desk_confirms_and_the_person_sees_it(web: Flask) -> None:
    person = somebody(engine_of(web), "openid-desk")
    room, row = declared(web, person)
    clerk = desk(web)
    assert row.number in clerk.get("/staff/rooms/check").text
    assert id_number("19910203") not in clerk.get(f"/staff/rooms/{room.id}").text
    clerk.post(f"/staff/rooms/declaration/{row.id}/confirmed")
    own = sign_in(web.test_client(), person)
    assert "已登记" in own.get("/rooms/mine").text
    with read(engine_of(web)) as conn:
        assert "办好了" in conversations.transcript(conn, person)[-1].body[0]["text"]


def test_a_return_reaches_the_person_with_its_reason_and_can_be_corrected(web: Flask) -> None:
    person = somebody(engine_of(web), "openid-back")
    _room, row = declared(web, person)
    clerk = desk(web)
    clerk.post(f"/staff/rooms/declaration/{row.id}/returned", data={"reason": ""})
    with read(engine_of(web)) as conn:
        assert declarations.get(conn, row.id).state == "declared"
    clerk.post(f"/staff/rooms/declaration/{row.id}/returned", data={"reason": "名字写错了"})
    own = sign_in(web.test_client(), person)
    assert "名字写错了" in own.get("/rooms/mine").text
    better = {"key": "corrected-form-key-1", "name": "吴晓晓", "paper": "id", "number": "", "phone": "13911112222",
              "moved_in": row.moved_in.isoformat()}  # fmt: skip
    own.post(f"/rooms/mine/{row.id}/correct", data=better)
    with read(engine_of(web)) as conn:
        now = declarations.of_person(conn, person)
    assert [(one.who["name"], one.who["number"], one.state) for one in now] == [
        ("吴晓晓", id_number("19910203"), "declared")
    ]


def test_check_in_at_the_desk_is_confirmed_at_once_unless_something_does_not_fit(web: Flask) -> None:
    engine = engine_of(web)
    room = room_named(engine, "2号楼", "102")
    clerk = desk(web)
    data = {"name": "冯安", "paper": "id", "number": id_number("19880808"), "phone": "13911113333", "relation": "self"}
    clerk.post(f"/staff/rooms/{room.id}/in", data=data)
    with read(engine) as conn:
        assert declarations.living_in(conn, room.id) == []  # the consent wasn't signed
    clerk.post(f"/staff/rooms/{room.id}/in", data=data | {"signed": "yes"})
    with read(engine) as conn:
        row = declarations.living_in(conn, room.id)[0]
    assert (row.state, row.source) == ("confirmed", "desk")
    other = room_named(engine, "2号楼", "103")
    clerk.post(f"/staff/rooms/{other.id}/in", data=data | {"signed": "yes"})
    with read(engine) as conn:
        assert declarations.living_in(conn, other.id)[0].state == "declared"
    clerk.post(f"/staff/rooms/declaration/{row.id}/moved_out")
    with read(engine) as conn:
        assert declarations.living_in(conn, room.id) == []


@pytest.mark.parametrize("word", ["吴晓", "13911112222", id_number("19910203"), id_number("19910203")[-4:]])
def test_people_are_found_by_whole_values(web: Flask, word: str) -> None:
    room, row = declared(web)
    clerk = desk(web)
    assert row.number in clerk.get("/staff/rooms/search", query_string={"q": word}).text
    assert (
        row.number
        not in clerk.get("/staff/rooms/search", query_string={"q": word[:-1] if len(word) > 2 else "吴"}).text
    )
    assert room.short in clerk.get("/staff/rooms/search", query_string={"q": room.short.lower()}).text


def test_seeing_a_number_costs_a_reason_and_is_recorded(web: Flask) -> None:
    _room, row = declared(web)
    clerk = desk(web)
    assert (
        id_number("19910203") not in clerk.post(f"/staff/rooms/declaration/{row.id}/reveal", follow_redirects=True).text
    )
    shown = clerk.post(f"/staff/rooms/declaration/{row.id}/reveal", data={"reason": "核对证件"})
    assert id_number("19910203") in shown.text
    with read(engine_of(web)) as conn:
        entries = conn.execute(select(Entry).where(Entry.action == "personal.revealed")).all()
    assert len(entries) == 1


def test_a_visit_with_a_photo_sets_the_colour_and_the_next_date(web: Flask) -> None:
    engine = engine_of(web)
    room = room_named(engine, "3号楼", "102")
    picture = io.BytesIO()
    Image.new("RGB", (60, 40), "blue").save(picture, "JPEG")
    officer = desk(web, "officer")
    data = {"result": "fail", "points": ["wiring"], "text": "私拉电线"}
    officer.post(f"/staff/rooms/{room.id}/visit", data=data)
    with read(engine) as conn:
        assert board.tiles(conn, [rooms.get(conn, room.id)], clock.now().date())[0].colour == "green"
    again = (clock.now().date() + timedelta(days=7)).isoformat()
    picture.seek(0)
    officer.post(f"/staff/rooms/{room.id}/visit", data=data | {"again_on": again, "photos": (picture, "a.jpg")})
    page = officer.get(f"/staff/rooms/{room.id}").text
    assert "不合格" in page and again in page
    photo = re.search(rf"/staff/rooms/{room.id}/photo/[0-9a-f]{{32}}", page)[0]
    assert officer.get(photo).data[:3] == b"\xff\xd8\xff"
    assert officer.get(photo.replace(f"/{room.id}/", f"/{room.id + 1}/")).status_code == 404
    with read(engine) as conn:
        assert board.tiles(conn, [rooms.get(conn, room.id)], clock.now().date())[0].colour == "red"


def test_no_photo_stays_of_a_visit_that_was_not_noted(web: Flask) -> None:
    """No row would know the file, so no erasure would ever find it."""
    room, officer = room_named(engine_of(web), "3号楼", "102"), desk(web, "officer")
    folder = web.extensions["service"].settings.data_dir / "uploads"
    before = set(folder.rglob("*"))

    def visit(room_id: int, **more: str) -> int:
        picture = io.BytesIO()
        Image.new("RGB", (60, 40), "blue").save(picture, "JPEG")
        picture.seek(0)
        data = {"result": "fail", "text": "私拉电线", "photos": (picture, "a.jpg")} | more
        return officer.post(f"/staff/rooms/{room_id}/visit", data=data).status_code

    def kept() -> list[str]:
        return [path.name for path in set(folder.rglob("*")) - before if path.is_file()]

    assert visit(room.id) == 302 and kept() == [], "no date of the next visit"
    assert visit(10**6, again_on="2099-01-01") == 404 and kept() == [], "no such room"
    assert visit(room.id, again_on="2099-01-01") == 302 and len(kept()) == 1


def test_a_colour_against_the_rules_needs_a_reason(web: Flask) -> None:
    room = room_named(engine_of(web), "3号楼", "102")
    officer = desk(web, "officer")
    officer.post(f"/staff/rooms/{room.id}/office", data={"state": "open", "colour": "red"})
    with read(engine_of(web)) as conn:
        assert rooms.get(conn, room.id).colour is None
    officer.post(
        f"/staff/rooms/{room.id}/office", data={"state": "open", "colour": "red", "colour_reason": "消防队通知"}
    )
    assert "办公室定为红：消防队通知" in officer.get(f"/staff/rooms/{room.id}").text


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("counsellor", "/staff/rooms", 403),
        ("editor", "/staff/rooms", 403),
        ("front_desk", "/staff/rooms/owners", 403),
        ("grid_worker", "/staff/rooms/walk", 200),
        ("supervisor", "/staff/rooms/owners", 200),
    ],
)
def test_who_may_see_what(web: Flask, role: str, path: str, status: int) -> None:
    assert desk(web, role).get(path).status_code == status


def test_nobody_sees_rooms_without_a_login(web: Flask) -> None:
    browser = web.test_client()
    for rule in web.url_map.iter_rules():
        if rule.endpoint.startswith("staff.rooms") and "GET" in rule.methods:
            path = (
                rule.rule.replace("<int:room_id>", "1")
                .replace("<int:declaration_id>", "1")
                .replace("<picture>", "0" * 32)
            )
            assert browser.get(path).status_code == 302, path


def test_a_desk_of_another_district_does_not_see_the_room(web: Flask) -> None:
    room, row = declared(web)
    clerk = desk(web, "front_desk", "cixi")
    assert clerk.get(f"/staff/rooms/{room.id}").status_code == 404
    assert clerk.post(f"/staff/rooms/declaration/{row.id}/confirmed").status_code == 404
    assert row.number not in clerk.get("/staff/rooms/check").text
    assert 'class="room-tile' not in clerk.get("/staff/rooms").text
    assert row.number not in clerk.get("/staff/rooms/search", query_string={"q": "吴晓"}).text


def test_five_hundred_rooms_are_drawn_in_time(web: Flask) -> None:
    now = clock.now()
    with write(engine_of(web)) as conn:
        building = places.ensure(conn, (*demo_rooms.VILLAGE[:3], "大村", "第1网格", "长楼"))
        rows = [
            {"building_id": building, "number": str(n), "short": f"NB-FH-9{n:05d}", "kind": "house", "area_m2": 20, "beds": 4,
             "state": "open", "created_at": now, "updated_at": now}
            for n in range(500)
        ]  # fmt: skip
        ids = list(conn.execute(insert(Room).returning(Room.id), rows).scalars())
        room_codes.issue(conn, ids, now)
        village = conn.execute(select(places.Place.id).where(places.Place.name == "大村")).scalar_one()
    clerk = desk(web)
    took = []
    for _ in range(5):
        started = time.process_time()  # what it costs here, not what else the machine is doing
        page = clerk.get(f"/staff/rooms?place={village}")
        took.append(time.process_time() - started)
    assert page.text.count('class="room-tile') == 500
    assert min(took) < 0.3


# --- landlord and firm


def bound(web: Flask, kind: str, subject: int, name: str) -> FlaskClient:
    with write(engine_of(web)) as conn:
        secret = links.make(conn, kind, subject, "staff:1", clock.now())
    browser = sign_in(web.test_client(), somebody(engine_of(web), name))
    assert browser.get(f"/{kind}/bind/{secret}").status_code == 200
    assert browser.post(f"/{kind}/bind/{secret}").status_code == 303
    assert browser.get(f"/{kind}/bind/{secret}").status_code == 410
    return browser


def test_a_landlord_sees_surnames_and_confirms(web: Flask) -> None:
    room, row = declared(web)
    assert web.test_client().get("/landlord").status_code == 302
    stranger = sign_in(web.test_client(), somebody(engine_of(web), "openid-stranger"))
    assert stranger.get("/landlord").status_code == 403
    owner = bound(web, "landlord", room.landlord_id, "openid-owner")
    page = owner.get("/landlord").text
    assert "吴*" in page and "吴晓" not in page and id_number("19910203") not in page and "13911112222" not in page
    owner.post(f"/landlord/{row.id}", data={"word": "confirms"})
    assert "房东已确认" in owner.get("/landlord").text
    with read(engine_of(web)) as conn:
        other = next(
            one for one in declarations.living_in(conn, room_named(engine_of(web), "2号楼", "101").id) or [row]
        )
    if other.id != row.id:
        assert owner.post(f"/landlord/{other.id}", data={"word": "confirms"}).status_code == 404


def test_a_firm_registers_from_a_file_and_each_consents_himself(web: Flask) -> None:
    room = room_named(engine_of(web), "员工宿舍", "101")
    firm = bound(web, "employer", room.employer_id, "openid-firm")
    rows = [
        f"{room.short},褚工,{id_number('19930303')},13911114444,2026-01-05",
        f"{room.short},坏号,{id_number('19930304')[:-1]}{'0' if id_number('19930304')[-1] != '0' else '1'},13911114445,2026-01-05",
        f"NB-FH-000001,别处,{id_number('19930305')},13911114446,2026-01-05",
    ]
    content = ("房间编号,姓名,身份证号,手机号,入住日期\n" + "\n".join(rows)).encode("gb18030")
    page = firm.post("/employer/people", data={"file": (io.BytesIO(content), "名单.csv")}).text
    assert "1个链接，请发给本人" in page and "2行没有收下" in page
    assert "褚工" not in page and id_number("19930303") not in page
    url = re.search(r"http://city\.test(/consent/[\w-]+)", page)[1]
    with read(engine_of(web)) as conn:
        assert declarations.living_in(conn, room.id) == []
    worker = web.test_client()
    assert "褚" not in worker.get(url).text
    agree = {"agree": "2026-11", "answer": "agree"}
    assert worker.post(url, data=agree | {"last4": "0000"}).status_code == 422
    done = worker.post(url, data=agree | {"last4": id_number("19930303")[-4:]})
    assert done.status_code == 303
    with read(engine_of(web)) as conn:
        assert [one.state for one in declarations.living_in(conn, room.id)] == ["declared"]
    assert web.test_client().get(url).status_code == 410


def test_a_consent_link_stops_after_five_wrong_answers(web: Flask) -> None:
    room = room_named(engine_of(web), "员工宿舍", "101")
    firm = bound(web, "employer", room.employer_id, "openid-firm2")
    data = {"room": room.short, "name": "褚工", "number": id_number("19930303"), "phone": "13911114444"}
    url = re.search(r"http://city\.test(/consent/[\w-]+)", firm.post("/employer/people", data=data).text)[1]
    for _ in range(5):
        web.test_client().post(url, data={"last4": "0000", "answer": "agree"})
    assert web.test_client().get(url).status_code == 410
    with read(engine_of(web)) as conn:
        assert conn.execute(select(Declaration.state).where(Declaration.room_id == room.id)).scalar_one() == "waiting"


def test_what_staff_do_is_in_the_audit(web: Flask) -> None:
    room, row = declared(web)
    officer = desk(web, "officer")
    officer.post(f"/staff/rooms/declaration/{row.id}/confirmed")
    officer.post(f"/staff/rooms/{room.id}/code", data={"reason": "被撕"})
    officer.post(f"/staff/rooms/link/landlord/{room.landlord_id}")
    with read(engine_of(web)) as conn:
        actions = set(conn.execute(select(Entry.action)).scalars())
    assert {"declaration.confirmed", "rooms.revoke", "rooms.link"} <= actions


def test_the_walking_list_is_of_one_grid_and_names_what_to_look_at(web: Flask) -> None:
    with read(engine_of(web)) as conn:
        grid = conn.execute(select(places.Place.id).where(places.Place.name == "第1网格")).scalar_one()
    clerk = desk(web, "grid_worker", "fenghua")
    page = clerk.get(f"/staff/rooms/walk?place={grid}").text
    assert "样板村 第1网格" in page and "有没办结的隐患" in page and "员工宿舍" not in page
    assert page.count("<li>") == 18
    todo = clerk.get(f"/staff/rooms/walk?place={grid}&only=todo").text
    assert 0 < todo.count("<li>") < 18 and "有没办结的隐患" in todo
    assert desk(web, "grid_worker", "cixi").get(f"/staff/rooms/walk?place={grid}").status_code == 404
