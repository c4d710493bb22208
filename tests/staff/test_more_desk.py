"""More of the desk: mentions, merged people, photos and papers both ways, typing, papers of cases, the crisis hand-over."""

from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

import clock
from records import conversations, file_links, handoffs, same_person, typing_marks
from records.base import read, write
from records.outbox import Outgoing
from staff.permissions import PERMISSIONS
from tests.staff.test_chat import DANGER, chat_url
from tests.staff.test_pages import file_case

PDF = b"%PDF-1.4 a paper"


@pytest.fixture
def house(app: Flask):
    return app.extensions["service"]


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), (180, 60, 40)).save(out, "PNG")
    return out.getvalue()


def test_who_is_named_in_a_note_finds_it_once(hire, asks) -> None:
    desk, other, outsider = hire("officer", "a"), hire("officer", "b"), hire("officer", "c", ("labour",))
    id = asks()
    desk.post(chat_url(id, "note"), text="@b 请看一下材料，@c 也看看")
    assert [one.json("/staff/live")["counts"]["mentions"] for one in (desk, other, outsider)] == [0, 1, 0]
    assert "请看一下材料" in other.get("/staff/mentions") and "请看一下材料" not in outsider.get("/staff/mentions")
    assert other.json("/staff/live")["counts"]["mentions"] == 0
    assert "请看一下材料" in other.get("/staff/mentions")


def test_two_identities_of_one_person_are_put_together_and_parted(house, hire, asks, says) -> None:
    desk, outsider = hire("officer", "a"), hire("officer", "b", ("labour",))
    first = asks("o-anna")
    second = asks("v-anna", channel="web")
    desk.post(chat_url(first, "claim"))
    with read(house.engine) as conn:
        one, two = (handoffs.get(conn, id).person_id for id in (first, second))
    outsider.post(chat_url(first, "merge"), 404, other=str(two))
    desk.post(chat_url(first, "merge"), 400, other="小王")
    desk.post(chat_url(first, "merge"), 400, other=str(one))
    desk.post(chat_url(first, "merge"), 404, other="99999")
    desk.post(chat_url(first, "merge"), 302, other=f"新市民 {two:04d}")
    page = desk.get(chat_url(first))
    assert chat_url(second) in page and "拆开" in page
    with read(house.engine) as conn:
        assert same_person.others(conn, one) == [two] and same_person.others(conn, two) == [one]
        assert handoffs.get(conn, second).claimed_by == desk.staff_id  # what waited goes to the same hands
    desk.post(chat_url(first, "part"), 302)
    with read(house.engine) as conn:
        assert same_person.others(conn, one) == []


def test_a_merge_shows_nobody_more_than_he_may_see(house, hire, asks, says) -> None:
    desk = hire("officer", "a")
    care = hire("counsellor", "b", ("psychology", "general"))
    first, second = asks("o-anna"), asks("v-anna", topic="心里难受，天天睡不着想找人说说", channel="web")
    with read(house.engine) as conn:
        two = handoffs.get(conn, second).person_id
    desk.post(chat_url(first, "merge"), 404, other=str(two))
    care.post(chat_url(first, "merge"), 302, other=str(two))
    assert chat_url(second) in care.get(chat_url(first)) and chat_url(second) not in desk.get(chat_url(first))


def test_the_same_phone_number_suggests_the_same_person(house, hire, asks, says) -> None:
    desk, first, second = hire("officer", "a"), asks("o-anna"), asks("o-bo")
    with read(house.engine) as conn:
        one, two = (handoffs.get(conn, id).person_id for id in (first, second))
    file_case(house, one)
    file_case(house, two)
    assert "留过同一个手机号" in desk.get(chat_url(first))


def test_a_photo_from_staff_goes_out_redrawn_and_is_seen(app: Flask, house, hire, asks) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    for _ in range(2):
        desk.post(chat_url(id, "file"), key="abcd-1234-0001", file=(BytesIO(picture()), "窗口.png"))
    with read(house.engine) as conn:
        said = [m for m in conversations.transcript(conn, handoffs.get(conn, id).person_id) if m.author == "staff"]
        sent = [row.payload for row in conn.execute(select(Outgoing.__table__))]
    assert [m.kind for m in said] == ["image"] and sent == [{"kind": "image", "upload": said[0].body["media"]}]
    answer = desk.client.get(chat_url(id, f"photo/{said[0].id}"))
    assert answer.mimetype == "image/jpeg" and answer.data.startswith(b"\xff\xd8")
    assert f"photo/{said[0].id}" in desk.get(chat_url(id))
    desk.post(chat_url(id, "file"), 400, key="abcd-1234-0002", file=(BytesIO(b"MZ a program"), "setup.exe"))


