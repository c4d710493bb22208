"""How well the service understands: `python -m intents.evaluate`, alone for the whole report on the development set.

The last line printed is a contract (docs/understanding.md lists them).
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from . import nlu_files
from .gate import BelowFloor
from .nlu_files import Line

Predict = Callable[[str], tuple[str, float, str]]
SIMULATED_NOW = "2026-11-22T10:00:00+08:00"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row: what it was, what it was taken for, how sure, in which band, how long that took (seconds)."""

    line: Line
    intent: str
    probability: float
    band: str
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the first choice was the label."""
        return self.intent == self.line.intent


def judge(lines: Sequence[Line], predict: Predict) -> list[Verdict]:
    """Ask `predict` about every line, one at a time, as the service would."""
    verdicts = []
    for line in lines:
        start = time.perf_counter()
        intent, probability, band = predict(line.text)
        verdicts.append(Verdict(line, intent, probability, band, time.perf_counter() - start))
    return verdicts


def accuracy(verdicts: Sequence[Verdict]) -> float:
    """Share of rows whose first choice was right; 0 without rows."""
    return sum(v.right for v in verdicts) / len(verdicts) if verdicts else 0.0


def macro_f1(verdicts: Sequence[Verdict]) -> float:
    """The mean of the labels' F1, over the labels that occur in the rows."""
    scores = [f1 for _, f1, _ in per_intent(verdicts).values()]
    return sum(scores) / len(scores) if scores else 0.0


def per_intent(verdicts: Sequence[Verdict]) -> dict[str, tuple[float, float, int]]:
    """For each label its recall, F1 and number of rows."""
    rows, taken, right = Counter[str](), Counter[str](), Counter[str]()
    for v in verdicts:
        rows[v.line.intent] += 1
        taken[v.intent] += 1
        right[v.intent] += v.right
    return {name: (right[name] / n, 2 * right[name] / (n + taken[name]), n) for name, n in sorted(rows.items())}


def calibration_error(verdicts: Sequence[Verdict], bins: int = 10) -> float:
    """Expected calibration error: how far probabilities are from the share that was right, on average."""
    groups: dict[int, list[Verdict]] = defaultdict(list)
    for v in verdicts:
        groups[min(int(v.probability * bins), bins - 1)].append(v)
    gaps = (len(g) * abs(accuracy(g) - sum(v.probability for v in g) / len(g)) for g in groups.values())
    return sum(gaps) / len(verdicts) if verdicts else 0.0


def answered_out_of_scope(verdicts: Sequence[Verdict]) -> float:
    """Share of out_of_scope rows that would be answered as if they were in scope (band "answer")."""
    outside = [v for v in verdicts if v.line.intent == "out_of_scope"]
    return sum(not v.right and v.band == "answer" for v in outside) / len(outside) if outside else 0.0


def last_line(verdicts: Sequence[Verdict]) -> str:
    """`accuracy=0.912 macro_f1=0.903 n=544`."""
    return f"accuracy={accuracy(verdicts):.3f} macro_f1={macro_f1(verdicts):.3f} n={len(verdicts)}"


def report(verdicts: Sequence[Verdict]) -> str:
    """Everything about labelled rows, for people to read."""
    out = ["intent                  recall     f1     n"]
    out += [f"{name:22s}  {r:6.3f} {f:6.3f} {n:5d}" for name, (r, f, n) in per_intent(verdicts).items()]
    registers: dict[str, list[Verdict]] = defaultdict(list)
    for v in verdicts:
        registers[v.line.register].append(v)
    out += ["", "register              accuracy     n"]
    out += [f"{name:20s}  {accuracy(group):8.3f} {len(group):5d}" for name, group in sorted(registers.items())]
    wrong = Counter((v.line.intent, v.intent) for v in verdicts if not v.right)
    out += ["", "worst confusions (label → taken for)"]
    out += [f"{n:4d}  {a} → {b}" for (a, b), n in wrong.most_common(10)]
    bands: dict[str, list[Verdict]] = defaultdict(list)
    for v in verdicts:
        bands[v.band].append(v)
    out += ["", "band        share   right"]
    out += [
        f"{name:10s} {len(bands[name]) / len(verdicts):6.3f}  {accuracy(bands[name]):6.3f}"
        for name in ("answer", "confirm", "ask", "person")
        if bands[name]
    ]
    times = np.array([v.seconds for v in verdicts]) * 1000
    out += [
        "",
        f"calibration error (ECE) {calibration_error(verdicts):.3f}",
        f"out_of_scope answered as in scope {answered_out_of_scope(verdicts):.3f}",
        f"milliseconds a message: p50 {np.percentile(times, 50):.2f}, p99 {np.percentile(times, 99):.2f}",
    ]
    return "\n".join(out)


def _rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "text": v.line.text,
            "intent": v.line.intent,
            "register": v.line.register,
            "predicted": v.intent,
            "probability": round(v.probability, 4),
            "band": v.band,
            "right": v.right,
        }
        for v in verdicts
    ]


def local_predict(now: datetime) -> Predict:
    """Asks the service's own model; the time includes danger, second need and entities."""
    from .understander import Understander

    understander = Understander.load()

    def predict(text: str) -> tuple[str, float, str]:
        understood = understander.understand(text, now)
        return understood.intent, understood.probability, understood.band

    return predict


