"""Voices and films people send, fetched by the worker and kept encrypted: after three days the platform has none.

Staff play or load them (`staff.media`). They lie beside the pictures under a name made of the platform's id, so that
they go with their message. What no kind of sound or film is isn't kept.
"""

from bot.service import Service
from bot.wechat import media
from bot.wechat.client import client_of
from records import recordings, scanner, uploads

BATCH = 20
LARGEST = 10 * 1024 * 1024
"""Bytes: what the platform lets people send as a film (wx-voice-02)."""


def sweep(service: Service) -> int:
    """Fetch what was said or filmed in the last three days and isn't kept yet. Returns how many were fetched."""
    return media.catch_up(service, ("voice", "video"), BATCH, lambda kind, media_id: _fetched(service, kind, media_id))


def _fetched(service: Service, kind: str, media_id: str) -> bool:
    client = client_of(service)
    if kind == "video":
        data = client.film(media_id, LARGEST)
    else:
        data = client.download("media/get", {"media_id": media_id}, LARGEST)
    if recordings.kind_of(data) is None:
        raise media.NotKept("a recording is neither sound nor film of a kind that we keep")
    scanner.check(data)
    folder = service.settings.data_dir / "uploads"
    uploads.keep(folder, data, uploads.of_media(folder, media_id))
    return True
