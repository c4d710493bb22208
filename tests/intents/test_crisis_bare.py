"""Bare answers to a form's questions are never taken for danger; plain words of danger always are, however short."""

import pytest

from intents import crisis
from intents.understander import Understander


@pytest.mark.parametrize(
    "text",
    [
        "2026年1月5日",
        "1990.3.7",
        "一万八",
        "三个月",
        "0",
        "13805741234",
        "跳过",
        "晚上",
        "没有",
        "都行",
        "5个",
        "两年半",
        "3月5号左右",
    ],
)
def test_a_bare_answer_is_no_danger(understander: Understander, text: str) -> None:
    assert not crisis.detect(text).danger


@pytest.mark.parametrize("text", ["自杀", "想死", "跳楼", "割腕", "我想死。", "不想活了"])
def test_short_words_of_danger_are_heard(understander: Understander, text: str) -> None:
    assert crisis.detect(text).danger
