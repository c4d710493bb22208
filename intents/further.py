"""Whether a message goes on about what was talked about before.

我没签合同，告得赢不 is no question about contracts when unpaid wages were the topic. Two linear models over the classifier's
n-grams, learnt from further/*.yml (what people say next, topic by topic), tell how much a message leans on another one,
against questions that stand by themselves, and which topic it would go on about. A logistic model weighs both with what
the classifier takes the message for.

    model = further.train(classifier, folder, alone)   # beside the classifier
    further.use(model)                                 # from now on `likely` asks it
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from .features import Vectoriser
from .nlu_files import HERE, BrokenFile, Line, is_dev, taxonomy
from .packed import Shares

FOLDER = HERE / "further"
RIDGE = 1.0
FOLDS = 3
ALONE = 1000
"""Questions that stand by themselves learnt from, evenly chosen."""
FEW = 2
"""Every so manieth of these is learnt from for a single topic."""
ALONE_WORTH = 0.9
"""What one of these, put after a topic it has nothing to do with, counts beside a line written as said after it."""
EVERY = 3
"""Every so manieth development line stands for a change of the subject."""
SLACK = 0.001
HALF = 0.35
"""From here on a message is held to go on: most do, and losing the topic costs more than keeping it."""
ANY = "any"
"""Stands for every topic in what may be said after any answer (要多久, 换成慈溪呢)."""
_STEERING = ("affirm", "deny", "help", "greet", "thanks", "goodbye", "cancel")

Floats = NDArray[np.float32]
Ranking = Sequence[tuple[str, float]]


class Reader(Protocol):
    """What is used of the classifier."""

    vectoriser: Vectoriser
    labels: tuple[str, ...]

    def read(self, text: str) -> str:
        """The spelling the model works on."""
        ...

    def row(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        """The known n-grams of a text so spelt, and how much each counts."""
        ...

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Over `labels`, a row for each text so spelt."""
        ...


@dataclass(frozen=True, slots=True)
class Next:
    """What was said after `topic` had been talked about (`ANY`: whatever it was), and the intent it is about."""

    topic: str
    text: str
    intent: str


_learned: Callable[[str, str, Ranking], float] | None = None


def use(learned: Callable[[str, str, Ranking], float] | None) -> None:
    """From now on `likely` asks `learned`; None: nobody knows."""
    global _learned
    _learned = learned


def likely(text: str, topic: str, ranking: Ranking) -> float | None:
    """How likely `text`, which the classifier ranked so, goes on about `topic`; None where no model was given."""
    return None if _learned is None else _learned(text, topic, ranking)


def read_folder(folder: Path = FOLDER) -> list[Next]:
    """All lines of further/*.yml. Raises `BrokenFile` with every fault found."""
    known, faults, lines = {*taxonomy(), ANY}, list[str](), list[Next]()
    for path in sorted(folder.glob("*.yml")):
        try:
            rows = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            topic = str(rows["topic"])
            found = [Next(topic, str(text), topic) for text in rows["further"]]
            found += [Next(topic, str(text), str(intent)) for text, intent in rows.get("anew", ())]
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            faults.append(f"{path.name}: needs topic, further (lines) and anew (pairs of line and intent): {error}")
            continue
        faults += [
            f"{path.name}: {line.text}: there is no intent {name}; see taxonomy.yml"
            for line in found
            for name in (line.topic, line.intent)
            if name not in known
        ]
        lines += found
    if faults:
        raise BrokenFile("\n".join(faults))
    return lines


def harmless(lines: Sequence[Next]) -> list[Line]:
    """What was said next, as lines for the crisis detector: short, full of worry, and no danger."""
    return [
        Line(line.text, "out_of_scope", "further", "")
        for line in lines
        if line.intent not in ("psych_crisis", "emergency") and not is_dev(line.text)
    ]


@dataclass(frozen=True, slots=True)
class Further:
    """The trained model."""

    reader: Reader
    topics: tuple[str, ...]
    shares: Shares
    """A row a known n-gram: its share in leaning on something, and in going on about each topic."""
    weights: tuple[float, ...]

    def __call__(self, text: str, topic: str, ranking: Ranking) -> float:
        """How likely `text`, which the classifier ranked so, goes on about `topic`."""
        said = self.shares.of(*self.reader.row(self.reader.read(text)))
        signs = _signs(said, self.topics, text, topic, ranking)
        return float(1 / (1 + np.exp(-(signs @ np.array(self.weights)))))

    def after(self, topic: str, text: str) -> float:
        """The same for a message that isn't ranked yet."""
        odds = self.reader.probabilities([self.reader.read(text)])[0].tolist()
        return self(text, topic, _ranked(self.reader.labels, odds))

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        self.shares.save(folder, "further")
        described = {"topics": self.topics, "weights": self.weights}
        (folder / "further.json").write_text(json.dumps(described), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, reader: Reader) -> "Further":
        """What `save` wrote. Raises OSError or ValueError when it isn't whole."""
        described = json.loads((folder / "further.json").read_text(encoding="utf-8"))
        topics, weights = tuple(described["topics"]), tuple(described["weights"])
        shares = Shares.load(folder, "further")
        if shares.entries.shape != (len(reader.vectoriser.known), 1 + len(topics)) or len(weights) != _COUNT:
            raise ValueError("further.npy belongs to another model")
        return cls(reader, topics, shares, weights)


_COUNT = 8


