"""Pictures people send, fetched at once and kept encrypted: after three days the platform has none (wx-voice-02).

The name of a kept file follows from its media id, so fetching twice stores once, and a sweep over recent messages can
make up for a fetch that a crash cut short.
"""

import io
import logging
import os
import secrets
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


_swept: dict[str, int] = {}
"""The newest message whose picture this process has dealt with, by database."""


class NotAPicture(Exception):
    """The bytes are no picture of a kind we keep, whatever their name says."""


def kind_of(data: bytes) -> str:
    """The MIME type, told by the first bytes. Raises `NotAPicture`."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    raise NotAPicture("the file is not a JPEG, PNG, GIF or WebP picture")


def upload_id(media_id: str) -> str:
    """The id under which a platform's media id is kept here: 32 hex digits, telling nothing."""
    return cipher().lookup("media", media_id).hex()


def path_of(settings: Settings, upload: str) -> Path:
    """Where an upload is kept. Raises `ValueError` for anything that isn't an upload id."""
    if len(upload) != 32 or not all(char in "0123456789abcdef" for char in upload):
        raise ValueError("an upload id has 32 hex digits")
    return settings.data_dir / "uploads" / upload[:2] / upload


def fetch(service: Service, media_id: str) -> str:
    """Fetch a picture that somebody sent and keep it; returns its upload id. Fetching it again changes nothing.

    Raises `ApiFault` when the platform doesn't give it, `NotAPicture` when it is something else.
    """
    upload = uploads.of_media(service.settings.data_dir / "uploads", media_id)
    if not path_of(service.settings, upload).exists():
        data = client_of(service).download("media/get", {"media_id": media_id}, LARGEST)
        keep(service.settings, upload, data)
    return upload


def original(service: Service, media_id: str) -> bytes:
    """The bytes of a picture that somebody sent, from here or from the platform: `bot.case_photos.Fetch`."""
    try:
        return read(service.settings, uploads.of_media(service.settings.data_dir / "uploads", media_id))[0]
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
    uploads.remove(settings.data_dir / "uploads", [media_id])


def sweep(service: Service) -> int:
    """Fetch the pictures of the last three days that aren't kept yet; for the worker. Returns how many were fetched.

    What can't be fetched for good (dead, or no picture) is passed over; when the platform is away the next sweep
    begins at the same message. Raises `Busy`.
    """
    fetched = 0
    begin = _swept.get(service.settings.database_url, 0)
    with read_only(service.engine) as conn:
        rows = conn.execute(
            select(Message.id, Message.body)
            .join(Person, Person.id == Message.person_id)
            .where(Person.channel == "wechat", Message.author == "person", Message.kind == "image")
            .where(Message.id > begin, Message.created_at > clock.now() - ALIVE)
            .order_by(Message.id)
            .limit(BATCH)
        ).all()
    for row in rows:
        try:
            fetched += _fetch_new(service, str(row.body.get("media", "")))
        except NotAPicture:
            log.warning("a picture of message %s is no picture of a kind we keep", row.id)
        except scanner.Infected:
            log.warning("the picture of message %s holds a virus; it isn't kept", row.id)
        except scanner.Away:
            log.error("the virus scanner is away; pictures wait on the platform's side")
            break
        except ApiFault as fault:
            if fault.action != "drop_for_user" and "larger than" not in fault.detail:
                break
            log.warning("the picture of message %s can't be fetched: %s", row.id, fault)
        _swept[service.settings.database_url] = row.id
    return fetched


def _fetch_new(service: Service, media_id: str) -> bool:
    if not media_id or _kept(service, media_id):
        return False
    fetch(service, media_id)
    return True


def _kept(service: Service, media_id: str) -> bool:
    folder = service.settings.data_dir / "uploads"
    return uploads.path_of(folder, uploads.of_media(folder, media_id)).exists()


def keep(settings: Settings, upload: str, data: bytes) -> None:
    """Store a picture's bytes, encrypted, whole or not at all. Raises `NotAPicture` and `scanner.Refused`."""
    kind_of(data)
    scanner.check(data)
    path = path_of(settings, upload)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{upload}.{secrets.token_hex(4)}.draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(cipher().encrypt(data))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read(settings: Settings, upload: str) -> tuple[bytes, str]:
    """A kept picture and its MIME type. Raises `FileNotFoundError`."""
    data = cipher().decrypt(path_of(settings, upload).read_bytes())
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
