"""Makes Chromium available for the browser tests by whatever this machine offers: `python -m tests.browser_setup`.

An installed one first, then Playwright's own, then (as root) Debian's, with a Chinese font.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
"""What our tests start it with: it may run as root in a container, and it calls nobody."""


def chromium() -> str:
    """The path of a Chromium that is there. Raises `RuntimeError` with the way out when there is none."""
    found = _found()
    if found is None:
        raise RuntimeError("no Chromium here; `python -m tests.browser_setup` installs one")
    return found


def _found() -> str | None:
    named = os.environ.get("CHROMIUM")
    if named and Path(named).exists():
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _playwrights()


def _playwrights() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _install() -> None:
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"]).returncode == 0 and _found():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"])
        packages = ["chromium", "fonts-noto-cjk"]
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])


def main() -> int:
    """Returns 0 when there is a Chromium in the end."""
    if _found() is None:
        print("Installing Chromium for the browser tests", file=sys.stderr)
        _install()
    try:
        print(chromium())
    except RuntimeError as error:
        print(error, file=sys.stderr)
        print("Install Chromium yourself (apt-get install chromium fonts-noto-cjk) and try again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
