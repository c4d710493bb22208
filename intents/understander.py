"""One message in, everything understood of it out: danger first, then intent, band, second need, entities."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from . import crisis, elsewhere, entities
from .classifier import Classifier, Floats
from .clauses import clauses, focus
from .nlu_files import HERE
from .understanding import Understanding

Ranking = tuple[tuple[str, float], ...]

# A need that can't wait goes first whichever was named last.
FIRST_NEEDS = ("psych_crisis", "emergency", "wage_arrears", "work_injury")
# Turns of a conversation, not needs: never the second half of a message.
STEERING = frozenset({"greet", "thanks", "goodbye", "help", "affirm", "deny", "cancel", "out_of_scope"})
_ASKS = re.compile(
    "怎么|咋|哪|吗|么$|呢|多少|几|啥|什么|能不能|可不可以|有没有|行不行|会不会|想[要问找办查]|我要|帮|求|请|麻烦|能|可以|？"
)
_JOINED = re.compile("另外|还有|顺便|再问|再有|对了|以及|同时|那")
_ADDED = re.compile(
    r"(?:另外|还有(?!几|半|[一二两三四五六七八九十百\d]+(?:个|天|年|月|块|元|万|千|百|点|人|张|次|位|号))|顺便|再有|同时|再就是)(?=.{4})"
)
"""Joins a second matter to a first one, asked or told."""
# 老年卡能坐地铁吗，丢了怎么补: the second question alone sounds like another matter, but the whole message doesn't hint at
# it. Unless a word joins two matters, the whole must find the second at least this likely.
OVERHEARD = 0.02
# What another city's office must answer (elsewhere.py) is this surely out of scope.
ELSEWHERE = 0.9
# From this score on danger is also the intent; below the other it isn't, whatever the classifier heard.
SURE_OF_DANGER, SURE_OF_NONE = 0.9, 0.2
# Longer ones are stories with one wish; halves of them mislead.
_LONGEST_DOUBLE = 60
# The platform lets people send 2,048 characters; beyond twice that it is no person's message.
_LONGEST_ALARM = 4096


@dataclass(frozen=True, slots=True)
class Bands:
    """The thresholds of bands.yml, all probabilities."""

    answer: float
    confirm: float
    ask: float
    second: float
    joined: float

    @classmethod
    def load(cls, path: Path = HERE / "bands.yml") -> "Bands":
        """Read them; raises ValueError when they don't descend from answer to ask."""
        bands = cls(**yaml.safe_load(path.read_text(encoding="utf-8")))
        if not 1 >= bands.answer >= bands.confirm >= bands.ask >= 0:
            raise ValueError(f"{path.name}: needs 1 ≥ answer ≥ confirm ≥ ask ≥ 0, has {bands}")
        return bands

    def of(self, probability: float) -> str:
        """The band of a probability: "answer", "confirm", "ask" or "person"."""
        for name in ("answer", "confirm", "ask"):
            if probability >= getattr(self, name):
                return name
        return "person"


