"""Files of people leave nothing behind: not even what a killed writer could not finish."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

import clock
from jobs import clocks
from records import crypto, uploads

KEY = "A" * 43 + "="
WRITER = """
import os, sys
from pathlib import Path
from records import crypto, uploads
crypto.configure(sys.argv[2])
def never(number):
    print("written", flush=True)
    os.read(0, 1)
os.fsync = never
uploads.keep(Path(sys.argv[1]), b"a picture of somebody")
"""
"""A writer that stops between its bytes and their name, where a kill would hit it."""


@pytest.fixture(autouse=True)
def _key() -> None:
    crypto.configure(KEY)


def killed_while_writing(folder: Path) -> Path:
    """What a `kill -9` leaves of an upload."""
    command = [sys.executable, "-c", WRITER, str(folder), KEY]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
    (left,) = (path for path in folder.rglob("*") if path.is_file())
    return left


def aged(path: Path, age: timedelta) -> Path:
    at = time.time() - age.total_seconds()
    os.utime(path, (at, at))
    return path


def test_what_a_killed_writer_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    left = aged(killed_while_writing(tmp_path), timedelta(hours=2))
    whole = uploads.keep(tmp_path, b"kept for long")
    kept = aged(uploads.path_of(tmp_path, whole), timedelta(days=90))
    young = kept.with_name(f"{whole}.0011.part")
    young.write_bytes(b"x")
    assert uploads.tidy(tmp_path, clock.now() - timedelta(hours=1)) == 1
    assert not left.exists() and young.exists() and uploads.read(tmp_path, whole) == b"kept for long"
    assert uploads.tidy(tmp_path / "nowhere", clock.now()) == 0


def test_the_worker_tidies_uploads_and_spool_now_and_then(tmp_path: Path) -> None:
    places = tmp_path / "uploads" / "00", tmp_path / "spool"
    tidy = clocks.leftovers_expire(tmp_path / "uploads", tmp_path / "spool")

    def leave(age: timedelta) -> list[Path]:
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
        made = [place / f"0011.{ending}" for place, ending in zip(places, ("part", "draft"), strict=True)]
        for path in made:
            path.write_bytes(b"x")
        return [aged(path, age) for path in made]

    old = leave(clocks.LONGEST_WRITE + timedelta(minutes=1))
    assert tidy() == 2 and not any(path.exists() for path in old)
    old = leave(clocks.LONGEST_WRITE - timedelta(minutes=1))
    assert tidy() == 0, "it has looked a moment ago"
    with clock.frozen(clock.now() + clocks.BETWEEN_LOOKS):
        assert tidy() == 2 and not any(path.exists() for path in old)
