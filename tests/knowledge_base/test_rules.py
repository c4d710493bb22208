"""A computed answer is traced clause by clause, uses the numbers of its day, and never makes up what is not known."""

import time
from datetime import date
from decimal import Decimal

import pytest

import knowledge_base
from knowledge_base import KnowledgeError, RuleInputError, expressions, rule_files
from knowledge_base.check import check
from knowledge_base.expressions import BadExpression, Unknown
from knowledge_base.rule_files import run_cases
from tests.knowledge_base.kit import TODAY

RULE = """
version: 1
next_review: 2027-05-20
laws:
  a: {document: 某条例, article: "3"}
rules:
- id: one
  topic: fee
  title: 费用
  inputs:
    days: {kind: number, label: 住了几天}
  parameters:
    rate:
      label: 每天几元
      law: a
      values: [{from: 2020-01-01, value: 0.1}, {from: 2026-01-01, value: 0.2}]
  clauses:
  - {let: total, be: rate * days, say: "{days}天×{rate}＝{total}元", law: a}
  result: total
  cases:
  - {given: {days: 3}, when: 2026-11-22, then: 0.6}
"""


@pytest.fixture
def written(folder):
    """Writes one rule file into a small knowledge base and loads it."""

    def write(text):
        path = folder / "rules/ningbo/fee.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return knowledge_base.load(folder)

    return write


def test_the_cases_of_every_rule_hold(knowledge):
    assert [str(fault) for fault in run_cases(knowledge.rules)] == []
    assert all(rule.cases for rule in knowledge.rules.rules)


def test_every_rule_has_a_case_for_each_of_its_decisions(knowledge):
    for rule in knowledge.rules.rules:
        decided = {clause.decide for clause in rule.clauses if clause.decide}
        assert decided <= {str(case["then"]) for case in rule.cases}, rule.id


def test_a_case_that_does_not_hold_is_an_error_of_the_check(written, folder):
    written(RULE.replace("then: 0.6", "then: 0.7"))
    assert [str(fault) for fault in check(folder, TODAY).errors] == [
        "rules/ningbo/fee.yml, article one: `cases 1` gives 0.6, not 0.7"
    ]


def test_the_number_of_the_day_is_used_and_none_before_the_first(written):
    rules = written(RULE).rules
    assert rules.evaluate("fee", "haishu", {"days": 3}, TODAY).result == "0.6"
    assert rules.evaluate("fee", "haishu", {"days": 3}, date(2025, 12, 31)).result == "0.3"
    early = rules.evaluate("fee", "haishu", {"days": 3}, date(2019, 12, 31))
    assert early.result is None
    assert early.because == "这里算不出来，因为“每天几元”这一天没有核实过的数值。"


def test_the_trace_names_the_numbers_and_the_law(written):
    outcome = written(RULE).rules.evaluate("fee", "ningbo", {"days": 3}, TODAY)
    assert outcome.trace == ("3天×0.2＝0.6元，依据《某条例》第3条",)


def test_a_missing_input_is_said_and_never_taken_for_zero(written):
    outcome = written(RULE).rules.evaluate("fee", "ningbo", {}, TODAY)
    assert (outcome.result, outcome.because) == (None, "这里算不出来，因为还不知道：住了几天。")


def test_a_rule_past_its_review_computes_nothing(written):
    outcome = written(RULE).rules.evaluate("fee", "ningbo", {"days": 3}, date(2027, 5, 21))
    assert outcome.result is None
    assert "过了核对日期" in outcome.because


def test_points_that_are_not_published_are_not_guessed(knowledge):
    outcome = knowledge.rules.evaluate("points_estimate", "haishu", {"insured_months": 54, "lived_months": 60}, TODAY)
    assert outcome.result is None
    assert "还没有核实" in outcome.because


def test_the_structure_of_both_points_schemes_adds_up(knowledge):
    assert knowledge.rules.evaluate("points_structure", "yuyao", {}, TODAY).result == "300"
    assert knowledge.rules.evaluate("points_structure", "zhongshan", {}, TODAY).result == "800"


def test_the_most_specific_place_decides(knowledge):
    facts = {"owns": False, "rented_months": 12, "insured_months": 0}
    assert knowledge.rules.evaluate("hukou", "fenghua", facts, TODAY).result == "够"
    assert knowledge.rules.evaluate("hukou", "haishu", facts, TODAY).result == "还不够"


