"""Passwords known to have been stolen somewhere, from a file that the office fetched itself.

The file is the public list of SHA-1 sums ordered by sum (`SUM:COUNT` a line, some 40 GB, or any sorted part of it). It
is searched by halves where it lies: some thirty small reads, nothing held in memory, no password sent anywhere.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

_SUM = 40  # hex digits


def holds(path: Path, password: str) -> bool:
    """Whether the list at `path` has the password. Raises `OSError` when the file can't be read."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        while low < high:
            middle = (low + high) // 2
            found = _from(file, middle)
            if not found or found >= wanted:
                high = middle
            else:
                low = middle + 1
        return _from(file, low) == wanted


def _from(file: BinaryIO, at: int) -> bytes:
    """The sum of the first line that begins at byte `at` or after; empty at the end."""
    file.seek(max(at - 1, 0))
    if at:
        file.readline()
    return file.readline()[:_SUM].upper()


def fault(path: Path) -> str | None:
    """What is wrong with the file, in words for an operator; None when its beginning looks as it should."""
    try:
        with path.open("rb") as file:
            first = [line[:_SUM].decode("ascii", "replace") for line in (file.readline(), file.readline()) if line]
    except OSError as error:
        return f"打不开：{error.strerror}"
    right = all(len(one) == _SUM and set(one.upper()) <= set("0123456789ABCDEF") for one in first)
    return None if first and right and first == sorted(first) else "不是按 SHA-1 排序的清单"
