"""The sandbox over HTTP: its buttons, the pages WeChat would show, and who may not come in."""

import threading
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis
from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

import clock
from bot import pages
from bot.sandbox import door, routes
from bot.sandbox.driver import Phone, Remote
from bot.sandbox.platform import TEMPLATES, Impossible
from settings import Settings

TEMPLATE = next(iter(TEMPLATES))


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"DATA_DIR": str(tmp_path), "PORT": "1"})


@pytest.fixture
def service(settings, client, serve):
    """An application that holds the sandbox and a callback that answers nothing, on real HTTP."""
    app = Flask("service", static_folder=None)
    pages.prepare(app, settings)
    # As the service does: limits look views up by name.
    Limiter(get_remote_address, app=app, default_limits=["100000 per minute"], storage_uri="memory://")
    platform = routes.register(app, settings, client)

    @app.post("/wechat")
    def callback():
        request.get_data()
        return ""

    app.extensions["csrf"].exempt(callback)
    url = serve(app)
    platform.callback, platform.public_url = url + "/wechat", url
    return url


@pytest.fixture
def http(service):
    with httpx.Client(base_url=service, timeout=5) as http:
        yield http


def signed_in(http, settings, key, **more):
    query = {
        "appid": settings.wechat_app_id,
        "redirect_uri": f"{http.base_url}/wechat/oauth/callback?a=1".replace("//wechat", "/wechat"),
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "xyz",
        **more,
    }
    return http.get("/sandbox/connect/oauth2/authorize", params={**query, "phone": key} if key else query)


def test_production_has_no_sandbox(settings):
    with pytest.raises(RuntimeError, match="rehearsal"):
        routes.register(Flask("x"), replace(settings, app_mode="production"))


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(http):
    page = http.get("/sandbox")
    assert page.status_code == 200
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert "onclick" not in page.text
    assert page.text.count("<script") == page.text.count('<script type="module" src="/sandbox/static/')
    for line in page.text.splitlines():
        assert 'src="http' not in line
        assert 'href="http' not in line


def test_a_phone_works_over_http_like_in_the_process(service):
    phone = Phone(Remote(service), "2")
    assert phone.follow("desk-1") == []
    assert phone.state == "quiet"
    assert phone.follow() == [], "following twice changes nothing"
    phone.say("你好")
    assert phone.chat()[-1]["text"] == "你好"
    with pytest.raises(Impossible, match="409"):
        Phone(Remote(service), "3").say("没关注")


def test_the_feed_gives_only_what_is_new(http, service):
    phone = Phone(Remote(service), "1")
    phone.follow()
    phone.say("一")
    first = http.get("/sandbox/phone/1/feed").json()
    phone.say("二")
    news = http.get(
        "/sandbox/phone/1/feed", params={"chat": first["chat"][-1]["seq"], "wire": first["wire"][-1]["seq"]}
    ).json()
    assert [entry["text"] for entry in news["chat"]] == ["二"]
    assert [entry["dir"] for entry in news["wire"]] == ["out", "in"]
    assert news["phone"]["windows"]["message"]["left"] == 5


def test_buttons_pressed_from_another_site_are_refused(http):
    form = http.post("/sandbox/reset", data={"a": "b"})
    foreign = http.post("/sandbox/reset", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (form.status_code, foreign.status_code) == (415, 403)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("fly", {}),
        ("say", {"text": ""}),
        ("say", {"text": 7}),
        ("say", {"text": "长" * 10_001}),
        ("location", {"latitude": "north", "longitude": 1}),
        ("location", {"latitude": 91, "longitude": 1}),
        ("image", {"data": "%%%"}),
        ("press", {"at": [9]}),
        ("press", {"at": ["x"]}),
        ("consent", {"template": "no"}),
        ("quota", {"state": "lots"}),
    ],
)
def test_wrong_buttons_get_a_sentence(http, service, action, body):
    Phone(Remote(service), "1").follow()
    answer = http.post(f"/sandbox/phone/1/{action}", json=body)
    assert answer.status_code == 409
    assert answer.json()["error"]


