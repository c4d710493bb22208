"""How a model is made: the ridge solutions behind a `Classifier`, over all training lines at once.

One matrix holds how much every two lines agree, some 1.5 GB for 20,000 lines; nothing else of that size is made. Its
Cholesky factor is taken in place, and since the factor of the first lines' matrix is the corner of the whole one, the
lines that calibrate the probabilities come last and cost no training of their own.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import features
from .classifier import Classifier, Floats, Labels, both, encoded, gaussian, softmax
from .clauses import focus
from .encoder import Encoder
from .features import Vectoriser
from .normalise import normalise
from .packed import Packed, Shares
from .sounds import Sounds

Progress = Callable[[str], None]
STEPS = ("sounds", "n-grams", "sentence encoder", "kernel", "n-grams alone", "whole model", "calibration")

# Chosen on the development set; the tries are in docs/understanding.md.
RIDGE = 0.2
NEAR = 1.5
# With few lines the n-grams know little and the encoder must count for more: how much, the held-out lines decide.
FEW, NEAR_FOR_FEW = 3000, (1.5, 4.0, 10.0, 30.0)
DIRECTIONS = 224
# One line in so many is held out to calibrate.
FOLDS = 3
# Where the n-grams lead by enough, asking the encoder too would change at most this share of the answers.
SKIP_RISK = 0.008
# From more lines than this the n-grams alone learn only from those that don't calibrate: a quarter of the whole solution's
# time. They answer where they lead by far, and so they do with two thirds of many lines.
MANY = 10_000
# Of each intent's training lines the encoder's part keeps the weightiest; the others' share is projected onto them.
KEPT = 10240
# What is out of scope has no common ground but its examples, so these must hold although they are many.
_SLACK = {"out_of_scope": 0.2}


def fit(
    texts: Sequence[str], labels: Sequence[str], encoder: Encoder, progress: Progress = lambda step: None
) -> Classifier:
    """Train on raw texts and their labels. `progress` is told each step's name as it starts."""
    order, rest = held_last(len(texts))
    progress("sounds")
    normal = [normalise(texts[i]) for i in order]
    sounds = Sounds.learn(normal)
    normal = [sounds.spelt_out(text) for text in normal]
    focused = [focus(text) for text in normal]
    progress("n-grams")
    found = {text: features.keys(text, sounds) for text in (*normal, *focused)}
    vectoriser = Vectoriser.learn([found[text] for text in normal])
    rows = {text: vectoriser.row(keys) for text, keys in found.items()}
    pairs = zip(normal, focused, strict=True)
    grams = matrix(
        [rows[text] if text == short else both(rows[text], rows[short]) for text, short in pairs],
        len(vectoriser.known),
    )
    progress("sentence encoder")
    with threads(1):  # small products: more threads only wait for each other
        encoder = encoder.knowing(normal)
        vectors = encoded(encoder, normal, focused)
    directions = _main_directions(vectors)
    examples = vectors @ directions
    names = sorted(set(labels))
    wanted = _Wanted.of(np.array([names.index(labels[i]) for i in order]), rest, names)
    progress("kernel")
    kernel = linear_kernel(grams)
    diagonal = kernel.diagonal().copy()
    progress("n-grams alone")
    words, cheap = _solved_alone(kernel, wanted)
    progress("whole model")
    duals, full, weight = _with_examples(kernel, diagonal, examples, wanted)
    progress("calibration")
    temperature, cheap_temperature, cheap_gap = _calibrated(full, cheap, wanted.target[rest:])
    kept, near_duals = _weightiest(examples, duals, wanted.target)
    return Classifier(
        tuple(names),
        sounds,
        vectoriser,
        encoder,
        words=Shares.made(grams[: len(words)].T @ words),
        grams=Shares.made(grams.T @ duals),
        directions=directions,
        examples=Packed.of(kept),
        duals=near_duals * np.float32(weight),
        temperature=temperature,
        cheap_temperature=cheap_temperature,
        cheap_gap=cheap_gap,
        training=True,
        _rows=rows,
        _spelt={texts[i]: text for i, text in zip(order, normal, strict=True)},
    )


