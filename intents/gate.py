"""The floors a model must reach on the development set before it may serve (floors.yml)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import crisis
from .classifier import Classifier
from .fitting import threads
from .further import HALF, Further, Next, placed
from .nlu_files import HERE, Line

# Fewer development lines than this say nothing about an intent.
LEAST = 10


class BelowFloor(Exception):
    """A model is worse than floors.yml allows and is not used. One line a floor that was missed."""


@dataclass(frozen=True, slots=True)
class Floors:
    """What floors.yml asks for, all shares."""

    accuracy: float
    crisis_recall: float
    crisis_precision: float
    goes_on: float
    """Of what was said next about the same topic, the share that must be heard as such."""
    moves_on: float
    """Of what was said next about another matter, likewise."""
    otherwise: float
    intents: dict[str, float]

    @classmethod
    def load(cls, path: Path = HERE / "floors.yml") -> "Floors":
        """Read the file."""
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return cls(
            raw["accuracy"], raw["crisis"]["recall"], raw["crisis"]["precision"],
            raw["further"]["goes_on"], raw["further"]["moves_on"], raw["otherwise"], raw["intents"],
        )  # fmt: skip


def check(model: Classifier, development: Sequence[Line], dangers: Sequence[Line], floors: Floors) -> None:
    """Raises `BelowFloor` when `model` or the crisis detector misses a floor on the development lines; `dangers` are
    those of the detector alone."""
    with threads(1):
        if dangers:  # all at once is cheaper than one by one
            model.probabilities([model.read(line.text) for line in dangers])
        misses = [*_intent_misses(model, development, floors), *_crisis_misses([*development, *dangers], floors)]
    if misses:
        raise BelowFloor(
            "the model is below a floor of intents/floors.yml and is not used:\n"
            + "\n".join(misses)
            + "\nlook at python -m intents.evaluate, then mend the training files (or the floor)"
        )


def check_further(model: Further, development: Sequence[Next], floors: Floors) -> None:
    """Raises `BelowFloor` when `model` tells too few of the development lines apart: going on from moving on."""
    lines = [placed(line, model.topics, number) for number, line in enumerate(development)]
    shares = {"goes_on": (True, floors.goes_on), "moves_on": (False, floors.moves_on)}
    misses = []
    for name, (same, floor) in shares.items():
        mine = [line for line in lines if (line.topic == line.intent) is same]
        right = sum((model.after(line.topic, line.text) >= HALF) is same for line in mine)
        if len(mine) >= LEAST and right / len(mine) < floor:
            misses.append(
                f"- further {name}: {right / len(mine):.3f} of its lines are heard as such, the floor is {floor}"
            )
    if misses:
        raise BelowFloor(
            "the model is below a floor of intents/floors.yml and is not used:\n"
            + "\n".join(misses)
            + "\nmend the lines of intents/further (or the floor)"
        )


def _intent_misses(model: Classifier, development: Sequence[Line], floors: Floors) -> list[str]:
    if len(development) < LEAST:
        return []
    best = model.probabilities([model.read(line.text) for line in development]).argmax(axis=1)
    rows = Counter(line.intent for line in development)
    right = Counter(line.intent for line, i in zip(development, best, strict=True) if model.labels[i] == line.intent)
    shares = {
        name: (right[name] / n, floors.intents.get(name, floors.otherwise)) for name, n in rows.items() if n >= LEAST
    }
    misses = [
        f"- {name}: {share:.3f} of its lines are recognised, the floor is {floor}"
        for name, (share, floor) in sorted(shares.items())
        if share < floor
    ]
    overall = right.total() / len(development)
    if overall < floors.accuracy:
        misses.append(f"- accuracy over all intents is {overall:.3f}, the floor is {floors.accuracy}")
    return misses


def _crisis_misses(development: Sequence[Line], floors: Floors) -> list[str]:
    real = [line for line in development if line.intent == "psych_crisis"]
    if len(real) < LEAST:
        return []
    hit = sum(crisis.detect(line.text).danger for line in real)
    false = sum(crisis.detect(line.text).danger for line in development if line.intent != "psych_crisis")
    recall, precision = hit / len(real), hit / max(hit + false, 1)
    return [
        f"- crisis {name} is {share:.3f}, the floor is {floor}"
        for name, share, floor in (
            ("recall", recall, floors.crisis_recall),
            ("precision", precision, floors.crisis_precision),
        )
        if share < floor
    ]
