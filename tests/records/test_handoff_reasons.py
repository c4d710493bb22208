"""Why somebody is handed to staff: every reason that the code can write has words for staff, in one table."""

import ast
from collections.abc import Iterator
from pathlib import Path

from records import handoffs

ROOT = Path(__file__).parents[2]
_NAMED_BY = {"Handoff": 1, "ask_for_person": 1, "to_person": 1, "ask": None}
"""What takes a reason, and where: at a place, or by its name alone."""


def reasons(source: str) -> Iterator[ast.expr]:
    """What is given as a reason, in calls of what takes one."""
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name not in _NAMED_BY:
            continue
        yield from (one.value for one in call.keywords if one.arg == "reason")
        place = _NAMED_BY[name]
        if place is not None:
            yield from call.args[place : place + 1]


def test_every_reason_has_words_for_staff() -> None:
    written: set[str] = set()
    for folder in ("bot", "handlers", "jobs", "records", "staff"):
        for path in (ROOT / folder).rglob("*.py"):
            for given in reasons(path.read_text("utf-8")):
                if isinstance(given, ast.Constant):
                    written.add(given.value)
                elif path.name != "approvals.py":  # its `to_person` takes a row
                    assert ast.unparse(given).endswith("reason"), f"{path}: a reason that nobody can look up"
    assert written >= {"asked", "crisis", "emergency", "bot_off", "broken", "angry", "unapproved"}, "all were found"
    assert written <= set(handoffs.REASONS), "staff would read a word of the code"


def test_the_words_are_chinese() -> None:
    assert all(not word.isascii() for word in handoffs.REASONS.values())
