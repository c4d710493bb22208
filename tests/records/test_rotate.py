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
from records import conversations, crypto, rotate, uploads
from records.base import SealedJson, SealedText, read


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


def _person(conn: Connection) -> int:
    return int(conn.exec_driver_sql("SELECT id FROM people").scalar_one())
