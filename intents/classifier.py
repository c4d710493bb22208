"""Which intent, and how sure: a linear model over n-grams, sounds and the sentence encoder.

Trained with scikit-learn (`fit`), served with numpy alone. Probabilities come from the margins by one temperature,
fitted on folds the model had not seen, so that "0.9" is right nine times in ten.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import features
from .encoder import WIDTH, Encoder
from .features import Vectoriser
from .normalise import normalise
from .sounds import Sounds

Floats = NDArray[np.float32]
Progress = Callable[[str], None]

ENCODER_WEIGHT = 1.5
FOLDS = 3


def softmax(margins: Floats) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(margins - margins.max(axis=-1, keepdims=True))
    probabilities: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities


@dataclass(slots=True)
class Classifier:
    """A trained model: everything needed to turn a message into probabilities over `labels`."""

    labels: tuple[str, ...]
    sounds: Sounds
    vectoriser: Vectoriser
    sparse: Floats
    dense: Floats
    bias: Floats
    temperature: float
    encoder: Encoder

    def read(self, text: str) -> str:
        """The spelling the model works on."""
        return self.sounds.spelt_out(normalise(text))

    def probabilities(self, normal: str) -> Floats:
        """Over `labels`, for one text as `read` gives it."""
        columns, values = self.vectoriser.row(features.keys(normal, self.sounds))
        margins = values @ self.sparse[columns] + self.bias
        margins += self.encoder.encode([normal])[0, :WIDTH] @ self.dense
        return softmax(margins * self.temperature)

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        self.sounds.save(folder)
        self.vectoriser.save(folder)
        for name in ("sparse", "dense", "bias"):
            np.save(folder / f"{name}.npy", getattr(self, name))
        described = {"labels": self.labels, "temperature": self.temperature}
        (folder / "classifier.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder) -> "Classifier":
        """What `save` wrote; the large arrays are mapped, so processes share them."""
        described = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("sparse", "dense", "bias")}
        return cls(tuple(described["labels"]), Sounds.load(folder), Vectoriser.load(folder),
                   temperature=described["temperature"], encoder=encoder, **arrays)


def fit(texts: Sequence[str], labels: Sequence[str], encoder: Encoder,
        progress: Progress = lambda step: None) -> Classifier:
    """Train on raw texts and their labels. `progress` is told each step's name as it starts."""
    progress("sounds")
    normal = [normalise(text) for text in texts]
    sounds = Sounds.learn(normal)
    normal = [sounds.spelt_out(text) for text in normal]
    progress("n-grams")
    found = [features.keys(text, sounds) for text in normal]
    vectoriser = Vectoriser.learn(found)
    progress("sentence encoder")
    vectors = encoder.encode(normal)[:, :WIDTH]
    names = sorted(set(labels))
    target = np.array([names.index(label) for label in labels])
    rows = _stack([vectoriser.row(text) for text in found], len(vectoriser.known), vectors)
    progress("calibration")
    temperature = _temperature(rows, target, len(names))
    progress("linear model")
    weights, bias = _linear(rows, target, len(names))
    width = len(vectoriser.known)
    return Classifier(tuple(names), sounds, vectoriser, np.ascontiguousarray(weights[:width]),
                      np.ascontiguousarray(weights[width:] * ENCODER_WEIGHT), bias, temperature, encoder)


def _stack(rows: Sequence[tuple[NDArray[np.int64], Floats]], width: int, vectors: Floats) -> Any:
    from scipy import sparse

    ends = np.cumsum([0] + [len(columns) for columns, _ in rows])
    grams = sparse.csr_matrix((np.concatenate([v for _, v in rows]), np.concatenate([c for c, _ in rows]), ends),
                              shape=(len(rows), width))
    return sparse.hstack([grams, sparse.csr_matrix(vectors * ENCODER_WEIGHT)], format="csr", dtype=np.float32)


def _linear(rows: Any, target: NDArray[np.int64], count: int) -> tuple[Floats, Floats]:
    """One-versus-rest support vectors; weights as columns for all `count` labels, then their intercepts."""
    from sklearn.svm import LinearSVC

    model = LinearSVC(C=1.0, random_state=0).fit(rows, target)
    weights = np.zeros((rows.shape[1], count), np.float32)
    bias = np.full(count, -1.0, np.float32)
    if len(model.classes_) == 2:
        weights[:, model.classes_[1]], bias[model.classes_[1]] = model.coef_[0], model.intercept_[0]
        weights[:, model.classes_[0]], bias[model.classes_[0]] = -model.coef_[0], -model.intercept_[0]
    else:
        weights[:, model.classes_], bias[model.classes_] = model.coef_.T, model.intercept_
    return weights, bias


def _temperature(rows: Any, target: NDArray[np.int64], count: int) -> float:
    """The factor that makes held-out margins the likeliest probabilities."""
    from scipy.optimize import minimize_scalar

    margins = np.zeros((rows.shape[0], count), np.float32)
    fold = np.random.default_rng(0).permutation(rows.shape[0]) % FOLDS
    for number in range(FOLDS):
        held = fold == number
        weights, bias = _linear(rows[~held], target[~held], count)
        margins[held] = rows[held] @ weights + bias

    def loss(log_factor: float) -> float:
        right = softmax(margins * np.exp(log_factor))[np.arange(len(target)), target]
        return float(-np.log(np.maximum(right, 1e-9)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-1.0, 4.0), method="bounded").x))
