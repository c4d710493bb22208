"""Rotation of `LOOKUP_KEY`: every keyed hash is made anew with the newest key, while the service runs.

How to, on every machine, restarting one process after the other: `LOOKUP_KEY=old,new` (all know both, the first
hashes); `LOOKUP_KEY=new,old`; then `flask --app app keys rehash` once, which ends with `left=0`; then `LOOKUP_KEY=new`.

What a hash was made of is read from the sealed columns beside it. Small transactions; a value's rows change together
(`keyed.adopt`), so nobody finds half of them. What is done is passed over: a run that was stopped goes on.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, select
from sqlalchemy.exc import DBAPIError

import clock
from records import audit, keyed, message_terms, residents, uploads
from records.base import Busy, read, write
from records.cases import Case
from records.conversations import Message
from records.crypto import cipher
from records.declarations import Declaration
from records.employers import Employer
from records.message_terms import MessageTerm, TermPosition
from records.people import Person
from records.points import Award, Link
from records.rooms import Landlord

PAGE = 200
"""Rows read at once."""
BATCH = 20
"""Values changed in one transaction: a turn never waits longer than for those."""
_TRIES = 6

Value = tuple[str, tuple[str, ...], bytes]
"""What is hashed, its parts, and the hash that is stored."""
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Rehashed:
    """`changed` rows and files are found under the newest key now; `unknown` ones can't be: what was hashed isn't kept."""

    changed: int
    unknown: int


def rehash(engine: Engine, folder: Path | None = None, progress: Progress = lambda _name, _count: None) -> Rehashed:
    """Make every hash anew. `folder`: of uploads, whose names are hashes too. Run it once more: `changed` is 0 when
    nothing is left under an old key. Raises `Busy` and `CipherError`.
    """
    changed = 0
    for name, (query, values_of) in _SOURCES.items():
        done = _rows(engine, query, values_of)
        progress(name, done)
        changed += done
    done = _messages(engine, folder)
    progress("messages", done)
    changed += done
    with write(engine) as conn:
        unknown = _unknown(conn)
        audit.note(conn, "command:keys rehash", "rehash", f"{changed} values", clock.now())
    return Rehashed(changed, unknown)


def sample(engine: Engine, count: int = 50) -> tuple[int, int]:
    """Of the people seen last: how many are still found under an older key only, and how many under none. Raises `Busy`."""
    query = _SOURCES["people"][0].order_by(Person.id.desc()).limit(count)
    with read(engine) as conn:
        rows = conn.execute(query).all()
    stored = [(bytes(row.external_hash), cipher().lookups(row.channel, row.external)) for row in rows]
    return sum(one in known[1:] for one, known in stored), sum(one not in known for one, known in stored)


def _person(row: Row[Any]) -> Iterator[Value]:
    yield "person", (row.channel, row.external), row.external_hash


def _declaration(row: Row[Any]) -> Iterator[Value]:
    for kind, value in residents.from_sealed(row.relation, row.who).keys().items():
        stored = getattr(row, f"{kind}_hash")
        if value and stored is not None:
            yield kind, (value,), stored


def _award(row: Row[Any]) -> Iterator[Value]:
    yield "number", (row.who["number"],), row.number_hash


def _link(row: Row[Any]) -> Iterator[Value]:
    yield "number", (row.number,), row.number_hash


def _case(row: Row[Any]) -> Iterator[Value]:
    phone = _phone_of(row)
    if phone is not None:
        yield "phone", (phone,), row.phone_hash


def _landlord(row: Row[Any]) -> Iterator[Value]:
    yield "landlord", (row.name, row.phone or ""), row.key
    if row.phone and row.phone_hash is not None:
        yield "phone", (row.phone,), row.phone_hash


def _employer(row: Row[Any]) -> Iterator[Value]:
    yield "employer", (row.region, row.name), row.key


_SOURCES: dict[str, tuple[Any, Callable[[Row[Any]], Iterator[Value]]]] = {
    "people": (select(Person.id, Person.channel, Person.external, Person.external_hash).where(Person.external.is_not(None)), _person),
    "declarations": (select(Declaration.__table__).where(Declaration.who.is_not(None)), _declaration),
    "points_awards": (select(Award.id, Award.who, Award.number_hash), _award),
    "points_links": (select(Link.id, Link.number, Link.number_hash).where(Link.number.is_not(None)), _link),
    "cases": (select(Case.id, Case.data, Case.phone_hash).where(Case.phone_hash.is_not(None)), _case),
    "landlords": (select(Landlord.__table__), _landlord),
    "employers": (select(Employer.__table__), _employer),
}  # fmt: skip
"""Where the plain values are, and what of them is hashed."""


def _phone_of(row: Row[Any]) -> str | None:
    """The answer of a case under whose hash it is found."""
    for _, value in row.data or ():
        if bytes(row.phone_hash) in cipher().lookups("phone", str(value)):
            return str(value)
    return None


def _rows(engine: Engine, query: Any, values_of: Callable[[Row[Any]], Iterator[Value]]) -> int:
    changed = 0
    key = query.selected_columns.id
    after = 0
    while True:
        with read(engine) as conn:
            rows = conn.execute(query.where(key > after).order_by(key).limit(PAGE)).all()
        if not rows:
            return changed
        after = rows[-1].id
        stale = [
            (kind, values)
            for row in rows
            for kind, values, stored in values_of(row)
            if bytes(stored) != cipher().lookup(*keyed.parts_of(kind, *values))
        ]
        for start in range(0, len(stale), BATCH):
            changed += _patiently(engine, partial(_adopt, stale[start : start + BATCH]))


def _adopt(values: list[tuple[str, tuple[str, ...]]], conn: Connection) -> int:
    return sum(keyed.adopt(conn, kind, *parts) for kind, parts in values)


def _patiently(engine: Engine, work: Callable[[Connection], int]) -> int:
    """One small transaction, tried again where a turn was faster or two waited for each other."""
    for attempt in range(_TRIES):
        try:
            with write(engine) as conn:
                return work(conn)
        except (Busy, DBAPIError):
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _messages(engine: Engine, folder: Path | None) -> int:
    """The terms by which messages are found, and the names of the pictures that came with them."""
    changed, after = 0, 0
    with read(engine) as conn:
        last = conn.execute(select(TermPosition.last_id)).scalar() or 0
    page = select(Message.id, Message.author, Message.body).where(Message.author != "bot").order_by(Message.id)
    while True:
        with read(engine) as conn:
            rows = conn.execute(page.where(Message.id > after).limit(PAGE)).all()
        if not rows:
            return changed
        after = rows[-1].id
        for start in range(0, len(rows), BATCH):
            some = [row for row in rows[start : start + BATCH] if row.id <= last]
            changed += _patiently(engine, partial(_terms, some)) if some else 0
        if folder is not None:
            media = [str(row.body["media"]) for row in rows if isinstance(row.body, dict) and row.body.get("media")]
            changed += sum(uploads.rename_media(folder, one) for one in media)


def _terms(rows: list[Row[Any]], conn: Connection) -> int:
    ids = [row.id for row in rows]
    there = set(conn.execute(select(Message.id).where(Message.id.in_(ids)).with_for_update(read=True)).scalars())
    held: dict[int, set[int]] = {}
    for id, term in conn.execute(
        select(MessageTerm.message_id, MessageTerm.term).where(MessageTerm.message_id.in_(ids))
    ):
        held.setdefault(id, set()).add(term)
    changed = 0
    for row in rows:
        wanted = message_terms.hashes_of(row.body)
        if row.id not in there or held.get(row.id, set()) == wanted:
            continue
        conn.execute(delete(MessageTerm).where(MessageTerm.message_id == row.id))
        if wanted:
            conn.execute(insert(MessageTerm), [{"message_id": row.id, "term": term} for term in wanted])
        changed += 1
    return changed


def _unknown(conn: Connection) -> int:
    """Rows whose hash belongs to nothing that is kept: cases that lost the answer, accounts bound to a number of which
    there is no other word."""
    filed = conn.execute(select(Case.id, Case.data, Case.phone_hash).where(Case.phone_hash.is_not(None)))
    lost = sum(_phone_of(row) is None for row in filed)
    numbers = select(Award.number_hash).union(
        select(Declaration.number_hash).where(Declaration.number_hash.is_not(None))
    )
    alone = and_(Link.number.is_(None), Link.ended_at.is_(None), Link.number_hash.not_in(numbers))
    return lost + int(conn.execute(select(func.count()).select_from(Link).where(alone)).scalar_one())
