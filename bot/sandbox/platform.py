"""What the stand-in platform knows: people and their windows, chats, the wire log, and the switches of a rehearsal."""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import redis

import clock
from bot.sandbox.store import DAY, MemoryStore, RedisStore, Store
from bot.sandbox.wire import Account
from settings import Settings

# Quotas since 2023-06-12 (platform document "发送客服消息"): name → (messages, seconds).
WINDOWS = {"message": (5, 48 * 3600), "click": (3, 60)}

# The people of the rehearsal. Invented, each.
PEOPLE = (
    ("1", "陈小雨", "四川来甬，制衣厂缝纫工"),
    ("2", "周大海", "安徽来甬，装修木工，带一家四口"),
    ("3", "阿依古丽", "新疆来甬，餐馆后厨"),
    ("4", "吴秋生", "贵州来甬，孩子今年上小学"),
    ("5", "林金凤", "广西来中山，灯具厂质检"),
)

# Templates as the account's owner would have chosen them in the console: id → (title, field → its label).
TEMPLATES = {
    "sandbox-tmpl-progress-000000000000000000001": (
        "办理进度通知",
        {"thing1": "办理事项", "phrase2": "办理进度", "time3": "更新时间"},
    ),
    "sandbox-tmpl-expiry-00000000000000000000002": (
        "证件到期提醒",
        {"thing1": "证件名称", "date2": "到期日期", "thing3": "温馨提示"},
    ),
    "sandbox-tmpl-reply-000000000000000000000003": (
        "工作人员回复通知",
        {"thing1": "咨询事项", "thing2": "回复内容", "time3": "回复时间"},
    ),
}

# Errors of the platform, as its return code page words them.
ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40003: "invalid openid",
    40164: "invalid ip 127.0.0.1, not in whitelist",
    42001: "access_token expired",
    43004: "require subscribe",
    43101: "user refuse to accept the msg",
    45009: "reach max api daily quota limit",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    48001: "api unauthorized",
}

TOO_MANY = 64
"""Pushes under way at once in one process."""


class Refused(Exception):
    """An API call the platform turns down: `errcode`, and `errmsg` as the platform words it."""

    def __init__(self, errcode: int, errmsg: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.errmsg = errmsg or ERRMSG.get(errcode, "invalid request")


class Impossible(Exception):
    """Something a phone cannot do now (write to an account it does not follow). The message is Chinese."""


@dataclass
class Person:
    """A phone's owner. `windows` maps a name of `WINDOWS` to its end (Unix time) and what is left in it."""

    key: str
    name: str
    note: str
    openid: str
    follows: bool = False
    followed_at: int = 0
    scene: str = ""
    epoch: int = 0
    """Counts conversations: unfollowing deletes the chat on the phone."""
    last_event: int = 0
    windows: dict[str, dict[str, float]] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)


def first_switches(account: Account) -> dict[str, Any]:
    """The switches before anyone touches them."""
    return {
        "mode": "safe" if account.aes_key else "plain",
        "patience": 5.0,
        "token_life": 7200,
        "lost_answers": 0,
        "slow": 0.0,
        "rules": [],
    }


