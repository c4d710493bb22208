"""Pictures of every view of the console, light and dark, wide and narrow, from a running rehearsal.

    python -m tests.staff.screenshots http://127.0.0.1:8000 /tmp/console

The demo accounts' password is the one printed at the start; give another as the third argument.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser_setup

SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
ROLES = {"supervisor": "", "admin": "people,audit"}
"""Who looks: the supervisor at every page of the rail, the administrator at those named."""


def main(base: str, out: Path, password: str) -> int:
    """Takes the pictures. Returns how many."""
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser_setup.chromium(), args=list(browser_setup.ARGUMENTS)
        )
        for login, only in ROLES.items():
            page = _enter(chromium, base, login, password)
            for path in _paths(page, only):
                count += _take(page, base, path, out)
        chromium.close()
    return count


def _enter(chromium: Browser, base: str, login: str, password: str) -> Page:
    page = chromium.new_context(locale="zh-CN", viewport=SIZES["wide"]).new_page()
    page.goto(f"{base}/staff/login")
    page.get_by_label("账号").fill(login)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()
    page.wait_for_load_state()
    return page


def _paths(page: Page, only: str) -> list[str]:
    rail = page.eval_on_selector_all(".rail a", "links => links.map(link => new URL(link.href).pathname)")
    wanted = [path for path in dict.fromkeys(rail) if not only or path.rsplit("/", 1)[-1] in only.split(",")]
    page.goto(page.url.split("/staff")[0] + "/staff/inbox?view=team")
    chats = page.locator(".chat-row a")
    if not only and chats.count():
        wanted.append(str(chats.first.get_attribute("href")).partition("?")[0])
    return [path for path in wanted if path != "/staff"]


def _take(page: Page, base: str, path: str, out: Path) -> int:
    name = path.removeprefix("/staff/").replace("/", "-")
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            page.goto(base + path)
            page.wait_for_timeout(600)
            page.screenshot(path=out / f"{name}-{size}-{colours}.png")
    return 4


if __name__ == "__main__":
    address, folder, *rest = sys.argv[1:]
    print(f"pictures={main(address.rstrip('/'), Path(folder), rest[0] if rest else 'rehearsal-2026')}")
