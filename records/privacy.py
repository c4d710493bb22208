"""What is held about one person: shown to him whole, and erased when he asks or stops following (wx-cb-12).

Erasing goes by the tables themselves: whatever hangs on a person with ON DELETE CASCADE is deleted, whatever with
SET NULL is kept without him. So a table that is added later is covered on the day it is added.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, delete, select, update

from records import audit, case_photos, cases, conversations, declarations, handoffs, schema, uploads
from records.cases import Case, CaseEvent
from records.declarations import Filing
from records.handoffs import Alarm, Handoff
from records.keyed import among
from records.people import Person, external_hash

_KEPT_ANSWERS = re.compile(r"地点|位置|哪里|隐患|问题|种类|类型|类别|时间|日期|金额|多少|几个月|人数|区域|哪个区")
"""Labels of a form's answers that say what happened where, not who said it."""
_NUMBERS = re.compile(r"\d[\d\- ]{5,}[\dXx]")
_OPEN_CASE = ("filed", "accepted", "returned", "working")


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. `held`: nothing yet, for people are looking after this person; it follows by itself.

    `deleted`: rows by table. `kept`: cases that stay, without the person. `media`: names of files to be removed.
    """

    held: bool = False
    deleted: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    media: tuple[str, ...] = ()


def export_of(conn: Connection, person_id: int) -> dict[str, Any]:
    """Everything that is held about a person, as plain JSON data (times in ISO 8601); empty for nobody.

    What staff write for each other, and what a detector reckoned, are not the person's and not in it.
    """
    person = conn.execute(select(Person.__table__).where(Person.id == person_id)).first()
    if person is None:
        return {}
    return {
        "person": {
            "channel": person.channel, "id": person.external, "region": person.region, "following": person.following,
            "created_at": _plain(person.created_at), "seen_at": _plain(person.seen_at),
        },
        "messages": [_message(row) for row in _messages(conn, person_id)],
        "cases": [_case(conn, row) for row in cases.of_person(conn, person_id, limit=10_000)],
        "handoffs": [
            {"team": row.team, "state": row.state, "opened_at": _plain(row.opened_at), "closed_at": _plain(row.closed_at)}
            for row in handoffs.of_person(conn, person_id, limit=10_000)
        ],
        "others": _others(conn, person_id),
    }  # fmt: skip


def erase(conn: Connection, person_id: int, at: datetime, *, actor: str = "") -> Erased:
    """Delete what is held about a person; what must be kept (cases) is kept without him.

    A person in danger whom staff are still looking after is not erased now: `erase_at` is set, and `erase_due` does it
    when they are done. Cases under way are withdrawn, for nobody could be told the outcome. Registrations of where he
    lives now stay: they are a duty of law, not of consent (`declarations.erase_person`). `actor` for the audit.
    """
    locked = select(Person.id, Person.external).where(Person.id == person_id).with_for_update()
    if conn.execute(locked).first() is None:
        return Erased()
    if _in_danger(conn, person_id):
        conn.execute(update(Person).where(Person.id == person_id).values(erase_at=at))
        return Erased(held=True)
    media = tuple(_media(conn, person_id))
    kept = _detach_cases(conn, person_id, at)
    declarations.erase_person(conn, person_id, at)
    deleted: dict[str, int] = {}
    for table, column, rule in _references():
        mine = column == person_id
        if rule == "CASCADE":
            deleted[table.name] = deleted.get(table.name, 0) + conn.execute(delete(table).where(mine)).rowcount
        else:
            conn.execute(update(table).where(mine).values({column.name: None}))
    conn.execute(
        update(Person).where(Person.id == person_id).values(_NOBODY | {"external_hash": secrets.token_bytes(16)})
    )
    audit.note(conn, actor or f"person:{person_id}", "erase", f"person:{person_id}", at)
    return Erased(deleted=deleted, kept=kept, media=media)


def erase_due(conn: Connection, at: datetime, *, folder: Path | None = None, limit: int = 100) -> int:
    """Erase people whose `erase_at` has come (they stopped following, or asked while in danger). Returns how many.

    `folder`: where uploads are kept (`<data_dir>/uploads`), so that their pictures go too.
    """
    in_hand = select(Alarm.person_id).where(Alarm.taken_at.is_(None)).union(
        select(Handoff.person_id).where(Handoff.state != "closed", Handoff.reason == "crisis")
    )  # fmt: skip
    due = (
        select(Person.id)
        .where(Person.erase_at <= at, Person.external.is_not(None), Person.id.not_in(in_hand))
        .order_by(Person.erase_at)
        .limit(limit)
    )
    ids = list(conn.execute(due).scalars())
    done = [erase(conn, id, at, actor="job:erasure") for id in ids]
    if folder is not None:
        uploads.remove(folder, (name for one in done for name in one.media))
    return sum(not one.held for one in done)


def move_identity(conn: Connection, channel: str, old: str, new: str) -> bool:
    """Give the person `old` of a channel the visitor id `new`; whoever knows only `old` has no way to him any more.

    False when there is nobody of that id (any more).
    """
    statement = (
        update(Person)
        .where(Person.channel == channel, among(Person.external_hash, "person", channel, old))
        .values(external=new, external_hash=external_hash(channel, new))
    )
    return bool(conn.execute(statement).rowcount)


def consents_of(conn: Connection, person_id: int) -> list[Row[Any]]:
    """What a person agreed to and when: (`consent`, a version of `records.consent`; `consent_at`), the newest first."""
    statement = select(Filing.number, Filing.consent, Filing.consent_at).where(
        Filing.person_id == person_id, Filing.consent_at.is_not(None)
    )
    return list(conn.execute(statement.order_by(Filing.consent_at.desc())))


def set_region(conn: Connection, person_id: int, region: str) -> None:
    """Remember where a person lives; answers hold for that place from now on."""
    conn.execute(update(Person).where(Person.id == person_id).values(region=region))


_NOBODY: dict[str, Any] = {
    "external": None, "following": False, "region": None, "line": None, "state": None, "message_until": None,
    "message_left": 0, "click_until": None, "click_left": 0, "erase_at": None,
}  # fmt: skip
"""What a row of `people` holds when the person is gone; with a random hash nobody is found under it again."""


def _references() -> Iterator[tuple[Table, Column[Any], str]]:
    """Every column that points at a person, children before parents, with its rule of deletion."""
    for table in reversed(schema.TABLES.sorted_tables):
        for key in table.foreign_keys:
            if key.column.table is Person.__table__:
                yield table, key.parent, key.ondelete or ""


def _in_danger(conn: Connection, person_id: int) -> bool:
    alarm = select(Alarm.id).where(Alarm.person_id == person_id, Alarm.taken_at.is_(None))
    chat = select(Handoff.id).where(
        Handoff.person_id == person_id, Handoff.state != "closed", Handoff.reason == "crisis"
    )
    return conn.execute(alarm).first() is not None or conn.execute(chat).first() is not None


def _detach_cases(conn: Connection, person_id: int, at: datetime) -> int:
    """Take the person out of his cases: answers that tell who he is, his words and staff's, and the phone's hash."""
    rows = cases.of_person(conn, person_id, limit=10_000)
    for row in rows:
        if row.state in _OPEN_CASE:
            cases.move(conn, row.id, "withdrawn", "person", at)
        facts = [[label, _NUMBERS.sub("…", str(value))] for label, value in row.data if _KEPT_ANSWERS.search(label)]
        nobody = {"person_id": None, "phone_hash": None, "data": facts}
        conn.execute(update(Case).where(Case.id == row.id).values(nobody))
        conn.execute(update(CaseEvent).where(CaseEvent.case_id == row.id).values(text=None))
        his = CaseEvent.actor == f"person:{person_id}"
        conn.execute(update(CaseEvent).where(CaseEvent.case_id == row.id, his).values(actor="person"))
    return len(rows)


def _messages(conn: Connection, person_id: int) -> list[Row[Any]]:
    rows = conversations.transcript(conn, person_id, limit=1_000_000)
    return [row for row in rows if not (row.author == "staff" and row.kind == "note")]


def _media(conn: Connection, person_id: int) -> Iterator[str]:
    for row in _messages(conn, person_id):
        if isinstance(row.body, dict) and row.body.get("media"):
            yield str(row.body["media"])
    yield from case_photos.uploads_of(conn, person_id)


def _message(row: Row[Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"at": _plain(row.created_at), "by": row.author, "kind": row.kind}
    if row.author == "bot":
        return said | {"replies": row.body}
    return said | {name: value for name, value in row.body.items() if name != "scene"}


def _case(conn: Connection, row: Row[Any]) -> dict[str, Any]:
    steps = [
        {"at": _plain(step.at), "action": step.action, "text": step.text}
        for step in cases.history(conn, row.id)
        if step.shown
    ]
    return {
        "number": row.number, "title": row.title, "region": row.region, "state": row.state,
        "filed_at": _plain(row.filed_at), "closed_at": _plain(row.closed_at), "answers": row.data, "history": steps,
        "photos": [photo.state for photo in case_photos.of_case(conn, row.id)],
    }  # fmt: skip


_TOLD = frozenset({"messages", "cases", "case_photos", "handoffs", "alarms", "notes", "one_time_links"})
"""Tables that `export_of` tells in its own words, or leaves out: alarms, staff's notes, used-up links."""
_INSIDE = re.compile(r"(_hash|_id|_by)$|^(id|attempts|errcode|error|key|score|reason)$")


def _others(conn: Connection, person_id: int) -> dict[str, list[dict[str, Any]]]:
    """The rows of all other tables that point at the person, without the house's own numbers."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table, column, _ in _references():
        if table.name in _TOLD:
            continue
        columns = [c for c in table.c if not _INSIDE.search(c.name)]
        rows = conn.execute(select(*columns).where(column == person_id)).all()
        if rows:
            found.setdefault(table.name, []).extend(
                {name: _plain(value) for name, value in row._mapping.items()} for row in rows
            )
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return None if isinstance(value, bytes) else value
