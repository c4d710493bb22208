"""What every article that ships must keep: short, plain, sourced, complete, and no number from nowhere."""

import csv
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

import knowledge_base
from knowledge_base import numbers, yamlsafe
from knowledge_base.check import check
from tests.knowledge_base.kit import TODAY

FOLDER = Path(knowledge_base.__file__).parent
NUMBERS = Path(__file__).with_name("fact_numbers.tsv")  # numbers that each fact establishes
SERVICE_INTENTS = [
    "residence_register",
    "residence_update",
    "rental_qr_report",
    "rental_hazard_report",
    "rental_rules",
    "permit_application",
    "permit_renewal",
    "permit_replacement",
    "permit_benefits",
    "points_application",
    "points_query",
    "hukou_settlement",
    "public_housing",
    "school_enrollment",
    "local_exam",
    "child_card",
    "vaccination",
    "maternal_health",
    "psych_support",
    "psych_crisis",
    "wage_arrears",
    "work_injury",
    "labor_dispute",
    "social_insurance",
    "legal_aid",
    "mediation",
    "job_seeking",
    "skills_training",
    "id_card_renewal",
    "exit_entry",
    "driving_vehicle",
    "senior_transit_card",
    "party_membership",
    "community_activity",
    "hardship_aid",
    "suggestion",
]


@pytest.fixture(scope="module")
def established():
    with NUMBERS.open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {row["fact"]: {numbers.plain(n) for n in row["numbers"].split()} for row in rows}


def test_every_number_told_is_established_by_a_fact_of_the_article_or_is_a_hotline(knowledge, established):
    lines = {number for h in knowledge.hotlines.values() for number in numbers.of(h.number)}
    wrong = {}
    for article in knowledge.articles.values():
        known = lines.union(*(established[fact] for fact in article.facts))
        unknown = numbers.told(article) - known
        if unknown:
            wrong[article.id] = unknown
    assert wrong == {}


def test_the_number_check_sees_an_invented_number():
    assert numbers.of("住满三个月、交10元，半年后再来") == {"3", "10", "0.5"}
    assert numbers.of("最低2490元") - {"2260"} == {"2490"}


def test_every_answer_is_a_finished_short_text(knowledge):
    for article in knowledge.articles.values():
        assert len(article.answer) <= 300, article.id
        assert article.answer.endswith(("。", "！", "？")), article.id
        assert article.answer != article.title


def test_every_question_is_asked_once_only(knowledge):
    owner = {}
    for article in knowledge.articles.values():
        for question in article.questions:
            assert question not in owner, f"{question}: {article.id} and {owner[question]}"
            owner[question] = article.id


def test_every_fact_is_in_an_article_or_left_out_with_a_reason(knowledge):
    known = (FOLDER / "fact_ids.txt").read_text(encoding="utf-8").split()
    left_out = {row["fact"]: row["reason"] for row in yamlsafe.read(FOLDER / "left_out.yml")["left_out"]}
    used = {fact for article in knowledge.articles.values() for fact in article.facts}
    assert used | set(left_out) == set(known)
    assert used & set(left_out) == set()
    assert all(len(reason) > 10 for reason in left_out.values())


@pytest.mark.parametrize("region", ["ningbo", "haishu", "cixi", "zhongshan"])
@pytest.mark.parametrize("intent", SERVICE_INTENTS)
def test_every_service_intent_has_a_plain_answer_everywhere(knowledge, intent, region):
    if (intent, region) == ("child_card", "zhongshan"):
        assert knowledge.main(intent, region, TODAY).region == "zhongshan"
    assert knowledge.main(intent, region, TODAY) is not None


def test_every_intent_an_article_answers_is_in_the_taxonomy(knowledge):
    taxonomy = yamlsafe.read(FOLDER.parent / "intents" / "taxonomy.yml")["intents"]
    asked = {intent for article in knowledge.articles.values() for intent in article.intents}
    assert asked <= set(taxonomy)
    assert set(SERVICE_INTENTS) <= set(taxonomy)


def test_there_are_36_service_intents():
    assert len(set(SERVICE_INTENTS)) == 36


def test_every_article_tells_its_source_and_its_date(knowledge):
    law = re.compile(r"《.+》(?:第[\d、–]+条)?（\d{4}-\d{2}-\d{2}(?:起施行|修正|公布|通过|起)）")
    report = re.compile(r"《.+》（约?\d{4}(?:–\d{4})?年(?:查阅)?）")
    for article in knowledge.articles.values():
        for part in re.split(r"\n", knowledge.source_line(article, TODAY)):
            assert part.startswith(("依据：", "来源："))
            for named in part[3:].split("；"):
                assert (law if part.startswith("依据") else report).search(named), f"{article.id}: {named}"


def test_stories_of_2015_to_2019_are_never_told_as_todays_rule(knowledge):
    # An article that rests on local reports alone says of which year they are, or sends people to check.
    hedge = re.compile(r"20(?:1[5-9]|2\d)年|12345|123\d\d|核实|核对|确认|以窗口为准")
    for article in knowledge.articles.values():
        if all(fact.startswith("seed-") for fact in article.facts):
            assert hedge.search(article.answer), article.id


def test_no_article_speaks_officialese(knowledge):
    stiff = re.compile(r"予以|依照有关规定|之规定|贵司|该当事人|特此|兹有|应予|相关部门将依法")
    for article in knowledge.articles.values():
        assert not stiff.search(article.answer), f"{article.id}: {stiff.search(article.answer)[0]}"


def test_the_check_command_finds_nothing_wrong_today():
    report = check(None, TODAY)
    assert [str(fault) for fault in report.errors] == []
    assert report.articles > 280


def test_reviews_are_spread_so_that_nothing_empties_itself_at_once(knowledge):
    """An install that nobody reviews loses a few answers a week, the plain ones last, and keeps those for danger."""
    weeks = Counter(a.next_review.isocalendar()[:2] for a in knowledge.articles.values())
    assert max(weeks.values()) <= 8
    assert min(a.next_review for a in knowledge.articles.values()) > TODAY + timedelta(days=60)
    half_a_year = TODAY + timedelta(days=183)
    for region in ("ningbo", "zhongshan"):
        missing = [i for i in SERVICE_INTENTS if knowledge.main(i, region, half_a_year) is None]
        assert missing == [], f"{region}: {missing}"
    standing = [a for a in knowledge.articles.values() if a.valid(half_a_year)]
    assert len(standing) > 0.75 * len(knowledge.articles)
    two_years = TODAY + timedelta(days=728)
    assert knowledge.main("psych_crisis", "haishu", two_years) and knowledge.main("emergency", "haishu", two_years)
