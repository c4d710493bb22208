"""`/me` as whoever declared sees it: his household with its receipt, what is asked of him, his photos, his points."""

import io
from datetime import timedelta

from flask import Flask
from PIL import Image

import clock
from records import conversations, points, staff
from records.base import read, write

from .conftest import form, id_number, room_named, sign_in, somebody
from .test_desk import HASHED, declared, desk, engine_of

NUMBER = id_number("19910203")


def test_a_declaration_stands_there_with_its_receipt_and_why_it_came_back(web: Flask) -> None:
    person = somebody(engine_of(web), "openid-page")
    _room, row = declared(web, person)
    own = sign_in(web.test_client(), person)
    page = own.get("/me").text
    assert f"/rooms/receipt/{row.number}" in page and "已申报，等核对" in page and NUMBER not in page
    assert own.get(f"/rooms/receipt/{row.number}").status_code == 200
    desk(web).post(f"/staff/rooms/declaration/{row.id}/returned", data={"reason": "名字写错了"})
    assert "名字写错了" in own.get("/me").text


def test_whether_one_still_lives_there_is_asked_there_too(web: Flask) -> None:
    engine = engine_of(web)
    person = somebody(engine, "openid-asked")
    room, _row = declared(web, person)
    newcomer = form(key="n" * 22, alone="yes", **{"p0-name": "钱新", "p0-number": id_number("19880909")})
    web.test_client().post(f"/r/{room.token}/declare", data=newcomer)
    assert "您还住在 演练街道 样板村 1号楼 102 吗？" in sign_in(web.test_client(), person).get("/me").text


def test_a_whole_household_leaves_with_one_press(web: Flask) -> None:
    person = somebody(engine_of(web), "openid-leaves")
    room, row = declared(web, person)
    own = sign_in(web.test_client(), person)
    assert own.post(f"/rooms/mine/room/{room.id}/leave").status_code == 303
    assert "已搬走" in own.get("/rooms/mine").text and row.number in own.get("/rooms/mine").text
    assert own.post(f"/rooms/mine/room/{room.id}/leave").status_code == 404
    stranger = sign_in(web.test_client(), somebody(engine_of(web), "openid-stranger2"))
    assert stranger.post(f"/rooms/mine/room/{room.id}/leave").status_code == 404


def test_the_photos_of_a_report_are_shown_to_whoever_sent_them_only(web: Flask) -> None:
    engine = engine_of(web)
    person = somebody(engine, "openid-photo")
    room = room_named(engine, "4号楼", "101")
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    own = sign_in(web.test_client(), person)
    data = {"kind": "hazard", "photos": (io.BytesIO(picture.getvalue()), "a.png")}
    own.post(f"/r/{room.token}/report", data=data)
    with own.session_transaction() as session:
        number = session["cases"][0]
    page = own.get(f"/me/cases/{number}").text
    assert f"/me/cases/{number}/photo/0" in page and "picture:" not in page
    assert own.get(f"/me/cases/{number}/photo/0").data[:3] == b"\xff\xd8\xff"
    assert own.get(f"/me/cases/{number}/photo/1").status_code == 404
    stranger = sign_in(web.test_client(), somebody(engine, "openid-stranger3"))
    assert stranger.get(f"/me/cases/{number}/photo/0").status_code == 404


def award(web: Flask, person: int, *, linked: bool) -> None:
    now = clock.now()
    with write(engine_of(web)) as conn:
        first = staff.create(conn, "enters", "甲", "officer", HASHED, now, teams=("general",))
        second = staff.create(conn, "approves", "乙", "officer", HASHED, now, teams=("general",))
        given = {"number": NUMBER, "name": "吴晓", "region": "fenghua", "day": now.date(), "at": now, "staff_id": first}
        made = points.enter(conn, kind="volunteering", amount=350, why="社区志愿服务", **given)
        points.decide(conn, made, "approved", staff_id=second, at=now)
        points.enter(conn, kind="blood", amount=200, why="献血一次", **given)
        if linked:
            points.link(conn, person, NUMBER, staff_id=first, at=now)


def test_points_wait_for_staff_to_have_seen_the_paper(web: Flask) -> None:
    person = somebody(engine_of(web), "openid-points")
    award(web, person, linked=False)
    own = sign_in(web.test_client(), person)
    assert "我的积分" not in own.get("/me").text and own.get("/me/export.json").json["points"] == []
    with write(engine_of(web)) as conn:
        points.link(conn, person, NUMBER, staff_id=1, at=clock.now())
    page = own.get("/me").text
    assert "3.5分" in page and "社区志愿服务" in page and "献血一次" in page and "等复核" in page
    assert "估算我的积分" in page  # nothing was worked out yet
    told = own.get("/me/export.json").json["points"]
    assert [(one["why"], one["points"], one["state"]) for one in told] == [
        ("献血一次", "2", "entered"), ("社区志愿服务", "3.5", "approved"),
    ]  # fmt: skip
    assert "社区志愿服务：3.5分" in own.get("/me/export").text


def test_the_last_estimate_stands_beside_what_the_office_entered(web: Flask) -> None:
    engine = engine_of(web)
    person = somebody(engine, "openid-estimate")
    award(web, person, linked=True)
    with write(engine) as conn:
        for days, words in ((9, "结果：80"), (2, "结果：96")):
            row = {
                "turn_id": f"t{days}", "person_id": person, "author": "bot", "kind": "reply", "dedup": f"e{days}",
                "body": [{"text": f"宁波积分估算\n{words}\n怎么来的："}], "owner": "form",
                "created_at": clock.now() - timedelta(days=days),
            }  # fmt: skip
            conversations.add(conn, [row])
    page = sign_in(web.test_client(), person).get("/me").text
    assert "结果：96（" in page and "结果：80（" not in page
    with read(engine) as conn:
        assert points.balance(points.of_person(conn, person)) == 3.5
