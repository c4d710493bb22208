"""Talking to the dialogue without a database or a model: what was understood is said by the test."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import clock
from bot.dialogue import Decision, Situation, decide
from bot.message import Inbound
from bot.state import State
from intents import Understanding, crisis, entities
from knowledge_base import Knowledge
from records.switches import Switches

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=clock.CHINA)


def heard(
    text: str, intent: str = "out_of_scope", probability: float = 0.1, second: str | None = None
) -> Understanding:
    """A message as if the classifier had been that sure of `intent`; entities and danger are found for real."""
    band = next(
        (n for n, least in (("answer", 0.7), ("confirm", 0.45), ("ask", 0.18)) if probability >= least), "person"
    )
    sign = crisis.detect(text)
    ranking = ((intent, probability), ("mediation", min(0.1, probability)), ("suggestion", 0.05))
    found = tuple(entities.extract(text, NOW))
    return Understanding(text, text, intent, probability, ranking, band, second, found, sign.danger, sign.score, "test")


@dataclass
class Talk:
    """One person's conversation, turn by turn."""

    knowledge: Knowledge
    state: State = field(default_factory=State)
    region: str | None = None
    line: str | None = None
    now: datetime = NOW
    last: Decision | None = None

    def say(self, text: str, intent: str = "out_of_scope", probability: float = 0.1, **inbound: str) -> Decision:
        """One message, and the decision about it; what it leaves behind is kept as a database would."""
        kind = inbound.pop("kind", "text")
        self.state = State.unpacked(self.state.packed(), self.now)
        message = Inbound("web", "p", str(self.now), kind, self.now, text=text, **inbound)
        understood = heard(text, intent, probability) if text else None
        situation = Situation(
            message, understood, self.state, self.line, self.region or "ningbo", self.region is not None, self.now,
            self.knowledge, Switches(),
        )  # fmt: skip
        self.last = decide(situation)
        self.state = replace(self.last.state)
        self.region = self.last.region or self.region
        return self.last

    @property
    def seen(self) -> str:
        """What the person sees after the last message."""
        replies = self.last.replies if self.last else ()
        return "\n".join([r.text for r in replies] + [c.label for r in replies for c in r.choices])
