"""The sentence encoder: Google's USE-multilingual-v3, in numpy.

A sentence is cut into pieces; windows of two, three and five pieces are read twice over, and what was read is summed and
passed through four dense layers. Where the weights come from stands in encoder_files.py.
"""

import copy
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import encoder_files
from .encoder_files import CNN, ORDERS, WIDTH, Bytes, Floats

MAX_PIECES = 128
RECENT = 16
_WINDOWS = CNN * len(ORDERS)
_FIRST = _WINDOWS + CNN * sum(n for n, _ in ORDERS)
# Half a dozen times the speed of `mean`.
_EVENLY = np.full(WIDTH + _WINDOWS, 1 / (WIDTH + _WINDOWS), np.float32)
# So many rows of zeros before, between and behind sentences, the widest window's reach, make windows plain slices.
_GAP = 2


def _normalised_rows(x: Floats, gain: Floats, shift: Floats, eps: float) -> Floats:
    x = x - x.mean(axis=1, keepdims=True)
    spread = np.einsum("ij,ij->i", x, x) / x.shape[1]
    x *= (1.0 / np.sqrt(spread + eps)).astype(np.float32)[:, None]
    x *= gain
    x += shift
    return x


class Encoder:
    """Sentences to vectors. The weights are mapped from `folder`, so processes share them.

    The first of the two window layers depends on single pieces only, but for a sum over neighbours. For the pieces of
    the training lines, nearly all that people write, it is computed once (`knowing`): two fifths of the work less.
    """

    def __init__(self, folder: Path) -> None:
        self._weights = encoder_files.read(folder)
        self._known = np.empty(0, np.int64)
        self._first = np.empty((0, _FIRST), np.int8)
        self._first_factors = np.ones(_FIRST, np.float32)
        self._places = np.full(len(self._weights.table), -1, np.int32)
        self._recent: dict[str, Floats] = {}
        self._kept: dict[str, Floats] | None = None
        self._cut: dict[str, list[int]] | None = None
        self._longest: dict[str, int] = {}
        for piece in self._weights.pieces:
            self._longest[piece[0]] = max(self._longest.get(piece[0], 0), len(piece))

    def knowing(self, texts: Iterable[str], least: int = 2) -> "Encoder":
        """The same encoder with the first layer of the pieces that occur `least` times in `texts` at hand."""
        counts = np.bincount([p for text in texts for p in self.pieces(text)], minlength=len(self._weights.table))
        known = np.flatnonzero(counts >= least)
        first = self._first_layer(self._embedded(known))
        # A factor a column: the columns differ more in size than the pieces do.
        factors = np.maximum(np.abs(first).max(axis=0, initial=0), np.float32(1e-30)) / np.float32(127)
        return self._with(known, np.rint(first / factors).astype(np.int8), factors)

    def save(self, folder: Path) -> None:
        """Write the first layer that is at hand; `loaded` maps it."""
        np.save(folder / "known_pieces.npy", self._known)
        np.save(folder / "first_layer.npy", self._first)
        np.save(folder / "first_layer_factors.npy", self._first_factors)

    def loaded(self, folder: Path) -> "Encoder":
        """The same encoder with what another `save`d. Raises OSError or ValueError when that isn't whole."""
        known = np.load(folder / "known_pieces.npy")
        factors = np.load(folder / "first_layer_factors.npy")
        first = np.asarray(np.load(folder / "first_layer.npy", mmap_mode="r"))
        whole = first.shape == (len(known), _FIRST) and factors.shape == (_FIRST,)
        if not whole or (len(known) and known.max() >= len(self._weights.table)):
            raise ValueError("first_layer.npy belongs to another encoder")
        return self._with(known, first, factors)

    def _with(self, known: NDArray[np.int64], first: Bytes, factors: Floats) -> "Encoder":
        made = copy.copy(self)
        made._known, made._first, made._first_factors, made._recent = known, first, factors, {}
        made._places = np.full(len(self._weights.table), -1, np.int32)
        made._places[known] = np.arange(len(known))
        return made

    def pieces(self, text: str) -> list[int]:
        """The likeliest segmentation into pieces (unigram model, best path), between start and end marks."""
        if self._cut is None:
            return self._segmented(text)
        if text not in self._cut:
            self._cut[text] = self._segmented(text)
        return self._cut[text]

    def _segmented(self, text: str) -> list[int]:
        words = unicodedata.normalize("NFKC", text).split()
        text = "\u2581" + "\u2581".join(words) if words else ""
        size = len(text)
        best, came, chosen = [0.0] + [-1e30] * size, [0] * (size + 1), [0] * (size + 1)
        known, longest, unknown = self._weights.pieces, self._longest, self._weights.unknown
        for start in range(size):
            base = best[start]
            for end in range(start + 1, min(start + longest.get(text[start], 1), size) + 1):
                piece = known.get(text[start:end])
                if piece is not None and base + piece[1] > best[end]:
                    best[end], came[end], chosen[end] = base + piece[1], start, piece[0]
            if base + unknown > best[start + 1]:
                best[start + 1], came[start + 1], chosen[start + 1] = base + unknown, start, 0
        path = []
        while size > 0:
            path.append(chosen[size])
            size = came[size]
        path = path[::-1] or [0]
        return [1, *path[:MAX_PIECES], 2]

    def encode(self, texts: Sequence[str], batch: int = 48) -> Floats:
        """One row a text, of unit length. A few texts are remembered for a moment: several ask about one message.

        While `remembering`, all texts are: training asks about the same lines more than once.
        """
        if self._kept is not None:
            return self._looked_up(texts, batch)
        if len(texts) <= RECENT // 2:
            return self._recently(texts)
        rows = np.empty((len(texts), WIDTH), np.float32)

        def fill(start: int) -> None:
            rows[start : start + batch] = self._forward([self.pieces(t) for t in texts[start : start + batch]])

        starts = range(0, len(texts), batch)
        if len(starts) == 1:
            fill(0)
        else:  # the products let go of the interpreter, so threads share the work
            with ThreadPoolExecutor(min(2, len(os.sched_getaffinity(0)))) as pool:
                list(pool.map(fill, starts))
        return rows

    def _recently(self, texts: Sequence[str]) -> Floats:
        recent = self._recent  # never changed, only replaced: threads may share an encoder
        new = [text for text in dict.fromkeys(texts) if text not in recent]
        if new:
            found = dict(zip(new, self._forward([self.pieces(text) for text in new]), strict=True))
            if len(recent) + len(found) > RECENT:
                recent = {text: recent[text] for text in texts if text in recent}
            recent = recent | found
            self._recent = recent
        return np.stack([recent[text] for text in texts])

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Until the end of the block every text is cut and encoded once only."""
        self._kept, self._cut = {}, {}
        try:
            yield
        finally:
            self._kept = self._cut = None

    def _looked_up(self, texts: Sequence[str], batch: int) -> Floats:
        kept, self._kept = self._kept or {}, None
        try:
            # Texts of one length make the products of a batch even.
            new = sorted({text for text in texts if text not in kept}, key=lambda text: (len(text), text))
            kept.update(zip(new, self.encode(new, batch) if new else (), strict=True))
        finally:
            self._kept = kept
        return np.stack([kept[text] for text in texts])

    def _forward(self, group: Sequence[Sequence[int]]) -> Floats:
        lengths = np.array([len(ids) for ids in group])
        flat = np.concatenate(group)
        at = np.arange(len(flat)) + np.repeat(np.arange(1, len(group) + 1) * _GAP, lengths)
        between = np.ones(len(flat) + _GAP * (len(group) + 1), np.bool_)
        between[at] = False
        features = np.empty((len(flat), WIDTH + _WINDOWS), np.float32)
        features[:, :WIDTH] = embedded = self._embedded(flat)
        first = self._first_layers(flat, embedded, at, len(between))
        first[between] = 0
        column = _WINDOWS
        for number, (n, left) in enumerate(ORDERS):
            start = number * CNN
            shares = first[:, column : column + n * CNN]
            column += n * CNN
            seen = self._windows(first[:, start : start + CNN], shares, between, n, left)
            features[:, WIDTH + start : WIDTH + start + CNN] = seen[at - _GAP]
        return self._dense(self._summed(features, lengths), lengths)

    def _windows(self, pieces: Floats, shares: Floats, between: NDArray[np.bool_], n: int, left: int) -> Floats:
        """What two layers of windows of `n` pieces make of the padded rows; the padding at the ends is gone."""
        weights = self._weights
        read = np.zeros_like(pieces)
        inner = read[_GAP:-_GAP]
        inner += weights.layers[f"b1_{n}"]
        _add_shares(inner, shares, n, left)
        np.maximum(inner, 0, out=inner)
        inner += pieces[_GAP:-_GAP]
        read[between] = 0
        again = np.empty_like(inner)
        again[:] = weights.layers[f"b2_{n}"]
        _add_shares(again, weights.packed[f"windows_{n}"](read), n, left)
        np.maximum(again, 0, out=again)
        again += inner
        return again

    def _summed(self, features: Floats, lengths: NDArray[np.int64]) -> Floats:
        """The rows of each sentence, each brought to mean 0 and spread 1, added up over the root of their number."""
        layers = self._weights.layers
        means = features @ _EVENLY
        spread = np.einsum("ij,ij->i", features, features) / features.shape[1] - means * means
        mine = np.zeros((len(lengths), len(features)), np.float32)
        mine[np.repeat(np.arange(len(lengths)), lengths), np.arange(len(features))] = 1 / np.sqrt(
            np.maximum(spread, 0) + self._weights.eps
        )
        sums = (mine @ features - (mine @ means)[:, None]) * layers["ln_g"]
        sums += lengths.astype(np.float32)[:, None] * layers["ln_b"]
        sums /= np.sqrt(lengths, dtype=np.float32)[:, None]
        return np.asarray(sums, np.float32)

    def _dense(self, sums: Floats, lengths: NDArray[np.int64]) -> Floats:
        packed = self._weights.packed
        root = np.sqrt(lengths, dtype=np.float32)[:, None]
        mean = packed["pooled"](sums)
        mean += root * self._weights.layers["cnn_b"]
        lower = packed["lower"](mean)
        half = lower.shape[1] // 2
        middle = np.maximum(packed["middle"](np.maximum(lower[:, :half], 0)) + lower[:, half:], 0)
        upper = packed["upper"](middle)
        z: Floats = np.tanh(packed["top"](np.maximum(upper[:, :WIDTH], 0)) + upper[:, WIDTH:])
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        return z

    def _embedded(self, pieces: NDArray[np.int64]) -> Floats:
        return np.asarray(self._weights.table[pieces] * self._weights.table_factors[pieces], np.float32)

    def _first_layers(self, flat: NDArray[np.int64], embedded: Floats, at: NDArray[np.int64], size: int) -> Floats:
        """`size` rows, of which those `at` are what `_first_layer` gives for the pieces; the others hold anything."""
        places = np.zeros(size, np.int32)
        places[at] = known = self._places[flat]
        new = np.flatnonzero(known < 0)
        if len(self._first):
            # The place -1 of a new piece reads the last row, which is then written over.
            rows = self._first[places].astype(np.float32)
            rows *= self._first_factors
        else:
            rows = np.zeros((size, _FIRST), np.float32)
        if len(new):
            rows[at[new]] = self._first_layer(embedded[new])
        return rows

    def _first_layer(self, embedded: Floats) -> Floats:
        """For each piece by itself what enters the windows, then its share in the first step at every place of them."""
        layers = self._weights.layers
        x = embedded @ layers["proj"] + layers["proj_b"]
        x = _normalised_rows(x, layers["ln_g_in"], layers["ln_b_in"], self._weights.eps)
        parts = [x]
        for number, (n, _) in enumerate(ORDERS):
            h = x[:, number * CNN : (number + 1) * CNN]
            parts += [h @ place for place in layers[f"w1_{n}"].reshape(n, CNN, CNN)]
        return np.concatenate(parts, axis=1)


def _add_shares(rows: Floats, shares: Floats, n: int, left: int) -> None:
    """Onto each of `rows`, the padded rows without their ends, the shares of the `n` pieces of its window."""
    for place in range(n):
        start = _GAP - left + place
        rows += shares[start : start + len(rows), place * CNN : (place + 1) * CNN]
