"""What the pages point at is there, and every page can be found."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MODULE = re.compile(r"python -m ((?:bench|bot|intents|jobs|knowledge_base|records|staff|tests)[\w.]*)")
FILE = re.compile(
    r"`((?:bench|bot|deploy|docs|handlers|intents|jobs|knowledge_base|records|staff|tests)/[\w./-]+\.\w+)(?:::\w+)?`"
)


def links(page: Path) -> set[Path]:
    """The files of ours that a page links to."""
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in found if "://" not in link}


def test_there_are_pages_to_look_at() -> None:
    assert len(PAGES) > 40 and sum(len(links(page)) for page in PAGES) > 80


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_at_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [str(link) for link in links(page) if not link.exists()]
    missing += [name for name in FILE.findall(text) if not (ROOT / name).exists()]
    for module in MODULE.findall(text):
        place = ROOT / module.rstrip(".").replace(".", "/")
        if not place.with_suffix(".py").exists() and not (place / "__main__.py").exists():
            missing.append(f"python -m {module}")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    missing += [f"make {name}" for name in re.findall(r"`make ([a-z-]+)", text) if name not in targets]
    assert missing == []


def test_every_page_is_in_an_index() -> None:
    for folder in (ROOT / "docs", ROOT / "docs" / "decisions", ROOT / "docs" / "runbook"):
        listed = links(folder / "README.md")
        assert [page.name for page in folder.glob("*.md") if page.name != "README.md" and page not in listed] == []
    for readme in ("README.md", "README.zh-CN.md"):
        assert ROOT / "docs" / "README.md" in links(ROOT / readme)


def test_both_readmes_name_the_same_pages_settings_and_commands() -> None:
    def names(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
        commands = {span for span in spans if span.startswith(("make ", "flask ", "python ", "granian "))}
        return (
            commands | set(re.findall(r"\b[A-Z]+_[A-Z_]+\b|\bPROXIES\b", text)) | set(re.findall(r"`(/[^`]*)`", text))
        )

    ours, theirs = names("README.md"), names("README.zh-CN.md")
    assert len(ours) > 20 and ours == theirs


def test_what_is_said_of_the_measurements_is_what_the_tables_say() -> None:
    """The tables are printed anew, the words above them aren't: those quote no figure of the tables' last column."""
    intro, _, tables = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8").partition("<!-- sqlite -->")
    turns = re.findall(r"\*\*our full turn\*\*.*?(\d+)% of its rate, p99 × ([\d.]+)", tables)
    assert len(turns) >= 4 and all(int(rate) < 50 and float(p99) > 2 for rate, p99 in turns), "reached: say so above"
    sentence = re.search(r"targets of the callback[^.]*\*\*not\*\* reached[^.]*\.", intro)
    assert sentence is not None and not re.search(r"\d%|\d %|\d times", sentence[0].replace("p99", ""))
