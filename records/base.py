"""The database: engine, transactions, and the column types every table shares."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, DateTime, Engine, Integer, LargeBinary, MetaData, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

import clock
from records import crypto


class Busy(Exception):
    """The database can't be had just now: locked, down, or too slow. Trying again later is safe.

    `lost`: the connection broke, so that an immediate second try on a fresh one may well succeed.
    """

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost


class Base(DeclarativeBase):
    """All tables. Names of constraints are fixed, so that migrations can name them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Instant(TypeDecorator[datetime]):
    """A moment: aware going in, aware (China time) coming out; `timestamptz` or UTC text in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time reached the database; take times from the clock")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(clock.CHINA)


BigId = BigInteger().with_variant(Integer, "sqlite")
"""Keys of tables that grow by the message (SQLite numbers rows by itself only for INTEGER)."""


class SealedText(TypeDecorator[str]):
    """Personal text, encrypted at rest. It can't be searched; store a `Cipher.lookup` beside it for that."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else crypto.cipher().encrypt(value.encode("utf-8", "surrogatepass"))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else crypto.cipher().decrypt(value).decode("utf-8", "surrogatepass")


_dense = json.JSONEncoder(separators=(",", ":")).encode


class SealedJson(TypeDecorator[Any]):
    """Personal data of several fields, encrypted at rest as one JSON text."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return crypto.cipher().encrypt(_dense(value).encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(crypto.cipher().decrypt(value))


# SQLite lets one connection write at a time and makes the others sleep and poll. Queueing our own threads first
# leaves only the other processes to poll against, which keeps the slowest turns short.
_sqlite_writers = threading.Lock()
_LOOK_AGAIN = 0.0005
_WAIT_MS = 3_500
"""How long a turn may wait for a lock: less than the callback's budget of 4 s, so that it can still be answered."""


def engine_for(database_url: str, *, pool: int = 8) -> Engine:
    """An engine for SQLite (write-ahead log, one writer) or PostgreSQL.

    `pool`: connections kept, at least one for each thread that takes turns.
    """
    if database_url.startswith("sqlite"):
        engine = create_engine(
            database_url, pool_size=pool, max_overflow=pool, connect_args={"timeout": _WAIT_MS / 1000},
            hide_parameters=True,
        )  # fmt: skip
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    options = f"-c lock_timeout={_WAIT_MS} -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000"
    return create_engine(
        database_url,
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=3,
        pool_pre_ping=False,
        hide_parameters=True,  # an error's text must not carry what was to be stored
        connect_args={"options": options, "connect_timeout": 3},
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, in _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_WAIT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could fail half way; a writer takes its lock at once.
    cursor = connection.connection.cursor()  # the driver's own call is four times as fast; its error is as usual
    try:
        if connection.get_execution_options().get("writes"):
            _lock_sqlite(cursor)
        else:
            cursor.execute("BEGIN")
    except sqlite3.OperationalError as fault:
        raise OperationalError("BEGIN", None, fault) from fault
    finally:
        cursor.close()


def _lock_sqlite(cursor: Any) -> None:
    """Begin to write. SQLite itself sleeps ever longer between two looks at a lock, up to a tenth of a second, while
    turns of the other processes come and go in milliseconds: it looks every half millisecond instead."""
    until = time.monotonic() + _WAIT_MS / 1000
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as fault:
                if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(_LOOK_AGAIN)
    finally:
        cursor.execute(f"PRAGMA busy_timeout={_WAIT_MS}")


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; committed when the block ends, rolled back when it raises.

    Raises `Busy` when the database is locked, down or too slow.
    """
    sqlite = engine.dialect.name == "sqlite"
    if sqlite and not _sqlite_writers.acquire(timeout=_WAIT_MS / 1000):
        raise Busy("another turn has held the database for too long")
    try:
        with _transaction(engine, writes=True) as connection:
            yield connection
    finally:
        if sqlite:
            _sqlite_writers.release()


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads. Raises `Busy` when the database can't be had."""
    with _transaction(engine, writes=False) as connection:
        yield connection


@contextmanager
def _transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    try:
        options = {"writes": writes} if engine.dialect.name == "sqlite" else {}
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except OperationalError as error:
        raise Busy(type(error.orig).__name__, lost=error.connection_invalidated) from error
    except PoolTimeout as error:
        raise Busy("no free connection") from error
