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

# Chosen on held-out lines (docs/understanding.md). Sentences that only sound like danger teach more than the many that
# don't; missing somebody costs most.
ENCODER_WEIGHT, STRENGTH, NEAR_WEIGHT, DANGER_WEIGHT = 3.0, 2.0, 3.0, 5.0
# The margin from which the model raises the alarm without any rule.
MARGIN = 0.3
# Ordinary lines learnt from: more of them change nothing and take time.
ORDINARY = 5000


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
    bias: float

    def __call__(self, text: str) -> float:
        """How likely `text` speaks of danger."""
        normal = self.reader.read(text)
        if not any(ch.isalpha() for ch in normal):
            return 0.0
        columns, values = self.reader.vectoriser.row(features.keys(normal, self.reader.sounds))
        vector = self.reader.encoder.encode([normal])[0, :WIDTH]
        margin = float(values @ self.sparse[columns]) + float(vector @ self.dense) + self.bias
        return float(1 / (1 + np.exp(-np.clip(margin - MARGIN, -30, 30))))

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        np.save(folder / "crisis_sparse.npy", self.sparse)
        np.save(folder / "crisis_dense.npy", np.append(self.dense, np.float32(self.bias)))

    @classmethod
    def load(cls, folder: Path, reader: Reader) -> "CrisisModel":
        """What `save` wrote. Raises OSError or ValueError when it isn't whole."""
        dense = np.load(folder / "crisis_dense.npy")
        sparse = np.load(folder / "crisis_sparse.npy", mmap_mode="r")
        if len(sparse) != len(reader.vectoriser.known) or len(dense) != WIDTH + 1:
            raise ValueError("crisis_*.npy belong to another model")
        return cls(reader, sparse, dense[:-1], float(dense[-1]))


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
    danger = np.array([line.intent == "psych_crisis" for line in chosen])
    weight = np.where([near_danger(line) for line in chosen], NEAR_WEIGHT, np.where(danger, DANGER_WEIGHT, 1.0))
    model = LogisticRegression(C=STRENGTH, max_iter=300, solver="liblinear")
    model.fit(
        sparse.hstack([grams, sparse.csr_matrix(vectors)], format="csr"), danger.astype(int), sample_weight=weight
    )
    weights = model.coef_[0].astype(np.float32)
    return CrisisModel(
        reader,
        np.ascontiguousarray(weights[:-WIDTH]),
        weights[-WIDTH:] * np.float32(ENCODER_WEIGHT),
        float(model.intercept_[0]),
    )


def _chosen(lines: Sequence[Line]) -> list[Line]:
    """All that is danger or sounds like it, and an even choice of the rest."""
    kept = [line for line in lines if line.intent == "psych_crisis" or near_danger(line)]
    rest = [line for line in lines if line.intent != "psych_crisis" and not near_danger(line)]
    step = -(-len(rest) // ORDINARY) or 1
    return kept + rest[::step]
