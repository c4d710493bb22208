"""Only what the platform signed gets in, and every kind it sends arrives as what it means."""

import base64
import logging
import struct
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import select

import clock
from bot.message import Inbound
from bot.wechat import gateway, seal, wire
from bot.wechat.refusal import Refused
from records import conversations, outbox, people
from records.base import read, write
from records.people import Person
from settings import Settings

from .conftest import ACCOUNT, NOW, OPENID, Platform, as_json, event, message

pytestmark = pytest.mark.usefixtures("still")


def stored(service) -> int:
    with read(service.engine) as conn:
        person = people.find(conn, "wechat", OPENID)
        return len(conversations.transcript(conn, person.id)) if person else 0


def parsed(xml: str) -> Inbound:
    """What a push means, read without the web around it."""
    received = gateway._received(wire.read(xml.encode()), False, NOW)
    assert received.inbound is not None
    return received.inbound


# --- the address check


def test_the_address_check_returns_echostr_as_it_is(platform: Platform) -> None:
    response = platform.web.get("/wechat", query_string=platform.query() | {"echostr": "<b>5837</b>"})
    assert (response.status_code, response.text) == (200, "<b>5837</b>")
    assert response.content_type.startswith("text/plain")


@pytest.mark.parametrize("wrong", ["signature", "timestamp", "nonce"])
def test_the_address_check_refuses_a_wrong_signature(platform: Platform, wrong: str) -> None:
    query = platform.query() | {"echostr": "1"}
    assert platform.web.get("/wechat", query_string=query | {wrong: "9"}).status_code == 403
    del query[wrong]
    response = platform.web.get("/wechat", query_string=query)
    assert (response.status_code, response.text) == (403, "")


# --- who may speak


def bad_padding(settings: Settings, pad: bytes) -> str:
    key = seal.key_of(settings.wechat_aes_key)
    text = message(Content="您好").encode()
    content = b"r" * 16 + struct.pack(">I", len(text)) + text + settings.wechat_app_id.encode()
    content += b"x" * (-len(content) % 32) + pad
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(content) + encryptor.finalize()).decode()


def raw_cipher(settings: Settings, content: bytes) -> str:
    key = seal.key_of(settings.wechat_aes_key)
    count = 32 - len(content) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    padded = content + bytes([count]) * count
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


HI = message(Content="您好")
BOMB = '<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><xml><MsgType>&b;</MsgType></xml>'
OUTSIDE = '<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + HI.replace("您好", "&x;")
DEEP = "<xml>" + "<a>" * 50 + "</a>" * 50 + "</xml>"

