"""What is kept has a purpose and an end, and the end comes."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from jobs import retention
from records import audit, handoffs, rotate, schema
from records.base import read, write
from records.conversations import Message


def test_every_table_with_personal_data_says_what_for_and_how_long() -> None:
    listed = {rule.table for rule in retention.rules()}
    sealed = {table.name for table, _ in rotate.sealed_columns()}
    of_people = {
        table.name for table in schema.TABLES.sorted_tables
        for column in table.columns for key in column.foreign_keys if key.column.table.name == "people"
    }  # fmt: skip
    assert (sealed | of_people) - listed == set(), "add these to records/fields.yml"


def test_the_page_is_printed_from_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "privacy.md"
    assert page.read_text(encoding="utf-8") == retention.page(), "run: python -m jobs.retention > docs/privacy.md"


def test_old_rows_go_and_young_ones_stay(service: Service) -> None:
    then = clock.now() - timedelta(days=400)
    with clock.frozen(then):
        _say(service, 1, "oOld")
        kept = _say(service, 2, "oWaiting").person_id
        with write(service.engine) as conn:
            handoffs.ask(conn, kept, team="general", reason="asked", at=then)
            audit.note(conn, "staff:1", "reveal", "person:1", then)
    _say(service, 3, "oOld")
    assert retention.sweep(service.engine) == 2  # what was said and answered; not to the one who waits for staff
    assert retention.sweep(service.engine) == 0
    with read(service.engine) as conn:
        assert conn.execute(select(func.count()).select_from(Message)).scalar_one() == 4
        assert audit.search(conn, actor="staff:1"), "the audit stays three years"


def test_what_must_stay_does_not_keep_the_rest_for_ever(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    then = clock.now() - timedelta(days=500)
    with clock.frozen(then):
        for number in range(4):
            kept = _say(service, number, "oWaiting").person_id
        with write(service.engine) as conn:
            handoffs.ask(conn, kept, team="general", reason="asked", at=then)
        _say(service, 9, "oOld")
    assert retention.sweep(service.engine) == 2, "the long chat of somebody who waits stands before it"


def _say(service: Service, number: int, sender: str) -> turn.Taken:
    return turn.take(
        service, Inbound("wechat", sender, f"m:{number}", "text", clock.now(), text="你好", window="message")
    )
