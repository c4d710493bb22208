"""Only valid articles are found, the most specific place first, and each tells its source."""

from datetime import date

import pytest

import knowledge_base
from tests.knowledge_base.kit import ARTICLE, TODAY, write


def find(folder, on=TODAY, region="haishu"):
    return [a.id for a in knowledge_base.load(folder).find("permit_renewal", region, on)]


def test_an_article_is_shown_until_the_day_of_its_review_and_not_a_day_longer(folder):
    assert find(folder, date(2027, 5, 20)) == ["nb-permit-renewal"]
    assert find(folder, date(2027, 5, 21)) == []


@pytest.mark.parametrize("status", ["draft", "in_review", "approved", "due", "withdrawn"])
def test_only_published_articles_are_shown(folder, status):
    write(folder, "ningbo/permit.yml", ARTICLE.replace("status: published", f"status: {status}"))
    assert find(folder) == []


def test_an_article_is_held_back_until_its_law_is_in_force_and_falls_with_it(folder):
    dates = "effective_from: 2016-07-01, effective_to: 2026-12-31"
    write(folder, "ningbo/permit.yml", ARTICLE.replace("effective_from: 2016-07-01", dates))
    assert find(folder, date(2016, 6, 30)) == []
    assert find(folder, date(2026, 12, 31)) == ["nb-permit-renewal"]
    assert find(folder, date(2027, 1, 1)) == []


def test_the_most_specific_place_comes_first_and_main_before_the_other_sides(folder):
    def at(region, id, aspect="main"):
        text = ARTICLE.replace("region: ningbo", f"region: {region}").replace("nb-permit-renewal", id)
        return text.replace("aspect: main", f"aspect: {aspect}")

    write(folder, "national/permit.yml", at("national", "nat"))
    write(folder, "haishu/permit.yml", at("haishu", "hs-fee", "fee") + at("haishu", "hs"))
    write(folder, "cixi/permit.yml", at("cixi", "cx"))
    write(folder, "zhongshan/permit.yml", at("zhongshan", "zs"))
    assert find(folder) == ["hs", "hs-fee", "nb-permit-renewal", "nat"]
    assert find(folder, region="zhongshan") == ["zs", "nat"]
    loaded = knowledge_base.load(folder)
    assert loaded.main("permit_renewal", "yinzhou", TODAY).id == "nb-permit-renewal"
    assert loaded.aspect("permit_renewal", "haishu", TODAY, "fee").id == "hs-fee"
    assert loaded.aspect("permit_renewal", "cixi", TODAY, "fee") is None


def test_a_region_pack_brings_what_is_in_it_and_around_it_and_nothing_else():
    loaded = {a.region for a in knowledge_base.load(regions=["zhongshan"]).articles.values()}
    assert loaded == {"national", "guangdong", "zhongshan"}


def test_a_law_is_cited_with_its_article_and_the_day_it_took_effect(knowledge):
    assert knowledge.source_line(knowledge.articles["nat-permit-renewal"], TODAY) == (
        "依据：《居住证暂行条例（国务院令第663号）》第10、21条（2016-01-01起施行）"
    )


def test_a_report_is_cited_with_its_year(knowledge):
    line = knowledge.source_line(knowledge.articles["zs-permit-services"], TODAY)
    assert line == "来源：中山市流动人口办《强服务 重激励 让流动人口“留”下来》（2018年）"


def test_unverified_and_obsolete_numbers_can_not_be_shown(knowledge):
    assert knowledge.hotline("tel-12356").number == "12356"
    assert knowledge.hotline("tel-96309") is None
    assert knowledge.hotline("tel-057486276772") is None
    assert {h.status for h in knowledge.hotlines.values()} == {"current"}


def test_a_crisis_offers_police_and_ambulance_beside_the_counselling_line(knowledge):
    numbers = {h.number for h in knowledge.hotlines_for("psych_crisis", "ningbo")}
    assert {"110", "120", "12356"} <= numbers
    for article in knowledge.find("psych_crisis", "ningbo", TODAY):
        assert {"tel-110", "tel-120", "tel-12356"} <= set(article.hotlines)
        assert "110" in article.answer
        assert "120" in article.answer


def test_the_snapshot_can_not_be_changed(knowledge):
    with pytest.raises(TypeError):
        knowledge.articles["x"] = None
    with pytest.raises(AttributeError):
        knowledge.articles["nb-permit-renewal"].answer = "改了"


def test_places_are_known_by_key_name_and_short_name(knowledge):
    assert {knowledge.regions.of_name(word) for word in ("haishu", "海曙", "海曙区")} == {"haishu"}
    assert knowledge.regions.of_name("上海") is None
    assert knowledge.regions.name("yuyao") == "余姚市"


def test_the_sentence_that_a_question_is_about_is_told_alone_where_one_stands_out(knowledge):
    article = knowledge.articles["nat-work-injury"]
    assert "1年内" in knowledge.passage(article, "我自己能去申请吗")
    assert knowledge.passage(article, "多少钱一斤") == ""


def test_what_an_article_is_all_about_and_what_is_not_known_is_no_sentence_of_its_own(knowledge):
    party = knowledge.articles["nat-party"]
    assert knowledge.passage(party, "流动党员是什么", "流动党员") == ""
    when = knowledge.articles["nat-vaccine-when"]
    assert "没有核实" not in knowledge.passage(when, "发烧能打吗")
