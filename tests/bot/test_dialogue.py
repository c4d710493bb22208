"""The dialogue between the forms: places, sides, anaphora, repair, staff, danger; and how fast it decides."""

import itertools
import statistics
import time
from datetime import timedelta

import pytest

from bot.dialogue import decide
from bot.state import State
from handlers import calculators
from knowledge_base import Knowledge
from tests.bot.dialogues import NOW, Talk


def after(knowledge: Knowledge, intent: str = "permit_renewal", text: str = "居住证怎么签注") -> Talk:
    talk = Talk(knowledge)
    talk.say(text, intent, 0.95)
    return talk


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("要带什么", "要带："),
        ("这个贵不贵", "费用："),
        ("一步一步怎么办", "1. "),
        ("在哪办啊", "在哪办："),
        ("打什么电话问", "12345"),
        ("看不懂，说简单点", "您直接打"),
    ],
)
def test_a_side_of_the_last_topic_is_known_by_its_words(knowledge: Knowledge, said: str, shown: str) -> None:
    talk = after(knowledge)
    assert talk.say(said).handler == "permit_renewal"
    assert shown in talk.seen


def test_the_same_question_for_another_place_and_it_is_remembered(knowledge: Knowledge) -> None:
    talk = after(knowledge, "school_enrollment", "孩子上小学怎么报名")
    talk.say("换成慈溪呢")
    assert "慈溪" in talk.seen and talk.region == "cixi"
    talk.say("不对，我在镇海不在慈溪")
    assert talk.region == "zhenhai"


def test_a_location_is_no_question(knowledge: Knowledge) -> None:
    talk = after(knowledge)
    decision = talk.say("奉化区", kind="location")
    assert (
        decision.region == "fenghua" and "您想在奉化区办什么事" in talk.seen and "签注" not in decision.replies[0].text
    )


@pytest.mark.parametrize("said", ["我弟弟也行吗", "我老婆的也一起办", "孩子呢", "我妈也要换"])
def test_it_may_be_for_somebody_else(knowledge: Knowledge, said: str) -> None:
    talk = after(knowledge)
    assert talk.say(said, "psych_crisis", 0.74).handler == "permit_renewal"
    assert "的事，也照这个办" in talk.seen