BAD = {
    # what: (send, status, the log's word)
    "no signature at all": (lambda p: p.post(HI, {"timestamp": "1", "nonce": "1"}), 403, "signature-missing"),
    "a signature of another token": (lambda p: p.post(HI, p.query(token="other")), 403, "signature-wrong"),
    "a signature that isn't ASCII": (lambda p: p.post(HI, p.query() | {"signature": "签" * 40}), 403, "signature-wrong"),
    "a capture of two hours ago": (
        lambda p: p.post(HI, p.query(stamp=int((NOW - timedelta(hours=2)).timestamp()))), 403, "timestamp-stale",
    ),
    "a time to come": (
        lambda p: p.post(HI, p.query(stamp=int((NOW + timedelta(hours=1)).timestamp()))), 403, "timestamp-ahead",
    ),
    "no timestamp": (
        lambda p: p.post(HI, {"nonce": "1", "signature": seal.sign(p.settings.wechat_token, "", "1")}),
        403, "timestamp-missing",
    ),
    "safe mode with the plain signature only": (
        lambda p: p.post("<xml><Encrypt>x</Encrypt></xml>", p.query() | {"encrypt_type": "aes"}),
        403, "signature-missing",
    ),
    "a wrong msg_signature": (
        lambda p: p.post("<xml><Encrypt>x</Encrypt></xml>", p.query() | {"encrypt_type": "aes", "msg_signature": "0"}),
        403, "signature-wrong",
    ),
    "64 KB and one byte": (lambda p: p.post("<xml>" + "a" * 65_536), 413, "body-too-large"),
    "nothing": (lambda p: p.post(b""), 400, "not-xml"),
    "not XML": (lambda p: p.post("hello"), 400, "not-xml"),
    "XML cut short": (lambda p: p.post(HI[:-9]), 400, "not-xml"),
    "another document": (lambda p: p.post("<html><body/></html>"), 400, "not-a-message"),
    "an entity bomb": (lambda p: p.post(BOMB), 400, "xml-declares-entities"),
    "an outside entity": (lambda p: p.post(OUTSIDE), 400, "xml-declares-entities"),
    "a document type": (lambda p: p.post("<!DOCTYPE xml SYSTEM 'http://x.test/x.dtd'>" + HI), 400, "xml-declares-entities"),
    "an undeclared entity": (lambda p: p.post("<xml><MsgType>&x;</MsgType></xml>"), 400, "not-xml"),
    "50 levels": (lambda p: p.post(DEEP), 400, "xml-too-large"),
    "1000 fields": (lambda p: p.post("<xml>" + "<a/>" * 1000 + "</xml>"), 400, "xml-too-large"),
    "UTF-16": (lambda p: p.post(HI.encode("utf-16")), 400, "not-xml"),
    "no MsgType": (lambda p: p.post(HI.replace("MsgType", "Kind")), 400, "MsgType-missing"),
    "no sender": (lambda p: p.post(HI.replace("FromUserName", "From")), 400, "FromUserName-missing"),
    "no receiver": (lambda p: p.post(HI.replace("ToUserName", "To")), 400, "ToUserName-missing"),
    "two kinds": (lambda p: p.post(HI.replace("<MsgType>", "<MsgType>event</MsgType><MsgType>")), 400, "field-twice"),
    "two senders": (
        lambda p: p.post(HI.replace("</xml>", "<FromUserName>oX</FromUserName></xml>")), 400, "field-twice",
    ),
    "a sender that is a tree": (
        lambda p: p.post(HI.replace(f"<![CDATA[{OPENID}]]>", "<a>b</a>")), 400, "FromUserName-missing",
    ),
    "a sender of 100 characters": (lambda p: p.post(message(sender="o" * 100)), 400, "name-too-long"),
    "JSON": (lambda p: p.post(as_json(HI)), 400, "json-not-set-for-account"),
    "another appid in a valid cipher": (lambda p: p.post_safe(HI, app_id="wx0000000000000000"), 400, "cipher-appid"),
    "an appid that ours begins with": (
        lambda p: p.post_safe(HI, app_id=p.settings.wechat_app_id + "0"), 400, "cipher-appid",
    ),
    "a cipher that is not base64": (lambda p: p.post_sealed("*" * 64), 400, "cipher-not-base64"),
    "an empty cipher": (lambda p: p.post_sealed(" "), 400, "cipher-length"),
    "a cipher of 16 bytes": (lambda p: p.post_sealed(base64.b64encode(b"x" * 16).decode()), 400, "cipher-length"),
    "noise": (lambda p: p.post_sealed(base64.b64encode(b"x" * 320).decode()), 400, "cipher-"),
    "padding of nought": (lambda p: p.post_sealed(bad_padding(p.settings, b"\0" * 32)), 400, "cipher-padding"),
    "padding of 33": (lambda p: p.post_sealed(bad_padding(p.settings, b"!" * 64)), 400, "cipher-padding"),
    "padding that is not all alike": (
        lambda p: p.post_sealed(bad_padding(p.settings, b"x" * 31 + b"\x02")), 400, "cipher-padding",
    ),
    "a cipher of nothing": (lambda p: p.post_sealed(raw_cipher(p.settings, b"")), 400, "cipher-too-short"),
    "a length beyond the end": (
        lambda p: p.post_sealed(raw_cipher(p.settings, b"r" * 16 + b"\xff" * 4 + b"<xml/>")), 400, "cipher-length-field",
    ),
    "an Encrypt that is missing": (
        lambda p: p.post(HI, p.query() | {"encrypt_type": "aes", "msg_signature": "0"}), 400, "encrypt-missing",
    ),
    "an Encrypt twice": (
        lambda p: p.post("<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>", p.query() | {"encrypt_type": "aes"}),
        400, "field-twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_its_status_and_one_log_line_and_leaves_no_trace(
    platform: Platform, service, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    send, status, word = BAD[what]
    with caplog.at_level(logging.INFO):
        response = send(platform)
    assert (response.status_code, response.data) == (status, b"")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert word in lines[0]
    assert OPENID not in caplog.text
    assert "您好" not in caplog.text
    assert stored(service) == 0


def test_a_signature_overheard_in_plain_mode_cannot_carry_another_message(platform: Platform, service) -> None:
    query = platform.query()
    assert platform.post(HI, query).status_code == 200
    forged = platform.post(message(Content="我要注销", msg_id="2"), query)
    assert (forged.status_code, forged.data) == (403, b"")
    assert stored(service) == 2  # the first message and its answer


def test_a_retry_with_the_same_signature_gets_the_same_answer(platform: Platform, service) -> None:
    query = platform.query()
    first, again = platform.post(HI, query), platform.post(HI, query)
    assert first.data
    assert first.data == again.data
    assert stored(service) == 2


def test_safe_mode_is_understood_and_answered_in_safe_mode(platform: Platform, service) -> None:
    response = platform.post_safe(HI)
    assert response.status_code == 200
    assert "<MsgType>" not in response.text
    answer = platform.opened(response)
    assert f"<ToUserName><![CDATA[{OPENID}]]></ToUserName>" in answer
    assert f"<FromUserName><![CDATA[{ACCOUNT}]]></FromUserName>" in answer


def test_where_all_must_be_encrypted_the_cipher_cannot_be_stripped(platform: Platform, service) -> None:
    """Who overheard the plain signature of one push could else say anything in anybody's name for an hour."""
    service.settings = replace(service.settings, callback_mode="safe")
    forged = platform.post(message(Content="我要注销"), platform.query())
    assert (forged.status_code, forged.data) == (403, b"")
    assert stored(service) == 0
    assert platform.post_safe(HI).status_code == 200
    assert stored(service) == 2


def test_a_json_account_is_read_and_answered_in_json(platform: Platform, service) -> None:
    service.settings = replace(service.settings, callback_format="json")
    response = platform.post(as_json(HI))
    assert response.content_type.startswith("application/json")
    assert response.json["ToUserName"] == OPENID
    assert response.json["Content"]


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"a":' * 5000, '{"MsgType": {"a": 1}}', '{"MsgType": null}'])
def test_bad_json_is_refused_too(platform: Platform, service, body: str) -> None:
    service.settings = replace(service.settings, callback_format="json")
    assert platform.post(body).status_code == 400


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400), st.text(max_size=200).map(lambda t: f"<xml>{t}</xml>".encode("utf-8", "replace"))
    )
)
def test_no_bytes_whatever_break_the_reader(body: bytes) -> None:
    status = 200
    try:
        gateway._received(wire.read(body), False, NOW)
    except Refused as refused:
        status = refused.status
    assert status in (200, 400)


