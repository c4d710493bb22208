"""One message in, everything understood of it out: danger first, then intent, band, second need, entities."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from . import crisis, entities
from .classifier import Classifier, Floats
from .nlu_files import HERE
from .understanding import Understanding

# A need that can't wait goes first whichever was named last.
FIRST_NEEDS = ("psych_crisis", "emergency", "wage_arrears", "work_injury")
# Turns of a conversation, not needs: never the second half of a message.
STEERING = frozenset({"greet", "thanks", "goodbye", "help", "affirm", "deny", "cancel", "out_of_scope"})
_CLAUSES = re.compile(r"[，。；！？ ]+|(?:还有|另外|顺便|再问|再有|以及|同时)")


@dataclass(frozen=True, slots=True)
class Bands:
    """The thresholds of bands.yml, all probabilities."""

    answer: float
    confirm: float
    ask: float
    second: float

    @classmethod
    def load(cls, path: Path = HERE / "bands.yml") -> "Bands":
        """Read them; raises ValueError when they don't descend from answer to ask."""
        bands = cls(**yaml.safe_load(path.read_text(encoding="utf-8")))
        if not 1 >= bands.answer >= bands.confirm >= bands.ask >= 0:
            raise ValueError(f"{path.name}: needs 1 ≥ answer ≥ confirm ≥ ask ≥ 0, has {bands}")
        return bands

    def of(self, probability: float) -> str:
        """The band of a probability: "answer", "confirm", "ask" or "person"."""
        for name in ("answer", "confirm", "ask"):
            if probability >= getattr(self, name):
                return name
        return "person"


class Understander:
    """Holds one trained model. `understand` never raises, whatever the text."""

    def __init__(self, classifier: Classifier, bands: Bands | None = None) -> None:
        self.classifier = classifier
        self.bands = bands or Bands.load()

    @classmethod
    def load(cls, folder: Path | None = None) -> "Understander":
        """The model kept in `folder` (default `DATA_DIR/model`), trained first when the files have changed.

        Raises `nlu_files.BrokenFile` for training files that can't be read and `gate.BelowFloor` for a model that is
        worse than the floors allow.
        """
        from .train import ensure

        return cls(ensure(folder))

    def understand(self, text: str, now: datetime) -> Understanding:
        """What `text` means at `now` (aware; relative dates count from it)."""
        text = str(text)
        alarm = crisis.detect(text)
        normal = self.classifier.read(text)
        intent, second, ranking = self.decide(normal)
        return Understanding(
            text=text, normal=normal, intent=intent, probability=dict(ranking)[intent], ranking=ranking,
            band=self.bands.of(dict(ranking)[intent]), second=second, entities=tuple(entities.extract(text, now)),
            danger=alarm.danger, danger_score=alarm.score, backend="local",
        )

    def decide(self, normal: str) -> tuple[str, str | None, tuple[tuple[str, float], ...]]:
        """Intent, second need and ranking of a text as the classifier reads it."""
        labels = self.classifier.labels
        if not any(ch.isalnum() for ch in normal):
            return "out_of_scope", None, _ranking(labels, _certain(labels, "out_of_scope"))
        probabilities = self.classifier.probabilities([normal])[0]
        ranking = _ranking(labels, probabilities)
        return ranking[0][0], None, ranking


def _certain(labels: tuple[str, ...], name: str) -> Floats:
    import numpy as np

    return np.array([1.0 if label == name else 0.0 for label in labels], np.float32)


def _ranking(labels: tuple[str, ...], probabilities: Floats) -> tuple[tuple[str, float], ...]:
    order = probabilities.argsort()[::-1]
    return tuple((labels[i], float(probabilities[i])) for i in order)
