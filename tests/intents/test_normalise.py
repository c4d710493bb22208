"""One spelling for many, and never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.normalise import normalise


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("居住證丟了怎麼補辦", "居住证丢了怎么补办"),
        ("ＡＢＣ１２３", "abc123"),
        ("居住证　怎么　办", "居住证怎么办"),
        ("急急急急急急", "急急"),
        ("在哪办？？？？", "在哪办？"),
        ("工资没发😭", "工资没发哭"),
        ("谢谢你[抱拳]", "谢谢你谢谢"),
        ("👌", "好的"),
        ("你\u200b好\x00\x07", "你好"),
        ("看这里 https://example.org/a?b=1 行吗", "看这里网址行吗"),
        ("\ud83d\ude2d", "哭"),
        ("坏的\ud83d字", "坏的字"),
    ],
)
def test_one_spelling(written: str, meant: str) -> None:
    assert normalise(written) == meant


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_never_raises_and_is_stable(text: str) -> None:
    once = normalise(text)
    assert "\ud800" not in once
    assert normalise(once + "") is not None


def test_a_very_long_message_keeps_both_ends() -> None:
    short = normalise("开头的话" + "中间" * 5000 + "结尾的话")
    assert len(short) < 700
    assert short.startswith("开头的话")
    assert short.endswith("结尾的话")
