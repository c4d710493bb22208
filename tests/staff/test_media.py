"""What people send that is neither words nor a picture can be played, loaded or found on a map."""

import base64

import pytest
from flask import Flask

from bot.sandbox import samples
from bot.sandbox.driver import Phone
from bot.wechat import recordings
from records import handoffs
from records.base import read
from tests.staff.test_browser import city  # noqa: F401 - a fixture
from tests.staff.test_chat import chat_url
from tests.staff.test_reaching import phone  # noqa: F401 - a fixture

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def chat(app: Flask, hire, phone: Phone):  # noqa: F811
    """A chat that an officer has: its desk, its address, and the phone at the other end."""
    phone.follow()
    phone.say("转人工")
    with read(app.extensions["service"].engine) as conn:
        (row,) = handoffs.open_handoffs(conn)
    desk = hire("officer")
    desk.post(chat_url(row.id, "claim"))
    return desk, chat_url(row.id), phone


def path_in(page: str, piece: str) -> str:
    """The address on a page that has `piece` in it."""
    return next(part.split('"')[0] for part in page.split('href="')[1:] if piece in part.split('"')[0])


def test_a_voice_can_be_loaded_once_the_worker_has_it(app: Flask, hire, chat) -> None:
    desk, url, phone = chat  # noqa: F811
    phone.do("voice")
    address = path_in(desk.get(url), "/recording/")
    assert "还没有从微信取到" in desk.get(address, 404)
    assert recordings.sweep(app.extensions["service"]) == 1
    assert recordings.sweep(app.extensions["service"]) == 0
    answer = desk.client.get(address)
    assert answer.data == samples.voice() and answer.mimetype == "audio/amr"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    hire("officer", "other", ("schools",)).get(address, 404)


def test_a_film_plays_on_the_page(app: Flask, chat) -> None:
    desk, url, phone = chat  # noqa: F811
    phone.do("video")
    page = desk.get(url)
    assert "<video" in page and "下载视频" in page
    recordings.sweep(app.extensions["service"])
    answer = desk.client.get(path_in(page, "/recording/"), headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.mimetype, answer.data) == (206, "video/mp4", samples.video()[:4])
    assert "Content-Disposition" not in answer.headers or "attachment" not in answer.headers["Content-Disposition"]


def test_what_is_no_sound_and_no_film_is_not_kept(app: Flask, chat) -> None:
    desk, url, phone = chat  # noqa: F811
    phone.do("voice", data=base64.b64encode(b"<html>no</html>").decode(), mime="audio/amr")
    assert recordings.sweep(app.extensions["service"]) == 0
    desk.get(path_in(desk.get(url), "/recording/"), 404)


def test_with_the_platform_away_the_worker_comes_back_for_it(app: Flask, chat) -> None:
    _, _, phone = chat  # noqa: F811
    phone.do("voice")
    app.extensions["sandbox"].turn(lambda s: s["rules"].append({"path": "media/get", "effect": "http500", "left": 1}))
    assert recordings.sweep(app.extensions["service"]) == 0
    assert recordings.sweep(app.extensions["service"]) == 1


def test_a_place_has_its_link_to_a_map(chat) -> None:
    desk, url, phone = chat  # noqa: F811
    phone.do("location", latitude=29.8683, longitude=121.544, label="宁波市海曙区中山西路")
    page = desk.get(url)
    assert "宁波市海曙区中山西路" in page
    assert (
        path_in(page, "uri.amap.com")
        == "https://uri.amap.com/marker?position=121.544000%2C29.868300&amp;coordinate=gaode"
    )
