"""What an office fills in besides articles: numbers of rules, phone services, synonyms. Two people, history, live at once."""

import shutil
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask

import clock
import knowledge_base
from knowledge_base import KnowledgeError, live, rule_values, transfer
from records import article_history, articles
from records.base import read, write
from tests.knowledge_base.kit import TODAY
from tests.knowledge_base.test_desk import post
from tests.plain import database_url, understander  # noqa: F401 - fixtures
from tests.staff.conftest import asks, hire

__all__ = ["asks", "hire"]

VALUE = "value-zj-injury-leaving-provincial-average"
PATH = "/staff/knowledge/values/zj-injury-leaving/provincial_average"
AVERAGE = {
    "kind": "number", "from-0": "2026-01-01", "value-0": "8000", "document-0": "浙江省2025年度工资公报", "article-0": "",
    "owner": "人社", "why": "公报出来了", "base": "0",
}  # fmt: skip


@pytest.fixture
def house(app: Flask, folder):
    service = app.extensions["service"]
    shutil.copytree(Path(knowledge_base.__file__).parent / "rules", folder / "rules")
    with write(service.engine) as conn:
        transfer.seed(conn, at=clock.now() - timedelta(days=2), folder=folder)
    service.articles = live.Live(service.engine, service.redis, folder=folder)
    yield service
    service.articles.close()


def through(editor, reviewer, id, number=1):
    """From draft to publication, by two people."""
    path = f"/staff/knowledge/{id}/move"
    post(editor, path, 302, state="in_review", number=number)
    post(reviewer, path, 302, state="approved", number=number)
    post(editor, path, 302, state="published", number=number)


def leaving(house):
    return house.knowledge.rules.evaluate("injury_leaving", "haishu", {"grade": 9}, TODAY)


def test_a_number_nobody_had_is_filled_in_by_two_people_and_computed_with_within_two_seconds(house, hire):
    editor, reviewer = hire("editor"), hire("reviewer")
    assert leaving(house).result is None
    page = editor.get("/staff/knowledge/values")
    assert "上年度全省职工月平均工资" in page.split("在用的")[0]
    post(editor, PATH, 302, **AVERAGE)
    post(editor, f"/staff/knowledge/{VALUE}/move", 302, state="in_review", number=1)
    post(editor, f"/staff/knowledge/{VALUE}/move", 403, state="approved", number=1)
    post(reviewer, f"/staff/knowledge/{VALUE}/move", 302, state="approved", number=1)
    assert leaving(house).result is None  # approved is not yet published
    post(editor, f"/staff/knowledge/{VALUE}/move", 302, state="published", number=1)
    begin = time.monotonic()
    while leaving(house).result is None:
        assert time.monotonic() - begin < 2
        time.sleep(0.02)
    outcome = leaving(house)
    assert outcome.result == "64000"
    assert any("8000元×4×2＝64000元" in line and "《浙江省2025年度工资公报》" in line for line in outcome.trace)
    earlier = house.knowledge.rules.evaluate("injury_leaving", "haishu", {"grade": 9}, date(2025, 12, 31))
    assert earlier.result is None  # it holds from its day on, not before
    page = editor.get("/staff/knowledge/values")
    unknown = page.split("还没有核实的")[1].split("在用的")[0]
    assert "上年度全省职工月平均工资" not in unknown and "浙江省2025年度工资公报" in page


def test_a_reviewer_does_not_approve_the_number_he_entered(house, hire):
    reviewer = hire("reviewer")
    post(reviewer, PATH, 302, **AVERAGE)
    post(reviewer, f"/staff/knowledge/{VALUE}/move", 302, state="in_review", number=1)
    assert "自己写的" in post(reviewer, f"/staff/knowledge/{VALUE}/move", 409, state="approved", number=1)


def test_every_number_ever_told_can_be_seen_with_its_days(house, hire):
    editor, reviewer = hire("editor"), hire("reviewer")
    post(editor, PATH, 302, **AVERAGE)
    through(editor, reviewer, VALUE)
    more = AVERAGE | {"base": "1", "from-1": "2026-07-01", "value-1": "8500", "document-1": "2026年公报"}
    post(editor, f"/staff/knowledge/{VALUE}/edit", 302, **more)
    page = reviewer.get(f"/staff/knowledge/{VALUE}")
    assert "8500" in page and "<ins>" in page
    through(editor, reviewer, VALUE, 2)
    house.articles.refresh()
    assert leaving(house).result == "68000"
    with read(house.engine) as conn:
        rows = article_history.periods(conn, VALUE)
        assert [(row.number, row.ends is None) for row in rows] == [(2, True), (1, False)]
    page = editor.get(f"/staff/knowledge/day?kind=value&day={clock.today()}")
    assert "8000" in page and "8500" in page and "第1版" in page and "第2版" in page


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"value-0": "viel"}, "第1行：不是数字：viel"),
        ({"value-0": "-1"}, "要在0到10000000之间：-1"),
        ({"value-0": "NaN"}, "要在0到10000000之间：NaN"),
        ({"from-0": "2026-13-01"}, "从哪天起不是日期：2026-13-01"),
        ({"document-0": ""}, "要写明是哪份文件"),
        ({"from-0": "", "value-0": "", "document-0": ""}, "至少要填一个数值"),
        ({"from-1": "2026-01-01", "value-1": "9000", "document-1": "另一份"}, "同一天起只能有一个数值"),
    ],
)
def test_what_is_wrong_with_a_number_is_said_and_nothing_is_stored(house, hire, wrong, told):
    editor = hire("editor")
    assert told in post(editor, PATH, 422, **AVERAGE | wrong)
    with read(house.engine) as conn:
        assert articles.get(conn, VALUE) is None