def _signs(said: Floats, topics: tuple[str, ...], text: str, topic: str, ranking: Ranking) -> NDArray[np.float64]:
    """What the logistic model weighs."""
    odds = dict(ranking)
    other = next((share for name, share in ranking if name != topic), 0.0)
    towards = float(said[1 + topics.index(topic)]) if topic in topics else 0.0
    strongest = float(said[1:].max()) if topics else 0.0
    return np.array(
        [
            1.0,
            float(said[0]),
            towards,
            towards - strongest,
            _log_odds(odds.get(topic, 0.0)),
            _log_odds(other),
            odds.get("out_of_scope", 0.0) + 0.5 * sum(odds.get(name, 0.0) for name in _STEERING),
            float(np.log(1 + len(text))),
        ]
    )


def _log_odds(share: float) -> float:
    return float(np.log((share + 1e-3) / (1 - share + 1e-3)))


def train(reader: Reader, lines: Sequence[Next], alone: Sequence[Line]) -> Further:
    """Learn from what was said next, and from `alone`, ordinary training lines. Development lines (`is_dev`) of both
    are left out of the linear models; those of `alone`, put after some topic, stand for changes of the subject."""
    learnt = [line for line in lines if not is_dev(line.text)]
    topics = tuple(sorted({line.topic for line in learnt} - {ANY}))
    if not topics:
        return Further(
            reader, (), Shares.made(np.zeros((len(reader.vectoriser.known), 1), np.float32)), (0.0,) * _COUNT
        )
    trained = [line for line in alone if not is_dev(line.text)]
    chosen = trained[:: max(1, len(trained) // ALONE)]
    from .fitting import linear_kernel

    rows = _rows(reader, [line.text for line in learnt] + [line.text for line in chosen])
    kernel = linear_kernel(rows)
    duals, said = np.zeros((2, len(kernel), 1 + len(topics)), np.float32)
    for column, (mine, wanted) in enumerate(_questions(learnt, chosen, topics)):
        square = kernel[np.ix_(mine, mine)]
        duals[mine, column] = _solved(square, wanted)
        said[:, column] = kernel[:, mine] @ duals[mine, column]
        said[mine, column] = _held_out(square, wanted)
    shares = np.asarray(rows.T @ duals, np.float32)
    moved = [Next(ANY, line.text, line.intent) for line in alone if is_dev(line.text)][::EVERY]
    said = np.concatenate([said[: len(learnt)], _rows(reader, [line.text for line in moved]) @ shares])
    worth = np.repeat([1.0, ALONE_WORTH], [len(learnt), len(moved)])
    after = [placed(line, topics, number) for number, line in enumerate((*learnt, *moved))]
    return Further(reader, topics, Shares.made(shares), _weighed(reader, topics, after, said, worth))


def _questions(
    learnt: Sequence[Next], chosen: Sequence[Line], topics: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """For each linear model which of the lines it learns from, and 1 or -1 for each: whether a line leans on anything at
    all; then, for each topic, whether it goes on about that one."""
    leans = [1.0 if line.intent == line.topic else -1.0 for line in learnt]
    yield np.arange(len(learnt) + len(chosen)), np.array(leans + [-1.0] * len(chosen), np.float32)
    for topic in topics:
        mine = [number for number, line in enumerate(learnt) if line.topic in (topic, ANY)]
        others = [len(learnt) + number for number, line in enumerate(chosen) if line.intent != topic][::FEW]
        wanted = [leans[number] for number in mine] + [-1.0] * len(others)
        yield np.array(mine + others), np.array(wanted, np.float32)


def placed(line: Next, topics: Sequence[str], number: int) -> Next:
    """A line that may follow any topic, put after one of them, the `number`th time another one."""
    if line.topic != ANY:
        return line
    others = [topic for topic in topics if topic != line.intent]
    topic = others[number * 7 % len(others)]
    return Next(topic, line.text, topic if line.intent == ANY else line.intent)


def _rows(reader: Reader, texts: Sequence[str]) -> Any:
    from .fitting import matrix

    return matrix([reader.row(reader.read(text)) for text in texts], len(reader.vectoriser.known))


def _solved(kernel: Floats, wanted: Floats) -> Floats:
    from scipy.linalg import solve

    solution: Floats = solve(kernel + RIDGE * np.eye(len(kernel), dtype=np.float32), wanted, assume_a="pos")
    return solution


def _held_out(kernel: Floats, wanted: Floats) -> Floats:
    """What models that haven't seen a line say of it."""
    said = np.empty_like(wanted)
    fold = np.random.default_rng(0).permutation(len(kernel)) % FOLDS
    for number in range(FOLDS):
        held, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        said[held] = kernel[np.ix_(held, rest)] @ _solved(kernel[np.ix_(rest, rest)], wanted[rest])
    return said


def _weighed(
    reader: Reader, topics: tuple[str, ...], lines: Sequence[Next], said: NDArray[Any], worth: NDArray[Any]
) -> tuple[float, ...]:
    """The logistic model's weights."""
    from scipy.optimize import minimize

    odds = reader.probabilities([reader.read(line.text) for line in lines])
    signs = np.array(
        [
            _signs(mine, topics, line.text, line.topic, _ranked(reader.labels, row))
            for line, mine, row in zip(lines, said, odds.tolist(), strict=True)
        ]
    )
    goes_on = np.array([1.0 if line.topic == line.intent else -1.0 for line in lines])

    spread = np.maximum(signs.std(axis=0), 1e-6)
    spread[0] = 1.0

    def loss(weights: NDArray[np.float64]) -> float:
        missed = worth * np.logaddexp(0, -goes_on * ((signs / spread) @ weights))
        return float(missed.mean() + SLACK * (weights[1:] @ weights[1:]))

    return tuple((minimize(loss, np.zeros(_COUNT), method="BFGS").x / spread).tolist())


def _ranked(labels: Sequence[str], odds: Sequence[float]) -> Ranking:
    return sorted(zip(labels, odds, strict=True), key=lambda row: -row[1])
