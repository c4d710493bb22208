"""What people say next: kept with the topic they talk about, let go when they move on."""

from pathlib import Path

import pytest

from intents import further, nlu_files
from intents.further import ANY, Next, placed
from intents.understander import Understander


@pytest.fixture(scope="module")
def lines() -> list[Next]:
    return further.read_folder()


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("白条都没打一张，讨得回来吗", "wage_arrears"),
        ("合同一直没给我签，伤了也管吗", "work_injury"),
        ("我那口子没身份证，补不出来咋整", "residence_register"),
        ("社保断过四个月，还算不算", "school_enrollment"),
        ("对方不肯露面，还谈得成不", "mediation"),
    ],
)
def test_words_of_another_service_leave_the_topic_where_it_is(
    understander: Understander, text: str, topic: str
) -> None:
    ranking = understander.decide(understander.classifier.read(text))[2]
    likely = further.likely(text, topic, ranking)
    assert likely is not None and likely > 0.5


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("另外我想问问怎么给孩子报小学", "wage_arrears"),
        ("居住证丢了要去哪里补办", "mediation"),
        ("帮我查下昨天报上去的事办到哪了", "school_enrollment"),
        ("老板三个月没发工资了怎么办", "vaccination"),
    ],
)
def test_a_question_that_stands_by_itself_is_another_matter(understander: Understander, text: str, topic: str) -> None:
    ranking = understander.decide(understander.classifier.read(text))[2]
    likely = further.likely(text, topic, ranking)
    assert likely is not None and likely < 0.4


def test_every_service_has_lines_of_its_own(lines: list[Next]) -> None:
    answered = {line.topic for line in lines}
    steering = {"greet", "thanks", "goodbye", "help", "affirm", "deny", "cancel", "out_of_scope", "human_agent"}
    assert set(nlu_files.taxonomy()) - steering - {"psych_crisis"} <= answered


def test_no_line_is_said_to_go_on_and_to_move_on_after_the_same_topic(lines: list[Next]) -> None:
    stays = {(line.topic, nlu_files.split_key(line.text)) for line in lines if line.intent == line.topic}
    leaves = {(line.topic, nlu_files.split_key(line.text)) for line in lines if line.intent != line.topic}
    assert not stays & leaves


def test_what_fits_any_topic_is_never_put_after_the_matter_that_it_moves_on_to() -> None:
    topics = ("mediation", "wage_arrears")
    for number in range(6):
        moved = placed(Next(ANY, "工资的事呢", "wage_arrears"), topics, number)
        assert moved.topic == "mediation" and moved.intent == "wage_arrears"
        kept = placed(Next(ANY, "要多久", ANY), topics, number)
        assert kept.topic == kept.intent


def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text(
        "topic: wage_arrears\nfurther:\n  - 要多久\nanew:\n  - [天气怎样, weather]\n", "utf-8"
    )
    (tmp_path / "worse.yml").write_text("further: 3\n", "utf-8")
    with pytest.raises(nlu_files.BrokenFile) as fault:
        further.read_folder(tmp_path)
    assert "bad.yml" in str(fault.value) and "weather" in str(fault.value) and "worse.yml" in str(fault.value)


def test_without_a_model_nobody_knows(understander: Understander) -> None:
    learned = further._learned
    try:
        further.use(None)
        assert further.likely("要多久", "mediation", ()) is None
    finally:
        further.use(learned)


def test_nothing_typed_breaks_it(understander: Understander) -> None:
    for text in ("", " ", "😀", "\ud800", "a" * 3000, "123", "\x00"):
        likely = further.likely(text, "mediation", (("mediation", 1.0),))
        assert likely is not None and 0 <= likely <= 1
