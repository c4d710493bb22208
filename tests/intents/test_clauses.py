"""The wish is told from what is denied or done with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.clauses import clauses, focus


@pytest.mark.parametrize(
    ("message", "wish"),
    [
        ("不是补办，是到期了", "是到期了"),
        ("房东的事先放一放，孩子怎么报名", "孩子怎么报名"),
        ("护照在哪办我知道了，居住证过期了在哪续", "居住证过期了在哪续"),
        ("居住证怎么办", "居住证怎么办"),
        ("我不想要了", "我不想要了"),
        ("", ""),
    ],
)
def test_focus(message: str, wish: str) -> None:
    assert focus(message) == wish


@given(st.text(alphabet="我不是要办证，。；！？ 另外还有吗那个顺便", max_size=60))
def test_the_pieces_are_the_message(text: str) -> None:
    assert "".join(clauses(text)).strip("，。；！？ ") == text.strip("，。；！？ ")
