"""What the desk edits besides articles: phone services, the values of rules, the synonyms. Each is an entry with an
article's life (`records.articles`); here they become parts of a snapshot, and rows of files."""

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from sqlalchemy import Connection

from knowledge_base import rule_values, store, terms, validate, yamlsafe
from knowledge_base.schema import Fault, Hotline
from knowledge_base.store import Knowledge
from records import article_history

log = logging.getLogger(__name__)

FILES = {"hotline": "hotlines.yml", "value": store.VALUES, "synonyms": "synonyms.yml"}
KEPT = frozenset({"tel-110", "tel-119", "tel-120", "tel-12345", "tel-12356"})
"""Numbers that answers in danger and the front page count on; they can be mended but not withdrawn."""
SYNONYMS = "synonym-list"
"""The id of the one entry that holds the synonyms."""
_STATE = {"current": "published", "unverified": "draft", "obsolete": "withdrawn"}
_STATUS = {"published": "current", "withdrawn": "obsolete"}
_HOTLINE = ("id", "number", "name", "hours", "for", "topics", "region", "source", "confidence", "checked_on", "note")


def completed(conn: Connection, parts: Knowledge) -> Knowledge:
    """The parts of a snapshot with what the database holds instead of the files; without any of a kind, the files'."""
    lines = article_history.now_shown(conn, "hotline")
    shown = {h.id: h for row in lines if row.shown is not None and (h := _line(row.content, parts))}
    words = next((row for row in article_history.now_shown(conn, "synonyms") if row.shown is not None), None)
    filled = [row.content for row in article_history.now_shown(conn, "value") if row.shown is not None]
    return dataclasses.replace(
        parts,
        hotlines=MappingProxyType(shown) if lines else parts.hotlines,
        synonyms=terms.synonyms(words.content["rows"]) if words else parts.synonyms,
        rules=rule_values.apply(parts.rules, filled),
    )


def _line(content: Mapping[str, Any], parts: Knowledge) -> Hotline | None:
    line, faults = hotline(content, parts.regions.regions)
    if line is None:
        log.error("phone service %s is left out: %s", content.get("id"), "; ".join(map(str, faults)))
    return line


def hotline(content: Mapping[str, Any], regions: Mapping[str, Any]) -> tuple[Hotline | None, list[Fault]]:
    """An entry's text as a phone service that may be shown, or what is wrong with it."""
    return validate.hotline({**content, "status": "current"}, "", regions)


def read(folder: Path | None) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The entries of a knowledge base's files: kind, row with `status`, file. The files have been checked already."""
    folder = folder or store.FOLDER
    for row in _rows(folder / FILES["hotline"], "hotlines"):
        kept = {name: row[name] for name in _HOTLINE if row.get(name)}
        yield "hotline", {**kept, "status": _STATE[row["status"]]}, FILES["hotline"]
    for row in store.values(folder, []):
        yield "value", {**row, "status": "published"}, FILES["value"]
    if rows := _rows(folder / FILES["synonyms"], "synonyms"):
        yield "synonyms", {**synonyms(rows), "status": "published"}, FILES["synonyms"]


def _rows(path: Path, name: str) -> list[Any]:
    return yamlsafe.read(path)[name] if path.exists() else []


def synonyms(rows: list[list[str]]) -> dict[str, Any]:
    """The one entry that holds the rows of synonyms."""
    return {"id": SYNONYMS, "title": "近义词", "rows": rows}


def write(conn: Connection, folder: Path) -> int:
    """Write the entries into a folder's files; a file whose data is the same keeps its bytes. Returns how many changed."""
    lines = [
        {name: value for name, value in row.content.items() if name in _HOTLINE}
        | {"status": "current" if row.shown is not None else _STATUS.get(row.state, "unverified")}
        for row in article_history.now_shown(conn, "hotline")
    ]
    values = [row.content for row in article_history.now_shown(conn, "value") if row.shown is not None]
    words = [row.content["rows"] for row in article_history.now_shown(conn, "synonyms") if row.shown is not None]
    changed = [_file(folder / FILES["hotline"], "hotlines", lines)] if lines else []
    changed += [_file(folder / FILES["value"], "values", values)] if values else []
    changed += [_file(folder / FILES["synonyms"], "synonyms", words[0])] if words else []
    return sum(changed)


def _file(path: Path, name: str, rows: list[Any]) -> bool:
    if path.exists() and _plain(yamlsafe.read(path).get(name)) == _plain(rows):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"version": store.VERSION, name: rows}
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100_000, default_flow_style=None)
    path.write_text(text, encoding="utf-8")
    return True


def _plain(value: Any) -> Any:
    """Data as the files know it, whatever its quotes and order: a number and its text alike, nothing empty."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items() if entry not in (None, "", [])}
    return str(value)
