"""What `make run` prints when the service answers: the pages, and in rehearsal the demo logins.

Kept apart from `jobs.demo`, which makes the accounts: the supervisor stays small and imports only this.
"""

from settings import Settings

ALL_TEAMS = ("*",)
PASSWORD = "rehearsal-2026"  # noqa: S105 - printed on the start page of a rehearsal, refused in production
ACCOUNTS = (
    ("counsellor", "林安", "counsellor", ("psychology", "general")),
    ("officer", "周正", "officer", ("permits", "rooms", "general")),
    ("labour", "何勤", "officer", ("labour", "general")),
    ("desk", "小叶", "front_desk", ("rooms", "general")),
    ("editor", "许知", "editor", ("general",)),
    ("reviewer", "沈明", "reviewer", ("general",)),
    ("supervisor", "陆远", "supervisor", ALL_TEAMS),
    ("admin", "管理员", "administrator", ALL_TEAMS),
)


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
