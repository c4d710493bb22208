"""A safe place for a message whose turn could not be taken in time: one file each, on disk before WeChat hears 'ok'.

The database may be locked or gone; the disk of this machine is what is left. A file is named after its message, so
three pushes make one file, and encrypted like everything personal. `replay` takes the turn later (`late=True`: its
replies leave through the outbox, once, however often it is replayed).
"""

import fcntl
import hashlib
import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from bot.wechat.faults import where
from records.base import Busy
from records.crypto import CipherError, cipher
from settings import Settings

log = logging.getLogger(__name__)

ATTEMPTS = 12
"""Failed replays after which a file is set aside in `spool/failed` for people to look at."""
LONGEST_PAUSE = 3600
"""Seconds between two replays of a message that failed; they begin at 2 and double, some five hours in all."""
BATCH = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one round did: turns taken, files left for the next, files set aside."""

    taken: int
    left: int
    failed: int


def folder(settings: Settings) -> Path:
    """Where the files of this machine are; made when missing."""
    place = settings.data_dir / "spool"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def path_of(settings: Settings, inbound: Inbound) -> Path:
    """The file of a message: the same for every push of it."""
    name = hashlib.sha256("\x1f".join((inbound.channel, inbound.sender, inbound.key)).encode()).hexdigest()[:40]
    return folder(settings) / f"{name}.json"


def keep(service: Service, inbound: Inbound) -> Path:
    """Write the message down; it survives a power cut once this returns. Raises `OSError` when the disk refuses."""
    path = path_of(service.settings, inbound)
    if not path.exists():
        fields = {**asdict(inbound), "detail": dict(inbound.detail), "sent_at": inbound.sent_at.isoformat()}
        _write(path, {"attempts": 0, "sealed": cipher().encrypt(json.dumps(fields).encode()).hex()})
    return path


def _write(path: Path, content: dict[str, object]) -> None:
    draft = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    place = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(place)  # the name, too, must be on disk
    finally:
        os.close(place)


def drop(path: Path) -> None:
    """The message is in the database now."""
    path.unlink(missing_ok=True)


def waiting(settings: Settings) -> int:
    """How many messages wait for their turn on this machine."""
    return sum(1 for _ in folder(settings).glob("*.json"))


def set_aside(settings: Settings) -> int:
    """How many could not be taken at all and need a person to look."""
    return sum(1 for _ in (folder(settings) / "failed").glob("*.json"))


def gauges(settings: Settings) -> dict[str, float]:
    """The same two as gauges of this machine."""
    return {"city_spool_waiting": waiting(settings), "city_spool_set_aside": set_aside(settings)}


def replay(service: Service, limit: int = BATCH) -> Replayed:
    """Take the turns of spooled messages, the oldest first; called by the worker every few seconds.

    One process at a time does it. Stops early while the database can't be had; then nothing counts as a failure.
    """
    taken = failed = 0
    with _only_one(folder(service.settings)) as mine:
        paths = sorted(folder(service.settings).glob("*.json"), key=_age) if mine else []
        for path in paths:
            if taken >= limit:
                break
            try:
                taken += _replay_one(service, path)
            except Busy:
                break
            except Exception as fault:  # noqa: BLE001 - a fault of ours in one turn must not stop the others
                log.error("a spooled message could not be taken: %s", where(fault))
                failed += _failed_once(path)
    return Replayed(taken, waiting(service.settings), failed)


def _replay_one(service: Service, path: Path) -> int:
    try:
        content = json.loads(path.read_text())
        if content.get("not_before", 0) > clock.now().timestamp():
            return 0
        fields = json.loads(cipher().decrypt(bytes.fromhex(content["sealed"])))
    except FileNotFoundError:
        return 0  # the thread that was late with it has finished meanwhile
    except (ValueError, KeyError, CipherError) as fault:
        log.error("a spooled message can't be read (%s); it is set aside", type(fault).__name__)
        _set_aside(path)
        return 0
    inbound = Inbound(**{**fields, "sent_at": datetime.fromisoformat(fields["sent_at"])})
    turn.take(service, inbound, late=True)
    drop(path)
    return 1


def _failed_once(path: Path) -> int:
    """Count a failed replay; 1 when it was the last and the file is set aside."""
    with suppress(FileNotFoundError):
        before = path.stat()
        content = json.loads(path.read_text())
        content["attempts"] += 1
        if content["attempts"] >= ATTEMPTS:
            _set_aside(path)
            return 1
        content["not_before"] = clock.now().timestamp() + min(LONGEST_PAUSE, 2 ** content["attempts"])
        _write(path, content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # it keeps its place in the queue
    return 0


def _set_aside(path: Path) -> None:
    place = path.parent / "failed"
    place.mkdir(mode=0o700, exist_ok=True)
    log.critical("a message was set aside in %s after its turn failed again and again", place)
    path.replace(place / path.name)


def retry_set_aside(settings: Settings) -> int:
    """Put what was set aside back into the queue, after its cause was mended. Returns how many."""
    count = 0
    for path in (folder(settings) / "failed").glob("*.json"):
        with suppress(ValueError):  # a damaged file goes back as it is, and is set aside again
            _write(path, {"attempts": 0, "sealed": json.loads(path.read_text()).get("sealed", "")})
        path.replace(folder(settings) / path.name)
        count += 1
    return count


def _age(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@contextmanager
def _only_one(place: Path) -> Iterator[bool]:
    with (place / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


group = AppGroup("spool", help="还没来得及处理的微信消息")


@group.command("status")
def status_command() -> None:
    """等着处理的和处理不了的各有多少。"""
    settings = current_app.extensions["service"].settings
    click.echo(f"等待处理 {waiting(settings)} 条，处理不了 {set_aside(settings)} 条（spool retry 可重新排队）")


@group.command("retry")
def retry_command() -> None:
    """把处理不了的消息重新排队（先排除原因）。"""
    click.echo(f"已重新排队 {retry_set_aside(current_app.extensions['service'].settings)} 条")
