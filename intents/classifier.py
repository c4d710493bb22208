"""Which intent, and how sure.

Kernel ridge regression, one column an intent: n-grams and sounds linearly, the sentence encoder through a Gaussian
kernel on its main directions, so that a message is also judged by the training lines nearest in meaning. Both
see the message and its focus (clauses.py), averaged. The encoder costs most, so a model of the n-grams alone is asked
first and the encoder only where that one is in doubt. Probabilities come from the margins by temperatures fitted on
lines the models had not seen.

Serving is numpy alone, from mapped files; how a model is made stands in fitting.py.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import features
from .clauses import focus
from .encoder import Encoder
from .features import Vectoriser
from .normalise import normalise
from .packed import Packed, Shares
from .sounds import Sounds

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Row = tuple[Labels, Floats]
Known = TypeVar("Known")

# Chosen on the development set; the tries are in docs/understanding.md.
SHARPNESS = 2.0
FOCUS = 0.6
# Messages whose n-grams are remembered for a moment.
RECENT = 16
DANGER = "psych_crisis"

_ARRAYS = ("directions", "duals")


def softmax(margins: NDArray[np.floating[Any]]) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(margins - margins.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def gaussian(inner: Floats) -> Floats:
    """exp(2·(a·b - 1)) from the inner products a·b of vectors of about unit length, in place: 1 for equal directions."""
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
    words: Shares
    """The model of the n-grams alone: a row a known feature, its share in each intent's margin."""
    grams: Shares
    """The n-grams' part of the whole model, likewise."""
    directions: Floats
    examples: Packed
    """The training lines in the encoder's main directions."""
    duals: Floats
    temperature: float
    cheap_temperature: float
    cheap_gap: float
    """Lead of the best n-gram margin over the next from which the encoder isn't asked."""
    training: bool = False
    """Whether everything asked about is remembered, as training wants it."""
    _rows: dict[str, Row] = field(default_factory=dict, repr=False, compare=False)
    _spelt: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _dangers: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def read(self, text: str) -> str:
        """The spelling the model works on. The last few are remembered, as in `row`."""
        found = self._spelt.get(text)
        if found is None:
            found = self.sounds.spelt_out(normalise(text))
            self._spelt = self._remembered(self._spelt, {text: found})
        return found

    def _remembered(self, known: dict[str, Known], new: dict[str, Known]) -> dict[str, Known]:
        if self.training:  # one thread, and the same lines are asked about again and again
            known.update(new)
            return known
        return {**known, **new} if len(known) < RECENT else new  # never changed, only replaced: threads may share it

    def row(self, text: str) -> Row:
        """The known n-grams of a text as `read` gives it, and how much each counts. The last few are remembered: the
        crisis detector and the classifier ask about the same message."""
        found = self._rows.get(text)
        if found is None:
            found = self.vectoriser.row(features.keys(text, self.sounds))
            self._rows = self._remembered(self._rows, {text: found})
        return found

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Over `labels`, a row for each text as `read` gives it."""
        focused = [focus(text) for text in texts]
        rows = [self._focused_row(*pair) for pair in zip(texts, focused, strict=True)]
        margins = np.stack([self.words.of(*row) for row in rows])
        leaders = np.partition(margins, -2, axis=1)[:, -2:]
        unsure = np.flatnonzero(leaders[:, 1] - leaders[:, 0] < self.cheap_gap).tolist()
        found = softmax(margins * self.cheap_temperature)
        if unsure:
            vectors = encoded(self.encoder, [texts[i] for i in unsure], [focused[i] for i in unsure])
            near = gaussian(self.examples(vectors @ self.directions)) @ self.duals
            near += np.stack([self.grams.of(*rows[i]) for i in unsure])
            found[unsure] = softmax(near * self.temperature)
        if DANGER in self.labels:
            dangers = dict(zip(texts, found[:, self.labels.index(DANGER)].tolist(), strict=True))
            self._dangers = self._remembered(self._dangers, dangers)
        return found

    def danger(self, text: str) -> float:
        """How likely a text as `read` gives it is of the intent psych_crisis. The last few are remembered: the crisis
        detector asks about the message that was just classified."""
        if text not in self._dangers:
            self.probabilities([text])
        return self._dangers.get(text, 0.0)

    def sure(self, text: str) -> str | None:
        """The intent that the n-grams of a text as `read` gives it leave no doubt of, so that the encoder isn't asked."""
        margins = self.words.of(*self._focused_row(text, focus(text)))
        second, first = np.partition(margins, -2)[-2:]
        return self.labels[int(margins.argmax())] if first - second >= self.cheap_gap else None

    def _focused_row(self, text: str, focused: str) -> Row:
        return self.row(text) if focused == text else both(self.row(text), self.row(focused))

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        self.sounds.save(folder)
        self.vectoriser.save(folder)
        self.encoder.save(folder)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        self.examples.save(folder, "examples")
        self.words.save(folder, "words")
        self.grams.save(folder, "grams")
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
            sounds=Sounds.load(folder),
            vectoriser=Vectoriser.load(folder),
            encoder=encoder.loaded(folder),
            examples=Packed.load(folder, "examples"),
            words=Shares.load(folder, "words"),
            grams=Shares.load(folder, "grams"),
            **described,
            **arrays,
        )


def both(whole: Row, focused: Row) -> Row:
    """The n-grams of a message and of its focus as one row, averaged."""
    return (
        np.concatenate([whole[0], focused[0]]),
        np.concatenate([whole[1] * np.float32(1 - FOCUS), focused[1] * np.float32(FOCUS)]),
    )


def encoded(encoder: Encoder, texts: Sequence[str], focused: Sequence[str]) -> Floats:
    """The encoder's vector of each message, averaged with that of its focus where they differ."""
    apart = [i for i, (text, short) in enumerate(zip(texts, focused, strict=True)) if text != short]
    vectors = encoder.encode([*texts, *(focused[i] for i in apart)])
    if apart:
        vectors[apart] = (1 - FOCUS) * vectors[apart] + FOCUS * vectors[len(texts) :]
    return vectors[: len(texts)]
