"""Nobody in danger is missed, and nobody is alarmed by a figure of speech: the rules alone, without any model."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import mind
from intents import crisis
from intents.nlu_files import read_folder


@pytest.fixture(autouse=True)
def without_a_model() -> object:
    """The rules by themselves, whatever another test has loaded."""
    before = crisis._learned
    crisis.use(None)
    yield
    crisis.use(before)


DANGER = [
    "我不想活了", "我想自杀", "我想了断自己", "她手腕上全是刀口", "我室友说他要自杀，我该怎么办", "药都攒够了", "以后孩子就拜托你了",
    "这世上少我一个也没啥", "欠的钱下辈子还", "活着没意思", "不想醒来", "站在桥上风好大", "死了算了", "老板不给钱我要杀了他",
    "我爸喝了农药", "工友站在楼顶上要跳下去", "我要跟他同归于尽", "刀我都带在身上了，今天去找房东", "我老婆吞了一瓶安眠药",
    "bu xiang huo le", "wo xiang si", "我想自沙", "想4了", "活著沒意思，想結束這一切", "不 想 活 了", "不.想.活.了", "我想死😭",
    "我不是开玩笑，我真的不想活了", "她嘴上说没有想死，可是床底下藏着绳子", "工资没发，我也活不下去了", "我坐在铁轨上",
    "他拿着刀说要杀我全家", "我女儿用刀片割自己", "喂他喝了百草枯现在吐白沫", "I want to die", "老子不想活咯", "俺不想活了",
]  # fmt: skip
INNOCENT = [
    "累死了", "笑死我了", "热死人了", "想死你了", "气死我了", "要命，又排队", "你这不是作死吗", "烦死了想辞职", "我没有想死", "不是要自杀",
    "我不会做傻事的", "这部电影里男主最后自杀了吗", "狼人杀今晚谁来", "菜市场杀鱼的几点收摊", "杀毒软件哪个好", "想跳槽", "跳广场舞在哪报名",
    "孩子跳绳比赛", "上吊扇还是装空调", "不想活受罪", "老板死活不给钱", "死亡证明去哪开", "我爸去世了，养老金怎么停", "殡仪馆的电话",
    "自杀预防志愿者培训在哪里报名", "拼多多帮我砍一刀", "手机卡死了", "我在桥上等你", "楼顶漏水找谁修", "从脚手架上掉下去，腿断了",
    "喷农药中毒了，给果园老板干活", "居住证怎么办", "你好", "谢谢", "", "这个月工资什么时候发", "孩子上学要什么材料", "我走了，再见",
    "最后一个月工资没给", "宝宝睡觉老不醒", "自杀用英语怎么说", "听说去年有人跳楼", "打错了，不是不想活", "我要杀了他哈哈哈", "嗓子像吞刀片",
    "没有人要跳楼，你弄错了", "房客自杀了房东要赔吗", "84兑水拖地比例", "骑车差点被撞死，头盔哪里领", "历史课讲崇祯上吊",
]  # fmt: skip


@pytest.mark.parametrize("text", DANGER)
def test_danger_is_heard_without_a_model(text: str) -> None:
    found = crisis.detect(text)
    assert found.danger
    assert found.score >= crisis.THRESHOLD
    assert found.reason


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_sounds_like_danger_is_left_alone(text: str) -> None:
    assert not crisis.detect(text).danger


def test_the_rules_alone_stay_precise_and_hear_most_of_what_is_written_down() -> None:
    lines = read_folder()
    danger = [line for line in lines if line.intent == "psych_crisis"]
    others = [line for line in lines if line.intent != "psych_crisis"]
    heard = sum(crisis.detect(line.text).danger for line in danger)
    alarms = sum(crisis.detect(line.text).danger for line in others)
    # A third of the lines were written so that no word of a list gives them away.
    assert heard / len(danger) >= 0.45
    assert alarms / len(others) <= 0.011


def test_the_model_is_asked_when_there_is_one_and_can_raise_the_alarm_alone() -> None:
    asked = []

    def learned(text: str, found: object) -> float:
        asked.append(text)
        return 0.9 if "江水" in text else 0.1

    crisis.use(learned)
    found = crisis.detect("江水看着挺暖和的")
    assert found.danger
    assert found.reason == crisis.UNSPOKEN
    assert asked == ["江水看着挺暖和的"]
    assert not crisis.detect("居住证怎么办").danger


def test_no_model_talks_a_plain_word_away() -> None:
    crisis.use(lambda text, found: 0.0)
    for text in ("我不想活了", "我想自杀", "我要跳楼", "我要杀了他", "我老婆喝了一瓶农药", "她割腕了"):
        assert crisis.detect(text).danger


def test_a_doubtful_sign_needs_a_model_that_agrees() -> None:
    text = "带刀去的"
    assert crisis.detect(text).danger
    assert not crisis.detect(text, learned=0.01).danger
    assert crisis.detect(text, learned=0.6).score > crisis.detect(text, learned=0.4).score


def test_every_family_can_be_found_and_says_why() -> None:
    _, _, families = crisis.rules()
    assert len(families) >= 15
    assert all(family.reason and 0 < family.weight < 1 for family in families)
    corpus = [line.text for line in read_folder() if line.intent == "psych_crisis"]
    found = {family.name for text in corpus for family in crisis.signs(text)}
    assert found == {family.name for family in families}


def test_the_helpline_is_never_named_without_the_numbers_that_always_answer() -> None:
    for text in (mind._FIRST, *mind._AGAIN):
        assert all(number in text for number in (crisis.HELPLINE, *crisis.ALWAYS_OPEN))


def test_danger_buried_in_a_long_message_is_heard() -> None:
    story = "我来宁波打工六年了，在一个模具厂上班。" * 60
    assert crisis.detect(story + "我不想活了。" + story).danger


def test_the_detector_loads_without_numpy_or_a_model() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None; from intents import crisis; print(crisis.detect('我不想活了').danger)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    found = crisis.detect(text)
    assert 0 <= found.score <= 1
    assert bool(found.reason) == found.danger


@pytest.mark.parametrize(
    "text", ["1" * 10_000, "一" * 10_000, "死" * 10_000, "我想" * 5_000, "刀" * 9_999, "天台坐" * 3_000, "\ud800" * 99]
)
def test_monstrous_messages_cost_no_time(text: str) -> None:
    crisis.detect("热身")
    start = time.process_time()
    crisis.detect(text)
    assert time.process_time() - start < 0.25


def test_a_common_message_costs_less_than_a_third_of_a_millisecond() -> None:
    text = "我在海曙这边打工，居住证下个月15号就到期了，请问在哪里办理签注啊"
    crisis.detect(text)
    best = min(_seconds(text) for _ in range(30))
    assert best < 0.0003


def _seconds(text: str) -> float:
    start = time.perf_counter()
    crisis.detect(text)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    "text",
    ["孩子老说活着没意思想跳楼，我该怎么办", "没劲想自杀", "没钱想跳楼算了", "没活路了想死", "干啥都没意义想轻生"],
)
def test_nothing_to_live_for_is_no_denial(text: str) -> None:
    assert crisis.detect(text).danger
    assert crisis.signs(text)
