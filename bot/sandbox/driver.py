"""Holding the phone: for tests and benchmarks.

    phone = Phone(platform, "2")                       # in this process; pushes still go over HTTP
    phone = Phone(Remote("http://127.0.0.1:8000"), "2")  # a running service, everything over HTTP
    phone.follow()
    assert "居住证" in phone.say("居住证怎么续签")[-1]["text"]
    phone.tap("人工服务")

Every action waits until the platform has finished pushing and returns what appeared on the screen because of it (not
what the person themself sent). What comes later, by customer message, is found with `wait_for`.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote

from bot.sandbox import actions, rich
from bot.sandbox.platform import Impossible, Platform

Entry = dict[str, Any]


class Timeout(Exception):
    """What was waited for did not come."""


class Holder(Protocol):
    """What a `Phone` needs of a platform, near or far."""

    def act(self, key: str, action: str, body: Entry, seconds: float) -> str:
        """Do something, wait for the push it sets off; returns its state (answered, quiet, failed, or '')."""

    def chat(self, key: str, after: int) -> list[Entry]:
        """The chat's entries after a number."""


class Near:
    """A platform in this process."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def act(self, key: str, action: str, body: Entry, seconds: float) -> str:
        delivery = actions.perform(self.platform, actions.checked(key), action, body)
        if delivery is None:
            return ""
        if not delivery.done.wait(seconds):
            raise Timeout(f"the push of {action!r} did not end within {seconds:g} s")
        return delivery.state

    def chat(self, key: str, after: int) -> list[Entry]:
        return self.platform.store.since(f"chat:{key}", after)


class Remote:
    """A platform inside a running service; `base` is the service's address."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/") + "/sandbox"

    def call(self, path: str, body: Entry | None = None) -> Any:
        """GET (or POST `body`) one of the sandbox's JSON addresses. Raises `Impossible` with its error text."""
        request = urllib.request.Request(  # noqa: S310 - the caller's own service
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise Impossible(f"{error.code} {_sentence(error.read())}") from error

    def act(self, key: str, action: str, body: Entry, seconds: float) -> str:
        push = self.call(f"/phone/{quote(key)}/{action}", body)["push"]
        deadline = time.monotonic() + seconds
        while push is not None and time.monotonic() < deadline:
            state = str(self.call(f"/push/{push}")["state"])
            if state != "pushing":
                return state
            time.sleep(0.02)
        if push is None:
            return ""
        raise Timeout(f"the push of {action!r} did not end within {seconds:g} s")

    def chat(self, key: str, after: int) -> list[Entry]:
        entries: list[Entry] = self.call(f"/phone/{quote(key)}/feed?chat={after}&wire=999999999")["chat"]
        return entries


def _sentence(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:300].decode(errors="replace")


class Phone:
    """A person's phone. `name` is a number of the rehearsal's people or any name of up to 32 letters or digits."""

    def __init__(self, platform: Platform | Holder, name: str = "1", seconds: float = 20.0) -> None:
        self.holder: Holder = Near(platform) if isinstance(platform, Platform) else platform
        self.name = name
        self.seconds = seconds
        self.state = ""
        """How the last push ended: answered, quiet or failed."""

    def do(self, action: str, **body: Any) -> list[Entry]:
        """Any action of `actions.ACTIONS`; returns what it brought onto the screen."""
        before = self._last()
        self.state = self.holder.act(self.name, action, body, self.seconds)
        return [entry for entry in self.holder.chat(self.name, before) if entry["who"] != "me"]

    def follow(self, scene: str = "") -> list[Entry]:
        """Follow the account (unless this phone does already)."""
        try:
            return self.do("follow", scene=scene)
        except Impossible as error:
            if "已经关注" in str(error):
                return []
            raise

    def unfollow(self) -> list[Entry]:
        """Stop following."""
        return self.do("unfollow")

    def say(self, text: str, **more: Any) -> list[Entry]:
        """Send a text."""
        return self.do("say", text=text, **more)

    def scan(self, scene: str) -> list[Entry]:
        """Scan a parametric code by scene or ticket."""
        return self.do("scan", scene=scene)

    def tap(self, choice: str) -> list[Entry]:
        """Tap an offered choice, by its id or its label, the latest that has it. Raises `Impossible`."""
        for offered in reversed(self.choices()):
            if choice in (offered["id"], offered["label"]):
                return self.do("tap", id=offered["id"], label=offered["label"])
        raise Impossible(f"the screen of {self.name} offers no choice {choice!r}")

    def press(self, *at: int, result: str = "") -> list[Entry]:
        """Press a button of the menu: its place, and its place in the sub-menu."""
        return self.do("press", at=list(at), result=result)

    def chat(self) -> list[Entry]:
        """Everything on the screen, oldest first: `who`, `kind`, `text`, `via` and so on."""
        return self.holder.chat(self.name, 0)

    def choices(self) -> list[dict[str, str]]:
        """Everything on the screen that can be tapped, oldest first: `id`, `label`."""
        return [choice for entry in self.chat() for choice in rich.choices(entry)]

    def answers(self) -> list[str]:
        """The texts the account has sent, oldest first."""
        return [str(entry.get("text", "")) for entry in self.chat() if entry["who"] == "account"]

    def wait_for(self, wanted: str | Callable[[Entry], bool], seconds: float = 10.0) -> Entry:
        """The first entry not by the person themself that has `wanted` in its text (or passes it). Raises `Timeout`."""
        test = wanted if callable(wanted) else (lambda entry: wanted in str(entry.get("text", "")))
        deadline = time.monotonic() + seconds
        while True:
            for entry in self.chat():
                if entry["who"] != "me" and test(entry):
                    return entry
            if time.monotonic() > deadline:
                raise Timeout(f"{wanted!r} did not appear on the screen of {self.name} within {seconds:g} s")
            time.sleep(0.03)

    def _last(self) -> int:
        chat = self.chat()
        return int(chat[-1]["seq"]) if chat else 0
