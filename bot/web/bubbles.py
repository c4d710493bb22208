"""The transcript as bubbles: the same plain data for the page's template and for its script."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from bot.message import Choice, Link, Reply
from bot.web import phones
from handlers.registry import titles
from records import staff

MARKS = {
    "image": "［图片］",
    "voice": "［语音］",
    "video": "［视频］",
    "shortvideo": "［视频］",
    "location": "［位置］",
    "link": "［链接］",
}
"""What stands for a message without words."""
_SOURCE = re.compile(r"\n+((?:依据|来源)：[^\n]*(?:\n(?:依据|来源)：[^\n]*)*)\s*$")
"""The last lines of an answer that say what it rests on."""
_UPLOAD = re.compile(r"[0-9a-f]{32}")
PRIVATE = frozenset({"note"})
"""Kinds of staff messages that staff write for each other."""


def of(conn: Connection, rows: Iterable[Row[Any]], numbers: Collection[str]) -> list[dict[str, Any]]:
    """All bubbles of `rows`, oldest first. `numbers`: the knowledge base's phone numbers, to be linked."""
    rows = list(rows)
    names = _names(conn, rows)
    return [bubble for row in rows for bubble in _of_row(row, names, numbers)]


def of_reply(reply: Reply, id: str, numbers: Collection[str]) -> dict[str, Any]:
    """The bubble of one thing that we say."""
    body, source = _apart(reply.text)
    bubble: dict[str, Any] = {"id": id, "by": "bot", "parts": phones.split(body, numbers)}
    if source:
        bubble["source"] = source
    if reply.choices:
        bubble["choices"] = [{"label": choice.label, "id": choice.id} for choice in reply.choices]
    if links := [_link(link) for link in reply.links if _ours(link)]:
        bubble["links"] = links
    if reply.urgent:
        bubble["urgent"] = True
    return bubble


def label_of(choice: str, rows: Sequence[Row[Any]], usual: Sequence[Choice]) -> str:
    """The words on the button `choice`, as they were last shown to this person; empty when they never were."""
    for row in reversed(rows):
        if row.author == "bot":
            for reply in row.body:
                for label, id in reply.get("choices", ()):
                    if id == choice:
                        return str(label)
    return next((c.label for c in usual if c.id == choice), titles().get(choice.partition("/")[0], ""))


def _of_row(row: Row[Any], names: dict[int, str], numbers: Collection[str]) -> list[dict[str, Any]]:
    common = {"seq": row.id, "at": row.created_at.isoformat(timespec="seconds")}
    if row.author == "bot":
        replies = [Reply.from_stored(stored) for stored in row.body]
        return [of_reply(reply, f"{row.id}.{n}", numbers) | common for n, reply in enumerate(replies)]
    if row.author == "staff":
        if row.kind in PRIVATE:
            return []
        text = _words(row)
        staffed: dict[str, Any] = {"id": str(row.id), "by": "staff", "name": names.get(row.staff_id or 0, "")}
        papers = row.body.get("links", ()) if isinstance(row.body, dict) else ()
        if links := [_link(link) for link in (Link(label, path) for label, path in papers) if _ours(link)]:
            staffed["links"] = links
        return [staffed | common | _photo(row) | {"parts": phones.split(text, numbers)}] if text else []
    text = _words(row)
    if not text:
        return []  # an event that nobody said
    mine = {"id": str(row.id), "by": "me", "parts": [{"text": text}]}
    if row.dedup:
        mine["key"] = row.dedup.removeprefix("w:")
    return [mine | common | _photo(row)]


def _words(row: Row[Any]) -> str:
    """What a person or a member of staff said, in words."""
    body = row.body if isinstance(row.body, dict) else {}
    return str(body.get("text") or body.get("detail", {}).get("label") or MARKS.get(row.kind, ""))


def _apart(text: str) -> tuple[str, str]:
    """An answer, and what it rests on, which is shown smaller."""
    found = _SOURCE.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _photo(row: Row[Any]) -> dict[str, str]:
    """Where a picture that is kept here can be seen."""
    name = row.body.get("media", "") if row.kind == "image" and isinstance(row.body, dict) else ""
    return {"photo": f"/chat/photo/{name}"} if _UPLOAD.fullmatch(name) else {}


def _names(conn: Connection, rows: Sequence[Row[Any]]) -> dict[int, str]:
    ids = {row.staff_id for row in rows if row.author == "staff" and row.staff_id}
    found = {id: staff.get(conn, id) for id in ids}
    return {id: account.name for id, account in found.items() if account is not None}


def _ours(link: Link) -> bool:
    return link.path.startswith("/") and not link.path.startswith("//")


def _link(link: Link) -> dict[str, str]:
    return {"label": link.label, "path": link.path}
