"""Is somebody in danger: suicide, self-harm, a goodbye, a threat to kill; about oneself or another.

Apart from the classifier and tuned for recall. The rules (crisis/patterns.yml) need no model file and always work;
a learned part (crisis_model.py) hears the rest once `use` has been given one.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from .normalise import _to_simplified

HERE = Path(__file__).resolve().parent
THRESHOLD = 0.5
# From this weight on a family's word is enough, whatever the model thinks.
PLAIN = 0.99
# From this weight on a family's clause is judged by itself as well, and has to be as sure as the second figure.
STRONG, ALONE = 0.9, 0.985
# The learned half has seen which families spoke, so beside it their log-odds count by a quarter; without it, whole.
BESIDE = 0.25
# Whom an answer to danger names. 12356 is not promised round the clock everywhere, so it never stands alone.
HELPLINE, ALWAYS_OPEN = "12356", ("120", "110")
UNSPOKEN = "话里的意思像有危险"
_BLANK = "□"
_UNUSUAL = re.compile(r"[^0-9a-z\s\u4e00-\u9fff，。？！、]")
_SPACES = re.compile(r"\s+")
_MARKS = re.compile(r"[^\w\s□]+")
_LOOSE_SPACE = re.compile(r"(?<=[\u3400-\u9fff，]) +| +(?=[\u3400-\u9fff，])")
_SPELT_OUT = re.compile(r"(?<![\u3400-\u9fff])(?:[\u3400-\u9fff]，){2,}[\u3400-\u9fff](?![\u3400-\u9fff])")


@dataclass(frozen=True, slots=True)
class Crisis:
    """`danger` says whether people must be called; `score` 0–1; `reason` is what staff read ("" without danger)."""

    danger: bool
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Family:
    """Expressions of one kind of danger: how much one of them weighs, and what it is called."""

    name: str
    reason: str
    weight: float
    pattern: re.Pattern[str]


@cache
def rules() -> tuple[re.Pattern[str], re.Pattern[str], tuple[Family, ...]]:
    """The patterns to blank out (innocent, denied) and the families to look for."""
    table = yaml.safe_load((HERE / "crisis" / "patterns.yml").read_text(encoding="utf-8"))

    def joined(patterns: list[str]) -> re.Pattern[str]:
        text = "|".join(patterns)
        for name, words in table["words"].items():
            text = text.replace("{" + name + "}", words)
        return re.compile(text)

    families = tuple(
        Family(name, row["reason"], float(row["weight"]), joined(row["patterns"]))
        for name, row in table["families"].items()
    )
    return joined(table["innocent"]), joined(table["denied"]), families


def plain_form(text: str) -> str:
    """`text` as the patterns want it: simplified, half width, small letters, no spaces between characters."""
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "ignore").decode())
    if not text.isascii():
        text = _to_simplified().convert(text.replace("\x00", " "))
    text = _UNUSUAL.sub(_unless_invisible, text.lower())
    text = _MARKS.sub("，", _SPACES.sub(" ", text))
    text = _LOOSE_SPACE.sub("", text)
    return _SPELT_OUT.sub(lambda m: m[0].replace("，", ""), text).strip(" ，")


def _unless_invisible(match: re.Match[str]) -> str:
    return "" if unicodedata.category(match[0]) in ("So", "Cf", "Mn", "Sk") else match[0]


def signs(text: str) -> list[Family]:
    """The families found in `text`, in the file's order."""
    innocent, denied, families = rules()
    left = denied.sub(_BLANK, innocent.sub(_BLANK, plain_form(text)))
    return [family for family in families if family.pattern.search(left)]


# A bare number, date, sum or word of two characters (跳过, 晚上): without a sign of the rules there is nothing in it that
# the learned part could go by, though it sometimes thinks so.
_BARE = re.compile(
    r"(?:[\d０-９.,:：/+\-—~～()（）#*年月日号点时分周天元块万千百十亿零〇一二三四五六七八九两半个多岁左右大概约是在于从到的\s]|[上下这](?=[上下这]|个?[月周星礼])|个(?=[月周星礼])|[去今明前](?=年)|[昨今明前后](?=天)|"
    r"早上|上午|中午|下午|晚上|周|星期|礼拜|腊月|正月)*+[。.!！?？\s]*+|\s*+\w{1,2}[。.!！?？\s]*"
)

Learned = Callable[[str, Sequence[Family]], float]
_learned: Learned | None = None


def use(learned: Learned | None) -> None:
    """From now on `detect` also asks `learned`: a message and the families found in it to the probability of danger,
    0.5 being its threshold."""
    global _learned
    _learned = learned


def detect(text: str, learned: float | None = None) -> Crisis:
    """Whether `text` speaks of danger to life.

    `learned` is the learned part's probability where the caller has it already; else the model given to `use` is
    asked, and without one the rules decide alone. Rules and model add up as independent evidence. What is said beside
    it doesn't make danger less: a clause with a strong sign of its own (居住证怎么办，活着没意思) is also judged alone.
    Never raises.
    """
    found = signs(text)
    whole = _judged(text, found, learned)
    if whole.danger or learned is not None or not _strong(found):
        return whole
    parts = ((part, signs(part)) for part in _PARTS.split(text) if len(part) > 2)
    alone = (_judged(part, spoken, None) for part, spoken in parts if _strong(spoken))
    return next((one for one in alone if one.score >= ALONE), whole)


_PARTS = re.compile(r"[，,。.；;！!？?\n\s]+")


def _strong(found: Sequence[Family]) -> bool:
    return any(family.weight >= STRONG for family in found)


def _judged(text: str, found: Sequence[Family], learned: float | None) -> Crisis:
    if not found and _BARE.fullmatch(text):
        return Crisis(False, 0.0, "")
    safe = 1.0
    for family in found:
        safe *= 1 - family.weight
    if learned is None and _learned is not None:
        learned = _learned(text, found)
    plain = any(family.weight >= PLAIN for family in found)
    score = 1 - safe if learned is None or plain else _together(safe, learned)
    if score < THRESHOLD:
        return Crisis(False, score, "")
    if not found:
        return Crisis(True, score, UNSPOKEN)
    return Crisis(True, score, max(found, key=lambda family: family.weight).reason)


def _together(safe: float, learned: float) -> float:
    """Rules and model as evidence that adds up, so that a knife or a bridge alone can be nothing and a weak sign in a
    message that sounds like it is danger."""
    rules = math.log((1 - safe) / safe) if safe < THRESHOLD else 2 * (1 - safe)
    model = math.log(max(learned, 1e-9) / max(1 - learned, 1e-9))
    return 1 / (1 + math.exp(-(BESIDE * rules + model)))
