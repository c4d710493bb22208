"""Rules as data: dates, sums and eligibility worked out from dated parameters, with one line of trace a clause.

A rule is a list of clauses. Each works out a value or decides the case, and says so in a sentence with the law it
rests on. What is not known makes the result "这里算不出来，因为…", never zero.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from knowledge_base.expressions import BadExpression, Expression, Unknown, Value
from knowledge_base.regions import RegionTree

KINDS = ("date", "number", "yesno", "choice")
MOST = Decimal(10_000_000)
"""The greatest number taken where an input names none of its own."""
SLOT = re.compile(r"\{(\w+)\}")


class RuleInputError(ValueError):
    """A given value does not fit its input; the text names the input, the fault and the way out, in Chinese."""


@dataclass(frozen=True, slots=True)
class Law:
    """The legal reference of a parameter or a clause."""

    document: str
    article: str = ""

    def __str__(self) -> str:
        return f"《{self.document}》" + (f"第{self.article}条" if self.article else "")


@dataclass(frozen=True, slots=True)
class Input:
    """Something the person tells: label is how it is asked for, choices name the allowed words, least and most bound
    a number."""

    name: str
    label: str
    kind: str
    choices: tuple[str, ...] = ()
    needed: bool = True
    least: Decimal = Decimal(0)
    most: Decimal = MOST


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of the law with the days it holds from. A value of None is known to be unknown, and why says so.

    kind: `number`, `table` (a number by word) or `text`. laws names the law of a value where it isn't the
    parameter's own: a yearly notice, say.
    """

    name: str
    label: str
    law: Law
    values: tuple[tuple[date, Value], ...]
    why: str = ""
    kind: str = "number"
    laws: tuple[tuple[date, Law], ...] = ()

    def on(self, day: date) -> Value:
        """The value in force on a day; None when none is established."""
        held = [value for start, value in self.values if start <= day]
        return held[-1] if held else None

    def law_on(self, day: date) -> Law:
        """The law of the value in force on a day."""
        start = max((start for start, _ in self.values if start <= day), default=None)
        return next((law for since, law in self.laws if since == start), self.law)


@dataclass(frozen=True, slots=True)
class Clause:
    """One step: when it applies, what it works out (let = be) or decides, and the sentence that tells it."""

    say: str
    law: Law | None = None
    when: Expression | None = None
    let: str = ""
    be: Expression | None = None
    decide: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A question that can be worked out in one place; cases are its tests, in the words of a clerk; told_in
    names the articles that tell its numbers."""

    id: str
    topic: str
    region: str
    title: str
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    clauses: tuple[Clause, ...]
    result: str
    next_review: date
    cases: tuple[Mapping[str, Any], ...] = ()
    told_in: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out. result is the decision or the number as text, None when it can't be computed; then because says
    why. trace has one line a clause, values every worked-out value by name."""

    rule: Rule
    result: str | None
    trace: tuple[str, ...]
    because: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """All rules of a snapshot, by topic and region. Immutable."""

    rules: tuple[Rule, ...]
    regions: RegionTree

    def find(self, topic: str, region: str) -> Rule | None:
        """The rule of the most specific place, or None. Raises KeyError for an unknown region."""
        by_region = {rule.region: rule for rule in self.rules if rule.topic == topic}
        return next((by_region[place] for place in self.regions.chain(region) if place in by_region), None)

    def evaluate(self, topic: str, region: str, given: Mapping[str, Any], on: date) -> Outcome:
        """Work out a topic for a place on a day. Raises KeyError for an unknown topic, RuleInputError for bad input."""
        rule = self.find(topic, region)
        if rule is None:
            raise KeyError(topic)
        return evaluate(rule, given, on)


