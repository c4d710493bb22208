"""Photos and papers that staff send: what is taken, how it is kept, how it goes out."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from records import file_links, pictures, scanner, staff_words, uploads
from staff.house import house

LARGEST = 10 * 1024 * 1024
"""Bytes of a paper; a phone on a bad line has to fetch it."""


class NotAPaper(ValueError):
    """The bytes are neither a picture nor a PDF. The message is for whoever sends them."""


def keep(data: bytes, filename: str) -> tuple[str, str, str]:
    """Keep a picture (drawn anew) or a PDF, encrypted: its name, kind and title. Raises `ValueError` in plain words."""
    if len(data) > LARGEST:
        raise NotAPaper(f"文件太大了，最多{LARGEST >> 20}MB")
    folder = house().settings.data_dir / "uploads"
    title = " ".join(filename.replace("/", " ").replace("\\", " ").split())[-60:] or "文件"
    try:
        if data.startswith(b"%PDF-"):
            scanner.check(data)  # kept as it came; pictures are looked at where they are drawn anew
            return uploads.keep(folder, data), "application/pdf", title
        return uploads.keep(folder, pictures.redrawn(data)), "image/jpeg", title
    except scanner.Refused as fault:
        raise NotAPaper(str(fault)) from fault
    except pictures.NotAPicture as fault:
        if isinstance(fault.__cause__, scanner.Refused):
            raise NotAPaper(str(fault)) from fault
        raise NotAPaper("只能发照片（JPG、PNG）或 PDF 文件") from fault


def send(
    conn: Connection, handoff: Row[Any], staff_id: int, name: str, kind: str, title: str, key: str, at: datetime, *,
    text: str = "",
) -> int | None:  # fmt: skip
    """Send a kept file to the person of a chat: a picture as a picture, a paper as a link that is good for a week.

    `text`: what is said with it; it goes with a paper in one message, since each costs one of WeChat's quota. Returns
    the message's id, None when `key` was sent before.
    """
    if kind == "image/jpeg":
        if text and staff_words.say(conn, handoff, staff_id, text, f"{key}-w"[-40:], at) is None:
            return None
        payload: dict[str, Any] = {"kind": "image", "upload": name}
        return staff_words.send(conn, handoff, staff_id, "image", {"text": "", "media": name}, payload, key, at)
    path = f"/file/{file_links.make(name, title, at)}"
    words = (f"{text}\n" if text else "") + f"给您发了一份文件：{title}（一周内能打开）"
    body: dict[str, Any] = {"text": words, "media": name, "links": [[title, path]]}
    payload = {"kind": "text", "text": f"{words}\n{house().settings.public_url}{path}"}
    return staff_words.send(conn, handoff, staff_id, "file", body, payload, key, at)


def copy(name: str) -> str | None:
    """A file of one's own of what another message or reply holds, so that neither goes with the other. None: gone."""
    folder = house().settings.data_dir / "uploads"
    data = uploads.read(folder, name)
    return None if data is None else uploads.keep(folder, data)
