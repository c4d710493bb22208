"""Forms: whatever is said, nothing breaks, nobody is stuck, nothing is filed unconfirmed, danger wins."""

from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.asking import Progress
from bot.filling import Filing
from handlers import calculators, declared
from knowledge_base import Knowledge, store
from tests.bot.dialogues import NOW, Talk

FORMS = sorted(declared.forms())
TOPICS = [
    f"{calculators.PREFIX}{c.topic}:{region}" for c in calculators.calculators() for region in ("ningbo", "zhongshan")
]
SAID = [
    "宏大制衣厂", "海曙区集士港镇新后屠桥村", "三个月", "一万五", "13800001234", "是", "否", "没有", "跳过", "5个人", "十几个", "2026年3月1日",
    "上个月15号", "第2项错了", "手机号中间那四位错了", "后面四位是5678", "上一步", "再说一遍", "为什么要问这个", "等一下", "错了", "不是海曙，是镇海",
    "1", "2", "9", "0", "小学", "消防", "房东", "都行", "晚上", "没贴码", "要钱吗", "这个贵不贵", "我弟弟也行吗", "换成慈溪呢", "今天天气怎么样", "谢谢",
    "你好", "好的", "接着填", "看看填了什么", "还有几项", "明天再填", "慈溪", "中山", "老板把我辞退了，一分钱补偿也没给，我要个说法", "990101199001011239",
    "NB-FH-000123", "2020-05-03", "？", "……", "哈哈", "a" * 400, "第三项改成五个月", "金额写错了，是两万", "改第1项", "都不对",
]  # fmt: skip
INTENTS = [
    "out_of_scope",
    "affirm",
    "deny",
    "thanks",
    "wage_arrears",
    "work_injury",
    "permit_renewal",
    "help",
    "case_status",
]
PICTURE = "［图片］"
TURNS = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([*SAID, PICTURE, PICTURE]), st.text(max_size=30)),
        st.sampled_from(INTENTS),
        st.floats(0, 1),
    ),
    max_size=14,
)
YES = ("确认", "是", "对", "都对", "确认提交", "affirm")


@cache
def everything() -> Knowledge:
    """The knowledge base, for tests whose arguments are printed when they fail."""
    return store.load()


def opened(knowledge: Knowledge, name: str) -> Talk:
    talk = Talk(knowledge)
    talk.say("", choice=f"form:{name}")
    return talk


@pytest.mark.parametrize("name", FORMS)
@given(turns=TURNS)
@settings(max_examples=25, deadline=None)
def test_no_form_breaks_traps_or_files_by_itself(name: str, turns: list) -> None:
    talk = opened(everything(), name)
    for text, intent, probability in turns:
        before = Progress.unpacked(talk.state.form) if talk.state.form else None
        if text == PICTURE:
            decision = talk.say("", kind="image", media=f"m{len(str(before))}")
            assert decision.filing is None, "a picture is no signature"
        else:
            decision = talk.say(text, intent, probability)
        assert decision.replies or decision.filing, "an answer, always"
        if decision.filing is not None:
            assert before is not None and before.asking == "confirm", "only what was summed up is filed"
            assert text.strip() and not text.strip().isdigit()
        assert len(talk.seen) < 4_000
    person = talk.say("转人工", "human_agent", 0.99)
    assert any(reply.handoff for reply in person.replies), "a person is within reach at any point"


@pytest.mark.parametrize("name", TOPICS)
@given(turns=TURNS)
@settings(max_examples=8, deadline=None)
def test_no_calculator_breaks_or_files_anything(name: str, turns: list) -> None:
    talk = opened(everything(), name)
    for text, intent, probability in turns:
        decision = talk.say(text, intent, probability)
        assert decision.replies
        if not talk.state.parked or name.startswith(calculators.PREFIX):
            assert decision.filing is None or decision.filing.form.end == "case"
    assert any(reply.handoff for reply in talk.say("找工作人员", "human_agent", 0.99).replies)


@pytest.mark.parametrize("name", TOPICS)
def test_a_rough_number_is_asked_again_where_it_is_counted_with(name: str) -> None:
    talk = opened(everything(), name)
    for text in ("2025年3月1日", "十几个人", "签过十几次", "十几", "几十次", "十几平", "三四十个人"):
        assert talk.say(text).replies


