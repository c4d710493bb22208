"""The pictures of docs/rooms.md: `python -m tests.rooms.pictures http://127.0.0.1:8000` with a fresh rehearsal there."""

import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from records.demo_rooms import checked
from tests.browser_setup import ARGUMENTS, chromium

FOLDER = Path(__file__).parent.parent.parent / "docs" / "images"
PASSWORD = "rehearsal-2026"


def main(base: str) -> int:
    """Take each picture anew."""
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        _phone(browser.new_page(viewport={"width": 390, "height": 844}, locale="zh-CN"), base)
        _desk(browser, base)
        browser.close()
    return 0


def _phone(page: Page, base: str) -> None:
    page.goto(f"{base}/r/NB-FH-000014")
    page.get_by_label("您的姓名").fill("吴晓")
    page.locator("#p0-number").fill(checked("99010119910203001"))
    page.locator("#p0-phone").fill("13911112222")
    page.get_by_role("button", name="还有家人一起住").click()
    page.locator("#p1-relation").select_option(label="子女")
    page.locator("#p1-name").fill("吴小禾")
    page.locator("#p1-paper").select_option("none")
    page.locator("#p1-born").fill("2020-05-06")
    page.get_by_label("我是孩子的监护人").check()
    page.get_by_label("我看过了，同意").check()
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=FOLDER / "rooms-scan.png")
    page.get_by_role("button", name="登记", exact=True).click()
    page.get_by_role("heading", name="收到您的登记").wait_for()
    page.screenshot(path=FOLDER / "rooms-receipt.png")


def _desk(browser: Browser, base: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page.goto(f"{base}/staff/login")
    page.get_by_label("账号").fill("officer")
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(re.compile(r"/staff(/inbox)?"))
    page.goto(f"{base}/staff/rooms")
    page.screenshot(path=FOLDER / "rooms-board.png")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
