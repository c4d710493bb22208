"""Pictures: only real ones, without where they were taken, kept encrypted, seen by nobody else."""

import io
import re
from datetime import timedelta
from functools import partial

import pytest
from PIL import Image
from werkzeug.test import TestResponse

import clock
from bot import case_photos
from bot.service import Service
from records import uploads
from tests.bot.web.conftest import Browser


def picture(kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "TAKEN-AT-HOME"
    Image.new("RGB", (64, 48), "#3a7").save(out, kind, exif=exif)
    return out.getvalue()


def send(browser: Browser, data: bytes, key: str = "photo-key-1") -> TestResponse:
    fields = {"photo": (io.BytesIO(data), "photo.jpg"), "key": key}
    return browser.client.post("/chat/photo", data=fields, headers={"X-CSRFToken": browser.token()})


def files(city: Service) -> list[bytes]:
    folder = city.settings.data_dir / "uploads"
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_kept_without_its_secrets_and_shown_again(browser: Browser, city: Service, kind: str) -> None:
    mine, answer = send(browser, picture(kind)).json["messages"]
    shown = browser.get(mine["photo"])
    assert shown.mimetype == "image/jpeg" and Image.open(io.BytesIO(shown.data)).size == (64, 48)
    assert b"TAKEN-AT-HOME" not in shown.data
    assert answer["by"] == "bot"
    assert f'src="{mine["photo"]}"' in browser.page("/chat")
    (kept,) = files(city)
    assert not kept.startswith(b"\xff\xd8"), "it lies there encrypted"


def test_nobody_else_sees_it(browser: Browser, other: Browser) -> None:
    mine, _ = send(browser, picture()).json["messages"]
    other.say("你好")
    assert other.get(mine["photo"]).status_code == 404
    assert browser.get("/chat/photo/" + "0" * 32).status_code == 404
    assert browser.get("/chat/photo/..%2f..%2fsecrets.json").status_code == 404


def test_the_same_picture_sent_again_is_kept_once(browser: Browser, city: Service) -> None:
    first, again = (send(browser, picture()).json["messages"] for _ in range(2))
    assert [m["id"] for m in again] == [m["id"] for m in first]
    assert len(files(city)) == 1
    assert browser.get(first[0]["photo"]).status_code == 200


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"\xff\xd8\xff" + b"x" * 100, b"GIF89a"])
def test_what_is_no_picture_is_refused_with_a_reason(browser: Browser, city: Service, data: bytes) -> None:
    response = send(browser, data)
    assert response.status_code == 422 and "照片" in response.json["error"]
    assert files(city) == [] and browser.look()["messages"] == []


def test_deleting_ones_records_deletes_the_pictures(browser: Browser, city: Service) -> None:
    mine, _ = send(browser, picture()).json["messages"]
    browser.submit("/me/delete", "/me/delete", sure="yes")
    assert files(city) == []
    assert uploads.read(city.settings.data_dir / "uploads", mine["photo"].rsplit("/", 1)[-1]) is None


def report(browser: Browser) -> str:
    """A hazard report with a photo, filed; its number."""
    browser.say("", choice="form:hazard_report")
    for text in ("消防", "海曙区演练路1号"):
        browser.say(text)
    assert "照片收到了" in str(send(browser, picture()).json)
    for text in ("楼道里堆满了电瓶车", "否", "跳过"):
        said = browser.say(text)
    assert "照片：1张" in str(said)
    found = re.search(r"[A-Z]{2}-\d{8}-\d{4}", str(browser.say("确认")))
    assert found
    return found[0]


def test_a_picture_for_a_report_lies_with_the_case_and_is_shown_to_its_owner(
    browser: Browser, other: Browser, city: Service
) -> None:
    number = report(browser)
    assert case_photos.gather(city, {"web": partial(case_photos.own, city)}) == 1
    page = browser.page(f"/me/cases/{number}")
    shown = browser.get(f"/me/cases/{number}/photo/0")
    assert f"/me/cases/{number}/photo/0" in page and "<dd>1张</dd>" in page
    assert shown.mimetype == "image/jpeg" and b"TAKEN-AT-HOME" not in shown.data
    assert f"/me/cases/{number}/photo/0" in browser.page("/me/export")
    other.say("你好")
    assert other.get(f"/me/cases/{number}/photo/0").status_code == 404
    browser.submit("/me/delete", "/me/delete", sure="yes")
    assert files(city) == []


def test_a_picture_that_went_meanwhile_is_said_to_be_missing(browser: Browser, city: Service) -> None:
    number = report(browser)
    folder = city.settings.data_dir / "uploads"
    uploads.remove(folder, [path.name for path in folder.rglob("?" * 32)])
    moment = clock.now()
    for _ in range(12):
        moment += timedelta(days=1)
        with clock.frozen(moment):
            assert case_photos.gather(city, {"web": partial(case_photos.own, city)}) == 0
    assert "有一张照片没有取到" in browser.page(f"/me/cases/{number}")