def test_a_paper_from_staff_is_behind_a_sealed_address_for_a_week(app: Flask, house, hire, asks) -> None:
    desk, id = hire("officer"), asks("v-1", channel="web")
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "file"), key="abcd-1234-0001", file=(BytesIO(PDF), "材料清单.pdf"))
    with read(house.engine) as conn:
        said = conversations.transcript(conn, handoffs.get(conn, id).person_id)[-1]
    ((title, path),) = said.body["links"]
    got = app.test_client().get(path)
    assert title == "材料清单.pdf" and got.data == PDF and "attachment" in got.headers["Content-Disposition"]
    token = path.removeprefix("/file/")
    for bad in (token[:-3] + "abc", "x", token[5:]):
        assert app.test_client().get(f"/file/{bad}").status_code == 404
    assert file_links.read(token, clock.now() + file_links.LASTS) is None


def test_typing_is_seen_on_both_sides_and_told_to_the_platform_seldom(app: Flask, house, hire, asks) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    with read(house.engine) as conn:
        person = handoffs.get(conn, id).person_id
    assert not desk.json(chat_url(id, "news"))["typing"]
    typing_marks.mark(house.redis, "person", person)
    assert desk.json(chat_url(id, "news"))["typing"]
    for _ in range(3):
        desk.post(chat_url(id, "typing"))
    assert typing_marks.seen(house.redis, "staff", person)
    assert [typing_marks.to_push(house.redis), typing_marks.to_push(house.redis)] == [[person], []]


def test_papers_and_photos_of_a_case(house, hire, says) -> None:
    case = file_case(house)
    desk, other = hire("officer", "a", ("rooms",)), hire("officer", "b", ("labour",))
    path = f"/staff/cases/{case}/files"
    desk.post(path, 302, file=(BytesIO(picture()), "现场.png"), title="现场")
    desk.post(path, 302, file=(BytesIO(PDF), "通知书.pdf"))
    desk.post(path, 400, file=(BytesIO(b"nothing"), "x.docx"))
    other.post(path, 404, file=(BytesIO(PDF), "x.pdf"))
    page = desk.get(f"/staff/cases/{case}")
    assert "现场" in page and "通知书.pdf" in page
    assert desk.client.get(f"{path}/1").mimetype == "image/jpeg"
    assert desk.client.get(f"{path}/2").data == PDF
    other.get(f"{path}/1", status=404)


def test_the_next_shift_reads_what_was_agreed_with_somebody_in_danger(hire, says) -> None:
    care = hire("counsellor", "a", ("psychology",))
    says(DANGER)
    care.post(care.json("/staff/live")["alarms"][0]["take"])
    assert "还没有核对" in care.get("/staff/crisis")
    care.post(chat_url(1, "safety"), safe="yes", next="今晚九点再打电话")
    page = care.get("/staff/crisis")
    assert "今晚九点再打电话" in page and "员工a" in page
    assert "今晚九点再打电话" in hire("supervisor", "z").get("/staff/crisis")
    hire("officer", "b").get("/staff/crisis", status=403)


def test_only_those_of_the_desk_see_answers_first() -> None:
    assert "editor" not in PERMISSIONS["drafts.approve"] and "officer" in PERMISSIONS["drafts.approve"]


def test_a_comment_that_the_person_may_read_reaches_him(house, hire, says) -> None:
    person = says("你好").person_id
    case = file_case(house, person)
    desk = hire("officer", "a", ("rooms",))
    desk.post(f"/staff/cases/{case}/comment", 302, text="内部先核实")
    desk.post(f"/staff/cases/{case}/comment", 302, text="房东明天来清", shown="1")
    with read(house.engine) as conn:
        told = [row.payload["text"] for row in conn.execute(select(Outgoing.__table__))]
    assert len(told) == 1 and "房东明天来清" in told[0]
    with write(house.engine) as conn:
        handoffs.ask(conn, person, team="rooms", reason="asked", at=clock.now())


def test_somebody_is_found_by_the_consoles_number_and_a_tenant_by_the_whole_name(house, hire, asks) -> None:
    from records import demo_rooms

    with write(house.engine) as conn:
        demo_rooms.seed(conn, clock.now())
    desk, care, id = hire("officer", "a"), hire("counsellor", "b", ("psychology",)), asks()
    with read(house.engine) as conn:
        person = handoffs.get(conn, id).person_id
    assert chat_url(id) in desk.get(f"/staff/search?q=新市民 {person:04d}")
    assert "样板村" in desk.get("/staff/search?q=赵一凡") and "样板村" in desk.get("/staff/search?q=13900000100")
    assert "样板村" not in desk.get("/staff/search?q=赵一") and "样板村" not in care.get("/staff/search?q=赵一凡")
