"""Pictures people send, fetched at once and kept encrypted: after three days the platform has none (wx-voice-02).

The name of a kept file follows from its media id, so fetching twice stores once, and a sweep over recent messages can
make up for a fetch that a crash cut short.
"""

import io
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

import clock
from bot.case_photos import Away, Gone
from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault
from records import scanner, uploads
from records.base import read as read_only
from records.conversations import Message
from records.crypto import cipher
from records.people import Person
from settings import Settings

log = logging.getLogger(__name__)

ALIVE = timedelta(days=3)
"""How long the platform keeps what people send."""
BATCH = 50
LARGEST = 10 * 1024 * 1024
"""Bytes; the platform's own limit for a picture."""

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


_swept: dict[tuple[str, tuple[str, ...]], int] = {}
"""The newest message that this process has dealt with, by database and kinds of message."""


class NotKept(Exception):
    """The bytes are of no kind that we keep, whatever their name says."""


class NotAPicture(NotKept):
    """The bytes are no picture of a kind we keep, whatever their name says."""


def kind_of(data: bytes) -> str:
    """The MIME type, told by the first bytes. Raises `NotAPicture`."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    raise NotAPicture("the file is not a JPEG, PNG, GIF or WebP picture")


def fetch(service: Service, media_id: str) -> str:
    """Fetch a picture that somebody sent and keep it; returns its upload id. Fetching it again changes nothing.

    Raises `ApiFault` when the platform doesn't give it, `NotAPicture` when it is something else.
    """
    folder = _folder(service.settings)
    upload = uploads.of_media(folder, media_id)
    if not uploads.path_of(folder, upload).exists():
        data = client_of(service).download("media/get", {"media_id": media_id}, LARGEST)
        keep(service.settings, upload, data)
    return upload


def original(service: Service, media_id: str) -> bytes:
    """The bytes of a picture that somebody sent, from here or from the platform: `bot.case_photos.Fetch`."""
    try:
        return read(service.settings, uploads.of_media(_folder(service.settings), media_id))[0]
    except FileNotFoundError:
        pass
    try:
        return client_of(service).download("media/get", {"media_id": media_id}, LARGEST)
    except ApiFault as fault:
        if fault.action == "drop_for_user" or "larger than" in fault.detail:
            raise Gone(str(fault)) from fault
        raise Away(str(fault)) from fault


def forget(settings: Settings, media_id: str) -> None:
    """Delete the picture behind a platform's media id, when its message goes."""
    uploads.remove(_folder(settings), [media_id])


def sweep(service: Service) -> int:
    """Fetch the pictures of the last three days that aren't kept yet; for the worker. Returns how many were fetched."""
    return catch_up(service, ("image",), BATCH, lambda _, media_id: bool(fetch(service, media_id)))


def catch_up(service: Service, kinds: tuple[str, ...], batch: int, get: Callable[[str, str], bool]) -> int:
    """Have `get` (kind, media id) fetch what messages of `kinds` hold, of the last three days, where it isn't kept yet.
    Returns how many it fetched.

    What can't be fetched for good (dead, a virus, of no kind that we keep) is passed over; when the platform or the
    virus scanner is away the next call begins at the same message. Raises `Busy`.
    """
    fetched = 0
    place = (service.settings.database_url, kinds)
    with read_only(service.engine) as conn:
        rows = conn.execute(
            select(Message.id, Message.kind, Message.body)
            .join(Person, Person.id == Message.person_id)
            .where(Person.channel == "wechat", Message.author == "person", Message.kind.in_(kinds))
            .where(Message.id > _swept.get(place, 0), Message.created_at > clock.now() - ALIVE)
            .order_by(Message.id)
            .limit(batch)
        ).all()
    for row in rows:
        media_id = str(row.body.get("media", "")) if isinstance(row.body, dict) else ""
        try:
            if media_id and not _kept(service, media_id):
                fetched += get(row.kind, media_id)
        except NotKept:
            log.warning("what message %s holds is of no kind that we keep (%s)", row.id, row.kind)
        except scanner.Infected:
            log.warning("what message %s holds has a virus in it; it isn't kept (%s)", row.id, row.kind)
        except scanner.Away:
            log.error("the virus scanner is away; what people send waits on the platform's side")
            break
        except ApiFault as fault:
            if fault.action != "drop_for_user" and "larger than" not in fault.detail:
                break
            log.warning("what message %s holds can't be fetched (%s): %s", row.id, row.kind, fault)
        _swept[place] = row.id
    return fetched


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "uploads"


def _kept(service: Service, media_id: str) -> bool:
    folder = _folder(service.settings)
    return uploads.path_of(folder, uploads.of_media(folder, media_id)).exists()


def keep(settings: Settings, upload: str, data: bytes) -> None:
    """Store a picture's bytes, encrypted, whole or not at all. Raises `NotAPicture` and `scanner.Refused`."""
    kind_of(data)
    scanner.check(data)
    uploads.keep(_folder(settings), data, upload)


def read(settings: Settings, upload: str) -> tuple[bytes, str]:
    """A kept picture and its MIME type. Raises `FileNotFoundError`."""
    data = cipher().decrypt(uploads.path_of(_folder(settings), upload).read_bytes())
    return data, kind_of(data)


def upload(service: Service, upload: str) -> str:
    """Hand a kept picture to the platform; returns the media id to send it by. Raises `ApiFault`."""
    try:
        data, kind = read(service.settings, upload)
    except FileNotFoundError:
        raise ApiFault(40007, "the kept picture is gone") from None
    file = (f"picture.{kind.rpartition('/')[2]}", io.BytesIO(data), kind)
    found = client_of(service).call("media/upload", params={"type": "image"}, files={"media": file})
    return str(found["media_id"])
