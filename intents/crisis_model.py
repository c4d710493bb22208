"""The learned half of the crisis detector: a linear model over the classifier's n-grams and the sentence encoder.

It hears what no list of expressions foresees; the rules (crisis.py) hear what must never depend on a model. It has
its own labels, weights and threshold, and lies in the classifier's folder as crisis_*.npy:

    model = crisis_model.train(classifier, lines)     # beside the classifier, from the same lines
    model.save(folder)
    crisis.use(CrisisModel.load(folder, classifier))  # from now on crisis.detect asks it
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from . import features
from .encoder import WIDTH, Encoder
from .features import Vectoriser
from .nlu_files import Line
from .sounds import Sounds

Floats = NDArray[np.float32]

# What danger is told from, each group by a column of its own: despair, small talk, people's own emergencies and quarrels
# sound unlike each other. Everything else is the last group.
GROUPS: tuple[frozenset[str], ...] = (
    frozenset({"psych_crisis"}),
    frozenset({"psych_support"}),
    frozenset({"greet", "thanks", "goodbye", "help", "affirm", "deny", "cancel"}),
    frozenset({"out_of_scope"}),
    frozenset({"emergency"}),
    frozenset({"wage_arrears", "work_injury", "labor_dispute", "mediation", "legal_aid", "hardship_aid"}),
)
# Chosen on held-out lines (docs/understanding.md). Sentences that only sound like danger teach more than the many that
# don't; missing somebody costs most.
ENCODER_WEIGHT, STRENGTH, NEAR_WEIGHT, DANGER_WEIGHT = 3.0, 2.0, 3.0, 5.0
# Danger's lead over the best other group from which the model raises the alarm without any rule.
MARGIN = 0.5
# Ordinary lines learnt from: more of them change nothing and take time.
ORDINARY = 5000

COLUMNS = len(GROUPS) + 1


class Reader(Protocol):
    """What is used of the classifier: how it spells a message, its n-grams, its encoder."""

    sounds: Sounds
    vectoriser: Vectoriser
    encoder: Encoder

    def read(self, text: str) -> str:
        """The spelling the model works on."""
        ...


@dataclass(frozen=True, slots=True)
class CrisisModel:
    """Weights for the vectoriser's columns and the encoder's numbers. Calling it with a message gives the probability
    of danger, 0.5 at the threshold."""

    reader: Reader
    sparse: Floats
    dense: Floats
    bias: Floats

    def __call__(self, text: str) -> float:
        """How likely `text` speaks of danger."""
        normal = self.reader.read(text)
        if not any(ch.isalpha() for ch in normal):
            return 0.0
        columns, values = self.reader.vectoriser.row(features.keys(normal, self.reader.sounds))
        vector = self.reader.encoder.encode([normal])[0, :WIDTH]
        margins = values @ self.sparse[columns] + vector @ self.dense + self.bias
        lead = float(margins[0] - margins[1:].max()) - MARGIN
        return float(1 / (1 + np.exp(-np.clip(lead, -30, 30))))

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        np.save(folder / "crisis_sparse.npy", self.sparse)
        np.save(folder / "crisis_dense.npy", np.vstack([self.dense, self.bias]))

    @classmethod
    def load(cls, folder: Path, reader: Reader) -> "CrisisModel":
        """What `save` wrote. Raises OSError or ValueError when it isn't whole."""
        dense = np.load(folder / "crisis_dense.npy")
        sparse = np.load(folder / "crisis_sparse.npy", mmap_mode="r")
        if sparse.shape != (len(reader.vectoriser.known), COLUMNS) or dense.shape != (WIDTH + 1, COLUMNS):
            raise ValueError("crisis_*.npy belong to another model")
        return cls(reader, sparse, dense[:-1], dense[-1])


def near_danger(line: Line) -> bool:
    """Whether a line that is no crisis sounds like one: written as such, or low mood."""
    return line.intent == "psych_support" or line.register == "near_miss"


def train(reader: Reader, lines: Sequence[Line]) -> CrisisModel:
    """Learn danger from training lines (psych_crisis against all others), with the classifier already trained on them."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    chosen = _chosen(lines)
    normal = [reader.read(line.text) for line in chosen]
    rows = [reader.vectoriser.row(features.keys(text, reader.sounds)) for text in normal]
    ends = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    grams = sparse.csr_matrix(
        (np.concatenate([v for _, v in rows]), np.concatenate([c for c, _ in rows]), ends),
        shape=(len(rows), len(reader.vectoriser.known)),
    )
    vectors = reader.encoder.encode(normal)[:, :WIDTH] * np.float32(ENCODER_WEIGHT)
    grams = sparse.hstack([grams, sparse.csr_matrix(vectors)], format="csr")
    groups = np.array([_group(line.intent) for line in chosen])
    near = np.array([near_danger(line) for line in chosen])
    weights, bias = np.empty((grams.shape[1], COLUMNS), np.float32), np.empty(COLUMNS, np.float32)
    for column in range(COLUMNS):
        mine = groups == column
        if mine.all() or not mine.any():
            weights[:, column], bias[column] = 0, 10 if mine.any() else -10
            continue
        worth = np.where(groups == 0, DANGER_WEIGHT if column == 0 else NEAR_WEIGHT, np.where(near, NEAR_WEIGHT, 1.0))
        if column:
            worth = np.where(mine, 2 * worth, worth)
        model = LogisticRegression(C=STRENGTH, max_iter=300, solver="liblinear").fit(grams, mine, sample_weight=worth)
        weights[:, column], bias[column] = model.coef_[0], model.intercept_[0]
    weights[-WIDTH:] *= np.float32(ENCODER_WEIGHT)
    return CrisisModel(reader, np.ascontiguousarray(weights[:-WIDTH]), np.ascontiguousarray(weights[-WIDTH:]), bias)


def _group(intent: str) -> int:
    return next((number for number, names in enumerate(GROUPS) if intent in names), len(GROUPS))


def _chosen(lines: Sequence[Line]) -> list[Line]:
    """All that is danger or sounds like it, and an even choice of the rest."""
    kept = [line for line in lines if line.intent == "psych_crisis" or near_danger(line)]
    rest = [line for line in lines if line.intent != "psych_crisis" and not near_danger(line)]
    step = -(-len(rest) // ORDINARY) or 1
    return kept + rest[::step]
