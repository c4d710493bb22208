"""Key rotation: every encrypted value is written anew with the newest key, while the service runs.

How to: put a new key in front of `DATA_KEY` on every machine and restart them (all keys decrypt, the first encrypts);
run `flask --app app keys rotate`; when it says that nothing is left, take every other key out. The keyed hashes by
which people are found have a key of their own, `LOOKUP_KEY`, which stays.

Small transactions, and each row is changed only if it still holds what was read, so nobody's write is overwritten.
What is already done is skipped: a rotation that was stopped goes on where it was.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Engine, LargeBinary, Table, and_, select, type_coerce, update

import clock
from records import audit, schema
from records.base import SealedJson, SealedText, read, write
from records.crypto import cipher
from settings import lookup_key_of

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


def rotate(
    engine: Engine, uploads: Path | None = None, progress: Progress = lambda _name, _count: None,
    *, spool: Path | None = None,
) -> Rotated:  # fmt: skip
    """Encrypt everything with the newest key. `uploads`: the folder of pictures; `spool`: of messages that wait on
    disk. Run it once more: `changed` is 0 when nothing under an old key is left. Raises `Busy` and `CipherError`.
    """
    changed = current = 0
    for table, column in sealed_columns():
        done, skipped = _column(engine, table, column)
        changed, current = changed + done, current + skipped
        progress(f"{table.name}.{column.name}", done)
    if uploads is not None:
        done, skipped = _files(uploads)
        changed, current = changed + done, current + skipped
        progress("uploads", done)
    if spool is not None:
        done, skipped = _spooled(spool)
        changed, current = changed + done, current + skipped
        progress("spool", done)
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


def _spooled(folder: Path) -> tuple[int, int]:
    """Messages that wait on disk, and those that were set aside: files of JSON with the sealed message in hex."""
    changed = current = 0
    for path in sorted([*folder.glob("*.json"), *folder.glob("failed/*.json")]):
        try:
            content = json.loads(path.read_text())
            sealed = bytes.fromhex(content["sealed"])
        except (FileNotFoundError, ValueError, KeyError):
            continue  # taken meanwhile, or no message of ours
        if cipher().uses_newest(sealed):
            current += 1
            continue
        part = path.with_suffix(".part")
        part.write_text(json.dumps(content | {"sealed": cipher().encrypt(cipher().decrypt(sealed)).hex()}))
        part.chmod(0o600)
        if path.exists():  # a message that is taken at this very moment comes again: the turn knows it by its key
            part.replace(path)
            changed += 1
        part.unlink(missing_ok=True)
    return changed, current


if __name__ == "__main__":
    print(lookup_key_of(os.environ["DATA_KEY"]))
