"""What is kept in bytes says nearly what the full numbers said, and always the same."""

from pathlib import Path

import numpy as np
import pytest

from intents.features import Vectoriser
from intents.packed import Packed, Shares


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(11)


def rows(chance: np.random.Generator, count: int, width: int) -> np.ndarray:
    return chance.normal(size=(count, width)).astype(np.float32)


@pytest.mark.parametrize(("count", "width", "outputs"), [(1, 224, 10240), (5, 256, 1280), (40, 320, 7)])
def test_a_product_is_nearly_the_full_one(
    chance: np.random.Generator, count: int, width: int, outputs: int
) -> None:  # fmt: skip
    matrix, given = rows(chance, outputs, width), rows(chance, count, width)
    wanted = given @ matrix.T
    found = Packed.of(matrix)(given)
    assert found.dtype == np.float32 and found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 0.02 * np.abs(wanted).mean()


def test_rows_of_very_different_size_each_keep_their_own_measure(chance: np.random.Generator) -> None:
    matrix, given = rows(chance, 30, 64), rows(chance, 3, 64) * np.array([[1e-4], [1], [1e4]], np.float32)
    given = np.concatenate([given, np.zeros((1, 64), np.float32)])
    found, wanted = Packed.of(matrix)(given), given @ matrix.T
    for row in range(3):
        assert np.abs(found[row] - wanted[row]).mean() < 0.02 * np.abs(wanted[row]).mean()
    assert not found[3].any()


def test_rows_of_another_width_are_refused(chance: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="224"):
        Packed.of(rows(chance, 9, 224))(rows(chance, 1, 200))


def test_what_is_saved_comes_back_and_a_damaged_one_is_refused(chance: np.random.Generator, tmp_path: Path) -> None:
    matrix, given = rows(chance, 90, 32), rows(chance, 2, 32)
    packed, shares = Packed.of(matrix), Shares.made(matrix)
    packed.save(tmp_path, "packed")
    shares.save(tmp_path, "shares")
    assert np.array_equal(Packed.load(tmp_path, "packed")(given), packed(given))
    at, values = np.array([3, 80, 3]), np.array([1.0, -2.0, 0.5], np.float32)
    assert np.array_equal(Shares.load(tmp_path, "shares").of(at, values), shares.of(at, values))
    assert np.allclose(shares.of(at, values), values @ matrix[at], atol=0.05)
    for name, kind in (("packed", Packed), ("shares", Shares)):
        np.save(tmp_path / f"{name}_factors.npy", np.ones(3, np.float32))
        with pytest.raises(ValueError, match="factors"):
            kind.load(tmp_path, name)


def test_every_known_feature_is_found_on_its_shelf_and_no_other(chance: np.random.Generator) -> None:
    known = np.unique(chance.integers(0, 3 << 62, 5000, dtype=np.uint64))
    vectoriser = Vectoriser(known, np.ones(len(known), np.float32))
    for some in (known[:40], known[-40:], known[::125]):
        columns, _ = vectoriser.row(some)
        assert np.array_equal(known[columns], some)
    strangers = np.setdiff1d(known + np.uint64(1), known)
    assert not len(vectoriser.row(strangers)[0])
    assert not len(Vectoriser(known[:0], np.empty(0, np.float32)).row(known)[0])