@pytest.mark.parametrize("name", FORMS)
@given(turns=TURNS, danger=st.sampled_from(["我不想活了", "我想从楼上跳下去", "活着没意思，想死"]))
@settings(max_examples=8, deadline=None)
def test_danger_wins_at_any_point(name: str, turns: list, danger: str) -> None:
    talk = opened(everything(), name)
    for text, intent, probability in turns:
        talk.say(text, intent, probability)
    decision = talk.say(danger)
    assert decision.owner == "crisis" and decision.danger and decision.filing is None
    assert decision.replies[0].urgent and decision.replies[0].handoff
    assert not decision.replies[0].choices, "no menus"
    assert not talk.state.form, "and no form while somebody is in danger"


FILLED = ["宏大制衣厂", "海曙区集士港镇", "三个月", "一万五", "5个人", "跳过", "13800001234"]


def claim(knowledge: Knowledge, *more: str) -> Talk:
    talk = opened(knowledge, "wage_claim")
    for text in (*FILLED, *more):
        talk.say(text)
    return talk


def answers(talk: Talk) -> dict[str, str]:
    return dict(Progress.unpacked(talk.state.form).filled)


def test_a_summary_is_shown_before_anything_is_filed(knowledge: Knowledge) -> None:
    talk = claim(knowledge)
    assert "核对" in talk.seen and "138****1234" in talk.seen and "15000元" in talk.seen
    decision = talk.say("确认", "affirm", 0.95)
    assert isinstance(decision.filing, Filing)
    assert decision.filing.phone() == "13800001234"
    assert decision.filing.region(knowledge.regions) == "haishu"
    assert "2028年11月23日" in decision.filing.limit


@pytest.mark.parametrize(
    ("said", "slot", "value"),
    [
        ("写错了，我在镇海不在海曙", "place", "镇海"),
        ("不是三个月，是五个月", "months", "5"),
        ("金额错了，两万一", "amount", "21000"),
        ("第3项改成半年", "months", "6"),
        ("写错了，是宏达制衣厂", "employer", "宏达制衣厂"),
        ("公司名字不对，应该是宏发制衣厂", "employer", "宏发制衣厂"),
        ("手机号中间那四位错了，是5678", "phone", "13856781234"),
        ("后面四位是9999", "phone", "13800009999"),
        ("电话错了，13911112222", "phone", "13911112222"),
    ],
)
def test_any_answer_is_corrected_at_any_time(knowledge: Knowledge, said: str, slot: str, value: str) -> None:
    talk = claim(knowledge, said)
    assert answers(talk)[slot] == value
    assert "核对" in talk.seen


def test_a_part_of_the_phone_number_is_asked_for_and_put_in_its_place(knowledge: Knowledge) -> None:
    talk = claim(knowledge, "手机号中间那四位错了")
    assert "中间四位" in talk.seen
    talk.say("12")
    assert "中间四位" in talk.seen
    talk.say("4321")
    assert answers(talk)["phone"] == "13843211234"


def test_a_bare_number_at_the_summary_neither_files_nor_cancels(knowledge: Knowledge) -> None:
    for number in ("1", "2"):
        talk = claim(knowledge)
        decision = talk.say(number)
        assert decision.filing is None and talk.state.form


def test_one_message_fills_several_slots(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "wage_claim")
    talk.say("宏发五金厂，在北仑小港街道红联路，四个月了一共一万八，8个人都没发")
    found = answers(talk)
    assert (found["employer"], found["months"], found["amount"], found["people"]) == ("宏发五金厂", "4", "18000", "8")
    assert "小港" in found["place"]


def test_a_form_that_was_given_up_comes_back_whole(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "wage_claim")
    talk.say("宏大制衣厂")
    assert talk.say("取消", "cancel", 0.99).handler == "cancel"
    assert not talk.state.form
    talk.say("回到前面那个表")
    assert answers(talk) == {"employer": "宏大制衣厂"}


def test_coming_back_after_a_day_is_asked_and_not_assumed(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "wage_claim")
    talk.say("宏大制衣厂")
    talk.now = NOW + timedelta(days=1)
    talk.say("海曙")
    assert "接着填，还是不填了" in talk.seen
    talk.say("接着填")
    assert "哪里干活" in talk.seen and answers(talk)["employer"] == "宏大制衣厂"


def test_after_a_day_a_new_question_is_answered_first(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "wage_claim")
    talk.now = NOW + timedelta(days=1)
    decision = talk.say("居住证怎么签注", "permit_renewal", 0.95)
    assert decision.handler == "permit_renewal" and "接着填，还是不填了" in talk.seen


def test_the_phone_of_one_form_is_known_to_the_next(knowledge: Knowledge) -> None:
    talk = claim(knowledge)
    talk.say("确认", "affirm", 0.95)
    talk.say("", choice="form:housing_wish")
    assert answers(talk) == {"phone": "13800001234"}


