"""Training files: read with their line numbers, refused with a reason, split once and for ever."""

from pathlib import Path

import pytest

from intents import nlu_files
from intents.nlu_files import BrokenFile, contradictions, is_dev, read_folder, read_table, strip_annotations

GOOD = """version: "3.1"
nlu:
- intent: greet
  metadata:
    register: plain
  examples: |
    - 你好
    - 早上好
- intent: permit_renewal
  examples: |
    - [海曙区](district)哪里签注
    - [初中]{"entity": "stage", "value": "junior"}怎么办
"""


def write(folder: Path, text: str, name: str = "one.yml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_lines_know_their_intent_register_and_place(tmp_path: Path) -> None:
    lines = read_folder(write(tmp_path, GOOD))
    assert [(line.text, line.intent, line.register, line.where) for line in lines] == [
        ("你好", "greet", "plain", "one.yml:7"),
        ("早上好", "greet", "plain", "one.yml:8"),
        ("海曙区哪里签注", "permit_renewal", "plain", "one.yml:11"),
        ("初中怎么办", "permit_renewal", "plain", "one.yml:12"),
    ]


@pytest.mark.parametrize(
    ("broken", "where", "why"),
    [
        (GOOD.replace("- 早上好", "早上好"), "one.yml:8", "starts with '- '"),
        (GOOD.replace("intent: greet", "intent: greeet"), "one.yml:3", "'greeet' is no intent"),
        (GOOD.replace("(district)", "(dis trict)"), "one.yml:11", "no entity type"),
        (GOOD.replace("](district)", "](district"), "one.yml:11", "not closed"),
        (GOOD.replace("  metadata:", " metadata:"), "one.yml:4", "not YAML"),
        (GOOD.replace("examples: |\n    - 你好\n    - 早上好", "examples: 你好"), "one.yml:3", "examples: |"),
        ("version: '3.1'\n", "one.yml:1", "no list under 'nlu:'"),
        (GOOD.replace("- intent: greet\n ", "- intend: greet\n "), "one.yml:3", "without 'intent:'"),
    ],
)
def test_a_broken_file_names_its_line_and_why(tmp_path: Path, broken: str, where: str, why: str) -> None:
    with pytest.raises(BrokenFile) as caught:
        read_folder(write(tmp_path, broken))
    assert where in str(caught.value)
    assert why in str(caught.value)


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_bytes(GOOD.encode().replace("早上好".encode(), "早上好".encode("gb18030")))
    with pytest.raises(BrokenFile, match=r"one\.yml:8: not UTF-8"):
        read_folder(tmp_path)


def test_an_empty_folder_is_no_training_data(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match="no training files"):
        read_folder(tmp_path)


def test_one_sentence_under_two_intents_is_found_in_any_spelling(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, 'version: "3.1"\nnlu:\n- intent: thanks\n  examples: |\n    - 早上好！\n', "two.yml")
    (found,) = contradictions(read_folder(tmp_path))
    assert "two.yml:5" in found
    assert "one.yml:8" in found


def test_the_split_depends_on_the_sentence_alone() -> None:
    texts = [f"第{n}个问题怎么办" for n in range(4000)]
    share = sum(map(is_dev, texts)) / len(texts)
    assert 0.13 < share < 0.17
    assert all(is_dev(text) == is_dev(f" {text}？ ") for text in texts)


def test_annotations_leave_what_was_written() -> None:
    assert strip_annotations('[海曙区](district)的[初一]{"entity": "stage"}') == "海曙区的初一"


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("sentence\tintent\n你好\tgreet\n", encoding="utf-8")
    with pytest.raises(BrokenFile, match="needs the columns 'text'"):
        read_table(path)
    path.write_text("text\tintent\n你好\n", encoding="utf-8")
    with pytest.raises(BrokenFile, match=r"t\.tsv:2"):
        read_table(path)


class TestOurFiles:
    """What the training files of this project keep to."""

    def test_no_sentence_stands_under_two_intents(self) -> None:
        assert list(contradictions(read_folder())) == []

    def test_every_intent_has_its_share(self) -> None:
        counts = dict.fromkeys(nlu_files.taxonomy(), 0)
        for line in read_folder():
            counts[line.intent] += 1
        least = {"out_of_scope": 400, "psych_crisis": 300}
        assert {name: n for name, n in counts.items() if n < least.get(name, 150)} == {}

    def test_no_sentence_is_both_learnt_and_tested(self) -> None:
        lines = read_folder()
        learnt = {nlu_files.split_key(line.text) for line in lines if not is_dev(line.text)}
        tested = {nlu_files.split_key(line.text) for line in lines if is_dev(line.text)}
        assert not learnt & tested
