"""Pictures of every view of the console, light and dark, wide and narrow: `make pictures`.

    python -m tests.staff.screenshots [FOLDER]      (docs/images/console when not given)

It starts a rehearsal of its own with an invented day in it (`tests.staff.scene`) and leaves nothing behind.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

import clock
import redis_server
from app import create_app
from knowledge_base import transfer
from records import migrate
from records.base import write
from tests import browser_setup
from tests.conftest import make_settings
from tests.staff import scene

FOLDER = Path(__file__).parent.parent.parent / "docs" / "images" / "console"
SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
MORNING = datetime(2026, 11, 23, 10, 20, tzinfo=clock.CHINA)
"""When the pictures are taken: a Monday, with everybody at the desk."""
SECRET = ("second-factor",)
"""Views that are judged but not shown: a picture of a key looks like a key."""
COLOURS = 64
"""Of a picture's palette: a flat look needs no more, and the file is a quarter the size."""


@contextmanager
def rehearsal() -> Iterator[tuple[str, dict[str, int]]]:
    """A console with the scene in it: its address, and the ids that views are named with."""
    with tempfile.TemporaryDirectory(prefix="city-pictures-") as folder, clock.frozen(MORNING):
        redis = redis_server.start(Path(folder))
        url = f"unix://{redis_server.socket_of(Path(folder))}"
        app = create_app(make_settings(Path(folder), f"sqlite:///{folder}/city.db", url))
        service = app.extensions["service"]
        migrate.upgrade(service.engine)
        with write(service.engine) as conn:
            transfer.seed(conn, at=clock.now())
        ids = scene.play(service)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", ids
        finally:
            server.shutdown()
            thread.join(5)
            service.engine.dispose()
            redis.terminate()
            redis.wait(5)


def main(out: Path, only: str = "") -> int:
    """Takes the pictures (`only`: of views whose name begins so). Returns how many."""
    out.mkdir(parents=True, exist_ok=True)
    with rehearsal() as (base, ids), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser_setup.chromium(),
            args=[*browser_setup.ARGUMENTS, "--lang=zh-CN"],
            env={**os.environ, "LANGUAGE": "zh_CN"},
        )
        taken = sum(_views(chromium, base, login, ids, out, only) for login in scene.VIEWS)
        chromium.close()
    return taken


def _views(chromium: Browser, base: str, login: str, ids: dict[str, int], out: Path, only: str) -> int:
    page = chromium.new_context(locale="zh-CN", viewport=SIZES["wide"], reduced_motion="reduce").new_page()
    if login:
        enter(page, base, login)
    return sum(_take(page, f"{base}/staff/{path.format(**ids)}", name, out)
               for name, path in scene.VIEWS[login] if name.startswith(only) and name not in SECRET)  # fmt: skip


def enter(page: Page, base: str, login: str) -> None:
    """Log in."""
    page.goto(f"{base}/staff/login")
    page.get_by_label("账号").fill(login)
    page.get_by_label("密码").fill(scene.PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_load_state()


def _take(page: Page, address: str, name: str, out: Path) -> int:
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        page.goto(address)
        page.wait_for_timeout(500)
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours)
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(
                out / f"{name}-{size}-{colours}.png", optimize=True
            )
    return 4


if __name__ == "__main__":
    print(f"pictures={main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER, ''.join(sys.argv[2:]))}")
