"""Another city's business is told apart from people who come from there."""

import pytest

from intents import elsewhere, features
from intents.normalise import normalise
from intents.sounds import Sounds


@pytest.mark.parametrize(
    "text", ["上海的居住证积分怎么申请", "深圳公租房轮候在哪里查", "泰国旅游签证要准备什么", "想去韩国旅游，签证好办吗"]
)
def test_another_citys_question_is_not_ours(text: str) -> None:
    assert elsewhere.asked(normalise(text))


@pytest.mark.parametrize(
    "text",
    [
        "杭州的居住证换成宁波的要怎么办",
        "老家河南的社保能转来吗",
        "江苏社保怎么转到这边",
        "四川户口的孩子能在鄞州上学吗",
        "港澳通行证签注怎么办",
        "居住证积分怎么申请",
    ],
)
def test_who_comes_from_there_asks_us(text: str) -> None:
    assert not elsewhere.asked(normalise(text))


def test_all_other_places_are_one_to_the_features() -> None:
    sounds = Sounds.learn(["公租房怎么申请"])
    there, elsewhere_too = (features.keys(f"{place}公租房怎么申请", sounds) for place in ("深圳", "哈尔滨市"))
    assert there.tolist() == elsewhere_too.tolist()
