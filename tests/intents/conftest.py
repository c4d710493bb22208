"""Where the tests' one trained model is kept (tests/conftest.py makes it)."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The folder the session's `understander` was loaded from."""
    return Path(__file__).parent.parent.parent / "var" / "model"
