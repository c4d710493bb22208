"""What the linear model sees of a message: hashed n-grams of characters, words and syllables, in weighed families.

A feature is a 64-bit number made from code points, so serving keeps no dictionary of strings: the numbers known
from training stand sorted in a mapped array and are found by bisection.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .elsewhere import places
from .sounds import FIRST, LAST, Sounds

Keys = NDArray[np.uint64]
Floats = NDArray[np.float32]

# family: (n-gram widths, weight). The weights were chosen on the development set (docs/understanding.md).
FAMILIES: dict[str, tuple[tuple[int, ...], float]] = {
    "characters": ((1, 2, 3, 4), 1.0),
    "syllables": ((1, 2, 3), 0.5),
    "blurred": ((2, 3, 4), 0.5),
}
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_MARKS = re.compile(r"[^\w\s？\x04\x05]")


def _mix(values: Keys) -> Keys:
    values ^= values >> np.uint64(31)
    values *= np.uint64(0x9E3779B97F4A7C15)
    values ^= values >> np.uint64(29)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(32)
    return values


def _grams(points: NDArray[np.uint64], widths: tuple[int, ...], salt: int) -> Keys:
    out = []
    for n in widths:
        count = len(points) - n + 1
        if count < 1:
            continue
        key = np.full(count, salt * 16 + n, np.uint64)
        for offset in range(n):
            key = key * np.uint64(0x100000001B3) + points[offset : offset + count]
        out.append(_mix(key))
    return np.concatenate(out) if out else np.empty(0, np.uint64)


def keys(text: str, sounds: Sounds) -> list[Keys]:
    """For each family the features of one normalised text, repeated as often as they occur."""
    text = _MARKS.sub(" ", places().sub("\x05", _NUMBER.sub("\x04", text)))
    points = np.frombuffer(f"\x02{text}\x03".replace(" ", "").encode("utf-32-le"), np.uint32).astype(np.uint64)
    inside = (points >= FIRST) & (points <= LAST)
    syllables = points.copy()
    syllables[inside] = sounds.codes[points[inside].astype(np.int64) - FIRST].astype(np.uint64) + 0x200000
    blurred = points.copy()
    codes = sounds.codes[points[inside].astype(np.int64) - FIRST]
    blurred[inside] = sounds.blur[codes].astype(np.uint64) + 0x300000
    # \x02 and \x03 mark the ends, \x04 any number, \x05 any place that is not ours.
    streams = {"characters": points, "syllables": syllables, "blurred": blurred}
    return [_grams(streams[name], widths, number) for number, (name, (widths, _)) in enumerate(FAMILIES.items())]


@dataclass(slots=True)
class Vectoriser:
    """The features known from training, sorted, with their weight (inverse document frequency × family)."""

    known: Keys
    weights: Floats

    @classmethod
    def learn(cls, texts: Sequence[list[Keys]], least: int = 2) -> "Vectoriser":
        """From the `keys` of all training texts; features in fewer than `least` of them are left out."""
        found, scale = [], []
        for family, (_, weight) in enumerate(FAMILIES.values()):
            every = np.concatenate([np.unique(text[family]) for text in texts])
            values, counts = np.unique(every, return_counts=True)
            enough = counts >= least
            found.append(values[enough])
            scale.append(weight * (np.log((1 + len(texts)) / (1 + counts[enough])) + 1))
        known = np.concatenate(found)
        order = np.argsort(known)
        return cls(known[order], np.concatenate(scale)[order].astype(np.float32))

    def row(self, text: list[Keys]) -> tuple[NDArray[np.int64], Floats]:
        """Columns and values of one text: sublinear counts, each family brought to its weight's length."""
        columns, values = [], []
        for family, (_, weight) in zip(text, FAMILIES.values(), strict=True):
            unique, counts = np.unique(family, return_counts=True)
            at = np.searchsorted(self.known, unique)
            at[at == len(self.known)] = 0
            hit = self.known[at] == unique
            at = at[hit]
            value = self.weights[at] * (1 + np.log(counts[hit])).astype(np.float32)
            norm = float(np.sqrt(value @ value))
            columns.append(at)
            values.append(value * np.float32(weight / norm) if norm else value)
        return np.concatenate(columns), np.concatenate(values)

    def save(self, folder: Path) -> None:
        """Write what `load` maps."""
        np.save(folder / "features.npy", self.known)
        np.save(folder / "feature_weights.npy", self.weights)

    @classmethod
    def load(cls, folder: Path) -> "Vectoriser":
        """What `save` wrote, mapped."""
        return cls(
            np.asarray(np.load(folder / "features.npy", mmap_mode="r")),
            np.asarray(np.load(folder / "feature_weights.npy", mmap_mode="r")),
        )
