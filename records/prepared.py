"""Statements of the hot path: composed with SQLAlchemy, then run on the driver's own cursor.

SQLAlchemy's execution layer costs some 50 µs a statement, which is more than SQLite takes to run it. A `Prepared`
keeps what matters of it (the dialect's SQL, the column types going in and out, errors of one kind on every database)
and leaves out the rest. For statements that every message needs; anything else is run the ordinary way.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable, Select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

Process = Callable[[Any], Any]


class _Compiled(NamedTuple):
    """A statement as one dialect runs it. `fixed`: parameters whose value is part of the statement."""

    sql: str
    positions: tuple[str, ...] | None
    fixed: dict[str, Any]
    into: tuple[tuple[str, Process], ...]
    out: tuple[Process | None, ...]


class Prepared:
    """One statement, compiled once for each kind of database."""

    def __init__(self, statement: Executable) -> None:
        """`statement`: with a `bindparam` for every value that changes; inserts must name all they set."""
        self._statement: Any = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, conn: Connection, values: Mapping[str, Any]) -> int:
        """Run it, with a value for each `bindparam`; how many rows it changed."""
        cursor = self._execute(conn, values)[0]
        count = int(cursor.rowcount)
        cursor.close()
        return count

    def first(self, conn: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row that it finds or returns, or None."""
        cursor, compiled = self._execute(conn, values)
        row = cursor.fetchone()
        cursor.close()
        return None if row is None else _read(row, compiled.out)

    def all(self, conn: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All the rows that it finds."""
        cursor, compiled = self._execute(conn, values)
        rows = cursor.fetchall()
        cursor.close()
        return [_read(row, compiled.out) for row in rows]

    def _execute(self, conn: Connection, values: Mapping[str, Any]) -> tuple[Any, _Compiled]:
        dialect = conn.dialect
        compiled = self._compiled.get(dialect.name) or self._compile(dialect)
        bound: dict[str, Any] = {**compiled.fixed, **values}
        for name, process in compiled.into:
            bound[name] = process(bound[name])
        given = bound if compiled.positions is None else [bound[name] for name in compiled.positions]
        cursor = conn.connection.cursor()
        try:
            cursor.execute(compiled.sql, given)
        except dialect.loaded_dbapi.Error as fault:
            raise _told(conn, dialect, compiled.sql, cursor, fault) from fault
        return cursor, compiled

    def _compile(self, dialect: Dialect) -> _Compiled:
        made = self._statement.compile(dialect=dialect)
        binds: dict[str, Any] = {name: bind for bind, name in made.bind_names.items()}
        processes = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        columns = (
            self._statement.selected_columns
            if isinstance(self._statement, Select)
            else getattr(self._statement, "_returning", ())
        )
        compiled = _Compiled(
            str(made),
            tuple(made.positiontup) if made.positional else None,
            {name: bind.value for name, bind in binds.items() if not bind.required},
            tuple((name, process) for name, process in processes.items() if process is not None),
            tuple(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns),
        )
        self._compiled[dialect.name] = compiled
        return compiled


def _read(row: Sequence[Any], out: tuple[Process | None, ...]) -> tuple[Any, ...]:
    return tuple(value if read is None else read(value) for value, read in zip(row, out, strict=True))


def _told(conn: Connection, dialect: Dialect, sql: str, cursor: Any, fault: Any) -> Exception:
    """A driver's error as SQLAlchemy's, without the values that were to be stored; a lost connection is given up."""
    lost = dialect.is_disconnect(fault, conn.connection.dbapi_connection, cursor)
    told: Exception = DBAPIError.instance(
        sql, None, fault, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    if lost:
        conn.invalidate(fault)
    return told