def test_an_unknown_topic_or_place_is_an_error(knowledge):
    with pytest.raises(KeyError):
        knowledge.rules.evaluate("lottery", "ningbo", {}, TODAY)
    with pytest.raises(KeyError):
        knowledge.rules.evaluate("hukou", "shanghai", {}, TODAY)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("three", "住了几天不是数字：three"),
        ("NaN", "住了几天要在0到10000000之间：NaN"),
        (-1, "住了几天要在0到10000000之间：-1"),
        (1e300, "住了几天要在0到10000000之间"),
        (True, "住了几天"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(written, value, message):
    rules = written(RULE).rules
    with pytest.raises(RuleInputError, match=message):
        rules.evaluate("fee", "ningbo", {"days": value}, TODAY)


def test_a_bad_date_choice_and_stranger_are_refused_in_words(knowledge):
    rules = knowledge.rules
    with pytest.raises(RuleInputError, match="不是日期：2026-02-30，请写成2026-07-01这样"):
        rules.evaluate("injury_limit", "ningbo", {"hurt_on": "2026-02-30"}, TODAY)
    with pytest.raises(RuleInputError, match="没有这一项：上海，可选：海曙区"):
        rules.evaluate("min_wage", "ningbo", {"area": "上海", "hourly": False}, TODAY)
    with pytest.raises(RuleInputError, match="要回答是或否：也许"):
        rules.evaluate("min_wage", "ningbo", {"area": "海曙区", "hourly": "也许"}, TODAY)
    with pytest.raises(RuleInputError, match="用不到 colour"):
        rules.evaluate("min_wage", "ningbo", {"colour": "red"}, TODAY)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate * days", "rate * night", "clause 1 needs night, which nothing gives"),
        ("rate * days", "__import__('os')", "knows no function __import__"),
        ("rate * days", "rate.real", "may not use Attribute"),
        ("rate * days", "'[x for x in (1,)]'", "may not use ListComp"),
        ("rate * days", "rate ** days", "may not use Pow"),
        ("rate * days", "rate *", "is not an expression: rate *"),
        ("＝{total}元", "＝{sum}元", "clause 1 needs sum, which nothing gives"),
        ("result: total", "result: grand", "result grand is never worked out"),
        ("kind: number", "kind: numbr", "kind is not one of date, number"),
        ("law: a}\n  result", "law: b}\n  result", "has no 'b'"),
        ("  topic: fee\n", "", "has no 'topic'"),
        ("{from: 2020-01-01, value: 0.1}, {from: 2026-01-01, value: 0.2}", "", "has neither values nor `unknown`"),
        ("from: 2020-01-01", "from: 2030-01-01", "values are not in the order of their dates"),
        ("from: 2020-01-01", "from: 2020-13-01", "month must be in 1..12"),
        ("version: 1", "version: 9", "must begin with `version: 1`"),
        ('say: "', 'sya: "', "a clause knows no sya"),
    ],
)
def test_a_broken_rule_is_named_with_its_fault(written, old, new, message):
    assert old in RULE
    with pytest.raises(KnowledgeError) as caught:
        written(RULE.replace(old, new))
    [fault] = caught.value.faults
    assert fault.file == "rules/ningbo/fee.yml"
    assert message in str(fault)


def test_two_rules_for_one_question_in_one_place_are_refused(written):
    second = RULE[RULE.index("- id: one") :].replace("id: one", "id: two")
    with pytest.raises(KnowledgeError, match="two: `topic` fee is also worked out by one"):
        written(RULE + second.lstrip("\n"))


def test_dates_behave_at_the_ends_of_months():
    add = expressions.add_months
    assert add(date(2026, 1, 31), Decimal(1)) == date(2026, 2, 28)
    assert add(date(2026, 3, 31), Decimal(-1)) == date(2026, 2, 28)
    assert add(date(2025, 12, 10), Decimal(1)) == date(2026, 1, 10)
    assert expressions.add_years(date(2024, 2, 29), Decimal(1)) == date(2025, 2, 28)
    assert expressions.full_months(date(2026, 1, 31), date(2026, 2, 28)) == 1
    assert expressions.full_years(date(1990, 5, 1), date(2016, 4, 30)) == 25


def test_expressions_are_decimal_and_know_what_is_missing():
    assert expressions.parse("0.1 + 0.2 == 0.3").value({}) is True
    assert expressions.parse("1 if given(x) else 2").value({"x": None}) == 2
    with pytest.raises(Unknown, match="x"):
        expressions.parse("x + 1").value({"x": None})
    with pytest.raises(BadExpression, match="1 / 0"):
        expressions.parse("1 / 0").value({})
    with pytest.raises(BadExpression, match="longer than 300"):
        expressions.parse("1+" * 200 + "1")


def test_a_rule_is_worked_out_with_its_trace_in_a_millisecond(knowledge):
    given = {"monthly_wage": 5000, "joined_on": "2020-04-01", "left_on": "2026-11-01", "unlawful": True}
    begin = time.process_time()
    for _ in range(200):
        knowledge.rules.evaluate("severance", "ningbo", given, TODAY)
    assert (time.process_time() - begin) / 200 < 0.001


def test_values_that_do_not_fit_together_are_named_for_correction(knowledge):
    with pytest.raises(RuleInputError, match="从那以后按时签过几次要在0到60之间：15000"):
        knowledge.rules.evaluate("endorsement_window", "ningbo", {"issued_on": "2025-12-10", "endorsed": 15000}, TODAY)
    with pytest.raises(
        RuleInputError, match=r"请核对有没有写错：发证的日子（.*）：9980年1月1日；从那以后按时签过几次：60"
    ):
        knowledge.rules.evaluate("endorsement_window", "ningbo", {"issued_on": "9980-01-01", "endorsed": 60}, TODAY)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "date", "most": 3}, "only a number has least and most"),
        ({"kind": "number", "least": 5, "most": 3}, "needs 0 ≤ least ≤ most"),
        ({"kind": "number", "maximum": 3}, "knows no maximum"),
    ],
)
def test_bounds_that_bind_nothing_are_refused(fields, fault):
    with pytest.raises(ValueError, match=fault):
        rule_files._input("a", {"label": "a", **fields})
