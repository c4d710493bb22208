"""What a turn leaves behind, in as few statements as the database allows: its messages, and what is remembered.

PostgreSQL does both in one statement, which saves a round trip while the person's row is locked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, bindparam, insert

from records.conversations import COLUMNS, Message
from records.people import WINDOWS, remembering
from records.prepared import Prepared


def _said(count: int) -> Insert:
    types = {column: Message.__table__.c[column].type for column in COLUMNS}
    rows = [{name: bindparam(f"{name}_{n}", type_=kind) for name, kind in types.items()} for n in range(count)]
    return insert(Message).values(rows)


_KINDS = ("", *WINDOWS)
_SAID = {count: Prepared(_said(count)) for count in (1, 2)}
_REMEMBER = {kind: Prepared(remembering(kind)) for kind in _KINDS}
_BOTH = {
    (count, kind): Prepared(_said(count).add_cte(remembering(kind).cte("remembered")))
    for count in (1, 2)
    for kind in _KINDS
}


def keep(conn: Connection, rows: Sequence[Mapping[str, Any]], window: str, memory: Mapping[str, Any]) -> None:
    """Store a turn's messages, one or two, and what is remembered of the person (`people.memory`, for `window`).

    Raises `sqlalchemy.exc.IntegrityError` when the message was stored before (same person, same `dedup`).
    """
    kind = window if window in WINDOWS else ""
    values: dict[str, Any] = {
        f"{column}_{number}": row.get(column) for number, row in enumerate(rows) for column in COLUMNS
    }
    if conn.dialect.name == "postgresql":
        _BOTH[len(rows), kind].run(conn, {**values, **memory})
        return
    _SAID[len(rows)].run(conn, values)
    _REMEMBER[kind].run(conn, memory)
