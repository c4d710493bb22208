"""What `make run` prepares and prints: the database, the model, the demo logins (rehearsal only)."""

import sys
import time

from argon2 import PasswordHasher
from sqlalchemy.exc import IntegrityError

import clock
from intents import train
from records import crypto, migrate, staff
from records.base import engine_for, write
from settings import Settings

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's least for argon2id: 19 MiB, two passes; 27 ms here."""

PASSWORD = "rehearsal-2026"  # noqa: S105 - printed on the start page of a rehearsal, refused in production
ACCOUNTS = (
    ("counsellor", "林安", "counsellor", ("psychology", "general")),
    ("officer", "周正", "officer", ("permits", "rooms", "general")),
    ("labour", "何勤", "officer", ("labour", "general")),
    ("desk", "小叶", "front_desk", ("rooms", "general")),
    ("editor", "许知", "editor", ("general",)),
    ("reviewer", "沈明", "reviewer", ("general",)),
    ("supervisor", "陆远", "supervisor", tuple(staff.TEAMS)),
    ("admin", "管理员", "administrator", tuple(staff.TEAMS)),
)


def prepare(settings: Settings) -> None:
    """Make everything ready that a start needs: folder, tables, model, and in rehearsal the demo accounts."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    crypto.configure(settings.data_key)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    if settings.rehearsal:
        seed(settings)
    engine.dispose()
    started = time.monotonic()
    train.ensure(settings.model_dir, progress=_show)
    if time.monotonic() - started > 2:
        print(f"  classifier ready after {time.monotonic() - started:.0f} s", file=sys.stderr)


def _show(step: str) -> None:
    print(f"  training: {step}", file=sys.stderr, flush=True)


def seed(settings: Settings) -> int:
    """Make the demo accounts that aren't there yet. Returns how many were made. Refused in production."""
    if not settings.rehearsal:
        raise RuntimeError("demo accounts are for rehearsals; production has none (APP_MODE=production)")
    engine = engine_for(settings.database_url)
    hashed = HASHER.hash(PASSWORD)
    made = 0
    for login, name, role, teams in ACCOUNTS:
        try:
            with write(engine) as conn:
                if staff.by_login(conn, login) is None:
                    staff.create(conn, login, name, role, hashed, clock.now(), teams=teams)
                    made += 1
        except IntegrityError:
            continue  # another process made it at the same moment
    engine.dispose()
    return made


def announce(settings: Settings) -> None:
    """Print the pages, and in rehearsal their demo logins."""
    pages = [("/", "首页"), ("/chat", "网页聊天"), ("/staff", "工作台"), ("/me", "我的记录")]
    if settings.rehearsal:
        pages.insert(1, ("/sandbox", "演练：一台微信手机和它背后的通信"))
    lines = ["", "  已启动 ready", ""]
    lines += [f"  {settings.public_url}{path:<10} {title}" for path, title in pages]
    if settings.rehearsal:
        logins = "、".join(login for login, *_ in ACCOUNTS)
        lines += ["", f"  工作台演练账号：{logins}", f"  密码都是 {PASSWORD}"]
    print("\n".join([*lines, ""]), flush=True)


if __name__ == "__main__":
    import os

    print(f"made={seed(Settings.from_env(os.environ))}")