@examples(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=0, max_size=200))
def test_no_cipher_whatever_breaks_the_opener(settings: Settings, noise: bytes) -> None:
    with pytest.raises(Refused) as refused:
        seal.decrypt(settings.wechat_aes_key, settings.wechat_app_id, base64.b64encode(noise).decode())
    assert refused.value.status == 400


# --- what is said


@examples(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_a_text_arrives_as_it_was_written_but_for_control_characters(text: str) -> None:
    xml = wire.write_xml(
        {"ToUserName": ACCOUNT, "FromUserName": OPENID, "MsgType": "text", "Content": text, "MsgId": 1}
    )
    # XML itself reads every line break as \n
    assert parsed(xml).text == wire.printable(text).replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("  两边有空格 \n", "  两边有空格 \n"),
        ("", ""),
        ("👨‍👩‍👧 家庭", "👨‍👩‍👧 家庭"),
        ("nul\x00字\x07符", "nul字符"),
        ("مرحبا \u202eabc", "مرحبا \u202eabc"),
        ("长" * 2700, "长" * 2700),
    ],
)
def test_unusual_texts_arrive(said: str, heard: str) -> None:
    assert parsed(message(Content=said)).text == heard


def test_an_empty_element_is_an_empty_text_not_none() -> None:
    assert parsed(message().replace("</xml>", "<Content/></xml>")).text == ""


def test_broken_utf8_still_gets_through() -> None:
    fields = wire.read(message(Content="居住证X").encode().replace(b"X", b"\xff\xfe"))
    assert fields["Content"].startswith("居住证")


