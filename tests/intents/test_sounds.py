"""What sounds alike meets: pinyin with and without spaces, initials, homophones."""

import pytest

from intents import features
from intents.sounds import Phrases, Sounds

LINES = ["居住证丢了怎么补办"] * 9 + [
    "我的居住证到期了",
    "老板拖欠工资",
    "工资没发怎么办",
    "孩子上学要居住证吗",
    "先去哪里办",
]


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    return Sounds.learn(LINES)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("juzhuzheng diu le", "居住证丢了"),
        ("juzhuzhengdiule", "居住证丢了"),
        ("我的juzhuzheng丢了", "我的居住证丢了"),
        ("jzz丢了", "居住证丢了"),
        ("wifi打不开", "wifi打不开"),
        ("hello how are you", "hello how are you"),
        ("zxcvb", "zxcvb"),
        ("居住证", "居住证"),
        ("", ""),
    ],
)
def test_spelt_sounds_become_characters(sounds: Sounds, written: str, meant: str) -> None:
    assert sounds.spelt_out(written) == meant


def of_family(text: str, family: str, sounds: Sounds) -> set[int]:
    found = features.keys(text, sounds).tolist()
    return {key for key in found if key >> 62 == list(features.FAMILIES).index(family)}


def test_homophones_share_all_their_syllables(sounds: Sounds) -> None:
    right, wrong = "居住证", "居主证"
    assert of_family(right, "syllables", sounds) == of_family(wrong, "syllables", sounds) != set()
    assert of_family(right, "characters", sounds) != of_family(wrong, "characters", sounds)


def test_accents_are_blurred(sounds: Sounds) -> None:
    assert of_family("身份证", "blurred", sounds) == of_family("森份蒸", "blurred", sounds) != set()


def test_what_is_saved_is_what_is_loaded(sounds: Sounds, tmp_path) -> None:
    sounds.save(tmp_path)
    loaded = Sounds.load(tmp_path)
    assert loaded.spelt_out("wode juzhuzheng daoqi le") == sounds.spelt_out("wode juzhuzheng daoqi le")
    assert loaded.of("居住证") == ["ju", "zhu", "zheng"]


def test_phrases_are_found_as_in_a_dictionary() -> None:
    table = {"ju": ("居", 1.5), "juzhu": ("居住", 0.25), "lü": ("旅", 3.0), "zheng": ("证", 2.0)}
    phrases = Phrases.of(table)
    for spelt in (*table, "j", "juz", "juzhuzheng", "a", "zz", "lu", ""):
        assert phrases.get(spelt.encode()) == table.get(spelt), spelt
    assert {b"ju", b"juzh", b"zh", b"zhen"} <= phrases.starts()
    assert Phrases.of({}).get(b"ju") is None