def test_a_phone_needs_a_sensible_name(http):
    assert http.get("/sandbox/phone/a%20b/feed").status_code == 409
    assert (
        http.post("/sandbox/phone/1/say", content=b"[]", headers={"Content-Type": "application/json"}).status_code
        == 400
    )


def test_switches_are_checked_set_and_cleared(http):
    assert http.post("/sandbox/switches", json={"mode": "morse"}).status_code == 409
    assert http.post("/sandbox/switches", json={"slow": -1}).status_code == 409
    assert http.post("/sandbox/switches", json={"rule": {"effect": "explode"}}).status_code == 409
    on = http.post("/sandbox/switches", json={"mode": "plain", "rule": {"effect": "http500", "left": 2}}).json()
    assert (on["mode"], on["rules"][0]["path"], on["rules"][0]["left"]) == ("plain", "*", 2)
    assert http.get("/sandbox/api/cgi-bin/getcallbackip").status_code == 500
    assert http.get("/sandbox/switches").json()["rules"][0]["left"] == 1
    off = http.post("/sandbox/switches/clear", json={}).json()
    assert (off["mode"], off["rules"]) == ("safe", [])


def test_windows_can_be_closed_and_emptied_on_demand(http, service, settings):
    Phone(Remote(service), "1").follow()
    openid = http.get("/sandbox/phone/1/feed").json()["phone"]["openid"]
    secrets = {"grant_type": "client_credential", "appid": settings.wechat_app_id, "secret": settings.wechat_app_secret}
    token = http.post("/sandbox/api/cgi-bin/stable_token", json=secrets).json()["access_token"]

    def sent():
        letter = {"touser": openid, "msgtype": "text", "text": {"content": "你好"}}
        query = {"access_token": token}
        return http.post("/sandbox/api/cgi-bin/message/custom/send", params=query, json=letter).json()["errcode"]

    codes = {}
    for state in ("closed", "empty", "full"):
        http.post("/sandbox/phone/1/quota", json={"state": state})
        codes[state] = sent()
    assert codes == {"closed": 45015, "empty": 45047, "full": 0}
    assert http.post("/sandbox/tokens", json={"how": "expired"}).json() == {"spoiled": 1}
    assert sent() == 42001


def test_signing_in_gives_a_code_that_is_good_once_and_for_five_minutes(http, settings):
    def change(code):
        query = {"appid": settings.wechat_app_id, "secret": settings.wechat_app_secret, "code": code}
        return http.get("/sandbox/api/sns/oauth2/access_token", params=query).json()

    back = urlsplit(signed_in(http, settings, "2").headers["location"])
    query = parse_qs(back.query)
    assert (back.path, query["a"], query["state"]) == ("/wechat/oauth/callback", ["1"], ["xyz"])
    openid = change(query["code"][0])["openid"]
    assert openid == http.get("/sandbox/phone/2/feed").json()["phone"]["openid"]
    assert change(query["code"][0])["errcode"] == 40163
    assert change("made-up")["errcode"] == 40029
    late = parse_qs(urlsplit(signed_in(http, settings, "2").headers["location"]).query)["code"][0]
    with clock.frozen(clock.now() + timedelta(seconds=301)):
        assert change(late)["errcode"] == 40029


def test_who_opened_the_page_is_remembered_from_the_phone_or_asked_for(http, settings):
    assert "以谁的身份" in signed_in(http, settings, None).text
    assert http.get("/sandbox/phone/4/open", params={"url": "/me"}).headers["location"] == "/me"
    assert signed_in(http, settings, None).status_code == 302


@pytest.mark.parametrize("target", ["https://elsewhere.example/x", "//elsewhere.example", "javascript:alert(1)", "me"])
def test_nobody_is_sent_to_another_site(http, settings, target):
    assert http.get("/sandbox/phone/1/open", params={"url": target}).status_code == 400
    assert signed_in(http, settings, "1", redirect_uri=target).status_code == 400
    query = {"template_id": TEMPLATE, "redirect_url": target}
    assert http.get("/sandbox/mp/subscribemsg", params={**query, "choice": "confirm"}).status_code == 400


def test_a_wrong_appid_or_scope_gets_a_page_that_says_so(http, settings):
    assert "10004" in signed_in(http, settings, "1", appid="wx0").text
    assert "10005" in signed_in(http, settings, "1", scope="everything").text