def test_one_id_from_two_people_makes_two_turns(platform: Platform, service) -> None:
    other = "oTest0000000000000000000002x"
    assert platform.post(message(Content="您好", msg_id="77")).data
    assert OPENID not in platform.post(message(Content="您好", msg_id="77", sender=other)).text
    with read(service.engine) as conn:
        assert people.find(conn, "wechat", other) is not None


KINDS = {
    "text": (message(Content="办居住证"), {"kind": "text", "text": "办居住证", "window": "message"}),
    "a tapped choice": (
        message(Content="怎么办", bizmsgmenuid="permit_renewal"),
        {"kind": "text", "choice": "permit_renewal", "window": "click"},
    ),
    "image": (message("image", MediaId="m1", PicUrl="http://p.test/1"), {"kind": "image", "media": "m1", "window": "message"}),
    "voice": (message("voice", MediaId="m2", Format="amr"), {"kind": "voice", "text": "", "media": "m2"}),
    "voice with words": (
        message("voice", MediaId="m3", Recognition="怎么办居住证"), {"kind": "text", "text": "怎么办居住证", "media": "m3"},
    ),
    "video": (message("video", MediaId="m4", ThumbMediaId="t"), {"kind": "video", "media": "m4"}),
    "shortvideo": (message("shortvideo", MediaId="m5"), {"kind": "video", "media": "m5"}),
    "location": (
        message("location", Location_X="29.8", Location_Y="121.5", Label="海曙区"),
        {"kind": "location", "text": "海曙区", "detail": {"latitude": "29.8", "longitude": "121.5", "label": "海曙区"}},
    ),
    "link": (message("link", Title="新闻", Url="http://n.test"), {"kind": "link", "detail": {"title": "新闻", "url": "http://n.test"}}),
    "subscribe": (event("subscribe", EventKey=""), {"event": "subscribe", "scene": "", "window": "click"}),
    "subscribe by code": (
        event("subscribe", EventKey="qrscene_r:ABC", Ticket="t"),
        {"event": "subscribe", "scene": "r:ABC", "detail": {"ticket": "t"}},
    ),
    "subscribe by something else": (event("subscribe", EventKey="last_trade_no_1"), {"event": "subscribe", "scene": ""}),
    "unsubscribe": (event("unsubscribe"), {"event": "unsubscribe", "window": ""}),
    "scan": (event("SCAN", EventKey="r:ABC", Ticket="t"), {"event": "scan", "scene": "r:ABC", "window": "click"}),
    "location report": (event("LOCATION", Latitude="1", Longitude="2", Precision="3"), {"event": "location", "window": ""}),
    "click": (event("CLICK", EventKey="human_agent"), {"event": "click", "choice": "human_agent", "window": "click"}),
    "view": (event("VIEW", EventKey="http://city.test/me"), {"event": "view", "choice": "", "window": ""}),
    "scancode_push": (event("scancode_push", EventKey="k"), {"event": "scancode_push", "window": "click"}),
    "pic_sysphoto": (event("pic_sysphoto", EventKey="k"), {"event": "pic_sysphoto", "window": ""}),
    "pic_photo_or_album": (event("pic_photo_or_album"), {"event": "pic_photo_or_album"}),
    "pic_weixin": (event("pic_weixin"), {"event": "pic_weixin"}),
    "location_select": (event("location_select", EventKey="k"), {"event": "location_select"}),
    "user_info_modified": (event("user_info_modified", OpenID="oX"), {"event": "user_info_modified", "sender": "oX"}),
    "revoked": (event("user_authorization_revoke", OpenID="oX"), {"event": "user_authorization_revoke", "sender": "oX"}),
}  # fmt: skip


@pytest.mark.parametrize("what", KINDS)
def test_every_kind_of_the_platform_arrives_as_what_it_means(what: str) -> None:
    xml, expected = KINDS[what]
    inbound = parsed(xml)
    assert {name: getattr(inbound, name) for name in expected} == expected
    if "event" in expected:
        assert inbound.kind == "event"


