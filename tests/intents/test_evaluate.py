"""The evaluation commands: what they read, what their last line says, and that the figures are right."""

import json
import re
from pathlib import Path

import pytest

from intents import evaluate
from intents.evaluate import Verdict, accuracy, answered_out_of_scope, calibration_error, last_line, macro_f1
from intents.nlu_files import Line


def verdict(label: str, taken: str, probability: float = 0.9, band: str = "answer") -> Verdict:
    return Verdict(Line("x", label, "plain", "t:1"), taken, probability, band, 0.001)


ROWS = [verdict("a", "a"), verdict("a", "a"), verdict("a", "b"), verdict("b", "b"), verdict("c", "a")]


def test_accuracy_and_macro_f1_by_hand() -> None:
    assert accuracy(ROWS) == 3 / 5
    # a: 2 of 3 rows, taken 3 times: 2/3; b: 1 of 1, taken twice: 2/3; c: 0
    assert macro_f1(ROWS) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert last_line(ROWS) == "accuracy=0.600 macro_f1=0.444 n=5"


def test_calibration_error_by_hand() -> None:
    sure = [verdict("a", "a", 0.95)] * 3 + [verdict("a", "b", 0.95)]
    doubtful = [verdict("a", "a", 0.35), verdict("a", "b", 0.35)]
    assert calibration_error(sure) == pytest.approx(0.20)
    assert calibration_error(sure + doubtful) == pytest.approx((4 * 0.20 + 2 * 0.15) / 6)


def test_out_of_scope_counts_only_what_is_answered() -> None:
    rows = [
        verdict("out_of_scope", "greet"),
        verdict("out_of_scope", "greet", 0.5, "confirm"),
        verdict("out_of_scope", "out_of_scope"),
        verdict("greet", "out_of_scope"),
    ]
    assert answered_out_of_scope(rows) == pytest.approx(1 / 3)


@pytest.fixture
def here(tmp_path: Path, model_dir: Path, understander: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(model_dir.parent))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = evaluate.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, (captured.out or captured.err).rstrip("\n").splitlines()[-1]


def test_labels(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = here / "t.tsv", here / "out.json"
    table.write_text(
        "text\tintent\tregister\n你好\tgreet\tplain\n居住证丢了怎么补\tpermit_replacement\tplain\n", encoding="utf-8"
    )
    code, line = run(capsys, "--labels", table, "--json", out)
    assert (code, line) == (0, "accuracy=1.000 macro_f1=1.000 n=2")
    assert [row["right"] for row in json.loads(out.read_text(encoding="utf-8"))] == [True, True]


def test_the_same_method_trained_on_another_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(
        f"{verb}{thing}\t{label}\n"
        for label, verb in (("eat", "我要吃"), ("watch", "我想看"))
        for thing in ("面", "饭", "鱼", "电影", "电视", "书")
    )
    (here / "train.tsv").write_text("text\tlabel\n" + rows, encoding="utf-8")
    (here / "test.tsv").write_text("text\tlabel\n我要吃菜\teat\n我想看戏\twatch\n", encoding="utf-8")
    code, line = run(capsys, "--train", here / "train.tsv", "--labels", here / "test.tsv")
    assert (code, line) == (0, "accuracy=1.000 macro_f1=1.000 n=2")


def test_crisis(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "c.tsv").write_text("text\tcrisis\n我不想活了\t1\n今天累死了\t0\n", encoding="utf-8")
    code, line = run(capsys, "--crisis", here / "c.tsv")
    assert (code, line) == (0, "recall=1.000 precision=1.000 n=2")


def test_entities(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"text": "海曙区明天", "entities": [{"type": "district", "value": "海曙区", "text": "海曙区"}]}
    (here / "e.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    code, line = run(capsys, "--entities", here / "e.jsonl")
    assert (code, line) == (0, "precision=0.500 recall=1.000 f1=0.667 n=1")


def test_alone_it_reports_on_the_development_set(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main([]) == 0
    out = capsys.readouterr().out
    for part in (
        "register ",
        "worst confusions",
        "calibration error (ECE)",
        "out_of_scope answered as in scope",
        "milliseconds a message: p50",
        "crisis detector: recall=",
    ):
        assert part in out
    assert re.fullmatch(r"accuracy=0\.\d{3} macro_f1=0\.\d{3} n=\d+", out.rstrip().splitlines()[-1])


@pytest.mark.parametrize(
    ("option", "content", "why"),
    [
        ("--labels", "a\tb\n1\t2\n", "needs the columns 'text' and 'intent'"),
        ("--crisis", "text\tcrisis\n你好\tyes\n", "write 0 or 1"),
        ("--entities", "{}\n", "f:1: not"),
    ],
)
def test_a_broken_table_is_named(
    here: Path, capsys: pytest.CaptureFixture[str], option: str, content: str, why: str
) -> None:
    (here / "f").write_text(content, encoding="utf-8")
    code, line = run(capsys, option, here / "f")
    assert code == 1
    assert why in line
