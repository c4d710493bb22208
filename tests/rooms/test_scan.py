"""What a scanned code opens: declaring, moving out, reporting; and nothing about who lives there."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select

import clock
from records import cases, consent, declarations, inspections, pictures, room_codes
from records.base import Busy, read, write
from records.declarations import Declaration, Filing

from .conftest import form, id_number, room_named, sign_in, somebody


def engine_of(app: Flask):
    return app.extensions["service"].engine


def test_a_scan_shows_what_is_on_the_label_and_not_who_lives_there(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "101")  # 赵一凡 is registered here
    page = web.test_client().get(f"/r/{room.token}")
    assert page.status_code == 200
    assert "1号楼 101" in page.text
    for secret in ("赵", "一凡", "990101", "1390000010", "房东甲", "房东乙", "13900000001"):
        assert secret not in page.text


def test_a_typed_number_opens_the_same_page_in_every_spelling(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "101")
    browser = web.test_client()
    for typed in (
        room.short,
        room.short.lower(),
        room.short.replace("-", " "),
        f"  {room.short}",
        f"http://x/r/{room.token}",
    ):
        opened = browser.get("/r", query_string={"code": typed}, follow_redirects=True)
        assert opened.status_code == 200, typed
        assert "1号楼 101" in opened.text
    assert browser.get("/r", query_string={"code": "NB-FH-12"}).status_code == 400
    assert browser.get("/r/NB-FH-999999").status_code == 404


def test_a_token_with_one_wrong_character_opens_nothing(web: Flask) -> None:
    token = room_named(engine_of(web), "1号楼", "101").token
    browser = web.test_client()
    for index in range(len(token)):
        other = "2" if token[index] != "2" else "3"
        assert browser.get(f"/r/{token[:index]}{other}{token[index + 1 :]}").status_code in (404, 429)


def test_a_revoked_code_says_so_and_shows_the_way(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "101")
    with write(engine_of(web)) as conn:
        assert room_codes.revoke(conn, room.id, "staff:1", "撕掉了", clock.now())
        history = room_codes.history(conn, room.id)
    browser = web.test_client()
    page = browser.get(f"/r/{room.token}")
    assert page.status_code == 410
    assert room.short in page.text
    assert browser.post(f"/r/{room.token}/declare", data=form()).status_code == 410
    assert len(history) == 2 and history[1].reason == "撕掉了"
    assert browser.get(f"/r/{history[0].token}").status_code == 200


def test_a_couple_with_a_child_is_one_filing(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    browser = web.test_client()
    filled = form(**{
        "p1-relation": "spouse", "p1-name": "郑南", "p1-paper": "id", "p1-number": id_number("19920405"),
        "p2-relation": "child", "p2-name": "吴小禾", "p2-paper": "none", "p2-born": "2020-05-06",
        "behalf": consent.VERSION, "guardian": consent.VERSION,
    })  # fmt: skip
    answer = browser.post(f"/r/{room.token}/declare", data=filled, follow_redirects=True)
    assert answer.status_code == 200
    assert "收到您的登记" in answer.text
    assert id_number("19910203") not in answer.text
    with read(engine_of(web)) as conn:
        rows = declarations.living_in(conn, room.id)
    assert [row.relation for row in rows] == ["self", "spouse", "child"]
    assert len({row.number for row in rows}) == 1
    assert all(row.person_id for row in rows)
    assert web.test_client().get(f"/rooms/receipt/{rows[0].number}").status_code == 404
    assert "吴小禾" in browser.get("/rooms/mine").text


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("p0-number", "990101199102030010", "p0-number"),
        ("p0-number", "99010119910203001", "p0-number"),
        ("p0-phone", "12345", "p0-phone"),
        ("p0-name", "", "p0-name"),
        ("moved_in", "2099-01-01", "moved_in"),
        ("moved_in", "soon", "moved_in"),
        ("agree", "", "agree"),
        ("agree", "2020-01", "agree"),
        ("key", "", "form"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(web: Flask, field: str, value: str, named: str) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    wrong = form(**{field: value})
    browser = web.test_client()
    answer = browser.post(f"/r/{room.token}/declare", data=wrong, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert named in answer.json["faults"]
    page = browser.post(f"/r/{room.token}/declare", data=wrong)
    assert page.status_code == 422 and answer.json["faults"][named] in page.text
    with read(engine_of(web)) as conn:
        assert declarations.living_in(conn, room.id) == []


def test_a_child_needs_a_guardians_consent_and_a_boy_of_15_a_guardian(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    child = {"p1-relation": "child", "p1-name": "吴小禾", "p1-paper": "none", "p1-born": "2020-05-06"}
    browser = web.test_client()
    ask = {"Accept": "application/json"}
    assert "guardian" in browser.post(f"/r/{room.token}/declare", data=form(**child), headers=ask).json["faults"]
    young = form(**{"p0-number": id_number("20120101")})
    assert "监护人" in browser.post(f"/r/{room.token}/declare", data=young, headers=ask).json["faults"]["p0-number"]


def test_the_same_form_five_times_at_once_is_one_declaration(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "102")

    def send(_: int) -> str:
        answer = web.test_client().post(f"/r/{room.token}/declare", data=form(), headers={"Accept": "application/json"})
        return answer.json["next"]

    with ThreadPoolExecutor(5) as pool:
        urls = set(pool.map(send, range(5)))
    assert len(urls) == 1
    with read(engine_of(web)) as conn:
        assert conn.execute(select(func.count()).where(Filing.room_id == room.id)).scalar_one() == 1
        assert conn.execute(select(func.count()).where(Declaration.room_id == room.id)).scalar_one() == 1


def test_what_is_known_is_not_asked_again(web: Flask) -> None:
    engine = engine_of(web)
    browser = sign_in(web.test_client(), somebody(engine, "openid-a"))
    first, second = room_named(engine, "1号楼", "102"), room_named(engine, "2号楼", "102")
    browser.post(f"/r/{first.token}/declare", data=form())
    page = browser.get(f"/r/{second.token}").text
    assert 'name="p0-number"' not in page
    assert "吴晓" in page and id_number("19910203") not in page
    with read(engine) as conn:
        known = declarations.living_in(conn, first.id)[0].id
    again = {"key": "second-form-key-000001", "p0-known": str(known), "agree": consent.VERSION, "alone": "no"}
    answer = browser.post(f"/r/{second.token}/declare", data=again, follow_redirects=True)
    assert "在别的房间还有登记" in answer.text
    with read(engine) as conn:
        row = declarations.living_in(conn, second.id)[0]
    assert row.who["number"] == id_number("19910203")


def test_nobody_can_use_what_is_known_of_somebody_else(web: Flask) -> None:
    engine = engine_of(web)
    room = room_named(engine, "1号楼", "101")
    with read(engine) as conn:
        theirs = declarations.living_in(conn, room.id)[0].id
    stolen = {"key": "stolen-form-key-000001", "p0-known": str(theirs), "agree": consent.VERSION}
    answer = web.test_client().post(f"/r/{room.token}/declare", data=stolen, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert "p0-name" in answer.json["faults"]


def test_moving_out_needs_the_number_and_the_phone(web: Flask) -> None:
    engine = engine_of(web)
    room = room_named(engine, "1号楼", "102")
    web.test_client().post(f"/r/{room.token}/declare", data=form())
    stranger = web.test_client()
    ask = {"Accept": "application/json"}
    wrong = {"out-number": id_number("19910203"), "out-phone": "13911112223"}
    assert stranger.post(f"/r/{room.token}/leave", data=wrong, headers=ask).status_code == 422
    with read(engine) as conn:
        assert len(declarations.living_in(conn, room.id)) == 1
    right = wrong | {"out-phone": "13911112222"}
    assert "搬走已记下" in stranger.post(f"/r/{room.token}/leave", data=right, follow_redirects=True).text
    with read(engine) as conn:
        assert declarations.living_in(conn, room.id) == []


def test_guessing_who_lives_in_a_room_is_stopped(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "101")
    browser = web.test_client()
    data = {"out-number": id_number("19900307", 11), "out-phone": "13900000000"}
    codes = [browser.post(f"/r/{room.token}/leave", data=data).status_code for _ in range(12)]
    assert codes[:10] == [422] * 10
    assert codes[-1] == 429


def test_a_report_is_a_case_at_the_rooms_grid_with_its_photo(web: Flask) -> None:
    engine = engine_of(web)
    room = room_named(engine, "4号楼", "101")
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    picture.seek(0)
    data = {"kind": "hazard", "text": "楼道堆满了纸箱", "photos": (picture, "a.png")}
    browser = web.test_client()
    answer = browser.post(f"/r/{room.token}/report", data=data, follow_redirects=True)
    assert "收到您的报告" in answer.text
    with browser.session_transaction() as session:
        number = session["cases"][0]
    with read(engine) as conn:
        case = cases.by_number(conn, number)
    assert (case.kind, case.grid, case.region, case.team) == ("rental_hazard_report", "第2网格", "fenghua", "rooms")
    with read(engine) as conn:
        kept = inspections.photos_of(conn, number)
    assert ["照片", "1张"] in case.data
    folder = web.extensions["service"].settings.data_dir
    assert pictures.read(folder, kept[0])[:3] == b"\xff\xd8\xff"


def test_no_photo_stays_of_a_report_that_was_not_filed(web: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the row can't be made or not be committed: no row would know the file."""
    room, folder = room_named(engine_of(web), "4号楼", "101"), web.extensions["service"].settings.data_dir / "uploads"
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")

    def locked(*given: object, **named: object) -> str:
        assert named["photos"], "the photo was kept for it"
        raise Busy("locked")

    before = {path for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(inspections, "report", locked)
    data = {"kind": "hazard", "photos": (io.BytesIO(picture.getvalue()), "a.png")}
    assert web.test_client().post(f"/r/{room.token}/report", data=data).status_code == 503
    assert {path for path in folder.rglob("*") if path.is_file()} == before


def test_a_photo_that_is_none_is_refused_in_words(web: Flask) -> None:
    room = room_named(engine_of(web), "4号楼", "101")
    data = {"kind": "torn", "photos": (io.BytesIO(b"MZ\x90not a picture"), "photo.jpg")}
    answer = web.test_client().post(f"/r/{room.token}/report", data=data)
    assert answer.status_code == 422
    assert "不是照片" in answer.text


def test_a_temporary_code_carries_the_room_and_nobody(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    asked: list[tuple[str, int]] = []

    def make(scene: str, seconds: int) -> str | None:
        asked.append((scene, seconds))
        return "http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI" if len(asked) == 1 else None

    web.extensions["rooms"]["follow_code"] = make
    browser = web.test_client()
    drawn = browser.get(f"/r/{room.short}/follow.svg")
    assert drawn.mimetype == "image/svg+xml" and b"<svg" in drawn.data
    assert asked == [(f"r:{room.short}", 600)]
    assert browser.get(f"/r/{room.short}/follow.svg").status_code == 404  # the platform gave none


def test_inside_wechat_the_page_signs_in_by_itself_and_comes_back(web: Flask) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    inside = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.49"}
    sent = web.test_client().get(f"/r/{room.token}", headers=inside)
    assert sent.status_code == 302
    assert sent.location == f"/wechat/oauth/login?next=/r/{room.token}"
    signed = sign_in(web.test_client(), somebody(engine_of(web), "openid-inside"))
    assert signed.get(f"/r/{room.token}", headers=inside).status_code == 200
