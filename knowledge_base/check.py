"""What is wrong, or soon will be, with a knowledge base (`python -m knowledge_base check`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from knowledge_base import numbers, store
from knowledge_base.expressions import Value
from knowledge_base.rule_files import run_cases
from knowledge_base.schema import Article, Fault, KnowledgeError
from knowledge_base.store import Knowledge

SOON = timedelta(days=60)  # how long before its review an article is announced


@dataclass(frozen=True, slots=True)
class Report:
    """errors stop a release; warnings are work for the owner."""

    articles: int
    errors: list[Fault]
    warnings: list[Fault]


def check(folder: Path | None, on: date) -> Report:
    """Look through a whole knowledge base as of a day."""
    try:
        knowledge = store.load(folder)
    except KnowledgeError as error:
        return Report(0, error.faults, [])
    errors = [*_from_the_future(knowledge, on), *_contradictions(knowledge, on), *run_cases(knowledge.rules)]
    errors += _numbers_that_differ(knowledge, on)
    warnings = [*_expiring(knowledge, on), *_expiring_rules(knowledge, on), *_markup(knowledge)]
    return Report(len(knowledge.articles), errors, warnings)


def _from_the_future(knowledge: Knowledge, on: date) -> Iterator[Fault]:
    for a in knowledge.articles.values():
        if a.reviewed_on > on:
            yield Fault(a.file, a.id, "reviewed_on", f"lies in the future: {a.reviewed_on}")


def _contradictions(knowledge: Knowledge, on: date) -> Iterator[Fault]:
    # Two plain answers to one question in one place: which one people get would be chance.
    plain: dict[tuple[str, str], Article] = {}
    for a in knowledge.articles.values():
        if a.aspect != "main" or not a.valid(on):
            continue
        for intent in a.intents:
            other = plain.setdefault((intent, a.region), a)
            if other is not a:
                yield Fault(a.file, a.id, "aspect", f"is main for {intent} in {a.region}, as is {other.id}")


def _numbers_that_differ(knowledge: Knowledge, on: date) -> Iterator[Fault]:
    for rule in knowledge.rules.rules:
        held = [number for p in rule.parameters for number in _flat(p.on(on))]
        for id in rule.told_in:
            article = knowledge.articles.get(id)
            if article is None:
                yield Fault(rule.file, rule.id, "told_in", f"is no article: {id}")
                continue
            for number in _missing(article, held):
                fault = f"does not tell {number}, which rule {rule.id} computes with"
                yield Fault(article.file, id, "answer", fault)


def untold(article: Article, value: Value) -> list[Decimal]:
    """The numbers of a rule's value that an article does not tell."""
    return list(_missing(article, list(_flat(value))))


def _missing(article: Article, held: list[Decimal]) -> Iterator[Decimal]:
    told = numbers.told(article)
    for number in held:
        # 1.5 times may be told as 150 per cent, 12 months as a year.
        if not {numbers.plain(str(n)) for n in (number, number * 100, number / 12)} & told:
            yield number


def _flat(value: Value) -> Iterator[Decimal]:
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _flat(entry)


def _expiring(knowledge: Knowledge, on: date) -> Iterator[Fault]:
    for a in knowledge.articles.values():
        if a.status != "published":
            continue
        ends = [s.effective_to for s in a.sources if s.effective_to] + [a.next_review]
        starts = [s.effective_from for s in a.sources if s.effective_from and s.effective_from > on]
        if min(ends) < on:
            yield Fault(a.file, a.id, "next_review", f"has passed ({min(ends)}); the article is not shown")
        elif min(ends) - on <= SOON:
            yield Fault(a.file, a.id, "next_review", f"comes in {(min(ends) - on).days} days: {min(ends)}")
        if starts:
            yield Fault(a.file, a.id, "sources", f"start on {max(starts)}; not shown until then")


def _expiring_rules(knowledge: Knowledge, on: date) -> Iterator[Fault]:
    for rule in knowledge.rules.rules:
        if rule.next_review < on:
            yield Fault(rule.file, rule.id, "next_review", f"has passed ({rule.next_review}); it computes nothing")
        elif rule.next_review - on <= SOON:
            yield Fault(rule.file, rule.id, "next_review", f"comes in {(rule.next_review - on).days} days")


def _markup(knowledge: Knowledge) -> Iterator[Fault]:
    for a in knowledge.articles.values():
        if "</" in a.answer or "<br" in a.answer:
            yield Fault(a.file, a.id, "answer", "holds HTML, which people will see as it stands")
