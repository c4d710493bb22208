"""No pattern of ours holds the thread: a stranger's message is matched against them while WeChat waits, and `re` lets
nobody else run meanwhile."""

import importlib
import itertools
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

ROOT = Path(__file__).parent.parent
LIMIT = 0.05
"""Seconds for some 60 characters made of the pattern's own words."""
LONG_LIMIT = 0.25
"""Seconds for a message of 4,000 characters."""
UNITS = 8

# Run in a process of its own: a pattern that hangs is named by the last line it began, and killed.
WATCHED = """
import json, re, sys, time
for line in sys.stdin:
    name, pattern, flags, texts, limit = json.loads(line)
    print("?", name, flush=True)
    found = re.compile(pattern, flags)
    for text in texts:
        for way in (found.search, found.match, found.fullmatch):
            began = time.process_time()
            way(text)
            if time.process_time() - began > limit:
                print("!", name, way.__name__, repr(text[:40]), flush=True)
                break
        else:
            continue
        break
print("done", flush=True)
"""


def within(name: str, value: object, depth: int = 0) -> Iterator[tuple[str, "re.Pattern[str]"]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield name, value
    elif depth > 4 or isinstance(value, type):
        return
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from within(f"{name}[{key}]", one, depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for place, one in enumerate(value):
            yield from within(f"{name}[{place}]", one, depth + 1)
    elif is_dataclass(value):
        for field in fields(value):
            yield from within(f"{name}.{field.name}", getattr(value, field.name, None), depth + 1)


def patterns() -> dict[tuple[str, int], str]:
    """Every pattern our modules hold, and what the files of the rules compile to."""
    found: dict[tuple[str, int], str] = {}
    for room in ("bot", "handlers", "intents", "knowledge_base", "records", "staff", "jobs"):
        package = importlib.import_module(room)
        for info in pkgutil.walk_packages(package.__path__, room + "."):
            if "migrations" in info.name or info.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(info.name)).items():
                for where, pattern in within(f"{info.name}.{name}", value):
                    found.setdefault((pattern.pattern, pattern.flags), where)
    from handlers import manners
    from intents import crisis

    for make in (
        crisis.rules,
        *(v for v in vars(manners).values() if hasattr(v, "cache_info") and not v.__wrapped__.__code__.co_argcount),
    ):
        for where, pattern in within(f"{make.__module__}.{make.__name__}()", make()):
            found.setdefault((pattern.pattern, pattern.flags), where)
    return found


def sample(tree: object, turn: int) -> str:
    """Some text the tree matches, another for another `turn`."""
    text = ""
    for kind, given in tree:  # type: ignore[attr-defined]
        if kind is op.LITERAL:
            text += chr(given)
        elif kind is op.IN:
            what, value = given[turn % len(given)]
            text += {op.LITERAL: lambda v: chr(v), op.RANGE: lambda v: chr(v[0])}.get(
                what, lambda v: {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(v), "一")
            )(value)
        elif kind in (op.ANY, op.NOT_LITERAL):
            text += "一"
        elif kind is op.BRANCH:
            text += sample(given[1][turn % len(given[1])], turn // len(given[1]))
        elif kind is op.SUBPATTERN:
            text += sample(given[3], turn)
        elif kind is op.ATOMIC_GROUP:
            text += sample(given, turn)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            text += sample(given[2], turn // 2) * max(given[0], (turn + 1) % 2)
    return text


def repeats(tree: object, before: str = "") -> Iterator[tuple[str, object]]:
    """The parts that may come any number of times, each with a text that leads up to it."""
    for item in tree:  # type: ignore[attr-defined]
        kind, given = item
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            if given[1] > 4:
                yield before, given[2]
            yield from repeats(given[2], before)
        elif kind is op.BRANCH:
            for branch in given[1]:
                yield from repeats(branch, before)
        elif kind is op.SUBPATTERN:
            yield from repeats(given[3], before)
        elif kind is op.ATOMIC_GROUP:
            yield from repeats(given, before)
        before += sample([item], 1)


def hard(pattern: str, flags: int) -> list[str]:
    """Texts with many readings, were there any: what may be repeated, repeated, and then something that fits nowhere."""
    texts: dict[str, None] = {}
    for before, part in repeats(parser.parse(pattern, flags)):
        units = list(dict.fromkeys(filter(None, (sample(part, turn) for turn in range(60)))))
        pairs = [a + b for a, b in itertools.pairwise(units)]
        for unit in units + pairs[:UNITS]:
            times = max(40 // len(unit), 20)
            texts |= dict.fromkeys((before + unit * times + "\x01", before + unit * times + "哈"))
    return list(texts)


def test_no_pattern_takes_long() -> None:
    jobs = [[name, text, flags, hard(text, flags), LIMIT] for (text, flags), name in patterns().items()]
    long = [(unit * 4000)[:3999] + "\x01" for unit in ("的", "嗯", "我", "1", " ", "，")]
    jobs += [
        [name, text, flags, long, LONG_LIMIT]
        for (text, flags), name in patterns().items()
        if name.startswith("intents.crisis")
    ]
    assert len(jobs) > 400
    child = subprocess.Popen([sys.executable, "-c", WATCHED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        said, _ = child.communicate("\n".join(map(json.dumps, jobs)), timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        said, _ = child.communicate()
    lines = said.splitlines()
    slow = [line for line in lines if line.startswith("!")]
    assert not slow, "\n".join(slow)
    assert lines[-1] == "done", f"hangs: {lines[-1]}"