def held_last(count: int) -> tuple[list[int], int]:
    """The lines' order for training: those that calibrate, a third, come last; and how many come before them."""
    held = np.random.default_rng(0).permutation(count) % FOLDS == 0
    return np.argsort(held, kind="stable").tolist(), int(count - held.sum())


def threads(count: int) -> AbstractContextManager[Any]:
    """From now on, or while the context lasts, products of matrices use `count` threads."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(count)
    return limits


def cores() -> int:
    """How many this process may use, two at most: more would mostly wait for each other, and for other work."""
    return min(2, len(os.sched_getaffinity(0)))


def matrix(rows: Sequence[tuple[Labels, Floats]], width: int) -> Any:
    """Rows as a sparse matrix of `width` columns."""
    from scipy import sparse

    ends = np.cumsum([0] + [len(columns) for columns, _ in rows])
    parts = (np.concatenate([v for _, v in rows]), np.concatenate([c for c, _ in rows]), ends)
    return sparse.csr_matrix(parts, shape=(len(rows), width), dtype=np.float32)


def linear_kernel(rows: Any, block: int = 512) -> Floats:
    """How much every two rows of a sparse matrix agree, as a full matrix.

    In blocks, since the product of the whole is nearly full and would be stored three times over; only up to the
    diagonal, since the other half is its mirror image.
    """
    kernel = np.empty((rows.shape[0], rows.shape[0]), np.float32)

    def fill(start: int) -> None:
        end = min(start + block, len(kernel))
        kernel[start:end, :end] = (rows[start:end] @ rows[:end].T).toarray()
        kernel[:start, start:end] = kernel[start:end, :start].T

    in_threads(fill, len(kernel), block)
    return kernel


def in_threads(fill: Callable[[int], None], count: int, block: int) -> None:
    """`fill` for every block's first row: sparse products and exponentials use one core each."""
    with threads(1), ThreadPoolExecutor(cores()) as pool:
        list(pool.map(fill, range(0, count, block)))


def _main_directions(vectors: Floats) -> Floats:
    _, order = np.linalg.eigh(vectors.T @ vectors)
    return np.ascontiguousarray(order[:, ::-1][:, :DIRECTIONS], np.float32)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the solution shall say of every line: ±1 for each intent; `ridge`, by how much it may miss that. The first
    `rest` lines alone make the model that calibrates."""

    target: Labels
    rest: int
    signs: Floats
    ridge: Floats

    @classmethod
    def of(cls, target: Labels, rest: int, names: Sequence[str]) -> "_Wanted":
        """A line of a large intent may be missed by more than one of a small intent, or the large ones would win every
        doubt; `_SLACK` changes that for single intents."""
        signs = np.full((len(target), len(names)), -1.0, np.float32)
        signs[np.arange(len(target)), target] = 1.0
        sizes = np.bincount(target, minlength=len(names))
        slack = np.array([_SLACK.get(name, 1.0) for name in names], np.float32)
        return cls(target, rest, signs, RIDGE * slack[target] * sizes[target] / sizes[sizes > 0].mean())


def solved(kernel: Floats, signs: Floats, ridge: Floats, rest: int) -> tuple[Floats, Floats]:
    """The ridge solution over all lines, a row a line and a column a question as in `signs`; and the margins that a
    solution over the first `rest` lines gives to the others. `ridge`: by how much each line may be missed.

    Works in the lower half of `kernel` and leaves the half above the diagonal as it was.
    """
    from scipy.linalg import cho_factor

    across = kernel[rest:, :rest].copy()
    kernel[np.diag_indices_from(kernel)] += ridge
    factor, _ = cho_factor(kernel.T, lower=False, overwrite_a=True, check_finite=False)
    half = _half_solved(factor, signs, "T")
    solution = _half_solved(factor, half, "N")
    # The first lines' own factor is the corner of the whole one: with nothing behind, the rest of it takes no part.
    half[rest:] = 0
    first = _half_solved(factor, half, "N")[:rest]
    return np.ascontiguousarray(solution, np.float32), np.asarray(across @ first, np.float32)


def _solved_alone(kernel: Floats, wanted: _Wanted) -> tuple[Floats, Floats]:
    """What `solved` gives, for the n-grams without the encoder: from `MANY` lines on the solution is over the first
    alone. Leaves the half of `kernel` above the diagonal as it was."""
    from scipy.linalg import cho_factor, cho_solve

    rest = wanted.rest
    if len(kernel) <= MANY:
        return solved(kernel, wanted.signs, wanted.ridge, rest)
    corner = kernel[:rest, :rest].copy()
    corner[np.diag_indices_from(corner)] += wanted.ridge[:rest]
    factor = cho_factor(corner.T, lower=True, overwrite_a=True, check_finite=False)
    solution = np.asarray(cho_solve(factor, wanted.signs[:rest], check_finite=False), np.float32)
    return np.ascontiguousarray(solution), np.asarray(kernel[rest:, :rest] @ solution, np.float32)


def _half_solved(factor: Floats, wanted: Floats, way: str) -> Floats:
    from scipy.linalg import solve_triangular

    solved: Floats = solve_triangular(factor, wanted, trans=way, check_finite=False)
    return solved


def _with_examples(kernel: Floats, diagonal: Floats, examples: Floats, wanted: _Wanted) -> tuple[Floats, Floats, float]:
    """The whole model's solution, its margins of the held-out lines, and the weight of the encoder's part; `kernel` is
    the n-grams' after `solved`, `diagonal` what stood there before."""
    weights = (NEAR,) if len(kernel) > FEW else NEAR_FOR_FEW
    best: tuple[float, Floats, Floats, float] | None = None
    for weight in weights:
        _add_nearness(kernel, diagonal, examples, weight)
        duals, full = solved(kernel, wanted.signs, wanted.ridge, wanted.rest)
        accuracy = float((full.argmax(axis=1) == wanted.target[wanted.rest :]).mean())
        if best is None or accuracy > best[0]:
            best = accuracy, duals, full, weight
    assert best is not None
    return best[1:]


