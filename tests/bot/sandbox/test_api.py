"""The platform's API, over HTTP through the door."""

import threading
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

import clock
from bot.sandbox.api import spoil_tokens
from bot.sandbox.driver import Phone
from bot.sandbox.platform import TEMPLATES
from bot.sandbox.samples import picture

TEMPLATE = next(iter(TEMPLATES))


class Api:
    """A bare client."""

    def __init__(self, base, account):
        self.http = httpx.Client(base_url=base, timeout=5)
        self.secrets = {"grant_type": "client_credential", "appid": account.app_id, "secret": account.app_secret}
        self.token = self.stable()["access_token"]

    def stable(self, **more):
        return self.http.post("/cgi-bin/stable_token", json={**self.secrets, **more}).json()

    def post(self, path, data=None, **more):
        return self.http.post(path, params={"access_token": self.token}, json=data, **more).json()

    def get(self, path, **query):
        return self.http.get(path, params={"access_token": self.token, **query})

    def send(self, openid, text="你好"):
        self.token = self.stable()["access_token"]
        return self.post(
            "/cgi-bin/message/custom/send", {"touser": openid, "msgtype": "text", "text": {"content": text}}
        )["errcode"]


@pytest.fixture
def wx(api, platform):
    api = Api(api, platform.account)
    yield api
    api.http.close()


def openid(platform):
    return platform.openid("1")


# --- tokens


def test_a_stable_token_stays_the_same_until_its_last_five_minutes(wx):
    first = wx.stable()
    assert wx.stable()["access_token"] == first["access_token"] == wx.token
    assert 7190 < first["expires_in"] <= 7200
    with clock.frozen(clock.now() + timedelta(seconds=6950)):
        renewed = wx.stable()
        assert renewed["access_token"] != first["access_token"]
        assert wx.get("/cgi-bin/getcallbackip").json()["ip_list"], "the old one goes on for its last minutes"
    with clock.frozen(clock.now() + timedelta(seconds=7300)):
        assert wx.get("/cgi-bin/getcallbackip").json()["errcode"] == 42001


def test_force_refresh_replaces_the_token_at_once_but_not_twice_in_half_a_minute(wx):
    fresh = wx.stable(force_refresh=True)
    assert fresh["access_token"] != wx.token
    assert wx.get("/cgi-bin/getcallbackip").json()["errcode"] == 40001
    assert wx.stable(force_refresh=True)["errcode"] == 45011


def test_force_refresh_is_allowed_twenty_times_a_day(wx):
    start = clock.now()
    codes = []
    for minute in range(21):
        with clock.frozen(start + timedelta(minutes=minute)):
            codes.append(wx.stable(force_refresh=True).get("errcode", 0))
    assert codes == [0] * 20 + [45009]


