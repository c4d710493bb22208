"""Where the tests' one trained model is kept (tests/conftest.py makes it)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from intents import crisis


@pytest.fixture(autouse=True)
def _same_ears_afterwards() -> Iterator[None]:
    """Training a small model makes the process hear danger with it; later tests need the real one back."""
    before = crisis._learned
    yield
    crisis.use(before)


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The folder the session's `understander` was loaded from."""
    return Path(__file__).parent.parent.parent / "var" / "model"
