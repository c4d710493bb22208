"""The ridge solutions are what a plain solver gives, and what serving keeps of them says nearly the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from intents import fitting
from intents.classifier import gaussian
from intents.encoder import Encoder
from intents.encoder_files import prepare
from intents.normalise import normalise

LINES, REST, INTENTS = 700, 450, 4


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(7)


def directions(chance: np.random.Generator, count: int = LINES) -> np.ndarray:
    vectors = chance.normal(size=(count, 400)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def wanted(chance: np.random.Generator) -> fitting._Wanted:
    names = ["greet", "thanks", "out_of_scope", "help"]
    return fitting._Wanted.of(chance.integers(0, INTENTS, LINES), REST, names)


def test_one_factor_gives_the_whole_solution_and_that_of_the_first_lines(chance: np.random.Generator) -> None:
    rows, goal = directions(chance), wanted(chance)
    kernel = rows @ rows.T
    before = kernel.copy()
    solution, held = fitting.solved(kernel, goal.signs, goal.ridge, goal.rest)

    ridged = before.astype(np.float64) + np.diag(goal.ridge)
    assert np.allclose(solution, np.linalg.solve(ridged, goal.signs), rtol=1e-3, atol=1e-3)
    first = np.linalg.solve(ridged[:REST, :REST], goal.signs[:REST])
    assert np.allclose(held, before[REST:, :REST] @ first, atol=1e-3)
    above = np.triu_indices(LINES, 1)
    assert (kernel[above] == before[above]).all()


def test_nearness_is_added_to_what_stood_there_before_the_factor(chance: np.random.Generator) -> None:
    rows, goal = directions(chance), wanted(chance)
    kernel = rows @ rows.T
    before = kernel.copy()
    fitting.solved(kernel, goal.signs, goal.ridge, goal.rest)
    fitting._add_nearness(kernel, before.diagonal().copy(), rows, 1.5, block=128)
    below = np.tril_indices(LINES)
    assert np.allclose(kernel[below], (before + 1.5 * gaussian(rows @ rows.T))[below], atol=1e-5)


def test_what_is_kept_says_nearly_what_all_said(
    chance: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(fitting, "KEPT", 350)
    twice = np.repeat(directions(chance, LINES // 2), 2, axis=0) + chance.normal(size=(LINES, 400)) * 0.005
    examples, duals = twice.astype(np.float32), chance.normal(size=(LINES, INTENTS)).astype(np.float32)
    target = np.arange(LINES) // 2 % INTENTS
    kept, weights = fitting._weightiest(examples, duals, target)
    assert len(kept) == len(weights) == 350
    new = directions(chance, 50)
    said, all_said = gaussian(new @ kept.T) @ weights, gaussian(new @ examples.T) @ duals
    assert np.abs(said - all_said).mean() < 0.1 * np.abs(all_said).mean()


@pytest.fixture(scope="module")
def plain(model_dir: Path) -> Encoder:
    return Encoder(prepare(model_dir))


TEXTS = [normalise(text) for text in ("居住证快到期了，去哪里签注", "老板拖着工资不发", "孩子上学要什么材料", "鼯鼠")]


def test_a_first_layer_at_hand_changes_no_vector(plain: Encoder, tmp_path: Path) -> None:
    knowing = plain.knowing(TEXTS[:2], least=1)
    # What is at hand is kept in bytes: the direction stays, to a thousandth.
    assert ((knowing.encode(TEXTS) * plain.encode(TEXTS)).sum(axis=1) > 0.999).all()
    knowing.save(tmp_path)
    assert np.array_equal(plain.loaded(tmp_path).encode(TEXTS), knowing.encode(TEXTS))


def test_the_first_layer_of_another_encoder_is_refused(plain: Encoder, tmp_path: Path) -> None:
    plain.knowing(TEXTS, least=1).save(tmp_path)
    np.save(tmp_path / "known_pieces.npy", np.arange(3))
    with pytest.raises(ValueError, match="another encoder"):
        plain.loaded(tmp_path)


def test_texts_asked_for_twice_are_encoded_once(plain: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = plain.knowing([])
    first = fresh.encode([TEXTS[0], TEXTS[1], TEXTS[0]])
    monkeypatch.setattr(Encoder, "_forward", lambda self, group: pytest.fail("encoded again"))
    assert np.array_equal(fresh.encode([TEXTS[1]])[0], first[1])


def test_serving_uses_one_thread_for_a_message(model_dir: Path, understander: object) -> None:
    code = (
        "from pathlib import Path; from intents import Understander; from threadpoolctl import threadpool_info;"
        f"Understander.load(Path({str(model_dir)!r}));"
        "print(sorted({pool['num_threads'] for pool in threadpool_info() if pool['user_api'] == 'blas'}))"
    )
    environ = os.environ | {"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "3"}
    ran = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[1]"
