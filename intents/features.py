"""What the linear model sees of a message: hashed n-grams of characters, words and syllables, in weighed families.

A feature is a 64-bit number made from code points, so serving keeps no dictionary of strings: the numbers known
from training stand sorted in a mapped array and are found by bisection.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .elsewhere import places
from .sounds import FIRST, LAST, Sounds

Keys = NDArray[np.uint64]
Floats = NDArray[np.float32]

# family: (shortest and longest n-gram, weight). The weights were chosen on the development set (docs/understanding.md).
FAMILIES: dict[str, tuple[int, int, float]] = {
    "characters": (1, 4, 1.0),
    "syllables": (1, 3, 0.5),
    "blurred": (2, 4, 0.5),
}
_LONGEST = max(longest for _, longest, _ in FAMILIES.values())
# The two highest bits of a feature say its family, so that sorted features stand family by family.
_FAMILY_BIT = 62
_STARTS = np.array([number << _FAMILY_BIT for number in range(len(FAMILIES) + 1)], np.uint64)
# So many highest bits choose a shelf.
_SHELVES = 18
_SHELF = np.uint64(64 - _SHELVES)
_NEXT = np.uint64(0x100000001B3)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_MARKS = re.compile(r"[^\w\s？\x04\x05]")


def _mix(values: Keys) -> Keys:
    values ^= values >> np.uint64(31)
    values *= np.uint64(0x9E3779B97F4A7C15)
    values ^= values >> np.uint64(29)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(32)
    return values


def _streams(text: str, sounds: Sounds) -> Keys:
    """What the families are made of, a row each: the characters, their syllables, and these as accents blur them.

    \x02 and \x03 mark the ends, \x04 any number, \x05 any place that is not ours.
    """
    text = _MARKS.sub(" ", places().sub("\x05", _NUMBER.sub("\x04", text)))
    points = np.frombuffer(f"\x02{text}\x03".replace(" ", "").encode("utf-32-le"), np.uint32).astype(np.int64)
    rows = np.empty((len(FAMILIES), len(points)), np.uint64)
    rows[:] = points
    inside = np.flatnonzero((points >= FIRST) & (points <= LAST))
    codes = sounds.codes[points[inside] - FIRST]
    rows[1, inside] = codes + np.uint64(0x200000)
    rows[2, inside] = sounds.blur[codes] + np.uint64(0x300000)
    return rows


def keys(text: str, sounds: Sounds) -> Keys:
    """The features of one normalised text, sorted, repeated as often as they occur."""
    streams = _streams(text, sounds)
    grams = [streams]  # by width, a row a family
    for n in range(1, _LONGEST):
        grams.append(grams[-1][:, :-1] * _NEXT + streams[:, n:])
    parts = [
        [wide[number] for wide in grams[shortest - 1 : longest]]
        for number, (shortest, longest, _) in enumerate(FAMILIES.values())
    ]
    found = _mix(np.concatenate([part for family in parts for part in family]))
    found >>= np.uint64(64 - _FAMILY_BIT)
    end = 0
    for family, start in zip(parts, _STARTS, strict=False):
        begin, end = end, end + sum(map(len, family))
        found[begin:end] |= start
    found.sort()
    return found


@dataclass(slots=True)
class Vectoriser:
    """The features known from training, sorted, with their weight (inverse document frequency)."""

    known: Keys
    weights: Floats
    _bounds: NDArray[np.int64] = field(init=False, repr=False)
    _shelves: NDArray[np.int32] = field(init=False, repr=False)
    """Where the known features with given highest bits begin: they are few, and compared all at once."""
    _deep: NDArray[np.int64] = field(init=False, repr=False)
    """The places on the fullest shelf."""

    def __post_init__(self) -> None:
        self._bounds = np.searchsorted(self.known, _STARTS[1:-1])
        full = np.bincount((self.known >> _SHELF).astype(np.int64), minlength=1 << _SHELVES)
        self._deep = np.arange(full.max(initial=0))
        starts = np.concatenate(([0], np.cumsum(full)[:-1]))
        self._shelves = np.minimum(starts, len(self.known) - len(self._deep)).astype(np.int32)

    @classmethod
    def learn(cls, texts: Sequence[Keys], least: int = 2) -> "Vectoriser":
        """From the `keys` of all training texts; features in fewer than `least` of them are left out."""
        values, counts = np.unique(np.concatenate([np.unique(text) for text in texts]), return_counts=True)
        enough = counts >= least
        weights = np.log((1 + len(texts)) / (1 + counts[enough])) + 1
        return cls(values[enough], weights.astype(np.float32))

    def row(self, text: Keys) -> tuple[NDArray[np.int64], Floats]:
        """Columns and values of one text's `keys`: sublinear counts, each family brought to its weight's length."""
        at = self._shelves[text >> _SHELF][:, None] + self._deep
        at = at[self.known[at] == text[:, None]]
        if not len(at):
            return at, np.empty(0, np.float32)
        # Where the next column starts, and behind the last one.
        ends = np.flatnonzero(np.concatenate((at[1:] != at[:-1], [True]))) + 1
        counts = ends.astype(np.float32)
        counts[1:] -= counts[:-1].copy()
        columns = at[ends - 1]
        values: Floats = self.weights[columns] * (1 + np.log(counts))
        edges = [0, *columns.searchsorted(self._bounds).tolist(), len(columns)]
        for start, end, (_, _, weight) in zip(edges, edges[1:], FAMILIES.values(), strict=False):
            part = values[start:end]
            if end > start:
                part *= np.float32(weight) / np.sqrt(part @ part)
        return columns, values

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
