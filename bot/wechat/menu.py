"""The menu under the conversation: data in `menu.yml`, checked here, published by `flask --app app menu publish`.

With a callback set, the platform ignores the menu made in its own web pages (wx-acct-04), so this is the only way.
"""

import logging
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import yaml
from flask import current_app
from flask.cli import AppGroup

from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault

log = logging.getLogger(__name__)

FILE = Path(__file__).with_name("menu.yml")
KEYED = frozenset(
    {
        "click",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
    }
)
"""Kinds of buttons that send us an event with a key (wx-menu-02)."""
MOST_BUTTONS, MOST_CHILDREN = 3, 5
LONGEST_NAME, LONGEST_CHILD = 4, 7
"""Chinese characters that show; a longer name returns 40018 or shows as dots (wx-menu-01)."""


BUSY = -1
"""The platform's errcode for "not now"."""


class MenuError(Exception):
    """The menu breaks a rule of the platform. The message names the button, the fault and the way out."""


def load(path: Path = FILE) -> list[dict[str, Any]]:
    """The buttons of a menu file, checked. Raises `MenuError`."""
    buttons = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MOST_BUTTONS:
        raise MenuError(f"{path.name}：要有 1 到 {MOST_BUTTONS} 个一级按钮")
    for button in buttons:
        _check(button, LONGEST_NAME)
        children = button.get("children", [])
        if len(children) > MOST_CHILDREN:
            raise MenuError(f"按钮“{button['name']}”有 {len(children)} 个子按钮；最多 {MOST_CHILDREN} 个")
        for child in children:
            _check(child, LONGEST_CHILD)
    return buttons


def _check(button: Any, longest: int) -> None:
    name = button.get("name", "") if isinstance(button, dict) else ""
    if not name:
        raise MenuError("有一个按钮没有 name；每个按钮都要有名称")
    if width(name) > longest:
        raise MenuError(f"按钮“{name}”的名称太长：最多 {longest} 个汉字（字母和数字算半个）")
    if longest == LONGEST_NAME and button.get("children"):
        return
    kind = button.get("type")
    if kind in KEYED:
        if not 1 <= len(str(button.get("key", "")).encode()) <= 128:
            raise MenuError(f"按钮“{name}”要有 key，1 到 128 字节")
    elif kind == "view":
        if not str(button.get("path", "")).startswith("/"):
            raise MenuError(f"按钮“{name}”要有 path，写本站的页面，如 /me")
    else:
        raise MenuError(f"按钮“{name}”的 type 是 {kind!r}；可用：view、{'、'.join(sorted(KEYED))}")


def width(name: str) -> float:
    """Length in Chinese characters: a narrow character counts half."""
    return sum(1 if unicodedata.east_asian_width(char) in "WF" else 0.5 for char in name)


def as_platform(buttons: list[dict[str, Any]], public_url: str) -> dict[str, Any]:
    """The menu as the platform's API takes it."""
    return {"button": [_button(button, public_url) for button in buttons]}


def _button(button: dict[str, Any], public_url: str) -> dict[str, Any]:
    if button.get("children"):
        return {"name": button["name"], "sub_button": [_button(child, public_url) for child in button["children"]]}
    if button["type"] == "view":
        return {"type": "view", "name": button["name"], "url": public_url + button["path"]}
    return {"type": button["type"], "name": button["name"], "key": str(button["key"])}


def publish(service: Service) -> int:
    """Publish the menu; returns the number of buttons. Raises `MenuError` or `ApiFault`."""
    buttons = load()
    client_of(service).call("menu/create", as_platform(buttons, service.settings.public_url))
    return sum(max(1, len(button.get("children", []))) for button in buttons)


def publisher(service: Service) -> Callable[[], None]:
    """What publishes the menu as soon as the platform can be reached, and is idle from then on: for the worker, each
    second. In a rehearsal the platform is the service's own sandbox, which may answer later than the worker is ready.

    A menu that breaks a rule or is refused would be so next time too: that is said once, with the way out.
    """
    waiting = done = False

    def try_once() -> None:
        nonlocal waiting, done
        if done:
            return
        try:
            log.info("the menu is published, %d buttons", publish(service))
        except ApiFault as fault:
            if fault.errcode in (None, BUSY):
                if not waiting:
                    log.info("the menu waits for the platform to be reached (%s)", fault.detail)
                waiting = True
                return
            log.error("the menu is not published; mend it and run `flask --app app menu publish`: %s", fault)
        except MenuError as fault:
            log.error("the menu is not published; mend %s and run `flask --app app menu publish`: %s", FILE.name, fault)
        done = True

    return try_once


group = AppGroup("menu", help="公众号的自定义菜单")


@group.command("publish")
def publish_command() -> None:
    """把 menu.yml 里的菜单发布到公众号。"""
    try:
        count = publish(current_app.extensions["service"])
    except MenuError as fault:
        raise click.ClickException(str(fault)) from fault
    except ApiFault as fault:
        raise click.ClickException(f"平台没有接受菜单：{fault}") from fault
    click.echo(f"菜单已发布，共 {count} 个按钮；手机上约 5 分钟后更新，取消关注再关注可立刻看到。")
