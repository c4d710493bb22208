"""Which intent, and how sure.

Kernel ridge regression, one column an intent: n-grams and sounds linearly, the sentence encoder through a Gaussian
kernel on its main directions, so that a message is also judged by the training lines nearest in meaning. Both
see the message and its focus (clauses.py), averaged. The encoder costs most, so a model of the n-grams alone is asked
first and the encoder only where that one is in doubt. Probabilities come from the margins by temperatures fitted on
lines the models had not seen.

`fit` needs scipy; serving is numpy alone, from mapped files.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import features
from .clauses import focus
from .encoder import Encoder
from .features import Vectoriser
from .normalise import normalise
from .sounds import Sounds

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Labels = NDArray[np.int64]
Row = tuple[Labels, Floats]
Progress = Callable[[str], None]
STEPS = ("sounds", "n-grams", "sentence encoder", "kernel", "calibration", "solution")

# Chosen on the development set; the tries are in docs/understanding.md.
RIDGE = 0.2
NEAR = 1.5
# With few lines the n-grams know little and the encoder must count for more: how much, the held-out folds decide.
FEW, NEAR_FOR_FEW = 3000, (1.5, 4.0, 10.0, 30.0)
SHARPNESS = 2.0
DIRECTIONS = 224
FOCUS = 0.6
FOLDS = 3
# Where the n-grams lead by enough, asking the encoder too would change at most this share of the answers.
SKIP_RISK = 0.008

# What is out of scope has no common ground but its examples, so these must hold although they are many.
_SLACK = {"out_of_scope": 0.2}

_ARRAYS = ("words", "grams", "directions", "examples", "duals")


def softmax(margins: NDArray[np.floating[Any]]) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(margins - margins.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def _gaussian(a: Floats, b: Floats) -> Floats:
    """exp(2·(a·b - 1)): 1 for equal directions, for vectors of about unit length."""
    inner: Floats = a @ b.T
    inner -= 1.0
    inner *= SHARPNESS
    np.exp(inner, out=inner)
    return inner


@dataclass(slots=True)
class Classifier:
    """A trained model: everything needed to turn a message into probabilities over `labels`."""

    labels: tuple[str, ...]
    sounds: Sounds
    vectoriser: Vectoriser
    encoder: Encoder
    words: Halves
    """The model of the n-grams alone: a row a known feature, its share in each intent's margin."""
    grams: Halves
    """The n-grams' part of the whole model, likewise."""
    directions: Floats
    examples: Floats
    """The training lines in the encoder's main directions."""
    duals: Floats
    temperature: float
    cheap_temperature: float
    cheap_gap: float
    """Lead of the best n-gram margin over the next from which the encoder isn't asked."""
    _last: tuple[str, Row] = field(
        default=("", (np.empty(0, np.int64), np.empty(0, np.float32))), init=False, repr=False, compare=False
    )

    def read(self, text: str) -> str:
        """The spelling the model works on."""
        return self.sounds.spelt_out(normalise(text))

    def row(self, text: str) -> Row:
        """The known n-grams of a text as `read` gives it, and how much each counts. The last is remembered: the crisis
        detector and the classifier ask about the same message."""
        known, found = self._last  # one assignment, one reading: threads may share a model
        if text != known:
            found = self.vectoriser.row(features.keys(text, self.sounds))
            self._last = (text, found)
        return found

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Over `labels`, a row for each text as `read` gives it."""
        focused = [focus(text) for text in texts]
        rows = [self._focused_row(*pair) for pair in zip(texts, focused, strict=True)]
        margins = np.stack([_margins(self.words, row) for row in rows])
        leaders = np.partition(margins, -2, axis=1)[:, -2:]
        unsure = np.flatnonzero(leaders[:, 1] - leaders[:, 0] < self.cheap_gap).tolist()
        found = softmax(margins * self.cheap_temperature)
        if unsure:
            vectors = _encoded(self.encoder, [texts[i] for i in unsure], [focused[i] for i in unsure])
            near = _gaussian(vectors @ self.directions, self.examples) @ self.duals
            near += np.stack([_margins(self.grams, rows[i]) for i in unsure])
            found[unsure] = softmax(near * self.temperature)
        return found

    def sure(self, text: str) -> str | None:
        """The intent that the n-grams of a text as `read` gives it leave no doubt of, so that the encoder isn't asked."""
        margins = _margins(self.words, self._focused_row(text, focus(text)))
        second, first = np.partition(margins, -2)[-2:]
        return self.labels[int(margins.argmax())] if first - second >= self.cheap_gap else None

    def _focused_row(self, text: str, focused: str) -> Row:
        columns, values = self.row(text)
        if focused == text:
            return columns, values
        more_columns, more_values = self.vectoriser.row(features.keys(focused, self.sounds))
        return _both((columns, values), (more_columns, more_values))

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        self.sounds.save(folder)
        self.vectoriser.save(folder)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        described = {
            "labels": self.labels,
            "temperature": self.temperature,
            "cheap_gap": self.cheap_gap,
            "cheap_temperature": self.cheap_temperature,
        }
        (folder / "classifier.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder) -> "Classifier":
        """What `save` wrote; the large arrays are mapped, so processes share them."""
        described = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        described["labels"] = tuple(described["labels"])
        arrays: dict[str, Any] = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
        return cls(
            sounds=Sounds.load(folder), vectoriser=Vectoriser.load(folder), encoder=encoder, **described, **arrays
        )


def _margins(weights: Halves, row: Row) -> Floats:
    columns, values = row
    return np.asarray(values @ weights[columns].astype(np.float32), np.float32)


def _both(whole: Row, focused: Row) -> Row:
    return (
        np.concatenate([whole[0], focused[0]]),
        np.concatenate([whole[1] * np.float32(1 - FOCUS), focused[1] * np.float32(FOCUS)]),
    )


def _gram_row(vectoriser: Vectoriser, sounds: Sounds, text: str, focused: str) -> Row:
    whole = vectoriser.row(features.keys(text, sounds))
    return whole if focused == text else _both(whole, vectoriser.row(features.keys(focused, sounds)))


def _encoded(encoder: Encoder, texts: Sequence[str], focused: Sequence[str]) -> Floats:
    vectors = encoder.encode(texts)
    apart = [i for i, (text, short) in enumerate(zip(texts, focused, strict=True)) if text != short]
    if apart:
        vectors[apart] = (1 - FOCUS) * vectors[apart] + FOCUS * encoder.encode([focused[i] for i in apart])
    return vectors


def fit(
    texts: Sequence[str], labels: Sequence[str], encoder: Encoder, progress: Progress = lambda step: None
) -> Classifier:
    """Train on raw texts and their labels. `progress` is told each step's name as it starts."""
    progress("sounds")
    normal = [normalise(text) for text in texts]
    sounds = Sounds.learn(normal)
    normal = [sounds.spelt_out(text) for text in normal]
    focused = [focus(text) for text in normal]
    progress("n-grams")
    vectoriser = Vectoriser.learn([features.keys(text, sounds) for text in normal])
    grams = _matrix(
        [_gram_row(vectoriser, sounds, *pair) for pair in zip(normal, focused, strict=True)], len(vectoriser.known)
    )
    progress("sentence encoder")
    with one_thread():  # small products: more threads only wait for each other
        vectors = _encoded(encoder, normal, focused)
    directions = _main_directions(vectors)
    examples = vectors @ directions
    names = sorted(set(labels))
    target = np.array([names.index(label) for label in labels])
    slack = np.array([_SLACK.get(name, 1.0) for name in names], np.float32)
    progress("kernel")
    linear, near = linear_kernel(grams), _gaussian(examples, examples)
    progress("calibration")
    weight = (
        NEAR
        if len(target) > FEW
        else max(NEAR_FOR_FEW, key=lambda weight: _held_out_accuracy(linear, near * np.float32(weight), target, slack))
    )
    near *= weight
    temperature, cheap_temperature, cheap_gap = _calibrated(linear, near, target, slack)
    progress("solution")
    words = _solve(linear.copy(), target, slack)
    linear += near
    duals = _solve(linear, target, slack)
    return Classifier(
        tuple(names),
        sounds,
        vectoriser,
        encoder,
        # Half floats: margins are sums of a hundred of them and differ by tenths.
        words=np.ascontiguousarray(grams.T @ words, np.float16),
        grams=np.ascontiguousarray(grams.T @ duals, np.float16),
        directions=directions,
        examples=examples,
        duals=duals * np.float32(weight),
        temperature=temperature,
        cheap_temperature=cheap_temperature,
        cheap_gap=cheap_gap,
    )


def one_thread() -> AbstractContextManager[Any]:
    """Small products are faster alone: with more threads they mostly wait for each other."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def _matrix(rows: Sequence[tuple[Labels, Floats]], width: int) -> Any:
    from scipy import sparse

    ends = np.cumsum([0] + [len(columns) for columns, _ in rows])
    parts = (np.concatenate([v for _, v in rows]), np.concatenate([c for c, _ in rows]), ends)
    return sparse.csr_matrix(parts, shape=(len(rows), width), dtype=np.float32)


def linear_kernel(rows: Any, block: int = 1024) -> Floats:
    """How much every two rows of a sparse matrix agree, as a full matrix.

    In blocks, since the product of the whole is nearly full and would be stored three times over; only up to the
    diagonal, since the other half is its mirror image.
    """
    kernel = np.empty((rows.shape[0], rows.shape[0]), np.float32)
    for start in range(0, rows.shape[0], block):
        end = min(start + block, rows.shape[0])
        kernel[start:end, :end] = (rows[start:end] @ rows[:end].T).toarray()
        kernel[:start, start:end] = kernel[start:end, :start].T
    return kernel


def _main_directions(vectors: Floats) -> Floats:
    _, order = np.linalg.eigh(vectors.T @ vectors)
    return np.ascontiguousarray(order[:, ::-1][:, :DIRECTIONS], np.float32)


def _solve(kernel: Floats, target: Labels, slack: Floats) -> Floats:
    """Ridge solution for one-hot targets (±1); `kernel` is overwritten.

    A line of a large intent may be missed by more than one of a small intent, or the large ones would win every doubt;
    `slack` changes that for single intents.
    """
    from scipy.linalg import cho_factor, cho_solve

    count = len(slack)
    wanted = np.full((len(target), count), -1.0, np.float32)
    wanted[np.arange(len(target)), target] = 1.0
    sizes = np.bincount(target, minlength=count)
    kernel[np.diag_indices_from(kernel)] += RIDGE * slack[target] * sizes[target] / sizes[sizes > 0].mean()
    factor = cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
    solution: Floats = np.ascontiguousarray(cho_solve(factor, wanted, check_finite=False), np.float32)
    return solution


def _held_out(linear: Floats, near: Floats, target: Labels, slack: Floats) -> tuple[Floats, Floats, Labels]:
    """Margins of a third of the lines by models that learnt from the rest: the whole model's and the n-grams' alone;
    and which lines these are."""
    fold = np.random.default_rng(0).permutation(len(target)) % FOLDS
    held, rest = np.flatnonzero(fold == 0), np.flatnonzero(fold != 0)
    square, across = np.ix_(rest, rest), np.ix_(held, rest)
    words, alike = linear[across], linear[square]
    full = np.asarray((words + near[across]) @ _solve(alike + near[square], target[rest], slack), np.float32)
    cheap = np.asarray(words @ _solve(alike, target[rest], slack), np.float32)
    return full, cheap, held.astype(np.int64)


def _held_out_accuracy(linear: Floats, near: Floats, target: Labels, slack: Floats) -> float:
    full, _, held = _held_out(linear, near, target, slack)
    return float((full.argmax(axis=1) == target[held]).mean())


def _calibrated(linear: Floats, near: Floats, target: Labels, slack: Floats) -> tuple[float, float, float]:
    """From held-out lines: temperature with and without the encoder, and the lead from which it isn't needed."""
    full, cheap, held = _held_out(linear, near, target, slack)
    target = target[held]
    leaders = np.sort(cheap, axis=1)[:, -2:]
    gap = leaders[:, 1] - leaders[:, 0]
    order = np.argsort(-gap)
    changed = np.cumsum((cheap.argmax(axis=1) != full.argmax(axis=1))[order])
    safe = np.flatnonzero(changed <= SKIP_RISK * np.arange(1, len(order) + 1))
    cheap_gap = float(gap[order[safe[-1]]]) if len(safe) else 2.0
    sure = gap >= cheap_gap
    temperature = _temperature(full, target)
    return temperature, _temperature(cheap[sure], target[sure]) if sure.sum() > 50 else temperature, cheap_gap


def _temperature(margins: Floats, target: Labels) -> float:
    """The factor that makes the margins the likeliest probabilities."""
    from scipy.optimize import minimize_scalar

    def loss(log_factor: float) -> float:
        right = softmax(margins * np.float32(np.exp(log_factor)))[np.arange(len(target)), target]
        return float(-np.log(np.maximum(right, 1e-9)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-1.0, 4.0), method="bounded").x))
