"""The learned half of the crisis detector: kernel ridge regression over the classifier's n-grams, the sentence encoder
and the expressions the rules found.

It hears what no list of expressions foresees; the rules (crisis.py) hear what must never depend on a model. It has
its own labels, weights and threshold, and lies in the classifier's folder as crisis_*.npy:

    model = crisis_model.train(classifier, lines)     # beside the classifier, from the same lines
    model.save(folder)
    crisis.use(CrisisModel.load(folder, classifier))  # from now on crisis.detect asks it

A message is also judged by the training lines nearest in meaning, of danger and of what only sounds like it. That
needs the encoder, which costs most: a model of the words and the rules alone goes first, and the encoder is asked only
where that one leaves a doubt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import crisis
from .classifier import gaussian
from .encoder import Encoder
from .features import Vectoriser
from .fitting import linear_kernel, matrix
from .nlu_files import HERE, Line, read_table
from .packed import Packed
from .sounds import Sounds

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

# Chosen on held-out lines (docs/understanding.md).
RIDGE, NEAR = 0.6, 3.0
# Danger, and sentences that only sound like it, must hold better than the many that don't.
WORTH = 2.0
# Ordinary lines learnt from: an even choice, and those that a first model finds most like danger.
ORDINARY, ALIKE = 900, 1200
FOLDS = 3
# The threshold: the share of held-out near misses for which the learned half alone may raise an alarm. Missing somebody
# costs more than a counsellor's minute.
NEAR_ALARMS = 0.12
# The share of held-out danger that may be lost by not asking the encoder.
SKIP_RISK = 0.002
# Where the classifier is sure of another need by the words alone, and no rule spoke, the encoder isn't asked either;
# not for these, which danger can sound like.
NEAR_INTENTS = frozenset(
    {"psych_crisis", "psych_support", "emergency", "out_of_scope", "goodbye", "thanks", "deny", "cancel", "human_agent"}
)
# From a margin to log-odds.
SLOPE = 6.0
# The classifier's word on danger beside the model's own: its log-odds count by a fifth, from an even chance of one in
# five, and never for less than one in thirty: what speaks of a school and of death is most of all about a school.
ODDS, EVEN, LEAST, MOST = 0.2, 0.2, 0.03, 0.97

LINES = HERE / "crisis" / "lines.tsv"
TALK = HERE / "crisis" / "talk.txt"

_ARRAYS = ("words", "word_families", "grams", "families", "duals", "points")


class Reader(Protocol):
    """What is used of the classifier: how it spells a message, its n-grams, its encoder and the encoder's directions."""

    sounds: Sounds
    vectoriser: Vectoriser
    encoder: Encoder
    directions: Floats

    def read(self, text: str) -> str:
        """The spelling the model works on."""
        ...

    def row(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        """The known n-grams of a text so spelt, and how much each counts."""
        ...

    def sure(self, text: str) -> str | None:
        """The intent its n-grams alone leave no doubt of."""
        ...

    def danger(self, text: str) -> float:
        """How likely it takes a text so spelt for danger."""
        ...


@dataclass(frozen=True, slots=True)
class CrisisModel:
    """Weights for the vectoriser's columns, the rules' families and the nearness to each learnt line. Calling it with a
    message and the families found in it gives the probability of danger, 0.5 at the threshold."""

    reader: Reader
    words: Floats
    word_families: Floats
    """The model of the words and the rules alone."""
    grams: Floats
    families: Floats
    examples: Packed
    """The lines learnt from, in the encoder's main directions."""
    duals: Floats
    points: Floats
    """The threshold, and the margin of the words alone up to which the encoder isn't asked."""

    def __call__(self, text: str, found: Sequence[crisis.Family] = ()) -> float:
        """How likely `text`, in which the rules found `found`, speaks of danger."""
        normal = self.reader.read(text)
        if not any(ch.isalpha() for ch in normal):
            return 0.0
        columns, values = self.reader.row(normal)
        threshold, doubt = self.points.tolist()
        spoken = _family_columns(found)
        margin = float(values @ self.words[columns]) + sum(self.word_families[spoken].tolist())
        if margin < doubt or (not found and margin < threshold and self._elsewhere(normal)):
            margin = min(margin, threshold - 0.1)
        else:
            vector = self.reader.encoder.encode([normal]) @ self.reader.directions
            margin = float(values @ self.grams[columns]) + sum(self.families[spoken].tolist())
            margin += float(gaussian(self.examples(vector))[0] @ self.duals)
            likely = min(max(self.reader.danger(normal), LEAST), MOST)
            margin += ODDS * (_log_odds(likely) - _log_odds(EVEN)) / SLOPE
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, SLOPE * (margin - threshold)))))

    def _elsewhere(self, normal: str) -> bool:
        sure = self.reader.sure(normal)
        return sure is not None and sure not in NEAR_INTENTS

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        for name in _ARRAYS:
            np.save(folder / f"crisis_{name}.npy", getattr(self, name))
        self.examples.save(folder, "crisis_examples")

    @classmethod
    def load(cls, folder: Path, reader: Reader) -> "CrisisModel":
        """What `save` wrote. Raises OSError or ValueError when it isn't whole."""
        arrays: dict[str, Any] = {
            name: np.asarray(np.load(folder / f"crisis_{name}.npy", mmap_mode="r")) for name in _ARRAYS
        }
        model = cls(reader, examples=Packed.load(folder, "crisis_examples"), **arrays)
        if (
            model.grams.shape != reader.vectoriser.known.shape
            or model.words.shape != model.grams.shape
            or model.families.shape != (len(crisis.rules()[2]),)
            or model.examples.entries.shape != (len(model.duals), reader.directions.shape[1])
            or model.points.shape != (2,)
        ):
            raise ValueError("crisis_*.npy belong to another model")
        return model


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def own_lines(path: Path = LINES) -> list[Line]:
    """The lines written for the detector alone: danger, and what sounds like it, without any other intent.

    Raises `nlu_files.BrokenFile` when the table can't be read.
    """
    return [
        Line(line.text, "psych_crisis", "danger", line.where)
        if line.intent == "1"
        else Line(line.text, "out_of_scope", "near_miss", line.where)
        for line in read_table(path, "crisis")
    ]


