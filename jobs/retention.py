"""Deletes what has been kept long enough, by the one table that says what is kept why and how long (records/fields.yml).

`python -m jobs.retention` prints that table as docs/privacy.md. A pass looks at the oldest rows only, a few hundred of
each table, so it may run every minute beside the traffic and still gets through whatever has piled up.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine, Table, delete, select

import clock
from records import schema
from records.base import write
from records.handoffs import Handoff

FIELDS = Path(schema.__file__).parent / "fields.yml"
BATCH = 300
BASES = {"consent": "本人同意（13条1项）", "duty": "法定职责（13条3项）", "emergency": "紧急情况（13条4项）"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of fields.yml; `days` None: rows go with their person or parent."""

    table: str
    what: str
    why: str
    basis: str
    days: int | None
    since: str
    only: dict[str, list[str]]
    ends: str


@cache
def rules() -> tuple[Rule, ...]:
    """Every line of fields.yml. Raises `ValueError` naming a line that makes no sense."""
    found = []
    for table, line in yaml.safe_load(FIELDS.read_text(encoding="utf-8")).items():
        days = None if line["days"] == "none" else int(line["days"])
        rule = Rule(
            table,
            line["what"],
            line["why"],
            line["basis"],
            days,
            line.get("since", ""),
            line.get("only", {}),
            line.get("ends", ""),
        )
        known = schema.TABLES.tables.get(table)
        if known is None or rule.basis not in BASES or (days is None) == (not rule.ends):
            raise ValueError(f"fields.yml: {table} names no table or basis, or says neither days nor when it ends")
        if days is not None and not {rule.since, *rule.only} <= set(known.c.keys()):
            raise ValueError(f"fields.yml: {table} has no column {rule.since or rule.only}")
        found.append(rule)
    return tuple(found)


def sweep(engine: Engine) -> int:
    """Delete what is due, a batch of each table. Returns how many rows went."""
    return sum(_sweep(engine, rule) for rule in rules() if rule.days is not None)


def _sweep(engine: Engine, rule: Rule) -> int:
    table: Table = schema.TABLES.tables[rule.table]
    before = clock.now() - timedelta(days=rule.days or 0)
    # The oldest by key first: rows are added in order of time, so nothing beyond them can be due. What must stay is passed
    # over, or it would stand before everything else for ever.
    (key,) = table.primary_key.columns
    oldest: Any = select(key).order_by(key).limit(BATCH)
    for column, states in rule.only.items():
        oldest = oldest.where(table.c[column].in_(states))
    if rule.table == "messages":  # whoever is being looked after keeps the whole conversation until that is over
        oldest = oldest.where(table.c.person_id.not_in(select(Handoff.person_id).where(Handoff.state != "closed")))
    due = delete(table).where(key.in_(oldest.scalar_subquery()), table.c[rule.since] < before)
    with write(engine) as conn:
        return conn.execute(due).rowcount


def page() -> str:
    """docs/privacy.md."""
    lines = [
        "# What is kept about people, what for, and how long", "",
        "Printed from `records/fields.yml` by `python -m jobs.retention > docs/privacy.md`; the retention job deletes by the same table.",
        "Columns marked 🔒 are encrypted (AES-256-GCM, `records/crypto.py`) and found by keyed hashes only.", "",
        "| 表 | 内容 | 加密的列 | 用途 | 依据（个人信息保护法） | 保存 |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for rule in rules():
        sealed = "、".join(
            c.name for c in schema.TABLES.tables[rule.table].c if type(c.type).__name__.startswith("Sealed")
        )
        kept = f"{rule.days} 天" if rule.days is not None else rule.ends
        lines.append(
            f"| `{rule.table}` | {rule.what} | {'🔒 ' + sealed if sealed else '—'} | {rule.why} | {BASES[rule.basis]} | {kept} |"
        )
    lines += [
        "", "Every person reads, exports and deletes his own at `/me` (45, 47条); unfollowing the account starts erasure (wx-cb-12).",
        "Every look of staff at a masked field is a row of `audit`, with its reason. Figures for the public: "
        "`flask --app app figures 2026-10`,", "whole months, groups of ten and more, rounded (`records/open_figures.py`).", "",
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
