"""One chat from the first word to the report: a person on WeChat (the sandbox's page), staff at the console, two browsers."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from bot.sandbox.driver import Phone
from records import staff
from tests.bot.sandbox.test_page import followed, say
from tests.staff.test_browser import chromium, city, claim, desk, open_page, scored, wait_until  # noqa: F401 - fixtures
from tests.staff.test_reaching import phone, work  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


def reply(page: Page, text: str) -> None:
    page.get_by_label("回复", exact=True).fill(text)
    page.get_by_role("button", name="发送").click()
    expect(page.locator(".line-staff .text").last).to_have_text(text)


def test_from_the_handoff_to_the_report(app: Flask, desk, open_page, phone: Phone) -> None:  # noqa: F811
    counsellor, second = desk("lin", "counsellor", ("general",)), desk("he", "officer")
    lead = desk("lu", "supervisor", tuple(staff.TEAMS))
    wechat = open_page(390, 844)
    wechat.goto("/sandbox")
    followed(wechat)
    chat = wechat.get_by_role("log", name="聊天记录")

    say(wechat, "转人工")  # handoff
    claim(counsellor, "lin")  # claim
    expect(counsellor.locator("#quota")).to_contain_text("还可发 5 条")
    reply(counsellor, "您好，我是小林，您慢慢说。")  # both ways, with the quota
    expect(counsellor.locator("#quota")).to_contain_text("另有 2 条一分钟内有效")  # he followed just now
    work(app)
    expect(chat).to_contain_text("我是小林")
    say(wechat, "房东不给登记怎么办")
    expect(counsellor.locator(".line-person .text").last).to_have_text("房东不给登记怎么办")
    expect(counsellor.locator("#quota")).to_contain_text("还可发 5 条")

    counsellor.locator("body").click(position={"x": 5, "y": 5})
    counsellor.keyboard.press("n")  # note
    counsellor.get_by_label("备注", exact=True).fill("房东在外地")
    counsellor.get_by_role("button", name="写下").click()
    expect(counsellor.locator(".line-note")).to_contain_text("房东在外地")

    counsellor.keyboard.press("t")  # transfer
    counsellor.get_by_label("转给", exact=True).select_option(label="员工he（民警/经办人，在岗，手上0个）")
    counsellor.locator("#transfer").get_by_role("button", name="转交", exact=True).click()
    counsellor.wait_for_url(re.compile("view=mine"))
    second.goto("/staff/inbox?view=mine")
    second.locator(".chat-row a").first.click()
    expect(second.locator(".line-note")).to_contain_text("房东在外地")
    reply(second, "我来接着办，请把合同拍给我。")

    second.get_by_role("button", name="结束", exact=True).first.click()  # close
    second.get_by_label("已解决").check()
    second.locator("#closing").get_by_role("button", name="结束", exact=True).click()
    second.wait_for_url(re.compile("view=mine"))
    work(app)
    work(app)  # what one person gets goes out one by one
    expect(chat).to_contain_text("我来接着办")
    expect(chat).not_to_contain_text("房东在外地")

    wechat.get_by_role("button", name="满意", exact=True).click()  # rating
    wait_until(lambda: scored(app) == 3)
    lead.goto("/staff/reports")  # report
    expect(lead.locator(".tiles")).to_contain_text("1人答，问了1人")
    expect(lead.locator(".tiles")).to_contain_text("100%")
