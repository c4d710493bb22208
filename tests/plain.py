"""What tests put in place of the trained model and of both kinds of database, where they need no more.

A fixture that is imported from here serves the file, or the folder, that imports it.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import pytest

from intents import Understanding, crisis

A_FEW = {"签注": "permit_renewal", "人工": "human_agent", "欠薪": "wage_arrears"}


class Words:
    """Understands by a word or two (word: intent), so that no model is trained; danger is looked for in earnest."""

    def __init__(self, intents: Mapping[str, str] = MappingProxyType(A_FEW)) -> None:
        self._intents = intents

    def understand(self, text: str, now: datetime) -> Understanding:
        intent = next((name for word, name in self._intents.items() if word in text), "greet")
        sign = crisis.detect(text)
        return Understanding(
            text, text, intent, 0.95, ((intent, 0.95),), "answer", None, (), sign.danger, sign.score, "local"
        )


@pytest.fixture(scope="session")
def understander() -> Words:
    """No model is trained for these tests: what they say is understood by a word."""
    return Words()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is tested here doesn't depend on the kind of database."""
    return sqlite_url
