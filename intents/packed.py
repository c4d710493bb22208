"""Products with a matrix that never changes, in whole numbers of one byte.

A message is understood by a handful of products of few rows with matrices of megabytes, so reading these from memory is
what takes the time. As bytes they are a quarter as large and stay in the processor's own cache. Every row of either
side has its own factor, the largest entry being 127; what is lost is about a hundredth of an entry's usual size.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numkong
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]

_MOST = np.float32(127)
_TINY = np.float32(1e-30)


def rounded(rows: Floats) -> tuple[Bytes, Floats]:
    """Rows as bytes, and the factor of each row, (rows, 1), that brings them back."""
    factors = np.maximum(np.abs(rows).max(axis=1, keepdims=True), _TINY) / _MOST
    return np.rint(rows / factors).astype(np.int8), factors


@dataclass(frozen=True, slots=True)
class Packed:
    """A matrix of (outputs, inputs): its entries as bytes and a factor for each output."""

    entries: Bytes
    factors: Floats
    _layout: Any = field(init=False, repr=False, compare=False)
    """The entries once more, in the order in which the processor wants them."""

    def __post_init__(self) -> None:
        if self.entries.ndim != 2 or self.factors.shape != self.entries.shape[:1]:
            raise ValueError(f"{self.factors.shape} factors for a matrix of {self.entries.shape}")
        object.__setattr__(self, "_layout", numkong.dots_pack(np.ascontiguousarray(self.entries)))

    @classmethod
    def of(cls, matrix: Floats) -> Self:
        """From a matrix of (outputs, inputs)."""
        entries, factors = rounded(np.ascontiguousarray(matrix, np.float32))
        return cls(entries, np.ascontiguousarray(factors[:, 0]))

    def save(self, folder: Path, name: str) -> None:
        """Write what `load` reads."""
        np.save(folder / f"{name}.npy", self.entries)
        np.save(folder / f"{name}_factors.npy", self.factors)

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """What `save` wrote. Raises OSError or ValueError when it isn't whole."""
        return cls(np.load(folder / f"{name}.npy"), np.load(folder / f"{name}_factors.npy"))

    def __call__(self, rows: Floats) -> Floats:
        """`rows` (any, inputs) times the matrix: (any, outputs). Raises ValueError for rows of another width."""
        entries, factors = rounded(rows)
        whole = np.asarray(numkong.dots_packed(entries, self._layout))
        product: Floats = np.multiply(whole, self.factors, dtype=np.float32, casting="same_kind")
        product *= factors
        return product


@dataclass(frozen=True, slots=True)
class Shares:
    """A tall matrix of which a message needs some hundred rows: its entries as bytes, mapped, and a factor for each row."""

    entries: Bytes
    factors: Floats

    @classmethod
    def made(cls, matrix: Floats) -> Self:
        """From a matrix of (rows, columns)."""
        entries, factors = rounded(np.asarray(matrix, np.float32))
        return cls(entries, np.ascontiguousarray(factors[:, 0]))

    def of(self, rows: NDArray[np.int64], values: Floats) -> Floats:
        """The sum of the `rows` so numbered, each times its value."""
        total: Floats = (values * self.factors[rows]) @ self.entries[rows].astype(np.float32)
        return total

    def save(self, folder: Path, name: str) -> None:
        """Write what `load` maps."""
        np.save(folder / f"{name}.npy", self.entries)
        np.save(folder / f"{name}_factors.npy", self.factors)

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """What `save` wrote, mapped, so that processes share it. Raises OSError or ValueError when it isn't whole."""
        entries, factors = (
            np.asarray(np.load(folder / f"{stem}.npy", mmap_mode="r")) for stem in (name, f"{name}_factors")
        )
        if factors.shape != entries.shape[:1]:
            raise ValueError(f"{name}: {factors.shape} factors for a matrix of {entries.shape}")
        return cls(entries, factors)