def test_the_district_of_a_person_is_not_asked_for_again(knowledge: Knowledge) -> None:
    talk = Talk(knowledge, region="cixi")
    talk.say("", choice="form:training_enrolment")
    assert answers(talk) == {"district": "慈溪市"}


@pytest.mark.parametrize(
    ("born", "asked"), [("2020-06-01", True), ("2012-11-24", True), ("2012-11-23", False), ("2010-01-01", False)]
)
def test_a_guardian_is_asked_for_a_child_under_fourteen(knowledge: Knowledge, born: str, asked: bool) -> None:
    talk = opened(knowledge, "school_intention")
    for text in ("慈溪", "初中", born, "有"):
        talk.say(text)
    assert ("监护人" in talk.seen) is asked


def test_without_the_guardians_consent_nothing_is_filed(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "school_intention")
    for text in ("慈溪", "小学", "2020-06-01", "有"):
        talk.say(text)
    decision = talk.say("不同意", "deny", 0.9)
    assert decision.filing is None and not talk.state.form and "没有提交" in talk.seen


def test_an_id_number_never_becomes_an_answer(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "suggestion")
    number = "990101199003078515"
    talk.say(f"我叫老王，身份证{number}，路灯坏了没人修")
    assert number not in str(talk.state.form)


def test_an_answer_that_can_not_be_read_is_left_to_a_person(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "hazard_report")
    for _ in range(3):
        talk.say("说不上来呀")
    assert "工作人员会跟您核对" in talk.seen


def test_a_number_that_no_rule_can_take_is_asked_for_again_with_its_bounds(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "rule:endorsement_window:ningbo")
    talk.say("2023年12月10号")
    talk.say("签过15000次")
    assert "0到60之间" in talk.seen and talk.state.form
    talk.say("两次")
    assert "结果：" in talk.seen


def test_a_month_for_a_day_is_taken_as_its_first_and_said_so(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "work_injury")
    talk.say("2025年8月")
    assert answers(talk)["day"] == "2025-08-01" and "先按1号记" in talk.seen
    talk.say("宏大制衣厂")
    talk.say("日期错了，是2025年8月15号")
    assert answers(talk)["day"] == "2025-08-15"


def test_a_month_told_before_the_form_was_opened_is_no_trap(knowledge: Knowledge) -> None:
    talk = Talk(knowledge)
    talk.say("2025年8月在工地上摔断了腿", "work_injury", 0.95)
    talk.say("", choice="form:work_injury")
    assert answers(talk).get("day", "2025-08-01") == "2025-08-01"
    talk.say("宏大制衣厂")
    assert talk.state.form


def test_the_months_of_unpaid_wages_are_counted_and_a_sum_is_no_number_of_months(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "wage_claim")
    for text in ("宏大制衣厂", "海曙区集士港", "2025年8月到10月"):
        talk.say(text)
    assert answers(talk)["months"] == "3"
    other = opened(knowledge, "wage_claim")
    for text in ("宏大制衣厂", "海曙区集士港", "一万五"):
        other.say(text)
    assert "months" not in answers(other) and answers(other)["amount"] == "15000"


def test_a_number_at_the_summary_is_no_yes_whatever_it_was_taken_for() -> None:
    talk = opened(everything(), "party_registration")
    for text in ("王小满", "余姚梁弄", "慈溪坎墩", "13800001234"):
        talk.say(text)
    assert Progress.unpacked(talk.state.form).asking == "confirm"
    assert talk.say("13800001234", "affirm", 1.0).filing is None
    assert talk.say("对，提交", "affirm", 1.0).filing is not None


def test_a_day_on_which_a_permit_runs_out_is_no_day_of_issue(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "rule:endorsement_window:ningbo")
    talk.say("12月8号到期")
    assert "现在就签" in talk.seen and "最晚2026年12月7日" in talk.seen
    assert "从2026年12月8日算" not in talk.seen


def test_a_day_to_come_where_the_day_of_issue_is_asked_for_is_the_day_it_runs_out(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "rule:endorsement_window:ningbo")
    talk.say("2027年1月15日")
    assert "您说的到期日是2027年1月15日" in talk.seen and "还没到" in talk.seen


def test_a_day_of_issue_is_taken_as_before(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "rule:endorsement_window:ningbo")
    talk.say("去年12月10号办的")
    assert "从2025年12月10日算" in talk.seen and "现在就签" in talk.seen