class Understander:
    """Holds one trained model. `understand` never raises, whatever the text."""

    def __init__(self, classifier: Classifier, bands: Bands | None = None) -> None:
        self.classifier = classifier
        self.bands = bands or Bands.load()

    @classmethod
    def load(cls, folder: Path | None = None) -> "Understander":
        """The model kept in `folder` (default `DATA_DIR/model`), trained first when the files have changed.

        Raises `nlu_files.BrokenFile` for training files that can't be read and `gate.BelowFloor` for a model that is
        worse than the floors allow.
        """
        from .train import ensure

        return cls(ensure(folder))

    def understand(self, text: str, now: datetime) -> Understanding:
        """What `text` means at `now` (aware; relative dates count from it)."""
        text = str(text)
        normal = self.classifier.read(text)
        # The classifier first: what it asks of the encoder, all at once, the detector finds remembered.
        decided = self.decide(normal)
        alarm = crisis.detect(text if len(text) <= _LONGEST_ALARM else text[:_LONGEST_ALARM] + text[-1000:])
        intent, second, ranking = _heeding(alarm, *decided)
        probability = dict(ranking)[intent]
        return Understanding(
            text=text,
            normal=normal,
            intent=intent,
            probability=probability,
            ranking=ranking,
            band=self.bands.of(probability),
            second=second,
            entities=tuple(entities.extract(text, now)),
            danger=alarm.danger,
            danger_score=alarm.score,
            backend="local",
        )

    def decide(self, normal: str) -> tuple[str, str | None, Ranking]:
        """Intent, second need and ranking of a text as the classifier reads it.

        A message with two needs is answered for the one that can't wait (`FIRST_NEEDS`, in that order), else for the
        one named last; the other comes back as the second.
        """
        labels = self.classifier.labels
        if not any(ch.isalpha() for ch in normal):
            return "out_of_scope", None, _first(tuple((label, 0.0) for label in labels), "out_of_scope", 1.0)
        halves, joined = _halves(normal)
        rows = self.classifier.probabilities([normal, *halves])
        ranking = _ranking(labels, rows[0])
        if elsewhere.asked(normal):
            return "out_of_scope", None, _first(ranking, "out_of_scope", ELSEWHERE)
        if not halves:
            return ranking[0][0], None, ranking
        needs = [(labels[int(row.argmax())], float(row.max())) for row in rows[1:]]
        return self._two_needs(ranking, needs, joined)

    def _two_needs(
        self, ranking: Ranking, needs: list[tuple[str, float]], joined: bool
    ) -> tuple[str, str | None, Ranking]:
        whole = ranking[0][0]
        (first, sure_first), (last, sure_last) = needs
        enough = self.bands.joined if joined else self.bands.second
        if first == last or min(sure_first, sure_last) < enough or {first, last} & STEERING:
            return whole, None, ranking
        if whole not in (first, last):
            return whole, None, ranking
        urgent = next((name for name in FIRST_NEEDS if name in (first, last)), None)
        intent = urgent or last
        second = first if intent == last else last
        # The rule decides, not the odds of the whole message; they are reported in the order of the decision.
        odds = dict(ranking)
        if not joined and not urgent and odds[intent] < OVERHEARD:
            return whole, None, ranking
        odds[intent], odds[whole] = max(odds[intent], odds[whole]), min(odds[intent], odds[whole])
        return intent, second, tuple(sorted(odds.items(), key=lambda item: (-item[1], item[0] != intent)))


def _halves(normal: str) -> tuple[list[str], bool]:
    """The two questions of a message that seems to hold two (nothing when it holds one), and whether a word such as
    另外 joins them."""
    parts = clauses(focus(normal))
    if len(normal) > _LONGEST_DOUBLE:
        return [], False
    asking = [i for i, part in enumerate(parts) if _ASKS.search(part)]
    added = next((i for i, part in enumerate(parts) if i and _ADDED.match(part)), 0)
    if added and not (asking and added < asking[-1] and _JOINED.match(parts[asking[-1]])):
        return ["".join(parts[:added]), "".join(parts[added:])], True  # told, perhaps without a question
    if not asking or not asking[-1]:
        return [], False
    joined = _JOINED.match(parts[asking[-1]]) is not None
    if joined:
        cut = asking[-1]
    elif (
        len(asking) > 1 and len(parts[asking[-1]].strip("，。；！？ ")) >= 5
    ):  # 能举报吗 asks about what was said before
        cut = asking[0] + 1
    else:
        return [], False
    return ["".join(parts[:cut]), "".join(parts[cut:])], joined


def _first(ranking: Ranking, intent: str, probability: float) -> Ranking:
    """`intent` moved to the front with `probability`; the others share what is left as they did before."""
    rest = [(name, odds) for name, odds in ranking if name != intent]
    left = (1 - probability) / (sum(odds for _, odds in rest) or 1.0)
    return ((intent, probability), *((name, odds * left) for name, odds in rest))


def _heeding(
    alarm: crisis.Crisis, intent: str, second: str | None, ranking: Ranking
) -> tuple[str, str | None, Ranking]:
    """The crisis detector knows danger better than the classifier: where it is sure either way, it decides."""
    if alarm.danger and alarm.score >= SURE_OF_DANGER and intent != "psych_crisis":
        return "psych_crisis", second or intent, _first(ranking, "psych_crisis", alarm.score)
    if intent == "psych_crisis" and alarm.score < SURE_OF_NONE and len(ranking) > 1:
        ranking = (*ranking[1:], (intent, 0.0))
        return ranking[0][0], None if second == ranking[0][0] else second, ranking
    return intent, second, ranking


def _ranking(labels: tuple[str, ...], probabilities: Floats) -> Ranking:
    order = probabilities.argsort()[::-1]
    return tuple(zip(map(labels.__getitem__, order.tolist()), probabilities[order].tolist(), strict=True))