def test_what_is_not_understood_is_never_answered_alike_and_a_person_is_offered(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    seen = []
    for _ in range(4):
        talk.say("嘟嘟嘟嘟")
        seen.append(talk.seen)
    assert all(one != other for one, other in itertools.pairwise(seen))
    assert "工作人员" in seen[1]


def test_out_of_scope_is_never_said_alike_twice_running(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    first = talk.say("讲个笑话", "out_of_scope", 0.99).replies[0].text
    assert talk.say("再讲一个", "out_of_scope", 0.99).replies[0].text != first


def test_an_angry_person_gets_an_apology_and_a_person_and_no_menu(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    decision = talk.say("你们这什么破系统，问了八百遍", "out_of_scope", 0.3)
    assert "对不起" in talk.seen
    assert decision.replies[0].handoff
    assert [choice.id for choice in decision.replies[0].choices] == ["human_agent"]


def test_elderly_people_get_a_phone_number_first_and_stay_so(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    talk.say("我老了眼睛花，居住证到期怎么办", "permit_renewal", 0.95)
    assert talk.seen.startswith("您直接打12345")
    talk.say("社保怎么交", "social_insurance", 0.95)
    assert talk.seen.startswith("您直接打")


@pytest.mark.parametrize(
    "wish",
    [
        "能不能帮我办个假居住证",
        "做一份假的租房合同",
        "查一下我前妻现在住哪里",
        "怎么才能不登记又不被发现",
        "用我老乡的身份证进厂行吗",
        "给办事员塞个红包能快点吗",
        "帮我查一下张三的住址",
    ],
)
def test_an_unlawful_wish_is_refused_in_one_sentence_with_the_lawful_way(knowledge: Knowledge, wish: str) -> None:
    talk = Talk(knowledge)
    decision = talk.say(wish, "permit_application", 0.9)
    text = decision.replies[0].text
    assert decision.handler == "out_of_scope" and text.count("。") == 1 and ("不能" in text or "不行" in text)


@pytest.mark.parametrize(
    "wish",
    [
        "房东不给登记怎么办",
        "不登记会罚款吗",
        "有人拿我的身份证登记了",
        "老板让我用别人的身份证上班",
        "假期有什么培训班",
        "我想查我的居住登记",
    ],
)
def test_an_honest_question_is_not_refused(knowledge: Knowledge, wish: str) -> None:
    talk = Talk(knowledge)
    assert talk.say(wish, "residence_register", 0.95).handler == "residence_register"


def test_after_danger_a_vague_word_gets_care_and_the_form_waits(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    talk.say("", choice="form:wage_claim")
    talk.say("宏大制衣厂")
    assert talk.say("我不想活了").danger
    assert talk.say("我不知道", "help", 0.9).handler == "psych_crisis"
    assert talk.say("我好点了，接着填表吧").handler == "wage_arrears"
    assert "哪里干活" in talk.seen


def test_an_emergency_in_a_form_gets_its_number_and_the_form_stays(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    talk.say("", choice="form:hazard_report")
    decision = talk.say("现在着火了好大的烟", "emergency", 0.95)
    assert decision.handler == "emergency" and "119" in talk.seen and talk.state.form


def test_a_wish_for_a_person_is_taken_back(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    talk.say("转人工", "human_agent", 0.99)
    talk.line = "waiting"
    assert talk.say("不用了", "deny", 0.9).withdraw


def test_told_when_it_matters(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    decision = talk.say("积分申评开放时告诉我", "points_application", 0.95)
    assert decision.replies[0].subscribe == "points_application" and "不用告诉我了" in talk.seen
    assert talk.say("不用告诉我了").replies[0].unsubscribe


def test_a_wish_about_ones_own_card_is_worked_out_and_reminded_of(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    talk.say("签注快到的时候提醒我", "permit_renewal", 0.95)
    talk.say("2025年12月10号")
    talk.say("没签过")
    reminder = talk.say("提醒我").replies[0].reminder
    assert reminder is not None and reminder[0] > NOW and reminder[0].hour == 9


def test_a_topic_is_forgotten_after_a_day_but_not_the_phone(knowledge: Knowledge) -> None:
    talk = after(knowledge)
    talk.state = State.unpacked(
        {**talk.state.packed(), "known": [["phone", "13800001234"], ["district", "慈溪市"]]}, NOW
    )
    talk.now = NOW + timedelta(days=2)
    talk.say("你好", "greet", 0.99)
    assert talk.state.topic == "" and dict(talk.state.known) == {"phone": "13800001234"}


def test_a_mistyped_id_number_is_told_of_and_not_repeated(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    talk.say("身份证990101199001011239什么时候到期", "id_card_renewal", 0.95)
    assert "990101199001011239" not in talk.seen and "对不上" in talk.seen


@pytest.mark.parametrize("calculator", calculators.calculators(), ids=lambda c: c.topic)
def test_every_calculator_opens_from_its_service(knowledge: Knowledge, calculator: calculators.Calculator) -> None:
    regions = [
        r
        for r in ("ningbo", "zhongshan")
        if calculators.form_of(f"{calculators.PREFIX}{calculator.topic}:{r}", knowledge)
    ]
    assert regions
    talk = Talk(knowledge, region=regions[0])
    talk.say("请问", calculator.intents[0], 0.95)
    offered = {id: label for label, id in talk.state.offered}
    talk.say("", choice=f"form:{calculators.PREFIX}{calculator.topic}:{regions[0]}")
    assert talk.state.form and "什么都不会提交" in talk.seen
    assert calculator.start in offered.values() or len(offered) >= 4


def test_a_turn_is_decided_within_a_millisecond(knowledge: Knowledge) -> None:
    """p50 of the engine without classification and database, over an ordinary mix of messages."""
    mix = [("居住证怎么签注", "permit_renewal", 0.95), ("要带什么", "", 0.1), ("换成慈溪呢", "", 0.1), ("帮我登记欠薪投诉", "wage_arrears", 0.95),
           ("宏大制衣厂", "", 0.1), ("慈溪周巷", "", 0.1), ("三个月", "", 0.1), ("谢谢", "thanks", 0.99), ("取消", "cancel", 0.99)]  # fmt: skip
    talk = Talk(knowledge)
    spent: list[float] = []

    def timed(situation: object) -> object:
        start = time.perf_counter()
        decision = decide(situation)  # type: ignore[arg-type]
        spent.append(time.perf_counter() - start)
        return decision

    import tests.bot.dialogues as dialogues

    before, dialogues.decide = dialogues.decide, timed  # type: ignore[assignment]
    try:
        for _ in range(40):
            for text, intent, probability in mix:
                talk.say(text, intent or "out_of_scope", probability)
    finally:
        dialogues.decide = before
    assert statistics.median(spent) < 0.001