class Platform:
    """The platform for one official account.

    `callback` is the URL that messages are pushed to. Everything else is in `store`, so several processes can hold a
    `Platform` of the same account.
    """

    def __init__(self, account: Account, store: Store, callback: str, public_url: str) -> None:
        self.account = account
        self.store = store
        self.callback = callback
        self.public_url = public_url.rstrip("/")
        self.room = threading.BoundedSemaphore(TOO_MANY)

    @classmethod
    def of(cls, settings: Settings, client: "redis.Redis | None" = None) -> "Platform":
        """The platform that plays against the service with these settings; state in `client`, or in memory."""
        account = Account(
            app_id=settings.wechat_app_id,
            app_secret=settings.wechat_app_secret,
            token=settings.wechat_token,
            aes_key=settings.wechat_aes_key,
            kind=settings.account_kind,
            data_format=settings.callback_format,
            mini_app_id=settings.mini_app_id,
            mini_app_secret=settings.mini_app_secret,
        )
        store = RedisStore(client) if client is not None else MemoryStore()
        # Where the service finds its sandbox, the sandbox finds the service: PUBLIC_URL may be a proxy's name that
        # this machine can't reach itself.
        base = settings.wechat_api_base
        here = base.removesuffix("/sandbox/api") if base.endswith("/sandbox/api") else settings.public_url
        return cls(account, store, here + "/wechat", settings.public_url)

    # --- people

    def openid(self, key: str) -> str:
        """The 28 characters by which this account knows the owner of a phone; the same after a reset."""
        digest = hashlib.sha256(f"{self.account.app_id}/{key}".encode()).digest()
        return "o" + base64.urlsafe_b64encode(digest).decode()[:27]

    def person(self, key: str) -> Person:
        """The owner of phone `key`: one of `PEOPLE` by number, or anybody by a name of up to 32 characters."""
        kept = self.store.get(f"person:{key}")
        if kept is not None:
            return Person(**kept)
        name, note = next(((n, w) for k, n, w in PEOPLE if k == key), (key, "临时手机"))
        return Person(key=key, name=name, note=note, openid=self.openid(key))

    @contextmanager
    def change(self, key: str) -> Iterator[Person]:
        """Read a person, let the block change them, keep them: one step, across processes."""
        with self.store.lock():
            person = self.person(key)
            yield person
            self.store.put(f"person:{key}", asdict(person))
            self.store.put(f"openid:{person.openid}", key)

    def owner(self, openid: str) -> Person:
        """Who an openid belongs to. Raises `Refused` 40003."""
        key = self.store.get(f"openid:{openid}")
        if key is None:
            raise Refused(40003)
        return self.person(key)

    # --- windows for customer messages

    def open_window(self, key: str, kind: str) -> None:
        """A person did something that allows customer messages; `kind` is a name of `WINDOWS`."""
        left, seconds = WINDOWS[kind]
        with self.change(key) as person:
            person.windows[kind] = {"until": clock.now().timestamp() + seconds, "left": left}

    def spend(self, key: str) -> None:
        """Take one customer message off the window that ends first. Raises `Refused` 43004, 45015 or 45047."""
        now = clock.now().timestamp()
        with self.change(key) as person:
            if not person.follows:
                raise Refused(43004)
            running = sorted((w for w in person.windows.values() if w["until"] > now), key=lambda w: w["until"])
            if not running:
                raise Refused(45015)
            usable = next((w for w in running if w["left"] > 0), None)
            if usable is None:
                raise Refused(45047)
            usable["left"] -= 1

    def left(self, key: str) -> dict[str, dict[str, float]]:
        """The windows still running: name → seconds and messages left."""
        now = clock.now().timestamp()
        windows = self.person(key).windows
        return {k: {"seconds": w["until"] - now, "left": w["left"]} for k, w in windows.items() if w["until"] > now}

    # --- what is seen

    def show(self, key: str, who: str, kind: str, **content: Any) -> int:
        """Put something on a phone's screen; `who` is me, account or platform. Returns its number in the chat."""
        entry = {"who": who, "kind": kind, "at": clock.now().timestamp(), **content}
        return self.store.add(f"chat:{key}", entry, limit=300)

    def log(self, direction: str, title: str, **more: Any) -> None:
        """A line of the wire log. `direction`: out (platform → service), in (service → platform) or note."""
        self.store.add("wire", {"dir": direction, "title": title, "at": time.time(), **more}, limit=400)

    # --- switches

    def switches(self) -> dict[str, Any]:
        """Everything that makes this platform misbehave, and the message mode."""
        return {**first_switches(self.account), **(self.store.get("switches") or {})}

    def switch(self, **values: Any) -> dict[str, Any]:
        """Change switches; returns all of them."""
        return self.turn(lambda switches: switches.update(values))

    def turn(self, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Let `change` alter the switches in one step; returns them."""
        with self.store.lock():
            switches = self.switches()
            change(switches)
            self.store.put("switches", switches)
            return switches

    def reset(self) -> None:
        """A new, empty platform: nobody follows, no tokens, no menu, nothing switched."""
        with self.store.lock():
            self.store.wipe()
        self.log("note", "沙盒已清空，重新开始")


def message_id() -> int:
    """A MsgId that never comes twice, even after a reset: the service remembers what it has seen."""
    return (time.time_ns() // 1_000_000 << 20) | secrets.randbelow(1 << 20)


def new_id(length: int = 24) -> str:
    """Random text for tokens, tickets and media ids."""
    return secrets.token_urlsafe(length)


KEEP = 7 * DAY
"""How long what may expire by the clock is kept in Redis, in seconds."""
