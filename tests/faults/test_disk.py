"""A disk that is full loses nothing that was acknowledged: the database's disk, and the data folder's."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event, select

import clock
from bot.message import Inbound
from bot.service import Service
from bot.wechat import budget, spool
from records import crypto
from records.base import read
from records.conversations import Message
from records.handoffs import Alarm
from tests.faults.city import ROOT

FILL = """
import errno, json, resource, subprocess, sys
from pathlib import Path
folder = Path(sys.argv[1])
real = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True).returncode == 0
from dataclasses import replace
import clock
from bot.message import Inbound
from bot.wechat import spool
from records import crypto
from settings import Settings
settings = Settings.from_env({"DATA_DIR": str(folder.parent / "elsewhere")})
crypto.configure(settings.data_key)
class House: settings = replace(settings, data_dir=folder)
spool.folder(House.settings)
if not real:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
kept, refused = 0, ""
for number in range(200):
    try:
        spool.keep(House, Inbound("wechat", "oDisk", f"m:{number}", "text", clock.now(), text="话" * 500))
        kept += 1
    except OSError as fault:
        refused = errno.errorcode[fault.errno]
        break
whole = sum(bool(json.loads(path.read_text())["sealed"]) for path in folder.glob("spool/*.json"))
drafts = len(list(folder.glob("spool/*.draft")))
print(json.dumps({"real": real, "kept": kept, "refused": refused, "whole": whole, "drafts": drafts}))
"""


def test_a_full_data_folder_refuses_and_leaves_no_half_message(tmp_path: Path) -> None:
    """On a real full file system where a user namespace may mount one; else by a file size limit of nothing."""
    folder = tmp_path / "data"
    folder.mkdir()
    alone = [sys.executable, "-c", FILL, str(folder)]
    named = subprocess.run(["unshare", "-rm", *alone], cwd=ROOT, capture_output=True, text=True, timeout=60)
    told = (
        named if named.returncode == 0 else subprocess.run(alone, cwd=ROOT, capture_output=True, text=True, timeout=60)
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["refused"] == ("ENOSPC" if found["real"] else "EFBIG"), found
    assert found["whole"] == found["kept"] and found["drafts"] == 0, found
    assert found["kept"] > 5 or not found["real"], found


@pytest.fixture
def full(service: Service, request: pytest.FixtureRequest):
    """An SQLite database that has no page left; `free()` gives it room again."""

    def limit(pages: int) -> None:
        def set_limit(connection, _record) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        service.engine.dispose()
        event.listen(service.engine, "connect", set_limit)

    limit(1)  # SQLite takes the size it has for the least
    return lambda: limit(1_000_000)


def said(number: int, text: str) -> Inbound:
    return Inbound("wechat", "oDisk", f"m:{number}", "text", clock.now(), text=text, window="message")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_database_keeps_messages_in_the_spool_until_there_is_room(service: Service, full) -> None:
    crypto.configure(service.settings.data_key)
    outcomes = [budget.answer(service, said(number, "话" * 1000), budget.monotonic()) for number in range(40)]
    late = sum(one.taken is None for one in outcomes)
    assert late > 20 and all(one.taken is not None or one.kept for one in outcomes)
    assert spool.waiting(service.settings) == late
    full()
    assert spool.replay(service).left == 0
    with read(service.engine) as conn:
        keys = list(conn.execute(select(Message.dedup).where(Message.author == "person")).scalars())
    assert sorted(keys) == sorted(f"m:{number}" for number in range(40))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_somebody_in_danger_is_alarmed_even_when_nothing_can_be_stored_at_first(
    service: Service, full, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    waits: list[float] = []

    def room_again(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            full()

    monkeypatch.setattr(spool, "keep", no_room)
    monkeypatch.setattr(budget, "sleep", room_again)
    refused = 0
    for number in range(300):  # until the database has no room for the shortest word
        refused += budget.answer(service, said(number, "你好"), budget.monotonic()).taken is None
        if refused == 5:
            break
    outcome = budget.answer(service, said(99, "我不想活了"), budget.monotonic())
    assert not outcome.kept and outcome.emergency == budget.EMERGENCY_LOST
    for thread in [one for one in budget.threading.enumerate() if one.name == "insist"]:
        thread.join(20)
    with read(service.engine) as conn:
        assert conn.execute(select(Alarm.id)).all(), "nobody was alarmed"
    assert len(waits) >= 3