def trained_predict(lines: Sequence[Line]) -> Predict:
    """The same method trained on any labelled set, for comparison with published figures."""
    from .encoder import Encoder
    from .encoder_files import prepare
    from .fitting import fit
    from .train import model_folder
    from .understander import Bands

    model_folder().mkdir(parents=True, exist_ok=True)
    model = fit([line.text for line in lines], [line.intent for line in lines], Encoder(prepare(model_folder())))
    bands = Bands.load()

    def predict(text: str) -> tuple[str, float, str]:
        probabilities = model.probabilities([model.read(text)])[0]
        best = int(probabilities.argmax())
        return model.labels[best], float(probabilities[best]), bands.of(float(probabilities[best]))

    return predict


def evaluate_crisis(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """`recall=1.000 precision=0.950 n=300`, and every row."""
    from . import crisis
    from .understander import Understander

    lines = nlu_files.read_table(path, "crisis")
    Understander.load()  # brings the detector's learned half with it
    rows = []
    for line in lines:
        if line.intent not in ("0", "1"):
            raise nlu_files.BrokenFile(f"{line.where}: crisis is {line.intent!r}; write 0 or 1")
        found = crisis.detect(line.text)
        rows.append(
            {
                "text": line.text,
                "crisis": line.intent == "1",
                "register": line.register,
                "danger": found.danger,
                "score": round(found.score, 4),
                "reason": found.reason,
            }
        )
    return crisis_line(rows), rows


def crisis_line(rows: Sequence[dict[str, Any]]) -> str:
    """The figures of rows with `crisis` and `danger`."""
    hit = sum(r["crisis"] and r["danger"] for r in rows)
    real, raised = sum(r["crisis"] for r in rows), sum(r["danger"] for r in rows)
    return f"recall={hit / real if real else 1.0:.3f} precision={hit / raised if raised else 1.0:.3f} n={len(rows)}"


def evaluate_entities(path: Path, now: datetime) -> tuple[str, list[dict[str, Any]]]:
    """`precision=0.95 recall=0.94 f1=0.945 n=150`, and every row. Type and value must both be right."""
    from . import entities

    rows, hit, found_all, real_all = [], 0, 0, 0
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
            text, real = row["text"], Counter((e["type"], str(e["value"])) for e in row["entities"])
        except (ValueError, KeyError, TypeError) as error:
            raise nlu_files.BrokenFile(
                f'{path.name}:{number}: not {{"text", "entities": [{{"type", "value", "text"}}]}}: {error}'
            ) from error
        found = Counter((e.type, e.value) for e in entities.extract(text, now))
        hit, found_all, real_all = hit + (real & found).total(), found_all + found.total(), real_all + real.total()
        rows.append(
            {
                "text": text,
                "missed": sorted((real - found).elements()),
                "invented": sorted((found - real).elements()),
                "right": real == found,
            }
        )
    precision, recall = hit / found_all if found_all else 1.0, hit / real_all if real_all else 1.0
    f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
    return f"precision={precision:.3f} recall={recall:.3f} f1={f1:.3f} n={len(rows)}", rows


def development_report(predict: Predict) -> tuple[str, list[Verdict]]:
    """The report on the 15 % that training never sees, with the crisis detector's own."""
    from . import crisis

    lines = [line for line in nlu_files.read_folder() if nlu_files.is_dev(line.text)]
    verdicts = judge(lines, predict)
    rows = [{"crisis": line.intent == "psych_crisis", "danger": crisis.detect(line.text).danger} for line in lines]
    return f"{report(verdicts)}\ncrisis detector: {crisis_line(rows)}", verdicts


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m intents.evaluate", description=__doc__)
    parser.add_argument("--labels", type=Path, help="a table: text⇥intent (+ register)")
    parser.add_argument("--train", type=Path, help="with --labels: train the same method on this table first")
    parser.add_argument("--crisis", type=Path, help="a table: text⇥crisis (0 or 1)")
    parser.add_argument("--entities", type=Path, help="JSON lines: text, entities")
    parser.add_argument("--now", default=SIMULATED_NOW, help="when the messages were written (default %(default)s)")
    parser.add_argument("--backend", choices=("local", "rasa"), default="local")
    parser.add_argument("--json", type=Path, help="write every row's verdict here")
    options = parser.parse_args(arguments)
    if options.train and not options.labels:
        parser.error("--train needs --labels, the table to test on")
    try:
        options.now = datetime.fromisoformat(options.now)
    except ValueError:
        parser.error(f"--now {options.now!r} is not an ISO date and time such as {SIMULATED_NOW}")
    if options.now.tzinfo is None:
        options.now = options.now.astimezone()
    return options


def _run(options: argparse.Namespace) -> tuple[str, list[dict[str, Any]]]:
    if options.crisis:
        return evaluate_crisis(options.crisis)
    if options.entities:
        return evaluate_entities(options.entities, options.now)
    if options.backend == "rasa":
        from .rasa import evaluation_predict

        predict = evaluation_predict()
    elif options.train:
        predict = trained_predict(nlu_files.read_table(options.train))
    else:
        predict = local_predict(options.now)
    if options.labels:
        verdicts = judge(nlu_files.read_table(options.labels), predict)
        text = report(verdicts)
    else:
        text, verdicts = development_report(predict)
    print(text, end="\n\n")
    return last_line(verdicts), _rows(verdicts)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when it could be measured, 1 when a file is broken or missing or the model is below a floor."""
    options = _arguments(arguments)
    try:
        line, rows = _run(options)
    except (nlu_files.BrokenFile, BelowFloor, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
