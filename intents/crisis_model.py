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
from .fitting import held_last, in_threads, linear_kernel, matrix, solved
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
# Which ordinary lines sound like danger, a model of one line in so many tells nearly as well.
FIRST_LOOK = 3
# The threshold: the share of held-out near misses for which the learned half alone may raise an alarm. Missing somebody
# costs more than a counsellor's minute.
NEAR_ALARMS = 0.135
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

_ARRAYS = ("words", "grams", "duals", "points")


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
    """The model of the words and the rules alone: a weight for each n-gram, then for each family."""
    grams: Floats
    """The n-grams' and the families' part of the whole model, likewise."""
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
        spoken = _family_columns(self.reader, found)
        margin = float(values @ self.words[columns]) + sum(self.words[spoken].tolist())
        if margin < doubt or (not found and margin < threshold and self._elsewhere(normal)):
            margin = min(margin, threshold - 0.1)
        else:
            vector = self.reader.encoder.encode([normal]) @ self.reader.directions
            margin = float(values @ self.grams[columns]) + sum(self.grams[spoken].tolist())
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
            model.grams.shape != (_width(reader),)
            or model.words.shape != model.grams.shape
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
    chosen = [*kept, *rest[::step]]
    chosen += _most_alike(reader, chosen, [line for number, line in enumerate(rest) if number % step])
    order, learnt = held_last(len(chosen))
    known = _Lines.of(reader, [chosen[i] for i in order])
    examples = np.ascontiguousarray(reader.encoder.encode(known.normal) @ reader.directions, np.float32)
    flat = linear_kernel(known.rows)
    near = _with_nearness(flat, examples)
    words, cheap = solved(flat, known.signs, known.slack, learnt)
    duals, full = solved(near, known.signs, known.slack, learnt)
    return CrisisModel(
        reader,
        words=np.asarray(known.rows.T @ words, np.float32)[:, 0],
        grams=np.asarray(known.rows.T @ duals, np.float32)[:, 0],
        examples=Packed.of(examples),
        duals=duals[:, 0] * np.float32(NEAR),
        points=np.array(_points(full[:, 0], cheap[:, 0], known.danger[learnt:], known.near[learnt:]), np.float32),
    )


def _with_nearness(flat: Floats, examples: Floats, block: int = 512) -> Floats:
    near = np.empty_like(flat)

    def fill(start: int) -> None:
        part = gaussian(examples[start : start + block] @ examples.T)
        part *= np.float32(NEAR)
        np.add(part, flat[start : start + block], out=near[start : start + block])

    in_threads(fill, len(flat), block)
    return near


def _most_alike(reader: Reader, chosen: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    """Of the `others` those that sound most like danger by their words; the encoder would take too long."""
    if not others:
        return []
    known = _Lines.of(reader, chosen[::FIRST_LOOK])
    duals, _ = solved(linear_kernel(known.rows), known.signs, known.slack, len(known.normal))
    rows = matrix([reader.row(reader.read(line.text)) for line in others], _width(reader))
    likeness = rows @ (known.rows.T @ duals[:, 0])
    return [others[i] for i in np.argsort(-likeness, kind="stable")[:ALIKE].tolist()]


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines as the solution wants them."""

    normal: list[str]
    rows: Any
    """Sparse: the n-grams' values, and 1 for each family of the rules that was found."""
    danger: Flags
    near: Flags
    slack: Floats

    @classmethod
    def of(cls, reader: Reader, lines: Sequence[Line]) -> "_Lines":
        normal = [reader.read(line.text) for line in lines]
        rows = []
        for line, text in zip(lines, normal, strict=True):
            columns, values = reader.row(text)
            spoken = _family_columns(reader, crisis.signs(line.text))
            found = np.ones(len(spoken), np.float32)
            rows.append(
                (np.concatenate([columns, spoken]), np.concatenate([values, found])) if spoken else (columns, values)
            )
        danger = np.array([line.intent == "psych_crisis" for line in lines])
        near = np.array([not is_danger and near_danger(line) for line, is_danger in zip(lines, danger, strict=True)])
        slack = np.where(danger | near, RIDGE / WORTH, RIDGE).astype(np.float32)
        return cls(normal, matrix(rows, _width(reader)), danger, near, slack)

    @property
    def signs(self) -> Floats:
        """1 for danger, -1 for none, as one column."""
        return np.where(self.danger, 1, -1).astype(np.float32)[:, None]


def _points(full: Floats, cheap: Floats, danger: Flags, near: Flags) -> tuple[float, float]:
    """From held-out lines' margins: the threshold, and the margin without the encoder up to which it isn't asked."""
    if not danger.any() or danger.all():
        return 0.0, -9.0
    quiet = full[near]
    threshold = float(np.quantile(quiet, 1 - NEAR_ALARMS)) if len(quiet) else 0.0
    heard = cheap[danger & (full >= threshold)]
    return threshold, float(np.quantile(heard, SKIP_RISK)) if len(heard) else -9.0


def _width(reader: Reader) -> int:
    return len(reader.vectoriser.known) + len(crisis.rules()[2])


def _family_columns(reader: Reader, found: Sequence[crisis.Family]) -> list[int]:
    """Where the families stand: behind the n-grams."""
    if not found:
        return []
    first = len(reader.vectoriser.known)
    return [first + number for number, family in enumerate(crisis.rules()[2]) if family in found]