def test_eight_callers_at_once_get_one_token(api, platform):
    tokens = []
    threads = [threading.Thread(target=lambda: tokens.append(Api(api, platform.account).token)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 8
    assert len(set(tokens)) == 1


def test_the_old_token_call_is_apart_and_leaves_the_one_before_alive_for_a_while(wx):
    def plain():
        return wx.http.get("/cgi-bin/token", params=wx.secrets).json()["access_token"]

    first = plain()
    second = plain()
    assert len({first, second, wx.token}) == 3
    wx.token = first
    assert "ip_list" in wx.get("/cgi-bin/getcallbackip").json()
    with clock.frozen(clock.now() + timedelta(minutes=6)):
        assert wx.get("/cgi-bin/getcallbackip").json()["errcode"] == 42001


@pytest.mark.parametrize(
    ("change", "errcode"), [({"appid": "wx0"}, 40013), ({"secret": "no"}, 40125), ({"grant_type": "x"}, 40002)]
)
def test_wrong_credentials_are_named(wx, change, errcode):
    assert wx.stable(**change)["errcode"] == errcode


def test_a_missing_and_an_unknown_token_are_told_apart(wx):
    assert wx.http.get("/cgi-bin/getcallbackip").json()["errcode"] == 41001
    wx.token = "made-up"
    assert wx.get("/cgi-bin/getcallbackip").json()["errcode"] == 40001


@pytest.mark.parametrize(("how", "errcode"), [("expired", 42001), ("revoked", 40001)])
def test_tokens_can_be_spoilt_on_demand(platform, wx, how, errcode):
    assert spoil_tokens(platform, how) == 1
    assert wx.get("/cgi-bin/getcallbackip").json()["errcode"] == errcode
    wx.token = wx.stable()["access_token"]
    assert "ip_list" in wx.get("/cgi-bin/getcallbackip").json()


# --- customer messages and their quotas


def test_five_messages_within_48_hours_of_a_message(platform, wx, phone):
    later = clock.now() + timedelta(minutes=2)
    phone.say("你好")
    with clock.frozen(later):
        assert [wx.send(openid(platform)) for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    with clock.frozen(later + timedelta(hours=48)):
        assert wx.send(openid(platform)) == 45015


def test_three_messages_within_a_minute_of_following(platform, wx, phone):
    assert [wx.send(openid(platform)) for _ in range(4)] == [0, 0, 0, 45047]
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        assert wx.send(openid(platform)) == 45015


def test_a_minutes_window_is_used_up_before_the_long_one(platform, wx, phone):
    phone.say("你好")
    assert [wx.send(openid(platform)) for _ in range(9)] == [0] * 8 + [45047]


def test_tapping_a_msgmenu_counts_as_a_click_and_opening_a_page_as_nothing(platform, wx, phone, city):
    platform.store.put("menu", [{"type": "view", "name": "我的", "url": city.url + "/me"}])
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        phone.press(0)
        assert wx.send(openid(platform)) == 45015
        phone.do("tap", id="yes", label="是的")
        assert [wx.send(openid(platform)) for _ in range(4)] == [0, 0, 0, 45047]


def test_two_senders_never_spend_one_message_twice(platform, wx, phone):
    phone.say("你好")
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(wx.send(openid(platform)))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [0] * 8 + [45047] * 4


def test_who_left_gets_nothing_and_who_never_was_is_unknown(platform, wx, phone):
    phone.unfollow()
    assert wx.send(openid(platform)) == 43004
    assert wx.send("oNobody") == 40003


def test_a_msgmenu_is_shown_and_its_items_can_be_tapped(platform, wx, phone, city):
    menu = {
        "head_content": "您是想问？",
        "list": [{"id": "a", "content": "居住证签注"}, {"id": "b", "content": "居住证补换"}],
        "tail_content": "都不是就直接说",
    }
    said = {"touser": openid(platform), "msgtype": "msgmenu", "msgmenu": menu}
    assert wx.post("/cgi-bin/message/custom/send", said)["errcode"] == 0
    assert phone.choices()[1] == {"id": "b", "label": "居住证补换"}
    assert phone.tap("居住证补换")[0]["text"] == "你说：居住证补换"
    assert "<bizmsgmenuid>" not in city.bodies[-1], "safe mode hides it"
    assert "bizmsgmenuid" in platform.store.since("wire", 0)[-2]["text"]


def test_a_text_may_hold_choices_as_links(platform, wx, phone):
    wx.send(openid(platform), '选<a href="weixin://bizmsgmenu?msgmenucontent=%E6%98%AF&msgmenuid=yes">是</a>')
    assert phone.choices() == [{"id": "yes", "label": "是"}]


def test_wrong_customer_messages_are_refused_and_cost_nothing(platform, wx, phone):
    to = {"touser": openid(platform)}
    path = "/cgi-bin/message/custom/send"
    long = {"content": "好" * 683}
    two = {"articles": [{"title": "a"}, {"title": "b"}]}
    assert wx.post(path, {**to, "msgtype": "text", "text": long})["errcode"] == 45002
    assert wx.post(path, {**to, "msgtype": "news", "news": two})["errcode"] == 45008
    assert wx.post(path, {**to, "msgtype": "image", "image": {"media_id": "x"}})["errcode"] == 40007
    assert wx.post(path, {**to, "msgtype": "carrier-pigeon"})["errcode"] == 40008
    assert wx.post(path, {**to, "msgtype": "msgmenu", "msgmenu": {"list": [{"id": "a"}]}})["errcode"] == 47001
    assert wx.http.post(path, params={"access_token": wx.token}, content=b"{").json()["errcode"] == 47001
    assert [wx.send(openid(platform)) for _ in range(4)] == [0, 0, 0, 45047]


# --- templates and consents


def test_one_consent_is_good_for_one_message(platform, wx, phone, city):
    letter = {"touser": openid(platform), "template_id": TEMPLATE, "data": {"thing1": {"value": "已受理"}}}
    path = "/cgi-bin/message/subscribe/bizsend"
    assert wx.post(path, letter)["errcode"] == 43101
    phone.do("consent", template=TEMPLATE, accept=False)
    assert wx.post(path, letter)["errcode"] == 43101
    phone.do("consent", template=TEMPLATE, accept=True)
    assert wx.post(path, letter)["errcode"] == 0
    assert wx.post(path, letter)["errcode"] == 43101
    assert phone.wait_for(lambda entry: entry["kind"] == "template")["fields"] == [["办理事项", "已受理"]]


def test_a_template_message_reports_its_fate(platform, wx, phone, city):
    letter = {"touser": openid(platform), "template_id": TEMPLATE, "data": {"thing1": {"value": "已受理"}}}
    told = threading.Event()
    city.answer = lambda message: told.set() if message.event == "templatesendjobfinish" else None
    sent = wx.post("/cgi-bin/message/template/send", letter)
    assert sent["errcode"] == 0
    assert told.wait(5)
    assert city.heard[-1].status == "success"
    letter["data"]["thing1"]["value"] = "二十一个字的内容放不进一个字段里所以会被平台拒绝掉"
    assert wx.post("/cgi-bin/message/template/send", letter)["errcode"] == 47003


# --- codes, menu, media, people


def test_codes_carry_their_scene_and_temporary_ones_end(platform, wx, phone, city):
    def made(name, scene, **more):
        return wx.post("/cgi-bin/qrcode/create", {"action_name": name, "action_info": {"scene": scene}, **more})

    code = made("QR_STR_SCENE", {"scene_str": "r:ABC"}, expire_seconds=600)
    assert code["expire_seconds"] == 600
    image = wx.http.get("/cgi-bin/showqrcode", params={"ticket": code["ticket"]})
    assert (image.headers["content-type"], image.content[:4]) == ("image/png", b"\x89PNG")
    phone.scan(code["ticket"])
    assert (city.heard[-1].scene_id, city.heard[-1].ticket) == ("r:ABC", code["ticket"])
    with clock.frozen(clock.now() + timedelta(seconds=601)), pytest.raises(Exception, match="过期"):
        phone.scan(code["ticket"])
    assert made("QR_STR_SCENE", {"scene_str": "r:ABC"})["expire_seconds"] == 60
    assert "expire_seconds" not in made("QR_LIMIT_SCENE", {"scene_id": 100_000})
    assert made("QR_LIMIT_SCENE", {"scene_id": 100_001})["errcode"] == 40053
    assert made("QR_STR_SCENE", {"scene_str": "x" * 65})["errcode"] == 40053
    assert made("QR_SCENE", {"scene_id": 1}, expire_seconds=2_592_001)["errcode"] == 40053
    platform.store.put("codes", 100_000)
    assert made("QR_LIMIT_STR_SCENE", {"scene_str": "one more"})["errcode"] == 45029


def test_a_menu_is_checked_and_kept(platform, wx):
    def create(*buttons):
        return wx.post("/cgi-bin/menu/create", {"button": list(buttons)})["errcode"]

    click = {"type": "click", "name": "帮助", "key": "help"}
    assert wx.get("/cgi-bin/menu/get").json()["errcode"] == 46003
    assert create({**click, "name": "这个名字太长"}) == 40018
    assert create({"name": "办事", "sub_button": [{**click, "name": "名" * 21}]}) == 40025
    assert create(click, click, click, click) == 40016
    assert create({"name": "办事", "sub_button": [click] * 6}) == 40023
    assert create({"type": "view", "name": "我的", "url": "javascript:1"}) == 40020
    assert create({"type": "shout", "name": "我的"}) == 40017
    assert create(click, {"name": "办事", "sub_button": [click]}) == 0
    assert wx.get("/cgi-bin/menu/get").json()["menu"]["button"][0] == click
    assert wx.get("/cgi-bin/menu/delete").json()["errcode"] == 0
    assert platform.store.get("menu") is None


def test_media_go_up_and_down_and_die_after_three_days(platform, wx, phone, city):
    up = wx.http.post(
        "/cgi-bin/media/upload",
        params={"access_token": wx.token, "type": "image"},
        files={"media": ("a.png", picture(), "image/png")},
    ).json()
    down = wx.get("/cgi-bin/media/get", media_id=up["media_id"])
    assert (down.headers["content-type"], down.content) == ("image/png", picture())
    phone.do("image")
    theirs = city.heard[-1].media_id
    assert wx.get("/cgi-bin/media/get", media_id=theirs).content[:4] == b"\x89PNG"
    with clock.frozen(clock.now() + timedelta(days=3, seconds=1)):
        wx.token = wx.stable()["access_token"]
        assert wx.get("/cgi-bin/media/get", media_id=theirs).json()["errcode"] == 40007


def test_user_info_tells_who_follows_and_by_which_code_and_no_name(platform, wx):
    Phone(platform, "1").scan("r:ABC")
    info = wx.get("/cgi-bin/user/info", openid=openid(platform)).json()
    assert (info["subscribe"], info["qr_scene_str"], info["nickname"]) == (1, "r:ABC", "")
    Phone(platform, "1").unfollow()
    assert wx.get("/cgi-bin/user/info", openid=openid(platform)).json()["subscribe"] == 0


def test_the_js_ticket_is_shared(wx):
    first, second = (wx.get("/cgi-bin/ticket/getticket", type="jsapi").json() for _ in range(2))
    assert first["ticket"] == second["ticket"]


def test_an_account_that_is_no_service_account_may_less(platform, wx, phone):
    platform.account = replace(platform.account, kind="subscription")
    menu = {"touser": openid(platform), "msgtype": "msgmenu", "msgmenu": {"list": [{"id": "a", "content": "b"}]}}
    assert wx.post("/cgi-bin/message/custom/send", menu)["errcode"] == 40200
    assert wx.post("/cgi-bin/message/template/send", {})["errcode"] == 48001
    assert wx.post("/cgi-bin/qrcode/create", {})["errcode"] == 48001


# --- trouble on demand


def rule(platform, **rule):
    from bot.sandbox.actions import set_switches

    set_switches(platform, {"rule": rule})


@pytest.mark.parametrize("errcode", [45015, 45047, 40001, 42001, 45009, -1, 43004, 48001, 40164])
def test_an_error_code_can_be_had_for_so_many_calls(platform, wx, phone, errcode):
    rule(platform, path="message/custom/send", effect="errcode", errcode=errcode, left=2)
    assert "ip_list" in wx.get("/cgi-bin/getcallbackip").json(), "other calls are left alone"
    assert [wx.send(openid(platform)) for _ in range(3)] == [errcode, errcode, 0]


def test_a_broken_line_a_hanging_one_and_a_crash_can_be_had(platform, wx, phone):
    rule(platform, path="*", effect="reset")
    with pytest.raises(httpx.TransportError):
        wx.send(openid(platform))
    rule(platform, path="*", effect="hang", seconds=0.5)
    with pytest.raises(httpx.TimeoutException):
        wx.http.get("/cgi-bin/getcallbackip", timeout=0.2)
    rule(platform, path="*", effect="http500")
    assert wx.get("/cgi-bin/getcallbackip").status_code == 500
    rule(platform, path="*", effect="delay", seconds=0.3)
    answer = wx.get("/cgi-bin/getcallbackip")
    assert answer.elapsed >= timedelta(seconds=0.3)
    assert "ip_list" in answer.json()


def test_no_secret_reaches_the_wire_log(platform, wx, phone):
    wx.send(openid(platform))
    log = str(platform.store.since("wire", 0))
    assert platform.account.app_secret not in log
    assert wx.token not in log


def test_an_unknown_call_says_so(wx):
    assert "does not know" in wx.get("/cgi-bin/no/such").json()["errmsg"]