def test_two_who_fill_in_one_number_at_once_lose_nothing(house, hire):
    first, second = hire("editor"), hire("editor", "second")
    post(first, PATH, 302, **AVERAGE)
    assert "已经有了" in post(second, PATH, 422, **AVERAGE)
    edit = f"/staff/knowledge/{VALUE}/edit"
    post(first, edit, 302, **AVERAGE | {"base": "1", "value-0": "8100"})
    page = post(second, edit, 409, **AVERAGE | {"base": "1", "value-0": "8200"})
    assert 'value="8200"' in page and "存了第2版" in page and "<del>1</del><ins>2</ins>" in page


def test_a_number_of_a_rule_that_is_not_there_is_no_page(house, hire):
    editor = hire("editor")
    editor.client.get("/staff/knowledge/values/zj-injury-leaving/nothing")
    post(editor, "/staff/knowledge/values/zj-injury-leaving/nothing", 404, **AVERAGE)


def test_a_table_and_a_text_are_filled_in_line_by_line(knowledge):
    rules = knowledge.rules
    table = {
        "id": "x", "rule": "nb-min-wage", "parameter": "month_of",
        "values": [{"from": "2027-01-01", "value": rule_values.typed("海曙区：2600\n慈溪市:2400", "table"), "document": "新标准"}],
    }  # fmt: skip
    assert rule_values.faults(table, rules) == []
    filled = rule_values.apply(rules, [table])
    given = {"area": "慈溪市", "hourly": False}
    assert filled.evaluate("min_wage", "cixi", given, date(2027, 1, 1)).result == "2400"
    assert filled.evaluate("min_wage", "cixi", given, date(2026, 12, 31)).result == "2260"
    words = {
        "id": "y", "rule": "zj-school-papers", "parameter": "district_list",
        "values": [{"from": "2026-01-01", "value": "户口簿、居住证", "document": "当年通知"}],
    }  # fmt: skip
    filled = rule_values.apply(rules, [words])
    assert (
        filled.evaluate("school_papers", "haishu", {"stage": "小学", "permit": True}, TODAY).result == "户口簿、居住证"
    )


def test_an_entry_that_no_longer_fits_its_rule_changes_nothing(knowledge):
    gone = {"id": "x", "rule": "gone", "parameter": "y", "values": []}
    spoilt = {
        "id": "x", "rule": "nb-min-wage", "parameter": "month_of",
        "values": [{"from": "2026-01-01", "value": "12", "document": "不是表"}],
    }  # fmt: skip
    assert rule_values.faults(spoilt, knowledge.rules)
    assert rule_values.apply(knowledge.rules, [gone, spoilt]) is knowledge.rules


def test_an_article_that_tells_an_older_number_is_named_before_the_new_one_is_published(app, hire, engine_of_all):
    editor = hire("editor")
    path = "/staff/knowledge/values/nb-points-structure/city"
    post(editor, path, 302, **AVERAGE | {"value-0": "151"})
    page = editor.get("/staff/knowledge/value-nb-points-structure-city")
    assert "nb-points-items" in page and "没有写 151" in page


@pytest.fixture
def engine_of_all(app: Flask):
    service = app.extensions["service"]
    with write(service.engine) as conn:
        transfer.seed(conn, at=clock.now())
    service.articles = live.Live(service.engine)
    yield service.engine
    service.articles.close()


LINE = {
    "number": "0574-99999999", "name": "测试街道办", "hours": "工作日", "for": "居住登记", "topics": "residence_register",
    "region": "haishu", "source": "现场问过", "confidence": "high", "checked_on": "2026-11-20", "why": "新加", "base": "0",
}  # fmt: skip


def test_a_phone_number_is_told_after_a_second_persons_yes_and_no_longer_after_it_was_withdrawn(house, hire):
    editor, reviewer = hire("editor"), hire("reviewer")
    post(editor, "/staff/knowledge/hotlines/new", 302, **LINE)
    house.articles.refresh()
    assert house.knowledge.hotline("tel-057499999999") is None
    through(editor, reviewer, "tel-057499999999")
    house.articles.refresh()
    line = house.knowledge.hotline("tel-057499999999")
    assert (line.number, line.checked_on) == ("0574-99999999", date(2026, 11, 20))
    assert line in house.knowledge.hotlines_for("residence_register", "haishu")
    assert line not in house.knowledge.hotlines_for("residence_register", "cixi")
    post(editor, "/staff/knowledge/tel-057499999999/move", 302, state="withdrawn", number=1, reason="打不通")
    house.articles.refresh()
    assert house.knowledge.hotline("tel-057499999999") is None
    assert house.knowledge.hotline("tel-12356") is not None