def talk_lines(path: Path = TALK) -> list[Line]:
    """What people say in the middle of a talk, a line each: answers to forms, corrections, further questions. No danger,
    and not written to sound like it."""
    texts = (text.strip() for text in path.read_text(encoding="utf-8").splitlines())
    return [Line(text, "out_of_scope", "talk", f"{path.name}:{n}") for n, text in enumerate(texts, 1) if text]


def near_danger(line: Line) -> bool:
    """Whether a line that is no crisis sounds like one: written as such, or low mood."""
    return line.intent == "psych_support" or line.register == "near_miss"


def train(reader: Reader, lines: Sequence[Line]) -> CrisisModel:
    """Learn danger from training lines (psych_crisis against all others), with the classifier already trained on them."""
    kept = [line for line in lines if line.intent == "psych_crisis" or near_danger(line)]
    rest = [line for line in lines if line.intent != "psych_crisis" and not near_danger(line)]
    step = -(-len(rest) // ORDINARY) or 1
    some, others = rest[::step], [line for number, line in enumerate(rest) if number % step]
    known = _Lines.of(reader, kept + some)
    if others:
        # Which of the others sound like danger is told from their words; the encoder would take too long.
        duals = _solve(known.kernel(), known.danger, known.slack)
        likeness = _grams(reader, [reader.read(line.text) for line in others]) @ (known.grams.T @ duals)
        known += _Lines.of(reader, [others[i] for i in np.argsort(-likeness, kind="stable")[:ALIKE]])
    examples = np.ascontiguousarray(reader.encoder.encode(known.normal) @ reader.directions, np.float32)
    flat, nearness = known.kernel(), np.float32(NEAR) * gaussian(examples @ examples.T)
    threshold, doubt = _points(flat, nearness, known)
    words = _solve(flat.copy(), known.danger, known.slack)
    duals = _solve(flat + nearness, known.danger, known.slack)
    return CrisisModel(
        reader,
        words=np.asarray(known.grams.T @ words, np.float32),
        word_families=known.families.T @ words,
        grams=np.asarray(known.grams.T @ duals, np.float32),
        families=known.families.T @ duals,
        examples=Packed.of(examples),
        duals=duals * np.float32(NEAR),
        points=np.array([threshold, doubt], np.float32),
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines as the solution wants them."""

    normal: list[str]
    grams: Any
    families: Floats
    danger: Flags
    near: Flags
    slack: Floats

    @classmethod
    def of(cls, reader: Reader, lines: Sequence[Line]) -> "_Lines":
        normal = [reader.read(line.text) for line in lines]
        families = np.zeros((len(lines), len(crisis.rules()[2])), np.float32)
        for number, line in enumerate(lines):
            families[number, _family_columns(crisis.signs(line.text))] = 1
        danger = np.array([line.intent == "psych_crisis" for line in lines])
        near = np.array([not is_danger and near_danger(line) for line, is_danger in zip(lines, danger, strict=True)])
        slack = np.where(danger | near, RIDGE / WORTH, RIDGE).astype(np.float32)
        return cls(normal, _grams(reader, normal), families, danger, near, slack)

    def __add__(self, more: "_Lines") -> "_Lines":
        from scipy import sparse

        def joined(name: str) -> Any:
            return np.concatenate([getattr(self, name), getattr(more, name)])

        grams = sparse.vstack([self.grams, more.grams], format="csr")
        return _Lines(self.normal + more.normal, grams, *map(joined, ("families", "danger", "near", "slack")))

    def kernel(self) -> Floats:
        """How much the words and families of every two lines agree."""
        return linear_kernel(self.grams) + self.families @ self.families.T


def _grams(reader: Reader, normal: Sequence[str]) -> Any:
    return matrix([reader.row(text) for text in normal], len(reader.vectoriser.known))


def _points(flat: Floats, nearness: Floats, known: _Lines) -> tuple[float, float]:
    """From held-out folds: the threshold, and the margin without the encoder up to which it isn't asked."""
    danger, slack = known.danger, known.slack
    full, cheap = np.empty((2, len(danger)), np.float32)
    fold = np.random.default_rng(0).permutation(len(danger)) % FOLDS
    for number in range(FOLDS):
        held, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        if not danger[rest].any() or danger[rest].all() or not len(held):
            return 0.0, -9.0
        square, across = np.ix_(rest, rest), np.ix_(held, rest)
        cheap[held] = flat[across] @ _solve(flat[square], danger[rest], slack[rest])
        both = _solve(flat[square] + nearness[square], danger[rest], slack[rest])
        full[held] = (flat[across] + nearness[across]) @ both
    quiet = full[known.near]
    threshold = float(np.quantile(quiet, 1 - NEAR_ALARMS)) if len(quiet) else 0.0
    heard = cheap[danger & (full >= threshold)]
    return threshold, float(np.quantile(heard, SKIP_RISK)) if len(heard) else -9.0


def _solve(kernel: Floats, danger: Flags, slack: Floats) -> Floats:
    from scipy.linalg import cho_factor, cho_solve

    kernel[np.diag_indices_from(kernel)] += slack
    factor = cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
    solution: Floats = cho_solve(factor, np.where(danger, 1, -1).astype(np.float32), check_finite=False)
    return solution


def _family_columns(found: Sequence[crisis.Family]) -> list[int]:
    return [column for column, family in enumerate(crisis.rules()[2]) if family in found] if found else []
