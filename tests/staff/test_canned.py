"""Canned replies: in categories, with a file that goes out with them."""

from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from records import canned, conversations, handoffs, uploads
from records.base import read
from records.outbox import Outgoing
from tests.staff.test_browser import chromium, city, desk, open_page  # noqa: F401 - fixtures
from tests.staff.test_chat import chat_url

PDF = b"%PDF-1.7 what to bring"


def photo() -> bytes:
    file = BytesIO()
    Image.new("RGB", (60, 40), "teal").save(file, "PNG")
    return file.getvalue()


def added(app: Flask, desk, shortcut: str, file: tuple[bytes, str] | None = None, **more: str):  # noqa: F811
    form = {"shortcut": shortcut, "title": f"标题{shortcut}", "text": "请带这些材料。", "whose": "mine"} | more
    if file is not None:
        form["file"] = (BytesIO(file[0]), file[1])
    desk.post("/staff/canned", 302, **form)
    with read(app.extensions["service"].engine) as conn:
        return next((row for row in canned.mine(conn, desk.staff_id, ()) if row.shortcut == shortcut), None)


def said(app: Flask, id: int) -> list[tuple[str, dict]]:
    with read(app.extensions["service"].engine) as conn:
        rows = conversations.transcript(conn, handoffs.get(conn, id).person_id)
    return [(row.kind, row.body) for row in rows if row.author == "staff"]


def folder(app: Flask):
    return app.extensions["service"].settings.data_dir / "uploads"


def test_a_paper_goes_out_with_its_words_in_one_message(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks()  # noqa: F811
    row = added(app, desk, "clqd", (PDF, "材料清单.pdf"), category="居住证")
    desk.post(chat_url(id, "claim"))
    for _ in range(2):  # pressed twice is sent once
        desk.post(chat_url(id, "say"), text="请带这些材料。", key="canned-key-0001", canned=row.id)
    ((kind, body),) = said(app, id)
    assert kind == "file" and body["text"].startswith("请带这些材料。\n给您发了一份文件：材料清单.pdf")
    assert uploads.read(folder(app), body["media"]) == PDF and body["media"] != row.media
    with read(app.extensions["service"].engine) as conn:
        (queued,) = conn.execute(select(Outgoing.__table__)).all()
        assert canned.mine(conn, desk.staff_id, ())[0].used == 1
    assert "/file/" in queued.payload["text"]
    files = [path for path in folder(app).rglob("*") if path.is_file()]
    assert len(files) == 2  # the reply's own, and the message's copy


def test_a_picture_goes_out_after_its_words(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks()  # noqa: F811
    row = added(app, desk, "dt", (photo(), "地图.png"))
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "say"), text="窗口在这里。", key="canned-key-0002", canned=row.id)
    assert [kind for kind, _ in said(app, id)] == ["text", "image"]


def test_the_file_of_a_reply_goes_with_it_and_not_with_a_message(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks()  # noqa: F811
    row = added(app, desk, "clqd", (PDF, "材料清单.pdf"))
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "say"), text="请带。", key="canned-key-0003", canned=row.id)
    ((_, body),) = said(app, id)
    desk.post(f"/staff/canned/{row.id}/remove", 302)
    assert uploads.read(folder(app), row.media) is None
    assert uploads.read(folder(app), body["media"]) == PDF


def test_somebody_elses_reply_sends_no_file(app: Flask, hire, asks) -> None:
    owner, other, id = hire("officer", "a"), hire("officer", "b"), asks()
    row = added(app, owner, "clqd", (PDF, "材料清单.pdf"))
    other.post(chat_url(id, "claim"))
    other.post(chat_url(id, "say"), text="您好。", key="canned-key-0004", canned=row.id)
    assert said(app, id) == [("text", {"text": "您好。"})]


def test_a_file_of_another_kind_is_refused_and_leaves_nothing(app: Flask, hire) -> None:
    desk = hire("officer")  # noqa: F811
    assert added(app, desk, "x", (b"MZ\x90", "a.exe")) is None
    assert "只能发照片" in desk.get("/staff/canned")
    assert added(app, desk, "", (PDF, "a.pdf")) is None
    assert not [path for path in folder(app).rglob("*") if path.is_file()]


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_categories_and_files_are_seen_before_they_are_sent(app: Flask, desk, asks, hire) -> None:  # noqa: F811
    id = asks()
    page = desk("zhou", "officer")
    page.goto("/staff/canned")
    page.get_by_label("快捷词").fill("clqd")
    page.get_by_label("标题").fill("材料清单")
    page.get_by_label("内容").fill("请带这些材料。")
    page.get_by_label("分类（可以不填）").fill("居住证")
    page.locator("#file").set_input_files({"name": "材料清单.pdf", "mimeType": "application/pdf", "buffer": PDF})
    page.get_by_role("button", name="存下").click()
    expect(page.locator(".table")).to_contain_text("附：材料清单.pdf")
    page.goto(f"/staff/chat/{id}")
    page.get_by_role("button", name="接起").click()
    page.get_by_role("button", name="快捷回复").click()
    expect(page.locator("#canned-dialog h3")).to_have_text("居住证")
    page.locator("#canned-dialog [data-canned]").click()
    expect(page.locator("#attached")).to_contain_text("附：材料清单.pdf")
    page.get_by_role("button", name="发送").click()
    expect(page.locator(".line-staff .text").last).to_contain_text("给您发了一份文件：材料清单.pdf")
    expect(page.locator("#attached")).to_be_hidden()
