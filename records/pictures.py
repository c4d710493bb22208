"""Pictures people hand in: checked to be pictures, made small, stripped of where and when they were taken, encrypted.

They lie with all other uploads (`records.uploads`).
"""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from records import scanner, uploads

LARGEST = 12 * 1024 * 1024
_PIXELS = 50_000_000
_SIDE = 1600


class NotAPicture(ValueError):
    """The bytes are no picture we keep, whatever their name says. The message is for the person."""


def keep(data_dir: Path, drawn: bytes) -> str:
    """Keep a picture that `redrawn` gave; returns its id."""
    return uploads.keep(data_dir / "uploads", drawn)


@contextmanager
def kept(data_dir: Path, drawn: Sequence[bytes]) -> Iterator[list[str]]:
    """Keep pictures for the row that the block writes and commits; gives their ids. When it raises, whatever it is, they
    are removed again: nobody else knows their names, so no erasure would ever find them."""
    names: list[str] = []
    try:
        for one in drawn:
            names.append(keep(data_dir, one))
        yield names
    except BaseException:
        uploads.remove(data_dir / "uploads", names)
        raise


def read(data_dir: Path, picture: str) -> bytes | None:
    """A kept picture, as JPEG; None when it isn't there (any more)."""
    return uploads.read(data_dir / "uploads", picture)


def redrawn(data: bytes) -> bytes:
    """The picture drawn anew as JPEG: what isn't pixels (place, time, hidden bytes) stays behind.

    Raises `NotAPicture`.
    """
    if len(data) > LARGEST:
        raise NotAPicture(f"照片太大了（超过{LARGEST >> 20}MB），请选小一点的")
    try:
        scanner.check(data)
    except scanner.Refused as fault:
        raise NotAPicture(str(fault)) from fault
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP", "GIF", "BMP")) as image:
                if image.width * image.height > _PIXELS:
                    raise NotAPicture("照片的像素太多了，请用普通拍照的大小")
                upright = ImageOps.exif_transpose(image).convert("RGB")
    except NotAPicture:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError,
            Image.DecompressionBombWarning) as error:  # fmt: skip
        raise NotAPicture("这个文件不是照片，或者已经损坏；请重新拍一张") from error
    upright.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=82)
    return out.getvalue()
