"""Articles between the files and the database, both ways and without loss.

The files are the seed; once loaded, the database is the truth. An import takes in only what has changed in the files
since the last import or export, and never overwrites what was changed in the console unless it is told to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, Row, select, update

from knowledge_base import entries, store, validate, yamlsafe
from knowledge_base.regions import RegionTree
from knowledge_base.schema import Article, Fault, Source
from records import article_history, articles, service_points
from records.article_tables import Article as Stored

_SOURCE_FIELDS = ("issuer", "document", "article", "effective_from", "effective_to", "dated", "as_of", "url")
_FIELDS = (
    "id", "intents", "region", "aspect", "title", "questions", "answer", "steps", "papers", "where", "duration", "fee",
    "deadline", "exceptions", "hotlines", "sources", "facts", "confidence", "owner", "reviewed_on", "reviewed_by",
    "approved_by", "next_review", "status",
)  # fmt: skip
_ON_ONE_LINE = ("intents", "hotlines", "facts")


@dataclass
class Imported:
    """What an import did. conflicts: changed both in the files and in the console, left as they were."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: int = 0
    conflicts: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    """In the database and not in the files."""
    places: int = 0


def row_of(article: Article) -> dict[str, Any]:
    """An article as a row of its file: the fields in their order, nothing empty."""
    row: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(article, name)
        if name == "sources":
            value = [_source_row(source) for source in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif hasattr(value, "isoformat"):
            value = value.isoformat()
        if value:
            row[name] = value
    return row


def _source_row(source: Source) -> dict[str, str]:
    row = {name: str(value) for name in _SOURCE_FIELDS if (value := getattr(source, name))}
    if source.dated == "起施行":
        del row["dated"]
    return row


def checked(
    content: Mapping[str, Any], file: str, tree: RegionTree, on: date
) -> tuple[Article | None, list[Fault]]:  # fmt: skip
    """A text from the console as an article reviewed on a day, or what is wrong with it: what the schema would say."""
    signed = {
        "reviewed_on": on.isoformat(), "reviewed_by": "编辑", "approved_by": "审核",
        "status": "published",
    }  # fmt: skip
    return validate.article({**content, **signed}, file, tree.regions)


def import_folder(
    conn: Connection, folder: Path | None, *, actor: str, at: datetime, force: bool = False
) -> Imported:  # fmt: skip
    """Take a folder's articles and service points into the database.

    Raises KnowledgeError with every fault of the files; then nothing is taken. force: the files win over the console.
    """
    loaded = store.load(folder)
    done = Imported()
    known = {row.id: row for row in conn.execute(select(Stored.__table__))}
    for article in loaded.articles.values():
        _take(conn, "article", row_of(article), article.file, known, done, actor=actor, at=at, force=force)
    for kind, row, file in entries.read(folder):
        _take(conn, kind, row, file, known, done, actor=actor, at=at, force=force)
    done.absent = sorted(known)
    done.places = _import_places(conn, loaded.places, actor, at)
    if done.new or done.changed:
        articles.touch(conn)
    return done


def _take(
    conn: Connection, kind: str, row: dict[str, Any], file: str, known: dict[str, Row[Any]], done: Imported, *,
    actor: str, at: datetime, force: bool,
) -> None:  # fmt: skip
    """One row of the files into the database, unless it is there already or was changed in the console."""
    print_ = articles.digest(row)
    found = known.pop(row["id"], None)
    if found is not None and found.seed_hash == print_ and not force:
        done.same += 1
        return
    standing = _standing(conn, found) if found is not None else ""
    if found is not None and standing == print_:
        conn.execute(update(Stored).where(Stored.id == row["id"]).values(seed_hash=print_))
        done.same += 1
        return
    if found is not None and not force and standing != found.seed_hash:
        done.conflicts.append(row["id"])
        return
    articles.place(conn, row, file=file, actor=actor, at=at, why="从文件导入", kind=kind)
    (done.new if found is None else done.changed).append(row["id"])


def _standing(conn: Connection, row: Row[Any]) -> str:
    """The fingerprint of an article as the console has it; what ended by itself counts as still published."""
    text = articles.revision(conn, row.id, row.revision)
    assert text is not None
    state = "published" if row.stopped else row.state
    if row.kind != "article":
        return articles.digest({**text.content, "status": state})
    return articles.digest(article_history.as_row(text.content, text, state))


def _import_places(conn: Connection, places: tuple[Any, ...], actor: str, at: datetime) -> int:
    known = {row.key for row in service_points.listing(conn, tuple(service_points.STATES))}
    new = [place for place in places if place.key not in known]
    for place in new:
        service_points.put(conn, place.fields(), actor=actor, at=at, state="shown")
    return len(new)


def seed(conn: Connection, *, at: datetime, folder: Path | None = None) -> int:
    """Fill an empty database from the files; one with articles is left alone. Returns how many were taken in.

    Phone services and synonyms are filled in as well where an older version left articles only.
    """
    actor = "job:first start"
    kinds = set(conn.execute(select(Stored.kind).distinct()).scalars())
    if not kinds:
        return len(import_folder(conn, folder, actor=actor, at=at).new)
    late = [(kind, row, file) for kind, row, file in entries.read(folder) if kind not in kinds]
    for kind, row, file in late:
        articles.place(conn, row, file=file, actor=actor, at=at, why="从文件导入", kind=kind)
    if late:
        articles.touch(conn)
    return len(late)


def export_folder(conn: Connection, folder: Path, *, drafts: bool = False) -> tuple[int, int]:
    """Write the database's articles, phone services, synonyms and rule values into a folder's files; a file whose data
    is the same is left as it is.

    What is shown is written; of what isn't, the newest text. drafts: of articles always the newest text. Returns how
    many articles there are and how many files were written.
    """
    of_file: dict[str, list[dict[str, Any]]] = {}
    for text in article_history.now_shown(conn):
        row = _export_row(conn, text, drafts)
        of_file.setdefault(text.file, []).append(row)
        conn.execute(update(Stored).where(Stored.id == row["id"]).values(seed_hash=articles.digest(row)))
    written = sum(_write(folder / "articles" / file, rows) for file, rows in of_file.items())
    written += entries.write(conn, folder)
    for _, row, _ in entries.read(folder):
        conn.execute(update(Stored).where(Stored.id == row["id"]).values(seed_hash=articles.digest(row)))
    return sum(len(rows) for rows in of_file.values()), written


def _export_row(conn: Connection, text: Row[Any], drafts: bool) -> dict[str, Any]:
    if drafts:
        head = articles.get(conn, text.article_id)
        assert head is not None
        newest = articles.revision(conn, text.article_id, head.revision)
        assert newest is not None
        return _ordered(article_history.as_row(newest.content, newest, text.state))
    state = "published" if text.shown is not None else text.state
    return _ordered(article_history.as_row(text.content, text, state))


def _ordered(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _FIELDS if row.get(name)}


class _Dumper(yaml.SafeDumper):
    """Lists of names on one line, everything else one entry a line, as the files are written by hand."""


class _Line(list[Any]):
    """A list that is written on one line."""


_Dumper.add_representer(_Line, lambda d, v: d.represent_sequence("tag:yaml.org,2002:seq", v, flow_style=True))


def _write(path: Path, rows: list[dict[str, Any]]) -> bool:
    old: list[dict[str, Any]] = []
    if path.exists():
        old = yamlsafe.read(path)["articles"]
        if [_flat(row) for row in sorted(old, key=_id)] == [_flat(row) for row in sorted(rows, key=_id)]:
            return False
    place = {row["id"]: n for n, row in enumerate(old)}  # a diff in git shows what changed, not what moved
    rows = sorted(rows, key=lambda row: (place.get(row["id"], len(place)), row["id"]))
    shown = [{k: _Line(v) if k in _ON_ONE_LINE else v for k, v in row.items()} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"version": store.VERSION, "articles": shown}
    text = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100_000)
    path.write_text(text, encoding="utf-8")
    return True


def _id(row: Mapping[str, Any]) -> str:
    return str(row["id"])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the schema reads it, whatever its quotes: numbers and text alike, nothing empty."""
    return {name: _text(value) for name, value in row.items() if value not in (None, "", [])}


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(entry) for entry in value]
    return _flat(value) if isinstance(value, Mapping) else str(value).strip()
