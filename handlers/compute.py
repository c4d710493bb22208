"""Forms that end in a worked-out answer instead of a case: one function a rule, by name."""

from collections.abc import Callable, Mapping

from handlers.turn import Reply, Turn

Compute = Callable[[Mapping[str, str], Turn], Reply]

_computes: dict[str, Compute] = {}


def computes(rule: str) -> Callable[[Compute], Compute]:
    """Register what works out a form's answer. Raises `ValueError` for a name that is taken."""

    def register(function: Compute) -> Compute:
        if rule in _computes:
            raise ValueError(f"{function.__name__}: {rule} already has {_computes[rule].__name__}")
        _computes[rule] = function
        return function

    return register


def compute_of(rule: str) -> Compute:
    """The function of a rule. Raises `KeyError`."""
    return _computes[rule]


def computed() -> frozenset[str]:
    """All rules that can be worked out."""
    return frozenset(_computes)
