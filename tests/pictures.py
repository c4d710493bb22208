"""The pictures of the README: `python -m tests.pictures http://127.0.0.1:8000` with a rehearsal running there."""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser_setup import ARGUMENTS, chromium

FOLDER = Path(__file__).parent.parent / "docs" / "images"


def main(base: str) -> int:
    """Take each picture anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        desk = browser.new_page(viewport={"width": 1280, "height": 800})
        _sandbox(desk, base)
        phone = browser.new_page(viewport={"width": 390, "height": 780}, device_scale_factor=2)
        _chat(phone, base)
        browser.close()
    return 0


def _sandbox(page: Page, base: str) -> None:
    page.goto(f"{base}/sandbox")
    page.wait_for_timeout(1000)
    follow = page.get_by_role("button", name="关注公众号")
    if follow.is_visible():
        follow.click()
        page.wait_for_timeout(2000)
    keyboard = page.get_by_role("button", name="切换到键盘")
    if keyboard.is_visible():
        keyboard.click()
    for words in ("我的居住证下个月到期了，要怎么弄", "要带什么"):
        page.locator("textarea#text").fill(words)
        page.keyboard.press("Enter")
        page.wait_for_timeout(2500)
    page.screenshot(path=FOLDER / "sandbox.png")


def _chat(page: Page, base: str) -> None:
    page.goto(f"{base}/chat")
    for words in ("孩子在镇海上小学要什么条件", "居住证到期了怎么签注"):
        page.get_by_role("textbox").first.fill(words)
        page.keyboard.press("Enter")
        page.wait_for_timeout(2500)
    page.screenshot(path=FOLDER / "chat.png")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
