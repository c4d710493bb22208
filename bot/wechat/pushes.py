"""What people asked to be told, put as a subscription message where no customer message may be sent (`pushes.yml`)."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from settings import Settings

FILE = Path(__file__).with_name("pushes.yml")
PATH = "/me"
"""Where a message without a page of its own leads: the whole of it stands there, under 最近聊的."""


def instead(settings: Settings, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """The subscription message that may go in the place of a customer message, as a payload of kind `subscribe`.

    None for a payload that nobody asked for (`about` is missing), and where no template is set for it.
    """
    push = _pushes().get(str(payload.get("about", "")))
    template = _template(settings, str(payload.get("about")), push) if push else ""
    if not push or not template:
        return None
    at = datetime.fromisoformat(str(payload["at"]))
    day = f"{at.year}年{at.month}月{at.day}日"
    words = {
        "text": payload.get("text") or payload.get("description", ""), "title": payload.get("title", ""),
        "day": day, "time": f"{day} {at:%H:%M}",
    }  # fmt: skip
    data = {name: value.format_map(words) for name, value in push["fields"].items()}
    return {"kind": "subscribe", "template_id": template, "data": data, "path": payload.get("path") or PATH}


def templates(settings: Settings) -> dict[str, str]:
    """The template of each topic of `pushes.yml`; empty where the account sends no such messages."""
    found = {about: _template(settings, about, push) for about, push in _pushes().items()}
    return {about: template for about, template in found.items() if template}


def _template(settings: Settings, about: str, push: Mapping[str, Any]) -> str:
    """The id of a topic's template; empty where none is set, or the account may not send such messages."""
    if settings.account_kind != "service":
        return ""
    given = {
        "reminder": settings.template_reminder, "notice": settings.template_notice, "reply": settings.template_reply
    }[about]  # fmt: skip
    return given or (str(push["rehearsal"]) if settings.rehearsal else "")


@cache
def _pushes() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found
