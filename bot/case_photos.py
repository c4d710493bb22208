"""Photos that came with a filed form, brought in by the worker: fetched from their channel, drawn anew, kept with the case.

Filing never waits for it. What a channel can't give now is tried again for as long as it may still have it; in the end
the case itself says that a photo is missing.
"""

import logging
from collections.abc import Callable, Mapping

import clock
from bot.service import Service
from records import case_photos, pictures, scanner, uploads
from records.base import read, write

log = logging.getLogger(__name__)

Fetch = Callable[[str], bytes]
"""The bytes behind what a channel calls a picture. Raises `Gone` and `Away`."""


class Gone(Exception):
    """The channel doesn't have that picture, now or later."""


class Away(Exception):
    """The channel can't give it now."""


def gather(service: Service, channels: Mapping[str, Fetch]) -> int:
    """Bring in what is due. Returns how many photos lie here now that didn't. Raises `Busy`."""
    now = clock.now()
    with read(service.engine) as conn:
        due = case_photos.due(conn, now)
    kept = 0
    for photo in due:
        try:
            upload = pictures.keep(service.settings.data_dir, pictures.redrawn(channels[photo.channel](photo.source)))
        except (Away, Gone, pictures.NotAPicture) as fault:
            later = isinstance(fault, Away) or isinstance(fault.__cause__, scanner.Away)
            log.warning(
                "a photo of case %s can't be fetched %s: %s", photo.case_id, "now" if later else "at all", fault
            )
            with write(service.engine) as conn:
                (case_photos.try_later if later else case_photos.fail)(conn, photo, now)
            continue
        with write(service.engine) as conn:
            wanted = case_photos.keep(conn, photo.id, upload)
        if not wanted:
            uploads.remove(service.settings.data_dir / "uploads", [upload])
        kept += wanted
    return kept


def own(service: Service, name: str) -> bytes:
    """A picture of the web chat, as its conversation keeps it: the `Fetch` of our own channel. Not here, it may lie with
    another machine's worker."""
    data = uploads.read(service.settings.data_dir / "uploads", name)
    if data is None:
        raise Away("the web chat's copy isn't on this machine")
    return data
