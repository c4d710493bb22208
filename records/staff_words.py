"""What staff say to a person: the transcript's row, the outbox's row and the handoff's first reply, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from records import handoffs, outbox
from records.conversations import Message
from records.outbox import Outgoing

LONGEST = 600
"""Characters of one message: 2,048 bytes is what the platform takes, with 3 bytes a character and some to spare."""
PUSHED = ("wechat",)
"""Channels that must be sent to; the web page asks by itself."""


def say(
    conn: Connection, handoff: Row[Any], staff_id: int, text: str, key: str, at: datetime, *, author: str = "staff"
) -> int | None:  # fmt: skip
    """Say `text` to the person of a handoff (a row with `channel`). Returns the message's id.

    `key` names this very message, so that sending it twice stores it once (then None).
    """
    return send(conn, handoff, staff_id, "text", {"text": text}, {"kind": "text", "text": text}, key, at, author=author)


def send(
    conn: Connection, handoff: Row[Any], staff_id: int, kind: str, body: dict[str, Any], payload: dict[str, Any],
    key: str, at: datetime, *, author: str = "staff",
) -> int | None:  # fmt: skip
    """As `say`, for a picture or a paper: `body` is what the transcript keeps, `payload` what a channel pushes."""
    row = {
        "turn_id": f"s{key}"[:32], "person_id": handoff.person_id, "author": author, "staff_id": staff_id,
        "kind": kind, "body": body, "dedup": f"staff:{key}"[:160], "owner": "staff", "created_at": at,
    }  # fmt: skip
    message_id = _store(conn, row)
    if message_id is None:
        return None
    if handoff.channel in PUSHED:
        outbox.put(
            conn, handoff.person_id, handoff.channel, [payload], key=f"staff:{message_id}", at=at,
            message_id=message_id,
        )  # fmt: skip
    handoffs.replied(conn, handoff.id, at)
    handoffs.read_up_to(conn, handoff.id, message_id)
    return message_id


def offer(
    conn: Connection, handoff: Row[Any], text: str, choices: Sequence[tuple[str, str]], key: str, at: datetime
) -> int | None:  # fmt: skip
    """Have the bot ask something with choices, (label, id) each. Returns the message's id, None when asked before."""
    body = [{"text": text, "choices": [list(choice) for choice in choices]}]
    row = {
        "turn_id": key[:32], "person_id": handoff.person_id, "author": "bot", "kind": "reply", "body": body,
        "dedup": key[:160], "owner": "event", "created_at": at,
    }  # fmt: skip
    message_id = _store(conn, row)
    if message_id is not None and handoff.channel in PUSHED:
        items = [{"id": id, "label": label} for label, id in choices]
        payload = {"kind": "menu", "head": text, "choices": items, "tail": ""}
        outbox.put(conn, handoff.person_id, handoff.channel, [payload], key=key, at=at, message_id=message_id)
    return message_id


def tell(
    conn: Connection, person_id: int, channel: str, text: str, key: str, at: datetime, *, title: str = ""
) -> int | None:  # fmt: skip
    """Have the bot tell a person what happened to a chat or a case. Returns the message's id, None when told before.

    `title`: of the case, so that it may also go as a subscription message to whoever agreed to one (wx-push-03).
    """
    row = {
        "turn_id": key[:32], "person_id": person_id, "author": "bot", "kind": "reply",
        "body": [{"text": text}], "dedup": key[:160], "owner": "event", "created_at": at,
    }  # fmt: skip
    message_id = _store(conn, row)
    if message_id is not None and channel in PUSHED:
        payload = {"kind": "text", "text": text}
        if title:
            payload |= {"about": "notice", "title": title, "at": at.isoformat()}
        outbox.put(conn, person_id, channel, [payload], key=key, at=at, message_id=message_id)
    return message_id


def _store(conn: Connection, row: dict[str, Any]) -> int | None:
    try:
        with conn.begin_nested():
            return int(conn.execute(insert(Message).returning(Message.id), row).scalar_one())
    except IntegrityError:
        return None


def on_their_way(conn: Connection, message_ids: Sequence[int]) -> dict[int, Any]:
    """What became of messages: their outbox rows by message id."""
    if not message_ids:
        return {}
    columns = (Outgoing.id, Outgoing.message_id, Outgoing.state, Outgoing.errcode, Outgoing.error, Outgoing.attempts)
    rows = conn.execute(select(*columns).where(Outgoing.message_id.in_(message_ids)).order_by(Outgoing.id))
    return {int(row.message_id): row for row in rows if row.message_id is not None}


def queued(conn: Connection, person_id: int) -> int:
    """How many messages to a person are still on their way: they will be taken from the quota."""
    mine = (Outgoing.person_id == person_id, Outgoing.state.in_(("pending", "sending", "waiting")))
    return int(conn.execute(select(func.count()).select_from(Outgoing).where(*mine)).scalar_one())


def resend(conn: Connection, message_id: int, person_id: int, at: datetime) -> bool:
    """Try a failed message again. False when there is nothing to try again."""
    mine = (Outgoing.message_id == message_id, Outgoing.person_id == person_id, Outgoing.state == "failed")
    values = {"state": "pending", "attempts": 0, "next_at": at, "settled_at": None}
    return bool(conn.execute(update(Outgoing).where(*mine).values(**values)).rowcount)


def last_id(conn: Connection, person_id: int) -> int:
    """The id of a person's newest message; 0 for none."""
    found = conn.execute(select(func.max(Message.id)).where(Message.person_id == person_id)).scalar()
    return int(found or 0)