def _add_nearness(kernel: Floats, diagonal: Floats, examples: Floats, weight: float, block: int = 512) -> None:
    """Into the lower half of `kernel`: what stands above the diagonal, plus the nearness of the examples."""

    def fill(start: int) -> None:
        end = min(start + block, len(kernel))
        near = gaussian(examples[start:end] @ examples[:end].T)
        near *= np.float32(weight)
        near[:, :start] += kernel[:start, start:end].T
        corner = np.triu(kernel[start:end, start:end], 1)
        near[:, start:] += corner + corner.T
        near[np.arange(end - start), np.arange(start, end)] += diagonal[start:end]
        below = np.tril_indices(end - start)
        kernel[start:end, :start] = near[:, :start]
        kernel[start:end, start:end][below] = near[:, start:][below]

    in_threads(fill, len(kernel), block)


def _weightiest(examples: Floats, duals: Floats, target: Labels) -> tuple[Floats, Floats]:
    """The examples that count most in their intent, and weights with which they say nearly what all said together."""
    from scipy.linalg import cho_factor, cho_solve

    if len(examples) <= KEPT:
        return np.ascontiguousarray(examples), duals
    weights = np.linalg.norm(duals, axis=1)
    place = np.empty(len(target))  # from 0, the weightiest of its intent, to 1
    for label in np.unique(target):
        mine = np.flatnonzero(target == label)
        place[mine[np.argsort(-weights[mine], kind="stable")]] = np.arange(len(mine)) / len(mine)
    most = np.sort(np.argsort(place, kind="stable")[:KEPT])
    kept = np.ascontiguousarray(examples[most])
    said = np.concatenate([gaussian(kept[start : start + 512] @ examples.T) @ duals for start in range(0, KEPT, 512)])
    near = gaussian(kept @ kept.T)
    near[np.diag_indices_from(near)] += np.float32(1e-3)
    solution = cho_solve(cho_factor(near.T, overwrite_a=True, check_finite=False), said, check_finite=False)
    return kept, np.ascontiguousarray(solution, np.float32)


def _calibrated(full: Floats, cheap: Floats, target: Labels) -> tuple[float, float, float]:
    """From held-out lines: temperature with and without the encoder, and the lead from which it isn't needed."""
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
