"""What the platform tells the service, and what it makes of the answers."""

import json
import threading
import time
from dataclasses import replace

import pytest
import redis
import wechatpy.events
import wechatpy.messages
from flask import Response

from bot.sandbox import actions, cipher
from bot.sandbox.answers import SORRY
from bot.sandbox.driver import Phone, Timeout
from bot.sandbox.platform import Impossible
from bot.sandbox.wire import pack


@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
def test_a_message_and_its_answer_go_through_in_every_mode(platform, phone, city, mode):
    platform.switch(mode=mode)
    [answer] = phone.say("居住证怎么续签")
    assert answer["text"] == "你说：居住证怎么续签"
    assert answer["via"] == "passive"
    assert ("<Encrypt>" in city.bodies[-1]) == (mode != "plain")
    assert ("居住证" in city.bodies[-1]) == (mode != "safe")
    assert ("msg_signature" in city.queries[-1]) == (mode != "plain")


def test_text_that_would_break_out_of_cdata_arrives_whole(phone, city):
    nasty = "]]></Content><Content>x & <b>]]>\n第二行 🙂"
    phone.say(nasty)
    assert city.heard[-1].content == nasty


def test_every_kind_of_message_is_understood_by_somebody_elses_parser(phone, city):
    phone.do("image")
    phone.do("voice")
    phone.do("video")
    phone.do("location", latitude=29.65, longitude=121.41, label="奉化区锦屏街道")
    phone.do("link", title="积分申评", text="怎么办", url="https://example.org/a")
    image, voice, video, place, link = city.heard[-5:]
    assert isinstance(image, wechatpy.messages.ImageMessage)
    assert image.image.startswith("http")
    assert image.media_id
    assert (voice.format, voice.recognition) == ("amr", None)
    assert video.media_id
    assert (place.label, float(place.location_x)) == ("奉化区锦屏街道", 29.65)
    assert (link.title, link.url) == ("积分申评", "https://example.org/a")
    assert len({message.id for message in city.heard[-5:]}) == 5


def test_following_scanning_and_leaving_are_told_as_events(platform, city):
    phone = Phone(platform, "2")
    phone.scan("r:ABC")
    phone.scan("r:DEF")
    phone.unfollow()
    phone.follow()
    came, scanned, left, back = city.heard
    assert isinstance(came, wechatpy.events.SubscribeScanEvent)
    assert (came.scene_id, scanned.scene_id) == ("r:ABC", "r:DEF")
    assert isinstance(left, wechatpy.events.UnsubscribeEvent)
    assert type(back) is wechatpy.events.SubscribeEvent
    assert scanned.ticket


def test_menu_buttons_send_what_they_are_for(platform, phone, city):
    platform.store.put(
        "menu",
        [
            {"name": "办事", "sub_button": [{"type": "click", "name": "居住证", "key": "permit"}]},
            {"type": "view", "name": "我的", "url": city.url + "/me"},
            {"type": "scancode_waitmsg", "name": "扫码", "key": "room"},
        ],
    )
    phone.press(0, 0)
    phone.press(1)
    phone.press(2, result="NB-FH-000123")
    click, view, scan = city.heard[-3:]
    assert (click.event, click.key) == ("click", "permit")
    assert (view.event, view.url) == ("view", city.url + "/me")
    assert (scan.event, scan.scan_result) == ("scancode_waitmsg", "NB-FH-000123")
    with pytest.raises(Impossible):
        phone.press(0)


def test_two_taps_in_one_second_are_two_events(platform, phone, city):
    platform.store.put("menu", [{"type": "click", "name": "帮助", "key": "help"}])
    phone.press(0)
    phone.press(0)
    first, second = city.heard[-2:]
    assert first.create_time != second.create_time


def test_a_service_that_does_not_answer_is_asked_three_times_with_the_same_msgid_and_cut_off(platform, phone, city):
    platform.switch(patience=0.3)
    release = threading.Event()
    city.raw = lambda message: (release.wait(5) and "") or ""
    began = time.monotonic()
    shown = phone.say("在吗")
    took = time.monotonic() - began
    release.set()
    assert [message.id for message in city.heard[-3:]] == [city.heard[-1].id] * 3
    assert phone.state == "failed"
    assert 0.9 <= took < 3
    assert [entry["text"] for entry in shown] == [SORRY]


def test_an_answer_that_comes_at_the_second_push_is_shown_once(platform, phone, city):
    platform.switch(patience=0.3)
    calls = []

    def slow_at_first(message):
        calls.append(message.id)
        time.sleep(0.6 if len(calls) == 1 else 0)
        return ""

    city.raw = slow_at_first
    assert phone.say("在吗") == []
    assert phone.state == "quiet"
    assert len(calls) == 2


def test_an_answer_lost_on_the_way_is_asked_for_again(platform, phone, city):
    platform.switch(lost_answers=2)
    [answer] = phone.say("你好")
    assert answer["text"] == "你说：你好"
    assert len({message.id for message in city.heard[-3:]}) == 1


