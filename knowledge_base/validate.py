"""The check that turns a file's rows into articles and hotlines, naming every fault."""

import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from knowledge_base.places import KINDS, Place
from knowledge_base.schema import (
    ASPECTS,
    CONFIDENCE,
    HOTLINE_STATUSES,
    MAX_ANSWER,
    STATUSES,
    Article,
    Fault,
    Hotline,
    Source,
)

_ID = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_NUMBER = re.compile(r"^\d{3,12}$|^0\d{2,3}-\d{3,8}$")
_AS_OF = re.compile(r"^约?(\d{4})(?:–\d{4})?(?:年查阅)?$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Words that send a reader to check; an article we are not sure of has to carry one.
_ADVICE = re.compile(r"为准|核对|核实|确认|打12345|问12345|问一问|问一下|转人工|人工")


class _Row:
    """Takes fields out of one mapping, one at a time, and remembers what was wrong with each."""

    def __init__(self, data: Mapping[str, Any], file: str, article: str, prefix: str = "") -> None:
        self.data, self.file, self.article, self.prefix = data, file, article, prefix
        self.faults: list[Fault] = []

    def blame(self, field: str, fault: str) -> None:
        self.faults.append(Fault(self.file, self.article, self.prefix + field, fault))

    def text(self, field: str, limit: int, *, need: bool = False) -> str:
        value = self.data.get(field)
        if value is None or value == "":
            if need:
                self.blame(field, "is missing")
            return ""
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            self.blame(field, f"is not text but a {type(value).__name__}")
            return ""
        text = str(value).strip()
        if len(text) > limit:
            self.blame(field, f"has {len(text)} characters, {limit} is the most")
        if _CONTROL.search(text):
            self.blame(field, "holds a control character; retype it")
        return text

    def texts(self, field: str, limit: int, *, at_least: int = 0) -> tuple[str, ...]:
        value = self.data.get(field)
        if value is None:
            value = []
        if not isinstance(value, list):
            self.blame(field, "is not a list")
            return ()
        if len(value) < at_least:
            self.blame(field, f"has {len(value)} entries, needs at least {at_least}")
        numbered = {str(n): v for n, v in enumerate(value, 1)}
        row = _Row(numbered, self.file, self.article, f"{self.prefix}{field} ")
        entries = tuple(row.text(n, limit, need=True) for n in row.data)
        self.faults += row.faults
        if len(set(entries)) != len(entries):
            self.blame(field, "says the same thing twice")
        return entries

    def day(self, field: str, *, need: bool = False) -> date | None:
        text = self.text(field, 20, need=need)
        if not text:
            return None
        try:
            if not _DATE.match(text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            self.blame(field, f"is not a date: {text} (write it as 2026-07-01)")
            return None

    def degrees(self, field: str, least: int, most: int) -> float | None:
        text = self.text(field, 20)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            self.blame(field, f"is not a number of degrees: {text}")
            return None
        if not least <= value <= most:
            self.blame(field, f"does not lie in this country: {text}")
        return value

    def choice(self, field: str, allowed: Collection[str], default: str = "") -> str:
        text = self.text(field, 60, need=not default) or default
        if text and text not in allowed:
            self.blame(field, f"is not one of {', '.join(allowed)}: {text}")
        return text

    def unknown(self, known: Collection[str]) -> None:
        for field in self.data:
            if field not in known:
                self.blame(str(field), "is not a field of an article; check the spelling")


_ARTICLE_FIELDS = frozenset(f.name for f in fields(Article)) - {"file"}
_SOURCE_FIELDS = frozenset(f.name for f in fields(Source))


def article(data: Any, file: str, regions: Collection[str]) -> tuple[Article | None, list[Fault]]:
    """Check one row of an article file: the article, or None and everything wrong with it."""
    if not isinstance(data, Mapping):
        return None, [Fault(file, "", "articles", "holds something that is not an article")]
    row = _Row(data, file, str(data.get("id") or "?"))
    row.unknown(_ARTICLE_FIELDS)
    made = Article(
        id=row.text("id", 60, need=True),
        intents=row.texts("intents", 40, at_least=1),
        region=row.choice("region", regions),
        aspect=row.choice("aspect", ASPECTS, "main"),
        title=row.text("title", 40, need=True),
        questions=row.texts("questions", 60, at_least=1),
        answer=row.text("answer", MAX_ANSWER, need=True),
        sources=_sources(row),
        facts=row.texts("facts", 60, at_least=1),
        confidence=row.choice("confidence", CONFIDENCE),
        owner=row.text("owner", 40, need=True),
        reviewed_on=row.day("reviewed_on", need=True) or date.min,
        reviewed_by=row.text("reviewed_by", 40, need=True),
        next_review=row.day("next_review", need=True) or date.max,
        status=row.choice("status", STATUSES),
        approved_by=row.text("approved_by", 40),
        steps=row.texts("steps", 120),
        papers=row.texts("papers", 120),
        where=row.text("where", 120),
        duration=row.text("duration", 120),
        fee=row.text("fee", 120),
        deadline=row.text("deadline", 120),
        exceptions=row.texts("exceptions", 160),
        hotlines=row.texts("hotlines", 40),
        file=file,
    )
    if not row.faults:
        _cross_check(made, row)
    return (None, row.faults) if row.faults else (made, [])


def _sources(row: _Row) -> tuple[Source, ...]:
    value = row.data.get("sources")
    if not isinstance(value, list) or not value:
        row.blame("sources", "is missing; an answer without a source is not shown")
        return ()
    made: list[Source] = []
    for n, data in enumerate(value, 1):
        if not isinstance(data, Mapping):
            row.blame(f"sources {n}", "is not a source (issuer, document, …)")
            continue
        one = _Row(data, row.file, row.article, f"sources {n} ")
        one.unknown(_SOURCE_FIELDS)
        source = Source(
            issuer=one.text("issuer", 60),
            document=one.text("document", 80, need=True),
            article=one.text("article", 40),
            effective_from=one.day("effective_from"),
            effective_to=one.day("effective_to"),
            dated=one.choice("dated", ("起施行", "修正", "公布", "通过", "起"), "起施行"),
            as_of=one.text("as_of", 16),
            url=one.text("url", 300),
        )
        if not one.faults:
            _check_source(source, one)
        row.faults += one.faults
        made.append(source)
    return tuple(made)


def _check_source(source: Source, row: _Row) -> None:
    if source.effective_from and not source.issuer:
        row.blame("issuer", "is missing; a law or rule has one")
    if source.effective_from is None and not source.as_of:
        row.blame("effective_from", "is missing; give it, or `as_of` with the year of a report")
    if source.as_of and not _AS_OF.match(source.as_of):
        row.blame("as_of", f"is not a year: {source.as_of}")
    if source.effective_from and source.effective_to and source.effective_to < source.effective_from:
        row.blame("effective_to", f"is before effective_from: {source.effective_to}")
    if source.url and not source.url.startswith(("https://", "http://")):
        row.blame("url", "is not a web address people can open")


def _cross_check(made: Article, row: _Row) -> None:
    if not _ID.match(made.id):
        row.blame("id", f"may hold only a–z, 0–9 and single hyphens: {made.id}")
    if made.status == "published" and made.approved_by in ("", made.reviewed_by):
        row.blame("approved_by", "must be a second person, not the one who reviewed it")
    if made.next_review <= made.reviewed_on:
        row.blame("next_review", f"is not after reviewed_on: {made.next_review}")
    if made.confidence == "low" and not _ADVICE.search(made.answer):
        row.blame("answer", "rests on a fact of low confidence and does not tell people where to check")
    for n, source in enumerate(made.sources, 1):
        year = _AS_OF.match(source.as_of)
        if year and int(year[1]) > made.reviewed_on.year:
            row.blame(f"sources {n} as_of", f"lies after the review: {source.as_of}")


_HOTLINE_FIELDS = frozenset(f.name for f in fields(Hotline)) - {"use"} | {"for"}


def hotline(data: Any, file: str, regions: Collection[str]) -> tuple[Hotline | None, list[Fault]]:
    """Check one row of hotlines.yml; as article()."""
    if not isinstance(data, Mapping):
        return None, [Fault(file, "", "hotlines", "holds something that is not a hotline")]
    row = _Row(data, file, str(data.get("id") or "?"))
    row.unknown(_HOTLINE_FIELDS)
    made = Hotline(
        id=row.text("id", 40, need=True),
        number=row.text("number", 20, need=True),
        name=row.text("name", 40, need=True),
        hours=row.text("hours", 80, need=True),
        use=row.text("for", 120, need=True),
        topics=row.texts("topics", 40, at_least=1),
        region=row.choice("region", regions),
        status=row.choice("status", HOTLINE_STATUSES),
        source=row.text("source", 300, need=True),
        confidence=row.choice("confidence", CONFIDENCE),
        checked_on=row.day("checked_on"),
        note=row.text("note", 300),
    )
    if made.number and not _NUMBER.match(made.number):
        row.blame("number", f"is no phone number: {made.number}")
    if made.id and not _ID.match(made.id):
        row.blame("id", f"may hold only a–z, 0–9 and single hyphens: {made.id}")
    return (None, row.faults) if row.faults else (made, [])


_PLACE_FIELDS = frozenset(f.name for f in fields(Place))


def place(data: Any, file: str, regions: Collection[str]) -> tuple[Place | None, list[Fault]]:
    """Check one row of places/<region>.yml; as article()."""
    if not isinstance(data, Mapping):
        return None, [Fault(file, "", "places", "holds something that is not a place")]
    row = _Row(data, file, str(data.get("key") or "?"))
    row.unknown(_PLACE_FIELDS)
    made = Place(
        key=row.text("key", 60, need=True),
        region=row.choice("region", regions),
        kind=row.choice("kind", KINDS),
        name=row.text("name", 60, need=True),
        address=row.text("address", 120, need=True),
        source=row.text("source", 200, need=True),
        checked_on=row.day("checked_on", need=True) or date.min,
        hours=row.text("hours", 120),
        phone=row.text("phone", 40),
        latitude=row.degrees("latitude", 18, 54),
        longitude=row.degrees("longitude", 73, 135),
    )
    if (made.latitude is None) != (made.longitude is None):
        row.blame("latitude", "and longitude come together, or not at all")
    if made.key and not _ID.match(made.key):
        row.blame("key", f"may hold only a–z, 0–9 and single hyphens: {made.key}")
    return (None, row.faults) if row.faults else (made, [])
