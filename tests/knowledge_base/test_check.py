"""`python -m knowledge_base check` tells a clerk what is wrong and what soon will be."""

from datetime import date

from knowledge_base.__main__ import main
from knowledge_base.check import check
from tests.knowledge_base.kit import ARTICLE, TODAY, write


def test_it_prints_the_faults_and_counts_them_on_the_last_line(folder, capsys):
    write(folder, "ningbo/permit.yml", ARTICLE.replace("2027-05-20", "2027-13-01"))
    assert main(["check", "--folder", str(folder), "--on", "2026-11-22"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "article nb-permit-renewal: `next_review` is not a date: 2027-13-01" in lines[0]
    assert lines[-1] == "articles=0 errors=1 warnings=0"


def test_a_clean_folder_passes(folder, capsys):
    assert main(["check", "--folder", str(folder), "--on", "2026-11-22"]) == 0
    assert capsys.readouterr().out == "articles=1 errors=0 warnings=0\n"


def test_a_review_within_sixty_days_is_announced_and_a_missed_one_told(folder):
    soon = check(folder, date(2027, 3, 22))
    assert [str(w) for w in soon.warnings] == [
        "ningbo/permit.yml, article nb-permit-renewal: `next_review` comes in 59 days: 2027-05-20"
    ]
    assert "has passed (2027-05-20)" in str(check(folder, date(2027, 5, 21)).warnings[0])
    assert check(folder, date(2027, 3, 20)).warnings == []


def test_two_plain_answers_to_one_question_in_one_place_are_an_error(folder):
    write(folder, "ningbo/talk.yml", ARTICLE.replace("id: nb-permit-renewal", "id: nb-other"))
    assert [f.fault for f in check(folder, TODAY).errors] == [
        "is main for permit_renewal in ningbo, as is nb-permit-renewal"
    ]


def test_a_review_in_the_future_is_an_error(folder):
    assert "lies in the future: 2026-11-20" in str(check(folder, date(2026, 11, 19)).errors[0])


def test_a_law_not_yet_in_force_is_announced(folder):
    write(folder, "ningbo/permit.yml", ARTICLE.replace("effective_from: 2016-07-01", "effective_from: 2027-01-01"))
    assert "start on 2027-01-01" in str(check(folder, TODAY).warnings[0])


def test_html_is_told_to_the_clerk(folder):
    write(folder, "ningbo/permit.yml", ARTICLE.replace("每年签一次。", "每年<b>签</b>一次。"))
    assert "holds HTML" in str(check(folder, TODAY).warnings[0])


RULE = """
version: 1
next_review: 2027-05-20
laws:
  a: {document: 某条例}
rules:
- id: one
  topic: fee
  title: 费用
  told_in: [nb-permit-renewal]
  parameters:
    rate: {label: 几倍, law: a, values: [{from: 2020-01-01, value: 1.5}]}
    months: {label: 几个月, law: a, values: [{from: 2020-01-01, value: 12}]}
  clauses:
  - {let: total, be: rate * months, say: "{total}"}
  result: total
  cases: []
"""


def test_a_number_in_a_text_that_differs_from_the_rule_is_an_error(folder):
    path = folder / "rules/ningbo/fee.yml"
    path.parent.mkdir(parents=True)
    path.write_text(RULE, encoding="utf-8")
    write(folder, "ningbo/permit.yml", ARTICLE.replace("每年签一次。", "一年内签，150%付。"))
    assert check(folder, TODAY).errors == []
    write(folder, "ningbo/permit.yml", ARTICLE.replace("每年签一次。", "一年内签，200%付。"))
    assert [f.fault for f in check(folder, TODAY).errors] == ["does not tell 1.5, which rule one computes with"]
    path.write_text(RULE.replace("[nb-permit-renewal]", "[nb-gone]"), encoding="utf-8")
    assert [f.fault for f in check(folder, TODAY).errors] == ["is no article: nb-gone"]
