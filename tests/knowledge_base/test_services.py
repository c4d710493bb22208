"""`/services`: every service of a place on one page, each with its source and a way on, without a script."""

import re

import pytest

import clock
from bot.web.services import FAMILIES
from handlers.registry import STEERING, titles
from knowledge_base import live
from tests.plain import database_url  # noqa: F401 - a fixture


@pytest.fixture
def get(app):
    client = app.test_client()

    def page(path: str, status: int = 200) -> str:
        answer = client.get(path)
        assert answer.status_code == status, answer.status_code
        return answer.get_data(as_text=True)

    return page


def test_every_service_of_the_taxonomy_stands_there_once():
    listed = [intent for _, _, intents in FAMILIES for intent in intents]
    assert sorted(listed) == sorted(set(titles()) - STEERING)


@pytest.mark.parametrize("region", ["ningbo", "haishu", "cixi", "zhongshan"])
def test_each_answer_stands_with_its_source_or_says_that_nothing_is_established(get, knowledge, region):
    page, today = get(f"/services?region={region}"), clock.today()
    for _, _, intents in FAMILIES:
        for intent in intents:
            card = page.split(f'<details id="{intent}">')[1].split("</details>")[0]
            article = knowledge.main(intent, region, today)
            if article is None:
                assert "还没有核实过" in card and "tel:" in card
            else:
                assert article.title in card
                assert all(line in card for line in knowledge.source_line(article, today).split("\n"))
            assert f'name="choice" value="{intent}"' in card


def test_the_place_asked_for_is_answered_and_an_unknown_one_is_the_first_city(get):
    assert "中山市，能办的事都在这里" in get("/services?region=zhongshan")
    assert "宁波市，能办的事都在这里" in get("/services?region=atlantis")
    assert "宁波市，能办的事都在这里" in get("/services")


def test_a_question_in_ones_own_words_finds_its_answer_and_more_leads_to_pages_of_their_own(get):
    page = get("/services?q=居住证快到期了怎么签注&region=haishu")
    assert "宁波居住证签注" in page.split('class="jump"')[0]
    link = re.search(r'href="(/services/[a-z0-9-]+\?region=haishu)"', page)
    assert link
    assert "适用地区：" in get(link[1])
    get("/services/no-such-article", 404)


def test_what_fits_nothing_says_so_and_what_is_typed_is_shown_as_text(get):
    page = get("/services?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_somebody_in_danger_is_told_first_whom_to_call(get):
    page = get("/services?q=我不想活了")
    assert page.index("tel:12356") < page.index('class="jump"')
    assert "您现在安全吗" in page
    assert "您现在安全吗" not in get("/services?q=居住证")


def test_the_page_needs_no_script_and_holds_no_style(get):
    for path in ("/services", "/services?q=签注"):
        page = get(path)
        assert "<script" not in page and "style=" not in page and "onclick" not in page


def test_a_withdrawn_article_is_gone_from_the_page_and_from_its_address(app, get, knowledge):
    import dataclasses
    from types import MappingProxyType

    changed = dict(knowledge.articles)
    changed["nb-permit-renewal"] = dataclasses.replace(changed["nb-permit-renewal"], status="withdrawn")
    service = app.extensions["service"]
    service.articles = live.Fixed(dataclasses.replace(knowledge, articles=MappingProxyType(changed)))
    get("/services/nb-permit-renewal", 404)
    assert "宁波居住证签注<" not in get("/services?region=ningbo")


def test_where_no_service_point_is_established_the_page_says_so(get):
    assert "我们还没有逐个核实过" in get("/services?region=haishu")
