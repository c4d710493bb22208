"""The sandbox in a real browser: what a city office sees when it tries the service."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect, sync_playwright

from bot import pages
from bot.sandbox import routes
from bot.sandbox.platform import TEMPLATES
from settings import Settings

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def platform(city, client, serve, tmp_path, settings_of_echo):
    """The page in one server, the echo behind it in another."""
    app = Flask("service", static_folder=None)
    pages.prepare(app, settings_of_echo)
    platform = routes.register(app, settings_of_echo, client)
    app.add_url_rule("/me", "me", lambda: "<!doctype html><title>我的</title><h1>我的记录</h1>")
    platform.callback, platform.public_url = city.url + "/wechat", serve(app)
    return platform


@pytest.fixture
def settings_of_echo(tmp_path, account):
    return Settings.from_env(
        {
            "DATA_DIR": str(tmp_path),
            "WECHAT_APP_ID": account.app_id,
            "WECHAT_APP_SECRET": account.app_secret,
            "WECHAT_TOKEN": account.token,
            "WECHAT_AES_KEY": account.aes_key,
        }
    )


@pytest.fixture(params=[(390, 844), (1440, 900)], ids=["phone", "desk"])
def page(request, browser, platform) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(platform.public_url + "/sandbox")
    yield page
    context.close()
    assert complaints == [], "the browser complained"


def followed(page: Page) -> None:
    page.get_by_role("button", name="关注公众号").click()
    expect(page.locator("#chat")).to_be_visible()


def say(page: Page, text: str) -> None:
    if page.locator("#to-input").is_visible():
        page.locator("#to-input").click()
    page.get_by_label("消息", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_following_asking_and_being_answered(page, city):
    city.answer = lambda message: "您好" if message.type == "event" else f"关于{message.content}"
    followed(page)
    say(page, "居住证签注")
    chat = page.get_by_role("log", name="聊天记录")
    expect(chat).to_contain_text("您好")
    expect(chat).to_contain_text("关于居住证签注")
    expect(page.locator("#busy")).to_be_hidden()
    page.get_by_role("tab", name="通信记录").click()
    entry = page.locator("#wire details", has_text="文本「居住证签注」")
    entry.locator("summary").click()
    expect(entry).to_contain_text("<Content>居住证签注</Content>")
    expect(entry).to_contain_text("msg_signature=")


def test_choices_of_a_menu_message_are_tapped(page, platform, city):
    followed(page)
    choices = [{"id": "renew", "label": "居住证签注"}, {"id": "lost", "label": "证件补换"}]
    platform.show("1", "account", "msgmenu", text="您是想问？", choices=choices, tail="都不是就直接说", via="custom")
    page.get_by_role("button", name="证件补换").click()
    expect(page.locator("#chat .mine").last).to_contain_text("证件补换")
    expect(page.locator("#chat .theirs").last).to_contain_text("你说：证件补换")


def test_the_menu_bar_opens_sends_and_closes_with_the_keyboard(page, platform, city):
    city.answer = lambda message: f"按了{message.key}" if message.event == "click" else None
    below = [
        {"type": "click", "name": "居住登记", "key": "register"},
        {"type": "view", "name": "我的", "url": platform.public_url + "/me"},
    ]
    platform.store.put(
        "menu", [{"name": "办事", "sub_button": below}, {"type": "click", "name": "转人工", "key": "person"}]
    )
    followed(page)
    top = page.get_by_role("button", name="办事")
    top.press("Enter")
    expect(page.get_by_role("button", name="居住登记")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#submenu")).to_be_hidden()
    expect(top).to_be_focused()
    top.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#chat")).to_contain_text("按了register")
    top.click()
    page.get_by_role("button", name="我的", exact=True).click()
    expect(page.frame_locator("#page").get_by_role("heading", name="我的记录")).to_be_visible()
    page.get_by_role("button", name="关闭网页，回到聊天").click()
    expect(page.locator("#browser")).to_be_hidden()


def test_pictures_places_and_codes_are_sent(page, city):
    city.answer = lambda message: f"收到{message.type}"
    followed(page)
    page.get_by_role("button", name="更多").click()
    page.get_by_role("button", name="示例照片").click()
    expect(page.locator("#chat")).to_contain_text("收到image")
    page.get_by_role("button", name="更多").click()
    page.get_by_role("button", name="位置", exact=True).click()
    page.get_by_role("button", name="确定").click()
    expect(page.locator("#chat")).to_contain_text("收到location")
    page.get_by_role("button", name="更多").click()
    page.get_by_role("button", name="扫一扫").click()
    page.get_by_label("二维码：场景值、票据，或房间码的网址").fill("desk-7")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .theirs").last).to_contain_text("收到event")
    assert city.heard[-1].scene_id == "desk-7"


def test_a_fault_is_switched_on_seen_in_red_and_switched_off(page, city):
    followed(page)
    page.get_by_role("tab", name="故障演练").click()
    page.get_by_label("接下来丢失几次回答").fill("1")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#faults-now")).to_contain_text("还会丢失 1 次回答")
    if page.get_by_role("tab", name="手机").is_visible():
        page.get_by_role("tab", name="手机").click()
    say(page, "你好")
    expect(page.locator("#chat")).to_contain_text("你说：你好")
    page.get_by_role("tab", name="通信记录").click()
    page.get_by_label("只看异常").check()
    expect(page.locator("#wire > li:visible")).to_have_count(1)
    expect(page.locator("#wire > li:visible")).to_contain_text("第 1 次推送没有回答")


def test_another_phone_is_another_person_with_another_chat(page, city):
    followed(page)
    say(page, "只有我说过")
    expect(page.locator("#chat")).to_contain_text("你说：只有我说过")
    page.get_by_role("button", name="周大海").click()
    expect(page.get_by_role("button", name="关注公众号")).to_be_visible()
    page.get_by_role("button", name="陈小雨").click()
    expect(page.locator("#chat")).to_contain_text("你说：只有我说过")


def test_a_text_of_the_service_is_never_markup(page, platform):
    followed(page)
    nasty = '<img src=x onerror="document.title=\'broken\'"><a href="javascript:document.title=1">点我</a> https://a.example/b。'
    platform.show("1", "account", "text", text=nasty, via="passive")
    bubble = page.locator("#chat .bubble").last
    expect(bubble).to_contain_text("<img src=x")
    expect(bubble.locator("img")).to_have_count(0)
    expect(bubble.get_by_role("link")).to_have_attribute("href", "https://a.example/b")
    expect(page).to_have_title("微信沙盒")


def test_a_notification_arrives_as_a_card(page, platform):
    followed(page)
    title = TEMPLATES[next(iter(TEMPLATES))][0]
    platform.show("1", "account", "template", title=title, fields=[("thing1", "已受理")], url="/me", via="subscribe")
    card = page.locator("#chat .notice-card")
    expect(card).to_contain_text("已受理")
    card.get_by_role("link", name="查看详情").click()
    expect(page.frame_locator("#page").get_by_role("heading", name="我的记录")).to_be_visible()


def test_nothing_is_wider_than_the_screen(page, city):
    city.answer = lambda message: "很长的网址 https://city.example/" + "a" * 300
    followed(page)
    say(page, "a" * 400)
    expect(page.locator("#chat .theirs")).to_have_count(2)
    for tab in ("手机", "通信记录", "故障演练"):
        if page.get_by_role("tab", name=tab).is_visible():
            page.get_by_role("tab", name=tab).click()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
