"""One message in, everything understood of it out, whatever the message."""

import dataclasses
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intents import Understander, crisis
from intents.nlu_files import taxonomy
from intents.understander import Bands

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
BAD = {
    "empty": "",
    "spaces": "   \n\t ",
    "emoji": "🦆",
    "long": "我的居住证" * 2000,
    "surrogate": "\ud800居住证\udfff",
    "control": "\x00\x01\x1b[31m你\x7f",
    "url": "https://example.org/?q=" + "a" * 500,
    "json": '{"intent": "greet", "x": [1, 2, {"y": null}]}',
    "thai": "สวัสดีครับ",
    "arabic": "مرحبا كيف حالك",
    "card": "6222021234567890123",
    "letters": "zxcvbnm" * 50,
    "one letter": "a" * 10_000,
    "slash": "/wage_arrears",
    "pinyin without end": "juzhuzheng" * 1000,
    "marks": "？！。，" * 300,
    "spaced": "居 住 证 丢 了 " * 500,
}


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("居住证丢了怎么补办", "permit_replacement"),
        ("居住證丟了怎麼補辦", "permit_replacement"),
        ("居主证丢了怎么补办", "permit_replacement"),
        ("juzhuzheng diu le zenme buban", "permit_replacement"),
        ("juzhuzhengdiulezenmebuban", "permit_replacement"),
        ("老板拖欠我三个月工资不给", "wage_arrears"),
        ("不是补办，是到期了要签注", "permit_renewal"),
        ("明天会下雨吗", "out_of_scope"),
        ("转人工", "human_agent"),
        ("你好", "greet"),
    ],
)
def test_what_is_said_plainly_is_understood_in_any_script(understander: Understander, text: str, intent: str) -> None:
    assert understander.understand(text, NOW).intent == intent


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_bad_input_gets_an_answer_within_50_ms(understander: Understander, text: str) -> None:
    understander.understand("热身", NOW)
    took = []
    for _ in range(3):
        start = time.process_time()
        understood = understander.understand(text, NOW)
        took.append(time.process_time() - start)
    assert understood.intent in taxonomy()
    assert understood.text == text
    assert min(took) < 0.050


@pytest.mark.parametrize("name", ["empty", "spaces", "emoji", "marks", "thai", "arabic", "letters"])
def test_what_says_nothing_is_out_of_scope(understander: Understander, name: str) -> None:
    assert understander.understand(BAD[name], NOW).intent == "out_of_scope"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(codec=None), max_size=120))
def test_nothing_raises(understander: Understander, text: str) -> None:
    understood = understander.understand(text, NOW)
    assert 0.0 <= understood.probability <= 1.0
    assert understood.ranking[0][0] == understood.intent


def test_the_ranking_holds_every_intent_once_and_sums_to_one(understander: Understander) -> None:
    ranking = understander.understand("居住证在哪里办", NOW).ranking
    assert sorted(name for name, _ in ranking) == sorted(taxonomy())
    assert sum(p for _, p in ranking) == pytest.approx(1.0, abs=1e-3)
    assert [p for _, p in ranking] == sorted((p for _, p in ranking), reverse=True)


@pytest.mark.parametrize(
    ("text", "intent", "second"),
    [
        ("居住证在哪办，还有孩子打疫苗去哪里", "vaccination", "permit_application"),
        ("老板欠我工资不给，还有居住证到期了怎么续", "wage_arrears", "permit_renewal"),
    ],
)
def test_of_two_needs_the_urgent_or_else_the_last_is_answered(
    understander: Understander, text: str, intent: str, second: str
) -> None:
    understood = understander.understand(text, NOW)
    assert (understood.intent, understood.second) == (intent, second)


def test_danger_is_the_detectors_word_whatever_the_intent(understander: Understander) -> None:
    text = "我不想活了，居住证怎么补办"
    assert crisis.detect(text).danger
    assert understander.understand(text, NOW).danger


def test_the_band_follows_the_thresholds() -> None:
    bands = Bands(answer=0.7, confirm=0.5, ask=0.2, second=0.5, joined=0.4)
    assert [bands.of(p) for p in (0.7, 0.69, 0.5, 0.49, 0.2, 0.19)] == [
        "answer",
        "confirm",
        "confirm",
        "ask",
        "ask",
        "person",
    ]


def test_thresholds_that_do_not_descend_are_refused(tmp_path) -> None:
    path = tmp_path / "bands.yml"
    path.write_text("{answer: 0.3, confirm: 0.5, ask: 0.2, second: 0.5, joined: 0.4}", encoding="utf-8")
    with pytest.raises(ValueError, match="needs 1 ≥ answer"):
        Bands.load(path)


def test_entities_come_with_their_place_in_the_message(understander: Understander) -> None:
    understood = understander.understand("海曙区哪里能签注", NOW)
    (district,) = [entity for entity in understood.entities if entity.type == "district"]
    assert understood.text[district.start : district.end] == district.text
    assert dataclasses.asdict(district)["value"] == "海曙区"


@pytest.mark.parametrize(
    "text", ["放一首老歌给我听", "我姑下礼拜也到宁波", "后天南京热不热", "房东讲不同意就撵我走", "给我姐打个电话", "我侄女八岁了也要吗"]
)  # fmt: skip
def test_relatives_songs_and_being_turned_out_are_no_cry_for_help(understander: Understander, text: str) -> None:
    found = understander.understand(text, NOW)
    assert not found.danger and found.intent != "psych_crisis"


def test_the_classifier_remembers_how_much_danger_it_saw(understander: Understander) -> None:
    classifier = understander.classifier
    said = classifier.read("我哥想把户口迁过来")
    row = classifier.probabilities([said])[0]
    assert classifier.danger(said) == pytest.approx(float(row[classifier.labels.index("psych_crisis")]))
    assert not classifier.training