def test_consent_on_the_platforms_page_counts_once_and_leads_back(http, service):
    Phone(Remote(service), "1").follow()
    query = {"template_id": TEMPLATE, "redirect_url": "/me", "scene": "7", "phone": "1"}
    assert "接收一次通知" in http.get("/sandbox/mp/subscribemsg", params=query).text
    back = http.get("/sandbox/mp/subscribemsg", params={**query, "choice": "confirm"}).headers["location"]
    assert parse_qs(urlsplit(back).query)["action"] == ["confirm"]
    assert http.get("/sandbox/phone/1/feed").json()["phone"]["consents"] == {TEMPLATE: 1}


def test_media_are_served_as_pictures_or_not_at_all(http, service):
    phone = Phone(Remote(service), "1")
    phone.follow()
    phone.do("image")
    picture = http.get(f"/sandbox/media/{phone.chat()[-1]['media']}")
    assert picture.headers["content-type"] == "image/png"
    phone.do("image", data="PHNjcmlwdD4=", mime="text/html")
    nasty = http.get(f"/sandbox/media/{phone.chat()[-1]['media']}")
    assert nasty.headers["content-type"] == "application/octet-stream"
    assert nasty.headers["x-content-type-options"] == "nosniff"
    assert http.get("/sandbox/media/none").status_code == 404


def test_reset_empties_the_platform_but_never_repeats_a_msgid(http, service, client):
    phone = Phone(Remote(service), "1")
    phone.follow()
    phone.say("一")
    seen = http.get("/sandbox/phone/1/feed").json()["chat"][-1]["seq"]
    http.post("/sandbox/reset", json={})
    assert not http.get("/sandbox/phone/1/feed").json()["phone"]["follows"]
    phone.follow()
    phone.say("二")
    assert http.get("/sandbox/phone/1/feed", params={"chat": seen}).json()["chat"][-1]["text"] == "二"


def test_without_redis_the_sandbox_says_so(http, client):
    there, client.connection_pool = client.connection_pool, redis.ConnectionPool.from_url("unix:///nowhere.sock")
    answer = http.get("/sandbox/phone/1/feed")
    call = http.get("/sandbox/api/cgi-bin/getcallbackip", params={"access_token": "x"})
    client.connection_pool = there
    assert call.json()["errcode"] == -1
    assert (answer.status_code, "Redis" in answer.json()["error"]) == (503, True)


def test_the_pushes_of_a_page_do_not_hold_its_request(http, service, client):
    http.post("/sandbox/switches", json={"slow": 2.0})
    answer = http.post("/sandbox/phone/1/follow", json={})
    assert answer.elapsed < timedelta(seconds=1)
    assert http.get(f"/sandbox/push/{answer.json()['push']}").json()["state"] == "pushing"
    assert http.get("/sandbox/push/none").status_code == 404


def test_a_callback_that_asks_the_api_cannot_starve_a_server_of_one_thread(settings, client, serve):
    """The whole service has one thread, and the callback needs the API before it answers."""
    app = Flask("service", static_folder=None)
    platform = routes.register(app, settings, client)
    behind = door.for_process(replace(settings, wechat_api_base="http://127.0.0.1:1/sandbox/api"), platform)
    codes = []

    @app.post("/wechat")
    def callback():
        answer = httpx.post(f"{behind.wechat_api_base}/cgi-bin/stable_token", json={"grant_type": "x"}, timeout=4)
        codes.append(answer.json()["errcode"])
        return ""

    url = serve(app, threaded=False)
    platform.callback = url + "/wechat"
    phone = Phone(platform, "1")
    phone.follow()
    assert (phone.state, codes) == ("quiet", [40002])


def test_a_door_is_only_for_our_own_sandbox(settings, client):
    platform = routes.Platform.of(settings, client)
    real = replace(settings, wechat_api_base="https://api.weixin.qq.com")
    assert door.for_process(real, platform) is real


def test_pushes_at_once_from_many_phones_all_arrive(service):
    phones = [Phone(Remote(service), f"bench-{n}") for n in range(12)]
    threads = [threading.Thread(target=phone.follow) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {phone.state for phone in phones} == {"quiet"}
