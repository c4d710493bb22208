"""A place picked from the menu, over the callback: it is remembered, and answered by what the person was about."""

import json
from dataclasses import replace

import pytest

from bot.service import Service
from bot.wechat import wire
from records import people
from records.base import read

from .conftest import OPENID, Platform, event, message


def picked(latitude: str, longitude: str, label: str = "", place: str = "", name: str = "location_select") -> str:
    """The event as the platform writes it, with what was picked inside."""
    fields = {"Location_X": latitude, "Location_Y": longitude, "Scale": "15", "Label": label, "Poiname": place}
    inner = "".join(f"<{key}><![CDATA[{value}]]></{key}>" for key, value in fields.items())
    box = f"<SendLocationInfo>{inner}</SendLocationInfo></xml>"
    return event(name, EventKey="where").replace("</xml>", box)


def answer(platform: Platform, body: str) -> str:
    """What the phone shows; empty where nothing is answered."""
    response = platform.post(body)
    assert response.status_code == 200
    if response.data in (b"", b"success"):
        return ""
    data = json.loads(response.data) if response.data.startswith(b"{") else wire.read(response.data)
    return str(data["Content"])


def region(service: Service) -> str | None:
    with read(service.engine) as conn:
        return people.find(conn, "wechat", OPENID).region


@pytest.mark.parametrize("kind", ["xml", "json"])
def test_a_place_from_the_menu_is_answered_and_remembered(
    platform: Platform, service: Service, still, kind: str
) -> None:
    service.settings = replace(service.settings, callback_format=kind)
    body = picked("30.17", "121.27", "浙江省宁波市慈溪市浒山街道")
    if kind == "json":
        body = json.dumps(wire.read(body.encode()), ensure_ascii=False)
    text = answer(platform, body)
    assert "位置收到了，您在慈溪市" in text and "想在附近办什么事" in text
    assert region(service) == "cixi"


def test_with_a_matter_in_hand_the_answer_is_where_it_is_dealt_with(
    platform: Platform, service: Service, still
) -> None:
    answer(platform, event("CLICK", EventKey="permit_renewal"))
    text = answer(platform, picked("29.86", "121.54", "浙江省宁波市海曙区"))
    assert "离您近的、能办“居住证签注”的地方" in text or "位置收到了" in text
    assert region(service) == "haishu"


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("", ""), ("nan", "nan"), ("north", "east"), ("91", "0"), ("1e400", "0")]
)
def test_a_place_that_is_none_is_no_trouble(
    platform: Platform, service: Service, still, latitude: str, longitude: str
) -> None:
    assert answer(platform, picked(latitude, longitude)) == ""
    assert region(service) is None


def test_a_push_that_comes_twice_is_one_turn(platform: Platform, service: Service, still) -> None:
    body = picked("30.17", "121.27", "慈溪市")
    assert answer(platform, body) == answer(platform, body) != ""
    with read(service.engine) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM messages WHERE author = 'person'").scalar() == 1


def test_an_open_form_waits_while_a_place_is_told(platform: Platform, service: Service, still) -> None:
    answer(platform, message(msg_id="7", Content="举报隐患", bizmsgmenuid="form:hazard_report"))
    answer(platform, picked("30.17", "121.27", "慈溪市"))
    assert "在哪里" in answer(platform, message(msg_id="8", Content="消防"))


def test_what_the_phone_reports_by_itself_is_not_answered(platform: Platform, service: Service, still) -> None:
    assert answer(platform, event("LOCATION", Latitude="29.86", Longitude="121.54", Precision="60")) == ""
