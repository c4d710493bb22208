"""A virus scanner looks at every file before it is kept, where the office runs one: ClamAV's daemon, asked over its
socket (`INSTREAM`, clamd(8)). Without one nothing is scanned; pictures are drawn anew either way."""

import socket
import struct
from contextlib import closing
from urllib.parse import urlsplit

TIMEOUT = 10.0
"""Seconds that a file may take."""
_GLANCE = 1.0
_CHUNK = 64 * 1024
_ANSWER = 4096

_url = ""


class Refused(ValueError):
    """The file isn't taken. The message is for whoever sent it."""


class Infected(Refused):
    """The scanner knows what is in the file."""


class Away(Refused):
    """The scanner is set but doesn't answer as it should: nothing is taken unseen."""


def configure(url: str) -> None:
    """Set the scanner of this process: `unix:/path`, `tcp://host:3310`, or empty for none."""
    global _url
    _url = url


def check(data: bytes) -> None:
    """Have the scanner look at a file. Raises `Infected` and `Away`; without a scanner nothing happens."""
    if not _url:
        return
    answer = _asked(_url, b"zINSTREAM\0", data)
    if answer.endswith(" FOUND"):
        raise Infected("这个文件里有病毒，没有收下")
    if not answer.endswith(" OK"):
        raise Away("现在不能检查文件有没有病毒，没有收下，请过几分钟再发")


def version() -> str | None:
    """What the scanner says of itself (program, version and date of its signatures); None where none is set.

    Raises `Away`.
    """
    return _asked(_url, b"zVERSION\0") if _url else None


def answers() -> bool | None:
    """Whether the scanner answers within a second; None where none is set."""
    if not _url:
        return None
    try:
        return _asked(_url, b"zPING\0", timeout=_GLANCE) == "PONG"
    except Away:
        return False


def _asked(url: str, command: bytes, data: bytes | None = None, timeout: float = TIMEOUT) -> str:
    try:
        with closing(_connected(url, timeout)) as line:
            line.sendall(command)
            if data is not None:
                for at in range(0, len(data), _CHUNK):
                    part = data[at : at + _CHUNK]
                    line.sendall(struct.pack("!I", len(part)) + part)
                line.sendall(struct.pack("!I", 0))
            answer = b""
            while not answer.endswith(b"\0") and len(answer) < _ANSWER:
                more = line.recv(_ANSWER)
                if not more:
                    break
                answer += more
    except OSError as error:
        raise Away("现在不能检查文件有没有病毒，没有收下，请过几分钟再发") from error
    if not answer.endswith(b"\0"):
        raise Away("现在不能检查文件有没有病毒，没有收下，请过几分钟再发")
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def _connected(url: str, timeout: float) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(timeout)
        try:
            line.connect(parts.path)
        except OSError:
            line.close()
            raise
        return line
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 3310), timeout=timeout)
