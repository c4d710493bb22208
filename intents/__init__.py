"""What did the person want: intents, entities, danger.

from intents import Understander
understood = Understander.load().understand("居住证丢了怎么补", clock.now())
"""

from .understanding import Entity, Understanding

__all__ = ["Entity", "Understander", "Understanding"]


def __getattr__(name: str) -> object:
    """Fetch `Understander` when it is first asked for, so that `intents.crisis` loads without numpy."""
    if name == "Understander":
        from .understander import Understander

        return Understander
    raise AttributeError(f"module 'intents' has no attribute {name!r}")
