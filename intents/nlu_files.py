"""The training files: Rasa's YAML, one file an intent, read and checked with line numbers.

version: "3.1"
nlu:
- intent: permit_renewal
  metadata:
    register: plain
  examples: |
    - 居住证快到期了怎么签注
    - [海曙区](district)哪里能签注
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from .normalise import normalise

HERE = Path(__file__).resolve().parent
NLU = HERE / "nlu"
DEV_PERCENT = 15

_ANNOTATION = re.compile(r"\[([^\[\]]+)\](?:\(([^()]*)\)|\{([^{}]*)\})")
_BARE = re.compile(r"[\W_]+")
_OTHER_BLOCKS = {"synonym", "lookup", "regex"}


class BrokenFile(Exception):
    """A training file can't be used. The message has one line a fault: file, line, what is wrong, the way out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One training example: the plain text, its intent, its register, and where it stands."""

    text: str
    intent: str
    register: str
    where: str


def taxonomy() -> dict[str, str]:
    """Every intent's name and the title people read, in the taxonomy's order."""
    with (HERE / "taxonomy.yml").open(encoding="utf-8") as file:
        loaded = yaml.safe_load(file)
    return {name: row["title"] for name, row in loaded["intents"].items()}


def strip_annotations(text: str) -> str:
    """`[海曙区](district)怎么办` as the person wrote it: `海曙区怎么办`."""
    return _ANNOTATION.sub(r"\1", text)


def split_key(text: str) -> str:
    """What two spellings of one sentence share: no case, spaces or punctuation."""
    return _BARE.sub("", normalise(text))


@cache
def is_dev(text: str) -> bool:
    """Whether a sentence belongs to the development test (15 %), by a hash of its text and nothing else.

    It doesn't depend on the other sentences, so adding some never moves one across; two spellings of the same
    sentence fall on the same side.
    """
    digest = hashlib.sha256(split_key(text).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < DEV_PERCENT


def read_folder(folder: Path = NLU, intents: Iterable[str] | None = None) -> list[Line]:
    """All examples of all files, in the files' order.

    Raises `BrokenFile` with every fault found.
    """
    known = set(taxonomy() if intents is None else intents)
    faults: list[str] = []
    lines: list[Line] = []
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise BrokenFile(f"{folder}: holds no training files (*.yml)")
    for path in files:
        lines += _read_file(path, known, faults)
    if faults:
        raise BrokenFile("\n".join(faults))
    return lines


def _read_file(path: Path, known: set[str], faults: list[str]) -> list[Line]:
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        faults.append(f"{path.name}:{line}: not UTF-8; save the file as UTF-8")
        return []
    try:
        root = yaml.compose(source, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.append(
            f"{path.name}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}; "
            "mind the indentation, and put quotes round a text with ': ' in it"
        )
        return []
    except yaml.YAMLError as error:
        faults.append(f"{path.name}:1: not YAML: {error}")
        return []
    blocks = _get(root, "nlu")
    if not isinstance(blocks, yaml.SequenceNode):
        faults.append(f"{path.name}:1: no list under 'nlu:'; start the file with 'version: \"3.1\"' and 'nlu:'")
        return []
    lines: list[Line] = []
    for block in blocks.value:
        lines += _read_block(path, block, known, faults)
    return lines


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return value  # type: ignore[no-any-return]
    return None


def _read_block(path: Path, block: yaml.Node, known: set[str], faults: list[str]) -> list[Line]:
    where = f"{path.name}:{block.start_mark.line + 1}"
    intent = _get(block, "intent")
    if not isinstance(intent, yaml.ScalarNode):
        if not any(_get(block, kind) for kind in _OTHER_BLOCKS):
            faults.append(f"{where}: a block without 'intent:'; name one of the intents of taxonomy.yml")
        return []
    name = intent.value
    if name not in known:
        faults.append(f"{path.name}:{intent.start_mark.line + 1}: {name!r} is no intent of taxonomy.yml")
        return []
    register = _get(_get(block, "metadata"), "register")
    examples = _get(block, "examples")
    if not isinstance(examples, yaml.ScalarNode) or examples.style != "|":
        faults.append(f"{where}: {name} has no 'examples: |' with a '- ' before each sentence")
        return []
    lines = []
    start = examples.start_mark.line + 2
    for offset, raw in enumerate(examples.value.split("\n")):
        stripped = raw.strip()
        if not stripped:
            continue
        spot = f"{path.name}:{start + offset}"
        fault = _example_fault(stripped)
        if fault:
            faults.append(f"{spot}: {fault}: {stripped[:40]!r}")
            continue
        text = strip_annotations(stripped[2:].strip())
        lines.append(Line(text, name, register.value if isinstance(register, yaml.ScalarNode) else "plain", spot))
    return lines


def _example_fault(stripped: str) -> str | None:
    if not stripped.startswith("- ") or not stripped[2:].strip():
        return "an example starts with '- ' and holds a sentence"
    for found in _ANNOTATION.finditer(stripped):
        if found[2] is not None and not re.fullmatch(r"[a-z_]+", found[2].split(":")[0]):
            return f"'({found[2]})' is no entity type"
        if found[3] is not None and '"entity"' not in found[3]:
            return 'an annotation in braces needs "entity"'
    if "](" in _ANNOTATION.sub("", stripped):
        return "an annotation is not closed"
    return None


def contradictions(lines: Iterable[Line]) -> Iterator[str]:
    """Sentences that stand under two intents, in any spelling. Training bears them; a test does not."""
    seen: dict[str, Line] = {}
    for line in lines:
        key = split_key(line.text) or line.text
        first = seen.setdefault(key, line)
        if first.intent != line.intent:
            yield (
                f"{line.where}: {line.text[:30]!r} is {line.intent} here and {first.intent} at {first.where}; keep one"
            )


def read_table(path: Path, column: str = "intent") -> list[Line]:
    """A tab-separated table with a header: `text`, then `intent` (or `label`), perhaps `register`.

    Raises `BrokenFile` when a column or a row is not there.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows:
        raise BrokenFile(f"{path.name}:1: is empty; give it the header text⇥{column}")
    header = [name.strip().lstrip("\ufeff") for name in rows[0]]
    target = next((name for name in (column, "label") if name in header), None)
    if "text" not in header or target is None:
        raise BrokenFile(f"{path.name}:1: the header is {header}; it needs the columns 'text' and {column!r}")
    at_text, at_label = header.index("text"), header.index(target)
    at_register = header.index("register") if "register" in header else None
    lines = []
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) <= max(at_text, at_label):
            raise BrokenFile(f"{path.name}:{number}: {len(row)} column(s) where the header has {len(header)}")
        register = row[at_register] if at_register is not None and len(row) > at_register else "all"
        lines.append(Line(row[at_text], row[at_label].strip(), register, f"{path.name}:{number}"))
    return lines
