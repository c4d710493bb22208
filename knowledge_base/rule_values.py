"""Values of rule parameters that an office fills in: dated, with the document they stand in, beside those of the files.

One entry holds all that was filled in for one parameter of one rule:
``{id, rule, parameter, values: [{from: 2026-07-01, value: "8433.5", document: …, article: …}]}``. A table is a mapping of
words to numbers. Of two values from the same day the office's holds.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from knowledge_base.expressions import Value
from knowledge_base.rules import MOST, Law, Parameter, Rule, Rules

KINDS = {"number": "数字", "table": "分档的数字", "text": "文字"}
LONGEST = 300
"""Characters of a text value, and of a document's name."""


def kind_of(value: Value) -> str:
    """Which of `KINDS` a value is."""
    return "table" if isinstance(value, Mapping) else "number" if isinstance(value, Decimal) else "text"


def entry_id(rule: str, parameter: str) -> str:
    """The id of the entry that holds a parameter's values."""
    return f"value-{rule}-{parameter.replace('_', '-')}"


def parameter_of(rules: Rules, content: Mapping[str, Any]) -> tuple[Rule, Parameter] | None:
    """The rule and the parameter an entry is about, or None when the files no longer have them."""
    rule = next((rule for rule in rules.rules if rule.id == content.get("rule")), None)
    parameter = next((p for p in rule.parameters if p.name == content.get("parameter")), None) if rule else None
    return (rule, parameter) if rule and parameter else None


def faults(content: Mapping[str, Any], rules: Rules) -> list[str]:
    """What keeps an entry from being used, in Chinese, for whoever typed it."""
    found = parameter_of(rules, content)
    if found is None:
        return ["规则文件里已经没有这一项数值"]
    told: list[str] = []
    days: list[str] = []
    for n, row in enumerate(content.get("values", ()), 1):
        days.append(row.get("from", ""))
        told += [f"第{n}行：{fault}" for fault in _row_faults(row, found[1].kind)]
    if not days:
        told.append("至少要填一个数值")
    if len(set(days)) != len(days):
        told.append("同一天起只能有一个数值")
    return told


def _row_faults(row: Mapping[str, Any], kind: str) -> Iterable[str]:
    try:
        date.fromisoformat(row.get("from", ""))
    except ValueError:
        yield f"从哪天起不是日期：{row.get('from', '')}（写成 2026-07-01）"
    document = row.get("document", "").strip()
    if not 2 <= len(document) <= LONGEST:
        yield "要写明是哪份文件"
    try:
        _value(row.get("value", ""), kind)
    except ValueError as fault:
        yield str(fault)


def _value(value: Any, kind: str) -> Value:
    """A stored value as the rules compute with it. Raises ValueError, in Chinese."""
    if kind == "table":
        if not isinstance(value, Mapping) or not value:
            raise ValueError("要一行一档，写成“档：数字”")
        return {str(key): _number(entry) for key, entry in value.items()}
    if kind == "number":
        return _number(value)
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST:
        raise ValueError(f"要填1到{LONGEST}个字")
    return value.strip()


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"不是数字：{value}") from None
    if not number.is_finite() or not 0 <= number <= MOST:
        raise ValueError(f"要在0到{MOST:f}之间：{value}")
    return number


def typed(text: str, kind: str) -> Any:
    """A value as somebody typed it, as it is stored; a table has a line `word：number` for each entry."""
    if kind != "table":
        return text.strip()
    pairs = (re.split(r"[:：\t]", line, maxsplit=1) for line in text.splitlines() if line.strip())
    return {pair[0].strip(): pair[1].strip() if len(pair) > 1 else "" for pair in pairs}


def written(value: Any) -> str:
    """A stored or computed value as it is typed and read."""
    if isinstance(value, Mapping):
        return "\n".join(f"{key}：{written(entry)}" for key, entry in value.items())
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def apply(rules: Rules, entries: Iterable[Mapping[str, Any]]) -> Rules:
    """The rules with what offices filled in. An entry with a fault, or of a rule that is gone, changes nothing."""
    filled: dict[str, dict[str, Parameter]] = {}
    for content in entries:
        found = parameter_of(rules, content)
        if found is not None and not faults(content, rules):
            filled.setdefault(found[0].id, {})[found[1].name] = _filled(found[1], content)
    if not filled:
        return rules
    return dataclasses.replace(rules, rules=tuple(_with(rule, filled.get(rule.id, {})) for rule in rules.rules))


def _filled(parameter: Parameter, content: Mapping[str, Any]) -> Parameter:
    values, laws = dict(parameter.values), dict(parameter.laws)
    for row in content["values"]:
        start = date.fromisoformat(row["from"])
        values[start] = _value(row["value"], parameter.kind)
        laws[start] = Law(row["document"].strip().strip("《》"), row.get("article", "").strip())
    return dataclasses.replace(parameter, values=tuple(sorted(values.items(), key=_day)), laws=tuple(laws.items()))


def _day(pair: tuple[date, Value]) -> date:
    return pair[0]


def _with(rule: Rule, filled: Mapping[str, Parameter]) -> Rule:
    if not filled:
        return rule
    return dataclasses.replace(rule, parameters=tuple(filled.get(p.name, p) for p in rule.parameters))