def evaluate(rule: Rule, given: Mapping[str, Any], on: date) -> Outcome:
    """Work out one rule. given holds inputs by name: dates as date or 2026-07-01, numbers, True/False, choices."""
    known: dict[str, Value] = {"today": on}
    known.update({i.name: _read(i, given.get(i.name)) for i in rule.inputs})
    known.update({p.name: p.on(on) for p in rule.parameters})
    _refuse_strangers(rule, given)
    trace: list[str] = []
    if on > rule.next_review:
        because = f"这条规则过了核对日期（{_show(rule.next_review)}），要先由工作人员核对"
        return Outcome(rule, None, (), f"这里算不出来，因为{because}。")
    try:
        for clause in rule.clauses:
            if clause.when is not None and not clause.when.value(known):
                continue
            if clause.be is not None:
                known[clause.let] = clause.be.value(known)
            trace.append(_sentence(clause, known) + _laws_of(clause, rule, on))
            if clause.decide:
                return Outcome(rule, clause.decide, tuple(trace), values=MappingProxyType(known))
        result = known.get(rule.result)
        if result is None:
            raise Unknown(rule.result)
    except Unknown as gap:
        return Outcome(rule, None, tuple(trace), _because(rule, gap.name), MappingProxyType(known))
    except BadExpression as misfit:
        raise RuleInputError(_misfit(rule, clause, known)) from misfit
    return Outcome(rule, _show(result), tuple(trace), values=MappingProxyType(known))


def _misfit(rule: Rule, failed: Clause, known: Mapping[str, Value]) -> str:
    """What to look at again when values that fit by themselves don't fit together (a day beyond the calendar)."""
    wanted: set[str] = set()
    for expression in (failed.when, failed.be):
        wanted |= expression.names() if expression is not None else set()
    for clause in reversed(rule.clauses):  # a value worked out before rests on its inputs
        if clause.let in wanted and clause.be is not None:
            wanted |= clause.be.names()
    said = [f"{i.label}：{_show(known[i.name])}" for i in rule.inputs if i.name in wanted and known[i.name] is not None]
    return f"按这些算不出来，请核对有没有写错：{'；'.join(said) or rule.title}"


def _because(rule: Rule, name: str) -> str:
    for one in rule.inputs:
        if one.name == name:
            return f"这里算不出来，因为还不知道：{one.label}。"
    for parameter in rule.parameters:
        if parameter.name == name:
            why = parameter.why or "这一天没有核实过的数值"
            return f"这里算不出来，因为“{parameter.label}”{why}。"
    return f"这里算不出来，因为规则里没有这一档：{name}。"


def _laws_of(clause: Clause, rule: Rule, on: date) -> str:
    """The law of each value in a clause that has one of its own, as a yearly notice has."""
    wanted = set(SLOT.findall(clause.say))
    for expression in (clause.when, clause.be):
        wanted |= expression.names() if expression is not None else set()
    own = [p for p in rule.parameters if p.laws and p.name in wanted and p.law_on(on) not in (p.law, clause.law)]
    return "".join(f"；“{p.label}”依据{p.law_on(on)}" for p in own)


def _sentence(clause: Clause, known: Mapping[str, Value]) -> str:
    def fill(found: re.Match[str]) -> str:
        value = known.get(found[1])
        if value is None:
            raise Unknown(found[1])
        return _show(value)

    text = SLOT.sub(fill, clause.say)
    return f"{text}，依据{clause.law}" if clause.law else text


def _show(value: Value) -> str:
    match value:
        case bool():
            return "是" if value else "否"
        case Decimal():
            return f"{value.normalize():f}"
        case date():
            return f"{value.year}年{value.month}月{value.day}日"
    return str(value)


def _refuse_strangers(rule: Rule, given: Mapping[str, Any]) -> None:
    names = {i.name for i in rule.inputs}
    for name in given:
        if name not in names:
            raise RuleInputError(f"“{rule.title}”用不到 {name}；要的是：{'、'.join(sorted(names))}")


def _read(one: Input, value: Any) -> Value:
    if value is None or value == "":
        return None
    match one.kind:
        case "date" if isinstance(value, date):
            return value
        case "date":
            try:
                return date.fromisoformat(str(value))
            except ValueError:
                raise RuleInputError(f"{one.label}不是日期：{value}，请写成2026-07-01这样") from None
        case "number":
            return _number(one, value)
        case "yesno" if isinstance(value, bool):
            return value
        case "yesno":
            raise RuleInputError(f"{one.label}要回答是或否：{value}")
    if value not in one.choices:
        raise RuleInputError(f"{one.label}没有这一项：{value}，可选：{'、'.join(one.choices)}")
    return value


def _number(one: Input, value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise RuleInputError(f"{one.label}不是数字：{value}") from None
    if isinstance(value, bool) or not number.is_finite() or not one.least <= number <= one.most:
        raise RuleInputError(f"{one.label}要在{one.least:f}到{one.most:f}之间：{value}")
    return number
