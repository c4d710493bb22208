"""Files that people and staff sent: one encrypted file each, under a name that tells nothing.

They lie in `<data_dir>/uploads/<two digits>/<32 hex digits>`, whichever channel they came by.
"""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from records.crypto import cipher

UNFINISHED = (".part", ".draft")
"""How the names of files end that are being written: here, by a rotation of keys, and in the spool."""


def path_of(folder: Path, name: str) -> Path:
    """Where the file `name` lies in `folder`. Raises `ValueError` for what is no such name."""
    if len(name) != 32 or not all(char in "0123456789abcdef" for char in name):
        raise ValueError("an upload's name has 32 hex digits")
    return folder / name[:2] / name


def keep(folder: Path, data: bytes, name: str = "") -> str:
    """Store `data` encrypted under `name`, or one made up; returns the name. The file is whole and safe on the disk when
    this returns, or not there."""
    name = name or secrets.token_hex(16)
    path = path_of(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{name}.{secrets.token_hex(4)}.part")  # two may fetch the same at once
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(cipher().encrypt(data))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return name


def read(folder: Path, name: str) -> bytes | None:
    """What was stored under `name`; None when it isn't there (any more)."""
    try:
        return cipher().decrypt(path_of(folder, name).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def remove(folder: Path, media: Iterable[str]) -> int:
    """Remove the files of messages' `media`: our names, or a platform's ids that names were made of.

    Returns how many there were.
    """
    gone = 0
    for one in media:
        for name in {one, *_media_names(one)}:
            try:
                path_of(folder, name).unlink()
                gone += 1
            except (FileNotFoundError, ValueError):
                continue
    return gone


def of_media(folder: Path, media: str) -> str:
    """The name under which a platform's media id lies here, or would be kept."""
    names = _media_names(media)
    return next((name for name in names if path_of(folder, name).exists()), names[0])


def rename_media(folder: Path, media: str) -> bool:
    """Give the file of a platform's media id its name under the newest key. False when it has it, or isn't there."""
    newest, *older = _media_names(media)
    for name in older:
        old, new = path_of(folder, name), path_of(folder, newest)
        if old.exists():
            new.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            old.replace(new)
            return True
    return False


def tidy(folder: Path, before: datetime) -> int:
    """Remove what writers that were killed left in `folder`: files half written, under no name that an erasure knows.

    `before` (aware): what is younger may still be in somebody's hands. Returns how many there were.
    """
    gone = 0
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names if name.endswith(UNFINISHED)):
            with suppress(FileNotFoundError):  # finished, or tidied by somebody else, meanwhile
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    gone += 1
    return gone


def _media_names(media: str) -> list[str]:
    return [one.hex() for one in cipher().lookups("media", media)]
