"""An article about something narrow is told only to who asks about it."""

from datetime import date

from knowledge_base import Knowledge
from knowledge_base.search import narrow

ON = date(2026, 11, 23)


def test_a_narrow_article_exists_and_answers_its_own_questions(knowledge: Knowledge) -> None:
    for id, words in narrow().items():
        article = knowledge.articles[id]
        missed = [question for question in article.questions if not words.search(question)]
        assert not missed, f"{id}: narrow.yml keeps it from its own questions: {missed}"


def test_who_fell_at_work_is_not_told_what_the_bereaved_get(knowledge: Knowledge) -> None:
    for question in ("我在工地摔伤了", "在工地上出事了，腿断了"):
        found = knowledge.fitting("work_injury", question, "ningbo", ON)
        assert found is not None and found.id != "nat-injury-death", question
    bereaved = knowledge.fitting("work_injury", "弟弟在工地上没了，能赔多少", "ningbo", ON)
    assert bereaved is not None and bereaved.id == "nat-injury-death"
