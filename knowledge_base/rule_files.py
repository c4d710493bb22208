"""Rule files: reading `rules/<region>/*.yml`, finding what is wrong with them, and running the cases they carry."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from knowledge_base import expressions, rule_values, yamlsafe
from knowledge_base.expressions import BadExpression, Value
from knowledge_base.regions import RegionTree
from knowledge_base.rules import KINDS, MOST, SLOT, Clause, Input, Law, Parameter, Rule, RuleInputError, Rules, evaluate
from knowledge_base.schema import Fault

VERSION = 1


def read(folder: Path, tree: RegionTree, faults: list[Fault]) -> Rules:
    """Every rule of a knowledge base; what is wrong is added to faults, naming file and rule."""
    rules = [rule for path in sorted((folder / "rules").glob("*/*.yml")) for rule in _file(path, tree, faults)]
    seen: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        other = seen.setdefault((rule.topic, rule.region), rule)
        if other is not rule:
            faults.append(Fault(rule.file, rule.id, "topic", f"{rule.topic} is also worked out by {other.id}"))
    return Rules(tuple(rules), tree)


def _file(path: Path, tree: RegionTree, faults: list[Fault]) -> Iterator[Rule]:
    name = f"{path.parent.name}/{path.name}"
    try:
        data = yamlsafe.read(path)
    except (OSError, yamlsafe.YamlFault) as error:
        faults.append(Fault(f"rules/{name}", "", "", str(error)))
        return
    if not isinstance(data, dict) or data.get("version") != VERSION or not isinstance(data.get("rules"), list):
        faults.append(Fault(f"rules/{name}", "", "", f"must begin with `version: {VERSION}` and hold a list `rules`"))
        return
    for row in data["rules"]:
        try:
            yield _rule(row, data, path.parent.name, f"rules/{name}", tree)
        except (BadExpression, KeyError, TypeError, ValueError, AttributeError) as error:
            id = row.get("id", "?") if isinstance(row, dict) else "?"
            missing = f"has no {error}" if isinstance(error, KeyError) else str(error)
            faults.append(Fault(f"rules/{name}", str(id), "", missing))


def _rule(row: Mapping[str, Any], whole: Mapping[str, Any], region: str, file: str, tree: RegionTree) -> Rule:
    if region not in tree:
        raise ValueError(f"lies in a folder that is no region: {region}")
    laws = {key: Law(**value) for key, value in whole["laws"].items()}
    rule = Rule(
        id=row["id"],
        topic=row["topic"],
        region=region,
        title=row["title"],
        inputs=tuple(_input(name, value) for name, value in row.get("inputs", {}).items()),
        parameters=tuple(_parameter(name, value, laws) for name, value in row.get("parameters", {}).items()),
        clauses=tuple(_clause(value, laws) for value in row["clauses"]),
        result=row.get("result", ""),
        next_review=date.fromisoformat(row.get("next_review", whole["next_review"])),
        cases=tuple(row.get("cases", ())),
        told_in=tuple(row.get("told_in", ())),
        file=file,
    )
    _check_names(rule)
    return rule


def _input(name: str, value: Mapping[str, Any]) -> Input:
    if value["kind"] not in KINDS:
        raise ValueError(f"input {name}: kind is not one of {', '.join(KINDS)}: {value['kind']}")
    unknown = set(value) - {"kind", "label", "choices", "needed", "least", "most"}
    if unknown:
        raise ValueError(f"input {name} knows no {', '.join(sorted(unknown))}")
    if value["kind"] != "number" and {"least", "most"} & set(value):
        raise ValueError(f"input {name}: only a number has least and most")
    least, most = (Decimal(str(value.get(end, default))) for end, default in (("least", 0), ("most", MOST)))
    if not 0 <= least <= most <= MOST:
        raise ValueError(f"input {name}: needs 0 ≤ least ≤ most ≤ {MOST}, has {least} and {most}")
    return Input(
        name, value["label"], value["kind"], tuple(value.get("choices", ())), value.get("needed", True), least, most
    )


def _parameter(name: str, value: Mapping[str, Any], laws: Mapping[str, Law]) -> Parameter:
    rows = value.get("values", ())
    values = tuple((date.fromisoformat(row["from"]), _decimal(row["value"])) for row in rows)
    if list(values) != sorted(values, key=lambda pair: pair[0]):
        raise ValueError(f"parameter {name}: values are not in the order of their dates")
    if not values and not value.get("unknown"):
        raise ValueError(f"parameter {name}: has neither values nor `unknown` with the reason")
    kind = value.get("kind") or rule_values.kind_of(values[-1][1] if values else Decimal(0))
    if kind not in rule_values.KINDS or any(rule_values.kind_of(held) != kind for _, held in values):
        raise ValueError(
            f"parameter {name}: kind is not one of {', '.join(rule_values.KINDS)}, or not that of its values"
        )
    return Parameter(name, value["label"], laws[value["law"]], values, value.get("unknown", ""), kind)


def _decimal(value: Any) -> Value:
    if isinstance(value, dict):
        return {str(key): _decimal(entry) for key, entry in value.items()}
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _clause(value: Mapping[str, Any], laws: Mapping[str, Law]) -> Clause:
    unknown = set(value) - {"say", "law", "when", "let", "be", "decide"}
    if unknown:
        raise ValueError(f"a clause knows no {', '.join(sorted(unknown))}")
    return Clause(
        say=value["say"],
        law=laws[value["law"]] if "law" in value else None,
        when=expressions.parse(str(value["when"])) if "when" in value else None,
        let=value.get("let", ""),
        be=expressions.parse(str(value["be"])) if "be" in value else None,
        decide=value.get("decide", ""),
    )


def _check_names(rule: Rule) -> None:
    """Every name must be an input, a parameter, today, or worked out by an earlier clause."""
    known: set[str] = {"today"} | {i.name for i in rule.inputs} | {p.name for p in rule.parameters}
    for n, clause in enumerate(rule.clauses, 1):
        wanted: Collection[str] = set().union(*(e.names() for e in (clause.when, clause.be) if e is not None))
        known |= {clause.let} if clause.let else set()
        for name in [*wanted, *SLOT.findall(clause.say)]:
            if name not in known:
                raise ValueError(f"clause {n} needs {name}, which nothing gives")
    if rule.result and rule.result not in known:
        raise ValueError(f"result {rule.result} is never worked out")
    if not rule.result and not rule.clauses[-1].decide:
        raise ValueError("neither names a result nor ends in a decision")


def run_cases(rules: Rules) -> Iterator[Fault]:
    """Try every case of every rule: given these inputs, on this day (when), then this result and these words."""
    for rule in rules.rules:
        for n, case in enumerate(rule.cases, 1):
            try:
                outcome = evaluate(rule, case.get("given", {}), date.fromisoformat(case["when"]))
            except (RuleInputError, BadExpression, KeyError, ValueError) as error:
                yield Fault(rule.file, rule.id, f"cases {n}", f"fails: {error}")
                continue
            told = outcome.result if outcome.result is not None else outcome.because
            if told != str(case["then"]):
                yield Fault(rule.file, rule.id, f"cases {n}", f"gives {told}, not {case['then']}")
            for words in case.get("tells", ()):
                if not any(words in line for line in outcome.trace):
                    yield Fault(rule.file, rule.id, f"cases {n}", f"does not tell: {words}")
