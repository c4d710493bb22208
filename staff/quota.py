"""What may still be sent to the person of a chat: WeChat's window, its quota, and the way around both."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

import clock
from records import people, push_consents, staff_words
from staff import words
from staff.house import house

LONGEST = 20
"""Characters of a field of the template; the platform refuses longer ones with the whole message."""


def quota(conn: Connection, row: Row[Any]) -> dict[str, Any]:
    """What may still be sent to the person: `kind` is free, open, low, gone or left; `text` says it.

    `pushes`: how many messages outside the window the person agreed to, where nothing else reaches him.
    """
    if row.channel not in staff_words.PUSHED:
        return {"kind": "free", "text": "网页会话：不限条数，对方打开网页就能看到"}
    if not row.following:
        return {"kind": "left", "text": "对方已取消关注，消息送不到；请改打电话", "pushes": 0}
    now = clock.now()
    rest = people.left(conn, row.person_id, now)
    count = rest.left - staff_words.queued(conn, row.person_id)
    if rest.until is None or count <= 0:
        agreed = pushes_left(conn, row)
        way = f"对方还同意收{agreed}条服务通知，可以留一条" if agreed else "急事请打电话"
        return {"kind": "gone", "text": f"微信额度用完：现在发的会等对方下次说话时自动送出；{way}", "pushes": agreed}
    # A follow or a tap on the menu lets three through for a minute; they are spent first, and are said apart.
    brief = rest.left - row.message_left if row.message_until and row.message_until > now else 0
    lasting = min(count, rest.left - brief)
    text = f"还可发 {lasting} 条，剩 {words.span(rest.until - now)}"
    text += f"；另有 {count - lasting} 条一分钟内有效" if count > lasting else ""
    return {"kind": "low" if count <= 1 else "open", "text": text, "left": count}


def push(row: Row[Any], title: str, text: str, at: datetime) -> dict[str, Any] | None:
    """The one approved message that may go to the person of a chat outside the window; None where there is none."""
    channel = house().channels.get(row.channel)
    wish = {"about": "reply", "title": title, "text": text, "at": at.isoformat()}
    return channel.instead(wish) if channel is not None and row.following else None


def pushes_left(conn: Connection, row: Row[Any]) -> int:
    """How many such messages the person of a chat agreed to."""
    found = push(row, "", "", clock.now())
    return push_consents.left(conn, row.person_id, str(found["template_id"])) if found else 0


def subject(row: Row[Any]) -> str:
    """What a message left for somebody is about, when nobody writes it in."""
    about = words.intent(row.intent) if row.intent != "human_agent" else ""
    return (about or "您咨询的事")[:LONGEST]
