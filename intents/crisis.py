"""Is somebody in danger: suicide, self-harm, a goodbye, a threat to kill; about oneself or another.

Apart from the classifier and tuned for recall. The rules (crisis/patterns.yml) need no model file and always work.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from .normalise import _to_simplified

HERE = Path(__file__).resolve().parent
THRESHOLD = 0.5
_BLANK = "□"
_MARKS = re.compile(r"[^\w\u3400-\u9fff□]+")
_LOOSE_SPACE = re.compile(r"(?<=[\u3400-\u9fff]) +| +(?=[\u3400-\u9fff])")


@dataclass(frozen=True, slots=True)
class Crisis:
    """`danger` says whether people must be called; `score` 0–1; `reason` is what staff read ("" without danger)."""

    danger: bool
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    reason: str
    weight: float
    pattern: re.Pattern[str]


@cache
def _rules() -> tuple[re.Pattern[str], re.Pattern[str], tuple[_Family, ...]]:
    table = yaml.safe_load((HERE / "crisis" / "patterns.yml").read_text(encoding="utf-8"))
    families = tuple(
        _Family(name, row["reason"], float(row["weight"]), re.compile("|".join(row["patterns"])))
        for name, row in table["families"].items()
    )
    return re.compile("|".join(table["innocent"])), re.compile("|".join(table["denied"])), families


def plain_form(text: str) -> str:
    """`text` as the patterns want it: simplified, half width, small letters, no spaces between characters."""
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode())
    if not text.isascii():
        text = _to_simplified().convert(text.replace("\x00", " "))
    text = "".join(c for c in text.lower() if unicodedata.category(c) not in ("So", "Cf", "Mn", "Sk"))
    text = re.sub(r"[^\w\s□]+", "，", re.sub(r"\s+", " ", text))
    return _LOOSE_SPACE.sub("", text).strip(" ，")


def detect(text: str) -> Crisis:
    """Whether `text` speaks of danger to life. Never raises."""
    innocent, denied, families = _rules()
    left = denied.sub(_BLANK, innocent.sub(_BLANK, plain_form(text)))
    best: _Family | None = None
    for family in families:
        if (best is None or family.weight > best.weight) and family.pattern.search(left):
            best = family
    if best is None:
        return Crisis(False, 0.0, "")
    return Crisis(best.weight >= THRESHOLD, best.weight, best.reason)
