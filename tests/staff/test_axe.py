"""axe-core finds nothing in any view, by day and by night (WCAG 2.2 AA and its best practices)."""

import importlib.resources
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser_setup
from tests.staff import scene
from tests.staff.screenshots import enter
from tests.staff.test_browser import server_of

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
AXE = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """async only => {
  const options = only ? { runOnly: { type: 'rule', values: only } } : {};
  const found = await axe.run(document, { resultTypes: ['violations'], ...options });
  return found.violations.flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.target} ${node.html.slice(0, 110)}`));
}"""


@pytest.fixture
def stage(app: Flask) -> Iterator[tuple[str, dict[str, int]]]:
    """The console with an invented day in it."""
    ids = scene.play(app.extensions["service"])
    with server_of(app) as base:
        yield base, ids


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=browser_setup.chromium(), args=list(browser_setup.ARGUMENTS)
        )
        yield launched
        launched.close()


def judged(
    page: Page, base: str, ids: dict[str, int], views: tuple[tuple[str, str], ...], rules: list[str]
) -> list[str]:
    """What axe-core finds in the views: by the name of the view."""
    found = []
    for name, path in views:
        page.goto(f"{base}/staff/{path.format(**ids)}")
        page.evaluate(AXE)
        found += [f"{name} {fault}" for fault in page.evaluate(RUN, rules or None)]
    return found


DARK = ["color-contrast", "link-in-text-block"]
"""What night can change; everything else is judged by day."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("colours", "rules", "views"),
    [("light", [], slice(0, None, 2)), ("light", [], slice(1, None, 2)), ("dark", DARK, slice(None))],
    ids=["day-1", "day-2", "night"],
)
def test_axe_finds_nothing_in_any_view(
    stage: tuple[str, dict[str, int]], chromium: Browser, colours: str, rules: list[str], views: slice
) -> None:
    base, ids = stage
    faults: list[str] = []
    for login, every in scene.VIEWS.items():
        context = chromium.new_context(
            locale="zh-CN", viewport={"width": 1440, "height": 900}, reduced_motion="reduce", color_scheme=colours
        )
        context.set_default_timeout(90_000)
        page = context.new_page()
        if login:
            enter(page, base, login)
        faults += judged(page, base, ids, every[views], rules)
        context.close()
    assert faults == []


@pytest.mark.timeout(300)
def test_axe_finds_nothing_in_the_windows_that_open(stage: tuple[str, dict[str, int]], chromium: Browser) -> None:
    base, ids = stage
    context = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    context.set_default_timeout(90_000)
    page = context.new_page()
    enter(page, base, "officer")
    page.goto(f"{base}/staff/chat/{ids['chat']}")
    page.evaluate(AXE)
    faults = page.evaluate(RUN, None)
    for window in ("keys", "transfer", "closing", "articles", "canned-dialog", "noting", "revealing", "reaching"):
        page.evaluate("id => document.getElementById(id).showModal()", window)
        faults += [f"{window} {fault}" for fault in page.evaluate(RUN, None)]
        page.evaluate("id => document.getElementById(id).close()", window)
    context.close()
    assert faults == []