@pytest.mark.parametrize(
    ("result", "scene"),
    [
        ("https://city.test/r/AB12CD34EF", "r:AB12CD34EF"),
        ("https://city.test/q/AB12CD34EF?from=poster", "r:AB12CD34EF"),
        ("NB-FH-000123", "r:NB-FH-000123"),
        ("WIFI:S:cafe", "WIFI:S:cafe"),
    ],
)
def test_a_room_code_scanned_from_the_menu_is_a_scan_of_the_room(result: str, scene: str) -> None:
    info = f"<ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>{result}</ScanResult></ScanCodeInfo></xml>"
    inbound = parsed(event("scancode_waitmsg", EventKey="scan_room").replace("</xml>", info))
    assert (inbound.event, inbound.scene, inbound.window) == ("scan", scene, "click")


@pytest.mark.parametrize(
    "box", ["<List><TemplateId>t1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"]
)
def test_consents_to_notifications_arrive_by_template(box: str) -> None:
    two = box + box.replace("t1", "t2").replace("accept", "reject")
    xml = event("subscribe_msg_popup_event")
    one = parsed(xml.replace("</xml>", f"<SubscribeMsgPopupEvent>{box}</SubscribeMsgPopupEvent></xml>"))
    both = parsed(xml.replace("</xml>", f"<SubscribeMsgPopupEvent>{two}</SubscribeMsgPopupEvent></xml>"))
    assert one.detail == {"accepted": "t1", "rejected": ""}
    assert both.detail == {"accepted": "t1", "rejected": "t2"}


@pytest.mark.parametrize("name", ["PUBLISHJOBFINISH", "card_pass_check", "new_kind_2027"])
def test_events_nobody_acts_on_are_answered_empty_and_logged_by_name(
    platform: Platform, service, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    with caplog.at_level(logging.INFO):
        response = platform.post(event(name))
    assert (response.status_code, response.data) == (200, b"")
    assert f"event:{name.lower()}" in caplog.text
    assert OPENID not in caplog.text
    assert stored(service) == 0


@pytest.mark.parametrize(
    ("name", "status", "state"),
    [
        ("TEMPLATESENDJOBFINISH", "success", "delivered"),
        ("TEMPLATESENDJOBFINISH", "failed:user block", "refused"),
        ("TEMPLATESENDJOBFINISH", "failed: system failed", "failed"),
        ("MASSSENDJOBFINISH", "send success", "delivered"),
        ("MASSSENDJOBFINISH", "err(10001)", "failed"),
    ],
)
def test_a_delivery_report_ends_its_row_and_makes_no_turn(
    platform: Platform, service, caplog, name: str, status: str, state: str
) -> None:
    platform.post(message(Content="您好"))
    before = stored(service)
    with write(service.engine) as conn:
        person = conn.execute(select(Person.id)).scalar_one()
        outbox.put(conn, person, "wechat", [{"kind": "template"}], key="push", at=clock.now())
        (row,) = outbox.claim(conn, clock.now())
        outbox.settle(conn, row.id, "accepted", clock.now(), platform_id="88")
    with caplog.at_level(logging.INFO):
        response = platform.post(event(name, MsgID="88", Status=status))
    assert (response.status_code, response.data) == (200, b"")
    assert status in caplog.text
    assert stored(service) == before
    with read(service.engine) as conn:
        assert conn.execute(select(outbox.Outgoing.state)).scalar_one() == state


def test_keys_tell_messages_apart_and_repeat_with_a_retry(still: datetime) -> None:
    assert parsed(message(msg_id="5")).key == "m:5"
    assert parsed(event("CLICK", EventKey="a")).key == f"e:{int(still.timestamp())}:click:a"
    assert parsed(event("CLICK", EventKey="a")).key != parsed(event("CLICK", EventKey="b")).key
    long = "http://city.test/" + "x" * 500
    assert len(parsed(event("VIEW", EventKey=long)).key) <= gateway.LONGEST_KEY
    assert parsed(event("VIEW", EventKey=long)).key != parsed(event("VIEW", EventKey=long + "y")).key
    assert parsed(message(msg_id="", Content="a")).key != parsed(message(msg_id="", Content="b")).key


@pytest.mark.parametrize("created", ["", "abc", "99999999999999", "0", "٣"])
def test_an_impossible_time_of_sending_becomes_now(created: str) -> None:
    xml = message(Content="a").replace(str(int(NOW.timestamp())), created)
    assert parsed(xml).sent_at == NOW


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        asked.append((a, b))
        return False

    monkeypatch.setattr(seal.hmac, "compare_digest", compare)
    with pytest.raises(Refused):
        seal.check("expected", "given")
    assert asked == [(b"expected", b"given")]
