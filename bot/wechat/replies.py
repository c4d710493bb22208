"""Replies as WeChat shows them: the passive answer to a callback, and the customer messages that follow it.

Rendered here and not by wechatpy, whose templates let a `]]>` in a text close the CDATA and inject XML.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from bot.message import Choice, Link, Reply
from bot.wechat import seal, wire
from bot.wechat.gateway import Received
from settings import Settings

LIMIT = 2000
"""Bytes of UTF-8 in one text. The platform takes some 2,048 and answers nothing, or 45002, beyond (wx-rep-02)."""

_ANCHOR = re.compile(r'<a href="[^"]*">[^<]*</a>')
_BREAKS = ("\n\n", "\n", "。", "！", "？", "；", "，", ". ", "、", " ")
_OPENS_TAG = re.compile(r"<(?=\s*/?\s*a\b)", re.IGNORECASE)


def passive(settings: Settings, received: Received, text: str, now: datetime) -> str:
    """The body that answers a callback with `text`: XML (JSON where the account is set to it), sealed in safe mode."""
    write = wire.write_json if settings.callback_format == "json" else wire.write_xml
    message = write(
        {
            "ToUserName": received.sender,
            "FromUserName": received.account,
            "CreateTime": int(now.timestamp()),
            "MsgType": "text",
            "Content": wire.printable(text),
        }
    )
    if not received.safe:
        return message
    sealed = seal.sealed(settings.wechat_token, settings.wechat_aes_key, settings.wechat_app_id, message, now)
    return write(sealed)


def first_and_rest(settings: Settings, replies: Sequence[Reply]) -> tuple[str, list[dict[str, Any]]]:
    """The text of the passive answer, and what must follow as customer messages (payloads for `delivery.send`).

    Choices are numbered through all replies in order, so that a number typed back names one of them.
    """
    parts = split(_numbered(settings, replies), LIMIT)
    if not parts:
        return "", []
    return parts[0], [{"kind": "text", "text": part} for part in parts[1:]]


def payloads(settings: Settings, replies: Sequence[Reply]) -> list[dict[str, Any]]:
    """`replies` as customer messages, as few as can be (five in 48 hours are all there are).

    A verified service account offers choices as a menu to tap (msgmenu); others refuse it (40200) and get numbers.
    """
    choices = [choice for reply in replies for choice in reply.choices]
    if not choices or settings.account_kind != "service":
        return [{"kind": "text", "text": part} for part in split(_numbered(settings, replies), LIMIT)]
    body = "\n\n".join(filter(None, (_body(settings, reply) for reply in replies)))
    parts = split(body, LIMIT - sum(_size(choice.label) for choice in choices)) or ["请选择："]
    items = [{"id": choice.id, "label": choice.label} for choice in choices]
    menu = {"kind": "menu", "head": parts[-1], "choices": items}
    return [{"kind": "text", "text": part} for part in parts[:-1]] + [menu]


def _numbered(settings: Settings, replies: Sequence[Reply]) -> str:
    parts: list[str] = []
    number = 0
    for reply in replies:
        parts.append(_body(settings, reply))
        if reply.choices:
            parts.append(numbered(reply.choices, start=number + 1))
            number += len(reply.choices)
    return "\n\n".join(part for part in parts if part)


def numbered(choices: Iterable[Choice], start: int = 1) -> str:
    """Choices as text that can be answered with a number."""
    lines = [f"{number} {_quiet(choice.label)}" for number, choice in enumerate(choices, start)]
    return "\n".join(["回复数字：", *lines])


def _body(settings: Settings, reply: Reply) -> str:
    lines = [_quiet(reply.text), *(anchor(settings, link) for link in reply.links)]
    return "\n".join(line for line in lines if line)


def anchor(settings: Settings, link: Link) -> str:
    """A link to a page of ours, absolute, as the one tag WeChat understands in a text."""
    return f'<a href="{escape(settings.public_url + link.path)}">{escape(link.label)}</a>'


def _quiet(text: str) -> str:
    """`text` with the start of any link tag made harmless: links are `Link`s, never part of somebody's words."""
    return _OPENS_TAG.sub("＜", wire.printable(text))


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def split(text: str, limit: int = LIMIT) -> list[str]:
    """`text` in pieces of at most `limit` bytes of UTF-8, in order, nothing lost but blanks at the cuts.

    A cut lies at the end of a line or a sentence where one is near, and never inside a character as a person sees
    it (emoji with modifiers, letters with combining marks) or inside a link.
    """
    pieces: list[str] = []
    rest = text.strip()
    while _size(rest) > limit:
        head = _fitting(rest, limit)
        pieces.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return [*(piece for piece in pieces if piece), *([rest] if rest else [])]


def _fitting(text: str, limit: int) -> str:
    """The longest good beginning of `text` within `limit` bytes; at least one code point."""
    used = end = 0
    for atom in _atoms(text):
        used += _size(atom)
        if used > limit:
            break
        end += len(atom)
    if not end:  # a single character or link longer than a whole message: cut it by code points
        return text.encode("utf-8")[:limit].decode("utf-8", "ignore") or text[0]
    head = text[:end]
    for mark in _BREAKS:
        at = head.rfind(mark)
        # Only a break in the last third: a half-empty message costs one of the few that may be sent.
        if at >= end * 2 // 3 and not _inside_anchor(text, at + len(mark)):
            return head[: at + len(mark)]
    return head


def _inside_anchor(text: str, at: int) -> bool:
    return any(match.start() < at < match.end() for match in _ANCHOR.finditer(text))


def _atoms(text: str) -> Iterable[str]:
    """What a cut may not go through: links, and characters with all that belongs to them."""
    at = 0
    for match in _ANCHOR.finditer(text):
        yield from _clusters(text[at : match.start()])
        yield match.group()
        at = match.end()
    yield from _clusters(text[at:])


def _clusters(text: str) -> Iterable[str]:
    cluster = ""
    for char in text:
        if cluster and not _joins(cluster, char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _joins(cluster: str, char: str) -> bool:
    """Whether `char` belongs to the character before it."""
    last = cluster[-1]
    if last == "\u200d" or char in "\u200d\ufe0e\ufe0f\u20e3":  # joiner, variation selectors, keycap
        return True
    if unicodedata.category(char) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    if "\U000e0020" <= char <= "\U000e007f":  # tags of regional flags
        return True
    flags = "\U0001f1e6", "\U0001f1ff"
    return flags[0] <= char <= flags[1] and flags[0] <= last <= flags[1] and len(cluster) % 2 == 1
