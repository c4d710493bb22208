"""Photos while a form is open: taken whenever they come, three at most, shown in the summary, never needed."""

from datetime import timedelta

import pytest

from bot.asking import Progress
from handlers import declared
from handlers.declared import FormError
from knowledge_base import Knowledge
from tests.bot.dialogues import NOW, Talk
from tests.bot.test_forms import answers, opened

TAKES = sorted(name for name, form in declared.forms().items() if form.photo)


def hazard(knowledge: Knowledge, *said: str) -> Talk:
    talk = opened(knowledge, "hazard_report")
    for text in said:
        if text.startswith("pic"):
            talk.say("", kind="image", media=text)
        else:
            talk.say(text)
    return talk


UP_TO_SUMMARY = ("消防", "海曙区演练路1号", "楼道里堆满了电瓶车", "否", "13800001234")


def test_the_reports_and_the_wage_claim_take_photos() -> None:
    assert TAKES == ["hazard_report", "room_code_report", "wage_claim"]


def test_it_is_asked_for_in_one_breath_with_another_question(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, "消防")
    assert "在哪里" in talk.seen and "有照片就一起发来" in talk.seen
    talk.say("海曙区演练路1号")
    assert "看到了什么" in talk.seen and "照片" not in talk.seen


@pytest.mark.parametrize("at", range(len(UP_TO_SUMMARY) + 1))
def test_a_photo_is_taken_at_any_point_and_the_same_question_comes_again(knowledge: Knowledge, at: int) -> None:
    before = hazard(knowledge, *UP_TO_SUMMARY[:at])
    asked = Progress.unpacked(before.state.form).asking
    before.say("", kind="image", media="pic1")
    after = Progress.unpacked(before.state.form)
    assert after.value("photos") == "pic1" and after.asking == asked
    assert "照片收到了，一共1张" in before.seen


def test_the_summary_tells_how_many_and_files_them(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, "消防", "pic1", "海曙区演练路1号", "pic2", *UP_TO_SUMMARY[2:])
    assert "照片：2张" in talk.seen
    decision = talk.say("确认", "affirm", 0.95)
    assert decision.filing is not None and decision.filing.photos() == ["pic1", "pic2"]


def test_three_are_enough(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, "pic1", "pic2", "pic3", "pic4")
    assert "这张没有加进去" in talk.seen
    assert answers(talk)["photos"] == "pic1 pic2 pic3"


def test_none_is_needed(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, *UP_TO_SUMMARY)
    assert "照片：没有" in talk.seen
    decision = talk.say("确认", "affirm", 0.95)
    assert decision.filing is not None and decision.filing.photos() == []


@pytest.mark.parametrize("said", ["没有照片", "没拍照片", "照片没有", "不方便拍照片", "我没拍", "没图"])
@pytest.mark.parametrize("at", range(1, len(UP_TO_SUMMARY) + 1))
def test_to_say_that_there_is_none_answers_nothing_else(knowledge: Knowledge, said: str, at: int) -> None:
    talk = hazard(knowledge, *UP_TO_SUMMARY[:at])
    before = Progress.unpacked(talk.state.form)
    decision = talk.say(said)
    assert decision.filing is None and Progress.unpacked(talk.state.form).filled == before.filled
    assert "没有照片也行" in talk.seen


@pytest.mark.parametrize("said", ["我有照片", "可以发照片吗", "照片怎么发？", "能发图吗", "拍了两张照片"])
def test_who_asks_how_is_told_to_send_it_here(knowledge: Knowledge, said: str) -> None:
    talk = hazard(knowledge, "消防", "海曙区演练路1号")
    talk.say(said)
    assert "照片直接发到这里" in talk.seen and "what" not in answers(talk)


def test_photos_are_a_proof_where_proofs_are_asked_for(knowledge: Knowledge) -> None:
    talk = opened(knowledge, "wage_claim")
    for text in ("宏大制衣厂", "海曙区集士港镇", "三个月", "一万五", "5个人"):
        talk.say(text)
    assert "拍成照片发来也行" in talk.seen
    talk.say("有照片")
    assert answers(talk)["evidence"] == "有照片"
    talk.say("", kind="image", media="pic1")
    talk.say("13800001234")
    assert "证据照片：1张" in talk.seen


def test_wrong_photos_are_taken_back_and_sent_anew(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, "pic1", *UP_TO_SUMMARY)
    talk.say("照片错了")
    assert "photos" not in answers(talk) and "照片" in talk.seen
    talk.say("", kind="image", media="pic2")
    assert answers(talk)["photos"] == "pic2" and "核对" in talk.seen


def test_a_photo_does_not_disturb_the_correction_of_a_number(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, *UP_TO_SUMMARY, "手机号中间那四位错了", "pic1")
    assert "中间四位" in talk.seen
    talk.say("4321")
    assert answers(talk)["phone"] == "13843211234" and answers(talk)["photos"] == "pic1"


def test_after_a_day_it_is_kept_and_asked_whether_to_go_on(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, "消防")
    talk.now = NOW + timedelta(days=1)
    talk.say("", kind="image", media="pic1")
    assert "照片收到了" in talk.seen and "接着填，还是不填了" in talk.seen
    talk.say("接着填")
    assert "在哪里" in talk.seen and answers(talk)["photos"] == "pic1"


def test_a_form_that_is_given_up_takes_its_photos_along(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, "pic1")
    talk.say("取消", "cancel", 0.99)
    talk.say("", kind="image", media="pic2")
    assert "我自己看不了图" in talk.seen
    talk.say("接着填")
    assert answers(talk)["photos"] == "pic1"


@pytest.mark.parametrize("name", sorted(set(declared.forms()) - set(TAKES)))
def test_elsewhere_a_picture_is_answered_as_before_and_the_form_stays(knowledge: Knowledge, name: str) -> None:
    talk = opened(knowledge, name)
    form = talk.state.form
    talk.say("", kind="image", media="pic1")
    assert "我自己看不了图" in talk.seen and talk.state.form == form


def test_how_many_questions_are_left_does_not_count_it(knowledge: Knowledge) -> None:
    talk = hazard(knowledge, *UP_TO_SUMMARY[:4])
    talk.say("还有几项")
    assert "还有1项" in talk.seen


def test_a_declaration_that_demands_a_photo_is_refused_by_name(tmp_path, monkeypatch) -> None:
    text = (declared.FOLDER / "hazard_report.yml").read_text(encoding="utf-8")
    path = tmp_path / "bad.yml"
    for right, wrong, said in (
        ("kind: photo, optional: true", "kind: photo", "must be `optional`"),
        ("beside: place", "beside: nowhere", "`beside`"),
    ):
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        with pytest.raises(FormError, match=said):
            declared._form(path)