def test_a_slow_network_eats_the_services_time(platform, phone, city):
    platform.switch(patience=0.5, slow=2.0)
    phone.say("你好")
    assert phone.state == "failed"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Response("not xml"), "XML"),
        (Response("<xml></xml>"), "字段"),
        (Response("<xml><ToUserName>x</ToUserName></xml>"), "没有加密"),
        (Response('<!DOCTYPE a [<!ENTITY b "c">]><xml>&b;</xml>'), "DTD"),
        (Response(b"\xff\xfe"), "UTF-8"),
    ],
)
def test_a_malformed_answer_makes_the_person_see_that_the_account_fails(platform, phone, city, answer, fault):
    city.raw = lambda message: answer
    [shown] = phone.say("你好")
    assert (shown["who"], shown["text"]) == ("platform", SORRY)
    log = platform.store.since("wire", 0)[-1]
    assert log["bad"]
    assert fault in log["title"]
    assert len(city.heard) == 2, "a bad answer is an answer: nothing is pushed again"


@pytest.mark.parametrize("status", [201, 302, 500, 503])
def test_any_status_but_200_is_no_answer_and_is_pushed_again(platform, phone, city, status):
    city.raw = lambda message: Response("", status=status)
    assert [entry["text"] for entry in phone.say("你好")] == [SORRY]
    assert len({message.id for message in city.heard[-3:]}) == 1
    assert f"HTTP {status}" in platform.store.since("wire", 0)[-2]["title"]


def test_an_answer_of_2049_bytes_is_one_too_many(platform, phone, city):
    city.answer = lambda message: "a" * 2048
    assert phone.say("长")[0]["kind"] == "text"
    city.answer = lambda message: "好" * 682 + "abc"
    assert phone.say("长")[0]["text"] == SORRY


def test_an_answer_to_somebody_else_is_refused(platform, phone, city):
    platform.switch(mode="plain")
    city.raw = lambda message: (
        f"<xml><ToUserName>oSomebody</ToUserName><FromUserName>{message.target}</FromUserName>"
        "<CreateTime>1</CreateTime><MsgType>text</MsgType><Content>hi</Content></xml>"
    )
    assert phone.say("你好")[0]["text"] == SORRY


def test_a_tampered_signature_of_an_answer_is_noticed(platform, phone, city):
    city.raw = lambda message: (
        "<xml><Encrypt>AAAA</Encrypt><MsgSignature>0</MsgSignature><TimeStamp>1</TimeStamp><Nonce>1</Nonce></xml>"
    )
    assert phone.say("你好")[0]["text"] == SORRY
    assert "MsgSignature" in platform.store.since("wire", 0)[-1]["title"]


def test_answers_to_events_nobody_waits_for_are_not_shown(phone, city):
    city.answer = lambda message: "谁问你了"
    assert phone.do("report-location", latitude=29.8, longitude=121.5) == []
    assert city.heard[-1].event == "location"


def test_a_service_that_is_down_is_tried_three_times(platform, city):
    platform.callback = "http://127.0.0.1:9/wechat"
    phone = Phone(platform, "3")
    assert [entry["text"] for entry in phone.follow()] == [SORRY]
    lost = [entry for entry in platform.store.since("wire", 0) if "次推送没有回答" in entry["title"]]
    assert [(entry["attempt"], entry["bad"]) for entry in lost] == [(1, True), (2, True), (3, True)]


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_an_account_set_to_json_gets_json(platform, phone, city, mode):
    platform.account = replace(platform.account, data_format="json")
    pushed = pack(platform.account, {"ToUserName": "gh", "FromUserName": "o1", "Content": "签注"}, mode, 1)
    body = json.loads(pushed.body)
    assert pushed.content_type == "application/json"
    if mode == "safe":
        assert set(body) == {"ToUserName", "Encrypt"}
        account = platform.account
        body = json.loads(cipher.unseal(body["Encrypt"], account.app_id, account.aes_key))
    assert body["Content"] == "签注"


def test_a_push_that_loses_its_redis_ends(platform, phone, city, monkeypatch):
    def away(*args, **kwargs):
        raise redis.ConnectionError("away")

    city.raw = lambda message: monkeypatch.setattr(type(platform.store), "add", away) or ""
    delivery = actions.perform(platform, "1", "report-location", {"latitude": 29.8, "longitude": 121.5})
    assert delivery.done.wait(5)
    monkeypatch.undo()
    assert delivery.state == "failed"


def test_who_does_not_follow_cannot_write(platform):
    with pytest.raises(Impossible, match="还没有关注"):
        Phone(platform, "4").say("你好")


def test_unfollowing_takes_the_chat_off_the_phone(phone):
    phone.say("你好")
    phone.unfollow()
    assert phone.chat() == []


def test_too_many_pushes_at_once_are_refused_and_room_comes_back(platform, phone):
    for _ in range(64):
        assert platform.room.acquire(blocking=False)
    with pytest.raises(Impossible, match="太多"):
        phone.say("你好")
    for _ in range(64):
        platform.room.release()
    assert phone.say("你好")


def test_the_driver_says_what_did_not_come(phone):
    with pytest.raises(Timeout, match="没有的话"):
        phone.wait_for("没有的话", seconds=0.1)
