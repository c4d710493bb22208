"""Voices and films people send, fetched by the worker and kept encrypted: after three days the platform has none.

Staff play or load them (`staff.media`). They lie beside the pictures under a name made of the platform's id, so that
they go with their message. What no kind of sound or film is isn't kept.
"""

import logging
import secrets

from sqlalchemy import select

import clock
from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault
from bot.wechat.media import ALIVE
from records import recordings, scanner, uploads
from records.base import read
from records.conversations import Message
from records.crypto import cipher
from records.people import Person

log = logging.getLogger(__name__)

BATCH = 20
LARGEST = 10 * 1024 * 1024
"""Bytes: what the platform lets people send as a film (wx-voice-02)."""

_swept: dict[str, int] = {}
"""The newest message that this process has dealt with, by database."""


def sweep(service: Service) -> int:
    """Fetch what was said or filmed in the last three days and isn't kept yet. Returns how many were fetched.

    What can't be fetched for good is passed over; when the platform is away the next sweep begins at the same message.
    Raises `Busy`.
    """
    fetched = 0
    begin = _swept.get(service.settings.database_url, 0)
    with read(service.engine) as conn:
        rows = conn.execute(
            select(Message.id, Message.kind, Message.body)
            .join(Person, Person.id == Message.person_id)
            .where(Person.channel == "wechat", Message.author == "person")
            .where(Message.kind.in_(("voice", "video")))
            .where(Message.id > begin, Message.created_at > clock.now() - ALIVE)
            .order_by(Message.id)
            .limit(BATCH)
        ).all()
    for row in rows:
        media_id = str(row.body.get("media", "")) if isinstance(row.body, dict) else ""
        if media_id:
            try:
                fetched += _fetched(service, row.kind, media_id)
            except scanner.Refused as fault:
                log.warning("the recording of message %s isn't kept: %s", row.id, type(fault).__name__)
                if isinstance(fault, scanner.Away):
                    break
            except ApiFault as fault:
                if fault.action != "drop_for_user" and "larger than" not in fault.detail:
                    break
                log.warning("the recording of message %s can't be fetched: %s", row.id, fault)
        _swept[service.settings.database_url] = row.id
    return fetched


def _fetched(service: Service, kind: str, media_id: str) -> bool:
    folder = service.settings.data_dir / "uploads"
    name = uploads.of_media(folder, media_id)
    if uploads.path_of(folder, name).exists():
        return False
    client = client_of(service)
    if kind == "video":
        data = client.film(media_id, LARGEST)
    else:
        data = client.download("media/get", {"media_id": media_id}, LARGEST)
    if recordings.kind_of(data) is None:
        log.warning("a recording is neither sound nor film of a kind that we keep")
        return False
    scanner.check(data)
    path = uploads.path_of(folder, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{name}.{secrets.token_hex(4)}.draft")
    draft.touch(mode=0o600)
    draft.write_bytes(cipher().encrypt(data))
    draft.replace(path)
    return True