def test_what_is_not_verified_is_kept_but_never_told(house, hire):
    page = hire("editor").get("/staff/knowledge/hotlines")
    assert "0574-89108910" in page and "96309" in page
    assert not {"tel-057489108910", "tel-96309"} & set(house.knowledge.hotlines)


@pytest.mark.parametrize("id", ["tel-110", "tel-120", "tel-12356"])
def test_a_number_given_to_people_in_danger_can_be_mended_but_not_withdrawn(house, hire, id):
    reviewer = hire("reviewer")
    page = post(reviewer, f"/staff/knowledge/{id}/move", 409, state="withdrawn", number=1, reason="试试")
    assert "不能撤下" in page
    assert house.knowledge.hotline(id) is not None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"number": "打这个"}, "号码：不像电话号码"),
        ({"source": ""}, "来源：没有填"),
        ({"checked_on": ""}, "核实日期：要填"),
        ({"checked_on": "2099-01-01"}, "核实日期：不能在以后"),
        ({"topics": "nonsense"}, "没有这个事项：nonsense"),
        ({"name": "<script>alert(1)</script>", "hours": ""}, "&lt;script&gt;"),
    ],
)
def test_what_is_wrong_with_a_phone_number_is_said(house, hire, wrong, told):
    page = post(hire("editor"), "/staff/knowledge/hotlines/new", 422, **LINE | wrong)
    assert told in page and "<script>alert" not in page


def test_a_new_synonym_changes_what_the_search_finds(house, hire):
    editor, reviewer = hire("editor"), hire("reviewer")
    assert house.knowledge.search("盖戳戳", "ningbo", TODAY) == []
    with read(house.engine) as conn:
        rows = articles.revision(conn, "synonym-list", 1).content["rows"]
    text = "\n".join(" ".join([*row, "盖戳戳"] if row[0] == "签注" else row) for row in rows)
    post(editor, "/staff/knowledge/synonym-list/edit", 302, rows=text, base=1, why="有人这么说")
    through(editor, reviewer, "synonym-list", 2)
    house.articles.refresh()
    assert [h.article.id for h in house.knowledge.search("盖戳戳", "ningbo", TODAY)] == ["nb-permit-renewal"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [("签注 续签\n续签 年审", "“续签”在两行里都有"), ("单独", "第1行：至少要两个词"), ("好 " + "长" * 13, "词太长")],
)
def test_what_is_wrong_with_synonyms_is_said(house, hire, rows, told):
    page = post(hire("editor"), "/staff/knowledge/synonym-list/edit", 422, rows=rows, base=1, why="试")
    assert told in page


def test_every_page_of_the_desk_opens(house, hire):
    editor, reviewer = hire("editor"), hire("reviewer")
    post(editor, PATH, 302, **AVERAGE)
    through(editor, reviewer, VALUE)
    pages = ["hotlines", "values", "synonyms", "places", "calendar", "day", "gaps", "hotlines/new", "new"]
    pages += [
        "values/zj-school-papers/district_list",
        "values/nb-min-wage/month_of",
        "values/zj-injury-leaving/months_of",
    ]
    pages += [f"day?kind={kind}" for kind in ("article", "hotline", "value", "synonyms")]
    pages += [id + part for id in (VALUE, "tel-120", "synonym-list") for part in ("", "/edit", "/compare?a=1&b=1")]
    for page in pages:
        answer = editor.client.get(f"/staff/knowledge/{page}", follow_redirects=True)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 200, page
        assert "built-in method" not in text and "Undefined" not in text, page


def test_values_filled_in_go_to_a_file_and_come_back(house, hire, folder):
    editor, reviewer = hire("editor"), hire("reviewer")
    post(editor, PATH, 302, **AVERAGE)
    through(editor, reviewer, VALUE)
    with write(house.engine) as conn:
        transfer.export_folder(conn, folder)
    assert "浙江省2025年度工资公报" in (folder / "values.yml").read_text(encoding="utf-8")
    back = knowledge_base.load(folder)
    assert back.rules.evaluate("injury_leaving", "haishu", {"grade": 9}, TODAY).result == "64000"
    with write(house.engine) as conn:
        done = transfer.import_folder(conn, folder, actor="command:x", at=clock.now())
    assert (done.new, done.changed, done.conflicts) == ([], [], [])


def test_a_broken_file_of_values_is_named(folder):
    (folder / "values.yml").write_text("version: 1\nvalues: [12]\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"values\.yml: must begin with"):
        knowledge_base.load(folder)


def test_a_clerk_of_one_district_does_not_change_the_numbers_of_the_province(house, hire):
    clerk = hire("editor", region="haishu")
    post(clerk, PATH, 403, **AVERAGE)
    post(clerk, "/staff/knowledge/hotlines/new", 403, **LINE | {"region": "ningbo"})
    post(clerk, "/staff/knowledge/hotlines/new", 302, **LINE)
