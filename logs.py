"""The log: one JSON object a line, with the turn it belongs to, and without anything that tells who somebody is.

`configure(level)` once a process; `follow(turn=…)` at the start of a piece of work, and every line written in that
context carries it, through whichever process the message goes. Words of people are never logged; should one slip into
a message all the same, numbers and openids are masked here, and a fault is written as its kind and place, without its
message, which may quote them.
"""

import json
import logging
import re
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

_turn: ContextVar[str] = ContextVar("turn", default="")

_OPENID = re.compile(r"\bo[A-Za-z0-9_-]{27}\b")
_NUMBER = re.compile(r"(?<![0-9A-Za-z_.:-])\+?\d(?:[ -]?\d){6,}[Xx]?(?![0-9A-Za-z_:])")
_FRAMES = 5
_HOUSE = str(Path(__file__).parent)
_FIXED = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def follow(turn: str) -> None:
    """Lines written from here on, in this context, belong to `turn`."""
    _turn.set(turn)


def masked(text: str) -> str:
    """`text` with openids and runs of seven digits or more (telephones, ID numbers) taken out."""
    if len(text) < 7:
        return text
    return _NUMBER.sub("…", _OPENID.sub("o…", text))


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, what, turn, fault, and what `extra` named."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, masked."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "what": masked(record.getMessage()),
        }
        if turn := _turn.get():
            line["turn"] = turn
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = fault(record.exc_info)
        for name in record.__dict__.keys() - _FIXED:
            value = record.__dict__[name]
            line[name] = masked(value) if isinstance(value, str) else value
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


class Plain(logging.Formatter):
    """The same for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, masked."""
        turn = f" [{_turn.get()}]" if _turn.get() else ""
        line = f"{self.formatTime(record)} {record.levelname} {record.name}{turn} {masked(record.getMessage())}"
        if record.exc_info and record.exc_info[0] is not None:
            line += f" | {fault(record.exc_info)}"
        return line


Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def fault(raised: Raised) -> str:
    """`KeyError at turn.py:120 < budget.py:41`, and what caused it; never its message."""
    told: list[str] = []
    error: BaseException | None = raised[1]
    while error is not None and len(told) < 4:
        found = list(traceback.extract_tb(error.__traceback__))
        frames = [*[frame for frame in found[:-1] if _ours(frame.filename)][-_FRAMES:], *found[-1:]]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        told.append(f"{type(error).__name__} at {places}" if places else type(error).__name__)
        error = error.__cause__ or error.__context__
    return " from ".join(told)


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to what standard error is now, not to what it was when the process began."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = sys.stderr
        super().emit(record)


def _ours(filename: str) -> bool:
    return filename.startswith(_HOUSE) and "/.venv/" not in filename


def configure(level: str = "INFO") -> None:
    """Set up this process's log on standard error: JSON, or plain lines when a person is watching."""
    handler = Stderr()
    handler.setFormatter(Plain() if sys.stderr.isatty() else JsonLines())
    root = logging.getLogger()
    for old in [old for old in root.handlers if type(old) in (logging.StreamHandler, Stderr)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for chatty in ("urllib3", "huey", "PIL", "fontTools", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
