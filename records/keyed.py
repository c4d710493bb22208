"""Finding what is stored encrypted by its keyed hash, while `LOOKUP_KEY` changes too.

With one key a value has one hash. While keys change it may be stored under any of them: who reads looks for all
(`among`); who writes first brings every row of that value under the newest key (`adopt`), so that the rows of one value
are never found apart. `records.rehash` does the same for everything that nobody touches meanwhile.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, select, update

from records.base import Base
from records.crypto import cipher

COLUMNS = {
    "person": ("people.external_hash",),
    "number": ("declarations.number_hash", "points_awards.number_hash", "points_links.number_hash"),
    "last4": ("declarations.last4_hash",),
    "name": ("declarations.name_hash",),
    "phone": ("declarations.phone_hash", "cases.phone_hash", "landlords.phone_hash"),
    "landlord": ("landlords.key",),
    "employer": ("employers.key",),
}
"""Every column that holds a keyed hash, by what is hashed. (Terms of messages: `records.message_terms`.)"""


def parts_of(kind: str, *values: str) -> tuple[str, ...]:
    """What is hashed: a person's values are channel and identity, everybody else's begin with their kind."""
    return values if kind == "person" else (kind, *values)


def among(column: Any, kind: str, *values: str) -> ColumnElement[bool]:
    """Whether a column holds the hash of a value, under whichever key."""
    found: ColumnElement[bool] = column.in_(cipher().lookups(*parts_of(kind, *values)))
    return found


def adopt(conn: Connection, kind: str, *values: str) -> int:
    """Bring every row of a value under the newest key, before something is written that must match them. Nothing
    happens while there is one key. Returns how many rows changed. Raises `KeyError` for an unknown kind.

    On PostgreSQL nobody else writes that value until this transaction ends, whichever of the keys is his newest.
    """
    columns = COLUMNS[kind]
    newest, *older = cipher().lookups(*parts_of(kind, *values))
    if not older:
        return 0
    if conn.dialect.name == "postgresql":
        lock = int.from_bytes(min(newest, *older)[:8], "big", signed=True)
        conn.execute(select(func.pg_advisory_xact_lock(lock)))
    return sum(
        conn.execute(update(column.table).where(column.in_(older)).values({column: newest})).rowcount
        for column in map(column_of, columns)
    )


def column_of(name: str) -> Column[Any]:
    """A column by `table.column`."""
    table, _, column = name.partition(".")
    return Base.metadata.tables[table].c[column]
