"""Keys rotate while people write: nothing is lost, everything ends under the newest key, a stop is no harm."""

import base64
import secrets
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from bot.wechat import spool
from records import cases, conversations, crypto, people, rotate, uploads
from records.base import SealedJson, SealedText, read, write
from settings import lookup_key_of


def said(number: int, sender: str = "oRotate") -> Inbound:
    return Inbound("wechat", sender, f"m:{number}", "text", clock.now(), text=f"第{number}句", window="message")


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def test_every_encrypted_column_is_known_by_its_type() -> None:
    named = {f"{table.name}.{column.name}" for table, column in rotate.sealed_columns()}
    assert {"people.external", "people.state", "messages.body", "outbox.payload", "cases.data", "staff.totp"} <= named
    assert all(isinstance(column.type, (SealedText, SealedJson)) for _, column in rotate.sealed_columns())


def test_a_rotation_under_load_loses_nothing_and_can_be_repeated(service: Service, tmp_path: Path) -> None:
    for number in range(30):
        turn.take(service, said(number))
    picture = uploads.keep(tmp_path / "uploads", b"picture")
    old = service.settings.data_key
    crypto.configure(f"{new_key()},{old}")
    stop, numbers = threading.Event(), iter(range(1000, 9000))

    def write_on() -> None:
        while not stop.is_set():
            turn.take(service, said(next(numbers)))

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        done = rotate.rotate(service.engine, tmp_path / "uploads")
    finally:
        stop.set()
        writer.join()
    assert done.changed > 60
    again = rotate.rotate(service.engine, tmp_path / "uploads")
    assert again.changed == 0 and again.current >= done.changed
    with read(service.engine) as conn:
        bodies = [
            row.body for row in conversations.transcript(conn, _person(conn), limit=10_000) if row.author == "person"
        ]
    assert {body["text"] for body in bodies} >= {f"第{number}句" for number in range(30)}
    assert uploads.read(tmp_path / "uploads", picture) == b"picture"
    for table, column in rotate.sealed_columns():
        assert all(crypto.cipher().uses_newest(one) for one in rotate.sample(service.engine, table, column, 10_000))
    crypto.configure(old)


def test_a_stopped_rotation_goes_on_where_it_was(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        turn.take(service, said(number))
    old = service.settings.data_key
    crypto.configure(f"{new_key()},{old}")
    really, seen = rotate._column, []

    def stops(*args):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(args)
        return really(*args)

    monkeypatch.setattr(rotate, "_column", stops)
    with pytest.raises(KeyboardInterrupt):
        rotate.rotate(service.engine)
    monkeypatch.setattr(rotate, "_column", really)
    rotate.rotate(service.engine)
    assert rotate.rotate(service.engine).changed == 0
    crypto.configure(old)


def test_the_old_key_can_be_thrown_away(service: Service, tmp_path: Path) -> None:
    """After a rotation nothing hangs on the old key: not what is stored, not the hashes by which it is found."""
    settings = service.settings
    number = _case(service)
    picture = uploads.keep(tmp_path / "uploads", b"picture")
    waiting = spool.keep(service, said(900, "oSpooled"))
    turn.take(service, said(1))
    with read(service.engine) as conn:
        before = people.find(conn, "wechat", "oRotate").id
    newest = new_key()
    crypto.configure(f"{newest},{settings.data_key}", settings.lookup_key)
    rotate.rotate(service.engine, tmp_path / "uploads", spool=spool.folder(settings))
    assert rotate.rotate(service.engine, tmp_path / "uploads", spool=spool.folder(settings)).changed == 0

    crypto.configure(newest, settings.lookup_key)
    again = turn.take(service, said(1))
    assert again.duplicate and again.person_id == before, "the same message of the same person is known"
    with read(service.engine) as conn:
        assert people.find(conn, "wechat", "oRotate").external == "oRotate"
        assert [row.number for row in cases.of_phone(conn, "19900000001")] == [number]
        assert cases.by_number(conn, number).data == [["手机号", "19900000001"]]
    assert uploads.read(tmp_path / "uploads", picture) == b"picture"
    assert spool.replay(service).taken == 1 and not waiting.exists()
    crypto.configure(settings.data_key, settings.lookup_key)


def test_without_a_key_of_their_own_the_hashes_hang_on_the_oldest(service: Service) -> None:
    """What an installation from before LOOKUP_KEY has: its hashes stay valid when that key is written down."""
    old, newest = new_key(), new_key()
    before = crypto.Cipher(old).lookup("phone", "19900000001")
    assert crypto.Cipher(f"{newest},{old}").lookup("phone", "19900000001") == before
    assert crypto.Cipher(newest).lookup("phone", "19900000001") != before
    assert crypto.Cipher(newest, lookup_key_of(old)).lookup("phone", "19900000001") == before


def _case(service: Service) -> str:
    with write(service.engine) as conn:
        return cases.open_case(
            conn, kind="hazard", title="隐患举报", region="haishu", team="rooms", at=clock.now(),
            data=[["手机号", "19900000001"]], phone="19900000001",
        )  # fmt: skip


def _person(conn: Connection) -> int:
    return int(conn.exec_driver_sql("SELECT id FROM people").scalar_one())
