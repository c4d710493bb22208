"""The self-assessment names tests that exist and leaves no requirement out."""

import ast
import re
from pathlib import Path

from .conftest import ROOT

PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| (\d+\.\d+(?:\.\d+)?) \| (\S+) \| (.*?) \| (.*?) ?\|$", PAGE, re.M)}
STATES = {"met", "part", "open", "operator", "n/a"}
WANTED = {
    "1.1": (1, 2), "1.2": tuple(range(1, 11)), "1.3": tuple(range(1, 12)), "1.4": (1, 2, 3), "1.5": (1, 2), "2.1": (1, 2, 3),
    "2.2": (1, 2, 3), "2.3": (1, 2, 3, 4), "2.4": (1,), "3.2": (1, 2), "3.3": (1, 2, 3, 4), "3.4": (1, 2, 3, 4, 5, 6),
    "3.5": (1, 2, 3, 4, 5), "3.7": (1, 2), "4.1": (1, 2, 3), "4.2": (1,), "4.3": (1, 2), "4.4": (1, 2, 3, 4), "5.1": (1,),
    "5.2": (1, 2, 3), "5.3": (1, 2), "5.4": (1, 2, 3), "6.1": (1, 2, 3), "6.2": tuple(range(1, 13)), "6.3": (1, 2, 3, 4),
    "6.4": (1, 2, 3, 4), "6.5": (1, 2, 3, 4, 5), "6.6": (1, 2, 3), "6.8": (1, 2, 3, 4), "7.1": (1, 2, 3), "7.2": (1, 2, 3, 4),
    "7.3": (1, 2), "7.4": (1, 2, 3, 4, 5), "7.5": (1, 2), "7.6": (1, 2), "8.1": (1, 2), "8.2": (1, 2, 3), "8.3": (1,), "8.4": (1,),
    "10.1": (1, 2), "10.2": (1, 2), "11.1": (1, 2), "11.2": (1, 2, 3), "11.3": (1, 2, 3), "11.4": (1, 2, 3, 4), "11.5": (1,),
    "11.6": (1,), "12.1": (1, 2, 3), "12.2": (1, 2), "12.3": (1, 2, 3, 4), "13.1": (1,), "13.2": (1, 2, 3, 4, 5), "13.3": (1, 2),
    "13.4": (1, 2, 3, 4, 5), "14.1": (1, 2), "14.2": (1, 2, 3, 4, 7), "14.3": (1, 2, 3), "15.1": (1, 2, 3), "15.2": (1, 2, 3),
    "15.3": (1, 2, 3, 4, 5, 6, 7), "15.4": (2,), "16.1": (1,), "16.2": (1, 2, 3, 4, 5), "16.3": (1, 2, 3, 4), "16.4": (1, 2, 3),
    "16.5": (1, 2, 3),
}  # fmt: skip
"""The requirements of levels 1 and 2 by section (V9 and V17 don't apply), and 1.2.10, 14.2.7, 15.4.2."""


def named_there() -> dict[str, set[str]]:
    """Every test by its file's name."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        found.setdefault(path.name, set()).update(name for name in names if name.startswith("test_"))
    return found


def test_every_requirement_has_its_row() -> None:
    wanted = {f"{section}.{number}" for section, numbers in WANTED.items() for number in numbers}
    assert wanted - set(ROWS) == set()
    assert {rid for rid in ROWS if rid.count(".") == 2} - wanted == set()


def test_every_test_that_is_named_exists() -> None:
    there = named_there()
    every = set().union(*there.values())
    gone = []
    for rid, (_, _, shown) in ROWS.items():
        for name in re.findall(r"`([^`]+)`", shown):
            if name not in (there if name.endswith(".py") else every):
                gone.append((rid, name))
    assert gone == []


def test_a_row_says_how_it_is_met_or_why_not() -> None:
    for rid, (state, how, shown) in ROWS.items():
        assert state in STATES and len(how) >= 4, rid
        assert shown or state != "part" or "**" in how or ";" in how or "." in how, rid
    unshown = [rid for rid, (state, _, shown) in ROWS.items() if state == "met" and not shown]
    assert len(unshown) <= 14, f"met, but by no test: {unshown}"


def test_pages_that_are_named_are_there() -> None:
    for page in re.findall(r"\]\((\w[\w-]*\.md)\)", PAGE):
        assert (Path(ROOT) / "docs" / page).exists(), page
