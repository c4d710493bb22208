"""What understanding hands to the rest of the service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing named in a message.

    `value` is normalised (ISO date, 11 digits, yuan …), `text` is what stood there, `start` and `end` are
    character positions in the message as it was received.
    """

    type: str
    value: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a message was taken to mean.

    `normal` is the normalised text the classifier saw, `probability` the calibrated probability of `intent`,
    `ranking` the intents with theirs, best first. `band` says what to do with it: "answer", "confirm" (ask
    whether it was meant), "ask" (offer the two likeliest) or "person". `second` is the other need of a
    message that holds two. `danger` comes from the crisis detector alone, whatever the intent is.
    """

    text: str
    normal: str
    intent: str
    probability: float
    ranking: tuple[tuple[str, float], ...]
    band: str
    second: str | None
    entities: tuple[Entity, ...]
    danger: bool
    danger_score: float
    backend: str
