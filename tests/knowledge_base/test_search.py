"""A free question finds its article: in this place, valid today, whole and with its source, and fast."""

import csv
import dataclasses
import re
import time
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

import clock
import knowledge_base
from knowledge_base import terms
from tests.knowledge_base.kit import ARTICLE, TODAY, write

HERE = Path(__file__).parent
SHIPPED = Path(knowledge_base.__file__).parent


def pairs(name):
    with (HERE / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def right(knowledge, rows, likely=None):
    """The share of questions whose article comes first, and whose article is among the first three."""
    first = three = 0
    for row in rows:
        wanted = row["article"].split("|")
        meant = likely(row["question"]) if likely else None
        found = [hit.article.id for hit in knowledge.search(row["question"], row["region"], TODAY, likely=meant)]
        first += found[:1] != [] and found[0] in wanted
        three += any(id in wanted for id in found)
    return first / len(rows), three / len(rows)


def test_the_development_pairs_are_found(knowledge):
    rows = pairs("search_pairs.tsv")
    assert len(rows) >= 300
    first, three = right(knowledge, rows)
    assert first >= 0.90, first
    assert three >= 0.97, three


def test_questions_nobody_developed_on_do_not_fall_below_where_they_were(knowledge):
    # Written after the last change to questions and synonyms, and kept out of both. Words alone carry this far;
    # with the understood intent as a prior (`likely`) it is a fifth more.
    first, three = right(knowledge, pairs("search_unseen.tsv"))
    assert first >= 0.40, first
    assert three >= 0.60, three


def test_strangers_are_found_by_their_words_alone(knowledge):
    # 152 questions written blind, before anybody saw what the search answers: 0.74 / 0.88 at first sight.
    first, three = right(knowledge, pairs("search_strangers.tsv"))
    assert first >= 0.72, first
    assert three >= 0.86, three


@pytest.mark.parametrize(
    ("name", "one", "more"), [("search_unseen.tsv", 0.70, 0.87), ("search_strangers.tsv", 0.81, 0.92)]
)
def test_with_what_was_understood_fresh_questions_are_found_though_they_share_no_word(
    knowledge, understander, name, one, more
):
    def likely(question):
        return dict(understander.understand(question, clock.now()).ranking)

    first, three = right(knowledge, pairs(name), likely)
    assert first >= one, first
    assert three >= more, three


@pytest.mark.parametrize(("name", "floor"), [("search_pairs.tsv", 0.92), ("search_unseen.tsv", 0.80)])
def test_within_a_known_intent_the_article_that_answers_this_question_is_told(knowledge, name, floor):
    rows = pairs(name)
    good = 0
    for row in rows:
        wanted = row["article"].split("|")
        intent = knowledge.articles[wanted[0]].intents[0]
        good += knowledge.fitting(intent, row["question"], row["region"], TODAY).id in wanted
    assert good / len(rows) >= floor, good / len(rows)


def test_a_bare_question_of_an_intent_gets_the_plain_answer(knowledge):
    for question in ("工资", "", "欠薪怎么办", "😀"):
        assert knowledge.fitting("wage_arrears", question, "haishu", TODAY).id == "nb-wage-arrears"
    assert knowledge.fitting("wage_arrears", "工资卡被包工头收走了", "haishu", TODAY).id == "nat-wage-construction"
    assert knowledge.fitting("no_such_intent", "工资", "haishu", TODAY) is None


def test_no_pair_is_copied_from_an_article(knowledge):
    asked = {question for article in knowledge.articles.values() for question in article.questions}
    for name in ("search_pairs.tsv", "search_unseen.tsv", "search_strangers.tsv"):
        for row in pairs(name):
            assert row["question"] not in asked
            assert all(id in knowledge.articles for id in row["article"].split("|"))


def first(knowledge, question, region="ningbo", **more):
    return knowledge.search(question, region, TODAY, **more)[0].article.id


@pytest.mark.parametrize(
    "question",
    [
        "居住证签注过期了怎么办",
        "居住証簽註過期了怎麼辦",
        "居主证签住过期了",
        "ju zhu zheng qian zhu guo qi le",
        "ＪＵＺＨＵＺＨＥＮＧ qianzhu guoqi",
    ],
)
def test_traditional_mistyped_full_width_and_pinyin_find_the_same(knowledge, question):
    assert first(knowledge, question) in {"nb-permit-renewal", "zj-permit-renewal-late"}


def test_all_writings_are_folded_into_one():
    assert terms.fold("簽註ＡＢ１２") == "签注ab12"


def test_initials_find_the_word(knowledge):
    assert "permit" in first(knowledge, "jzz")


def test_the_answer_of_the_persons_own_place_comes_instead_of_the_wider_one(knowledge):
    assert first(knowledge, "外地人怎么落户", "fenghua") == "fh-hukou"
    assert first(knowledge, "外地人怎么落户", "haishu") == "nb-hukou"
    assert first(knowledge, "外地人怎么落户", "zhongshan") == "zs-hukou"


def test_one_other_place_named_in_the_question_is_searched(knowledge):
    assert first(knowledge, "慈溪孩子上学怎么报名", "haishu") == "cx-school-enroll"


def test_naming_the_place_around_ones_own_does_not_lose_ones_own(knowledge):
    assert first(knowledge, "宁波外地人怎么落户", "fenghua") == "fh-hukou"
    assert first(knowledge, "浙江居住证快到期了怎么签注", "haishu") == "nb-permit-renewal"


def test_two_places_named_leave_the_person_where_he_is(knowledge):
    assert first(knowledge, "从慈溪搬到余姚，居住登记怎么变更", "haishu") == "nb-update-how"


def test_another_places_articles_never_come_back(knowledge):
    for row in pairs("search_pairs.tsv")[::7]:
        for hit in knowledge.search(row["question"], "zhongshan", TODAY, 10):
            named = [r for r in knowledge.regions.regions.values() if r.short in row["question"]]
            if not named:
                assert hit.article.region in {"zhongshan", "guangdong", "national"}


def test_an_article_past_its_review_is_not_found(knowledge):
    article = knowledge.search("居住证签注", "ningbo", TODAY)[0].article
    last = article.next_review
    assert article in [hit.article for hit in knowledge.search("居住证签注", "ningbo", last)]
    assert article not in [hit.article for hit in knowledge.search("居住证签注", "ningbo", last + timedelta(days=1), 9)]
    end = max(a.next_review for a in knowledge.articles.values())
    assert knowledge.search("居住证签注", "ningbo", end + timedelta(days=1)) == []


def test_what_fits_nothing_finds_nothing(knowledge):
    for text in ("", "   ", "😀😀", "qwrtpsdf", "\x00", "了吗呢"):
        assert knowledge.search(text, "ningbo", TODAY) == []


def test_the_understood_intent_breaks_the_tie(knowledge):
    plain = first(knowledge, "到期了怎么办")
    assert first(knowledge, "到期了怎么办", likely={"id_card_renewal": 0.9}).startswith("nat-id")
    assert first(knowledge, "到期了怎么办", likely={"no_such_intent": 0.9}) == plain
    assert first(knowledge, "到期了怎么办", likely={"id_card_renewal": 0.05}) == plain


def test_an_understood_intent_is_found_without_a_common_word_but_only_in_ones_own_place(knowledge):
    assert knowledge.search("丧", "ningbo", TODAY) == []
    hits = knowledge.search("丧", "ningbo", TODAY, 10, likely={"psych_support": 0.9})
    assert hits[0].article.aspect == "main"
    assert all("psych_support" in hit.article.intents for hit in hits)
    assert all(hit.article.region in knowledge.regions.chain("ningbo") for hit in hits)


def test_an_unknown_region_is_an_error(knowledge):
    with pytest.raises(KeyError):
        knowledge.search("居住证", "shanghai", TODAY)


def test_an_empty_knowledge_base_answers_nothing(folder):
    write(folder, "ningbo/permit.yml", ARTICLE.replace("status: published", "status: draft"))
    assert knowledge_base.load(folder).search("签注", "ningbo", TODAY) == []


def test_a_very_long_message_is_answered_all_the_same(knowledge):
    assert knowledge.search("居住证签注过期了怎么办" + "啊哈" * 4000, "ningbo", TODAY) != []


def test_a_word_in_two_synonym_rows_is_refused(folder):
    (folder / "synonyms.yml").write_text("version: 1\nsynonyms:\n- [娃, 孩子]\n- [娃, 老人]\n", encoding="utf-8")
    with pytest.raises(knowledge_base.KnowledgeError, match="娃 stands in two rows"):
        knowledge_base.load(folder)


def test_pinyin_is_cut_into_the_fewest_syllables():
    assert terms.syllables_of("juzhuzheng") == ["ju", "zhu", "zheng"]
    assert terms.syllables_of("jzz") is None


def copies(folder, times):
    """The shipped articles again and again, under other ids."""
    for path in sorted((SHIPPED / "articles").glob("*/*.yml")):
        text = path.read_text(encoding="utf-8")
        for n in range(times):
            again = folder / "articles" / path.parent.name / f"{path.stem}-{n}.yml"
            again.parent.mkdir(parents=True, exist_ok=True)
            again.write_text(re.sub(r"(?m)^- id: (\S+)$", rf"- id: \1-{n}", text), encoding="utf-8")


def median_ms(knowledge):
    times = []
    for row in pairs("search_pairs.tsv"):
        begin = time.process_time()
        knowledge.search(row["question"], row["region"], TODAY)
        times.append(time.process_time() - begin)
    return sorted(times)[len(times) // 2] * 1000


def test_two_thousand_articles_are_loaded_in_three_seconds_and_searched_in_two_milliseconds(folder):
    copies(folder, 8)
    begin = time.process_time()
    loaded = knowledge_base.load(folder)
    assert time.process_time() - begin < 3
    assert len(loaded.articles) > 2000
    assert median_ms(loaded) < 2


@pytest.mark.nightly
def test_twenty_thousand_articles_are_searched_in_ten_milliseconds(knowledge):
    many = {}
    for n in range(20_000 // len(knowledge.articles) + 1):
        many |= {f"{id}-{n}": dataclasses.replace(a, id=f"{id}-{n}") for id, a in knowledge.articles.items()}
    crowd = dataclasses.replace(knowledge, articles=MappingProxyType(many))
    assert median_ms(crowd) < 10
