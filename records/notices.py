"""What the office says to somebody of its own accord: into the transcript, and out through the channel if it pushes."""

from datetime import datetime

from sqlalchemy import Connection, select

from records import conversations, outbox
from records.conversations import Message
from records.people import Person

PUSHED = ("wechat",)
"""Channels that messages are pushed through; the others read the transcript."""


def tell(
    conn: Connection, person_id: int | None, title: str, words: str, path: str, *, key: str, at: datetime,
    asked: bool = False,
) -> bool:  # fmt: skip
    """Say `words` to somebody, with a link to a page of ours. `key` names it, so that it is said once.
    `asked`: the person wished to be told of this, so that it may also go as a subscription message.

    False when there is nobody to tell, or it was said before.
    """
    if person_id is None:
        return False
    channel = conn.execute(select(Person.channel).where(Person.id == person_id, Person.external.is_not(None))).scalar()
    said = select(Message.id).where(Message.person_id == person_id, Message.dedup == key).limit(1)
    if channel is None or conn.execute(said).first() is not None:
        return False
    row = {
        "turn_id": key[:32], "person_id": person_id, "author": "bot", "kind": "reply", "dedup": key[:160],
        "body": [{"text": words, "links": [[title, path]]}], "owner": "event", "created_at": at,
    }  # fmt: skip
    conversations.add(conn, [row])
    if channel in PUSHED:
        payload = {"kind": "news", "title": title, "description": words, "path": path, "picture": ""}
        if asked:
            payload |= {"about": "notice", "at": at.isoformat()}
        outbox.put(conn, person_id, channel, [payload], key=key, at=at)
    return True
