"""The learned half of the crisis detector: a linear model over the classifier's n-grams and the sentence encoder.

It hears what no list of expressions foresees; the rules (crisis.py) hear what must never depend on a model. Made by
`train` from the same rows as the classifier, kept in the same folder as crisis_*.npy, with its own labels, weights
and threshold.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ENCODER_WEIGHT = 3.0
# Sentences that only sound like danger teach more than the many that don't; missing somebody costs most.
NEAR_WEIGHT, DANGER_WEIGHT, STRENGTH = 3.0, 5.0, 2.0
# The margin above which the model alone raises the alarm, chosen on held-out lines (docs/understanding.md).
MARGIN = 0.3


@dataclass(frozen=True, slots=True)
class CrisisModel:
    """Weights of the n-grams (the vectoriser's columns) and of the encoder's first 512 numbers, and the intercept."""

    sparse: Floats
    dense: Floats
    bias: float

    def probability(self, columns: NDArray[np.int64], values: Floats, vector: Floats) -> float:
        """How likely danger is, 0.5 at the alarm's threshold; `columns`, `values` and `vector` as for the classifier."""
        margin = float(values @ self.sparse[columns]) + float(vector[: len(self.dense)] @ self.dense) + self.bias
        return float(1 / (1 + np.exp(-np.clip(margin - MARGIN, -30, 30))))

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        np.save(folder / "crisis_sparse.npy", self.sparse)
        np.save(folder / "crisis_dense.npy", np.append(self.dense, np.float32(self.bias)))

    @classmethod
    def load(cls, folder: Path) -> "CrisisModel":
        """What `save` wrote. Raises OSError or ValueError when it isn't whole."""
        dense = np.load(folder / "crisis_dense.npy")
        return cls(np.load(folder / "crisis_sparse.npy", mmap_mode="r"), dense[:-1], float(dense[-1]))


def train(grams: Any, vectors: Floats, danger: NDArray[np.bool_], near: NDArray[np.bool_]) -> CrisisModel:
    """From one row a training line: `grams` (a scipy matrix of the vectoriser's rows), the encoder's `vectors`,
    whether the line is psych_crisis, and whether it only sounds like it (register near_miss, or psych_support)."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    rows = sparse.hstack([grams, sparse.csr_matrix(vectors * ENCODER_WEIGHT)], format="csr", dtype=np.float32)
    model = LogisticRegression(C=STRENGTH, max_iter=300, class_weight={0: 1.0, 1: DANGER_WEIGHT}, solver="liblinear")
    model.fit(rows, danger.astype(int), sample_weight=np.where(near, NEAR_WEIGHT, 1.0))
    weights = model.coef_[0].astype(np.float32)
    width = grams.shape[1]
    return CrisisModel(np.ascontiguousarray(weights[:width]), weights[width:] * np.float32(ENCODER_WEIGHT),
                       float(model.intercept_[0]))
