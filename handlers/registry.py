"""Which handler answers which intent."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import yaml

from handlers.turn import Reply, Turn

Handler = Callable[[Turn], Reply]

_handlers: dict[str, Handler] = {}


def handles(*intents: str) -> Callable[[Handler], Handler]:
    """Register a handler for intents. Raises `ValueError` for an intent that is taken or not in the taxonomy."""

    def register(handler: Handler) -> Handler:
        for intent in intents:
            if intent not in titles():
                raise ValueError(f"{handler.__name__}: {intent} is not in intents/taxonomy.yml")
            if intent in _handlers:
                raise ValueError(f"{handler.__name__}: {intent} already has {_handlers[intent].__name__}")
            _handlers[intent] = handler
        return handler

    return register


def handler_of(intent: str) -> Handler:
    """The handler of an intent. Raises `KeyError` for an unknown one."""
    return _handlers[intent]


def handled() -> frozenset[str]:
    """All intents that have a handler."""
    return frozenset(_handlers)


@cache
def titles() -> Mapping[str, str]:
    """What people read for each intent, from the taxonomy."""
    path = Path(__file__).parent.parent / "intents" / "taxonomy.yml"
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["intents"]
    return MappingProxyType({name: row["title"] for name, row in rows.items()})


STEERING = frozenset(
    {
        "case_status", "human_agent", "emergency", "greet", "thanks", "goodbye", "help", "affirm", "deny", "cancel",
        "out_of_scope",
    }
)  # fmt: skip
"""Intents that steer the conversation; the other 36 are services."""
