"""What is installed is what the code asks for: every package imported is listed, every exception made for one is needed."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKED = ("bot", "handlers", "intents", "knowledge_base", "records", "staff", "jobs")


def imported() -> Iterator[str]:
    """The packages that production's code imports, with each module of theirs in full."""
    for path in [*ROOT.glob("*.py"), *(path for folder in CHECKED for path in (ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield str(node.module)


def test_every_package_that_production_imports_is_listed() -> None:
    """One that only comes along with another would be gone on the day the other can do without."""
    lines = (ROOT / "requirements.in").read_text("utf-8").splitlines()
    listed = {re.split(r"[\[=><~ ;]", line)[0] for line in lines if line and not line.startswith("#")}
    ours = {path.stem for path in ROOT.iterdir()}
    modules = {name.partition(".")[0] for name in imported()} - ours - set(sys.stdlib_module_names)
    owners = packages_distributions()
    missing = {
        module
        for module in modules
        if not {re.sub(r"[-_.]+", "-", name).lower() for name in owners.get(module, ["?"])} & listed
    }
    assert missing == set()


def test_the_lock_holds_what_is_listed() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text("utf-8"), re.M))
    lines = (ROOT / "requirements.in").read_text("utf-8").splitlines()
    assert {re.split(r"[\[=><~ ;]", line)[0] for line in lines if line and not line.startswith("#")} <= locked


def test_types_are_waived_only_for_what_is_imported() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    waived = {name.partition(".")[0] for one in config["tool"]["mypy"]["overrides"] for name in one["module"]}
    assert waived - {name.partition(".")[0] for name in imported()} == set()
