"""Key rotation: every encrypted value is written anew with the newest key, while the service runs.

How to: put a new key in front of `DATA_KEY` on every machine and restart them (all keys decrypt, the first encrypts);
run `flask --app app keys rotate`; afterwards take out the keys between the first and the last. The last one stays:
the keyed hashes by which people are found hang on it.

Small transactions, and each row is changed only if it still holds what was read, so nobody's write is overwritten.
What is already done is skipped: a rotation that was stopped goes on where it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Engine, LargeBinary, Table, and_, select, type_coerce, update

import clock
from records import audit, schema
from records.base import SealedJson, SealedText, read, write
from records.crypto import cipher

BATCH = 200
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """`changed` values and files were encrypted anew; `current` were so already."""

    changed: int
    current: int


def sealed_columns() -> Iterator[tuple[Table, Column[object]]]:
    """Every encrypted column of every table, by its type: a column that is added later is covered at once."""
    for table in schema.TABLES.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, (SealedText, SealedJson)):
                yield table, column


def rotate(engine: Engine, uploads: Path | None = None, progress: Progress = lambda _name, _count: None) -> Rotated:
    """Encrypt everything with the newest key. `uploads`: the folder of pictures. Raises `Busy` and `CipherError`."""
    changed = current = 0
    for table, column in sealed_columns():
        done, skipped = _column(engine, table, column)
        changed, current = changed + done, current + skipped
        progress(f"{table.name}.{column.name}", done)
    if uploads is not None:
        done, skipped = _files(uploads)
        changed, current = changed + done, current + skipped
        progress("uploads", done)
    with write(engine) as conn:
        audit.note(conn, "command:keys rotate", "rotate", f"{changed} values", clock.now())
    return Rotated(changed, current)


def sample(engine: Engine, table: Table, column: Column[object], count: int) -> list[bytes]:
    """The last `count` values of a column as they are stored."""
    (key,) = table.primary_key.columns
    raw = type_coerce(column, LargeBinary)
    with read(engine) as conn:
        found = conn.execute(select(raw).where(column.is_not(None)).order_by(key.desc()).limit(count)).scalars()
        return [bytes(one) for one in found]


def _column(engine: Engine, table: Table, column: Column[object]) -> tuple[int, int]:
    changed = current = 0
    (key,) = table.primary_key.columns
    raw = type_coerce(column, LargeBinary)
    after = None
    while True:
        page = select(key, raw.label("raw")).where(column.is_not(None)).order_by(key).limit(BATCH)
        with read(engine) as conn:
            rows = conn.execute(page if after is None else page.where(key > after)).all()
        if not rows:
            return changed, current
        after = rows[-1][0]
        old = [(row[0], bytes(row.raw)) for row in rows if not cipher().uses_newest(bytes(row.raw))]
        current += len(rows) - len(old)
        if old:
            with write(engine) as conn:
                for row_key, sealed in old:
                    anew = type_coerce(cipher().encrypt(cipher().decrypt(sealed)), LargeBinary)
                    same = and_(key == row_key, raw == sealed)
                    changed += conn.execute(update(table).where(same).values({column: anew})).rowcount


def _files(folder: Path) -> tuple[int, int]:
    changed = current = 0
    for path in sorted(folder.glob("*/*")):
        sealed = path.read_bytes()
        if path.suffix or cipher().uses_newest(sealed):
            current += not path.suffix
            continue
        part = path.with_suffix(".part")
        part.write_bytes(cipher().encrypt(cipher().decrypt(sealed)))
        part.chmod(0o600)
        if path.exists():  # erased meanwhile: then it stays away
            part.replace(path)
            changed += 1
        part.unlink(missing_ok=True)
    return changed, current
