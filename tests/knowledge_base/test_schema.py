"""Bad input to the knowledge base gets a message that names the file, the article, the field and the fault."""

import pytest

import knowledge_base
from knowledge_base import KnowledgeError
from tests.knowledge_base.kit import ARTICLE, write


def faults_of(folder):
    with pytest.raises(KnowledgeError) as caught:
        knowledge_base.load(folder)
    return [str(fault) for fault in caught.value.faults]


def spoiled(folder, old, new):
    assert old in ARTICLE
    write(folder, "ningbo/permit.yml", ARTICLE.replace(old, new))
    return faults_of(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2027-05-20", "2027-13-01", "`next_review` is not a date: 2027-13-01"),
        ("effective_from: 2016-07-01", "effective_from: 2016年", "`sources 1 effective_from` is not a date: 2016年"),
        ("region: ningbo", "region: ningpo", "`region` is not one of national"),
        ("  region: ningbo\n", "", "`region` is missing"),
        ("  answer: 每年签一次。\n", "", "`answer` is missing"),
        ("answer: 每年签一次。", "answer: " + "长" * 301, "`answer` has 301 characters, 300 is the most"),
        ("answer: 每年签一次。", "answer: [每年, 签]", "`answer` is not text but a list"),
        ("answer: 每年签一次。", 'answer: "每年\\u202e签"', "`answer` holds a control character"),
        ("questions: [签注怎么办]", "questions: 签注怎么办", "`questions` is not a list"),
        ("questions: [签注怎么办]", "questions: [签注, 签注]", "`questions` says the same thing twice"),
        ("aspect: main", "aspect: mian", "`aspect` is not one of main"),
        ("title: 居住证签注", "title: 居住证签注\n  titel: 签注", "`titel` is not a field of an article"),
        ("confidence: high", "confidence: low", "does not tell people where to check"),
        ("approved_by: 审核组", "approved_by: 编辑部", "`approved_by` must be a second person"),
        ("  approved_by: 审核组\n", "", "`approved_by` must be a second person"),
        ("next_review: 2027-05-20", "next_review: 2026-11-20", "`next_review` is not after reviewed_on"),
        (", effective_from: 2016-07-01", "", "`sources 1 effective_from` is missing"),
        (", effective_from: 2016-07-01", ", as_of: 前年", "`sources 1 as_of` is not a year: 前年"),
        (", effective_from: 2016-07-01", ', as_of: "2031"', "`sources 1 as_of` lies after the review: 2031"),
        (
            "effective_from: 2016-07-01",
            "effective_from: 2016-07-01, effective_to: 2015-01-01",
            "`sources 1 effective_to` is before effective_from",
        ),
        ("effective_from: 2016-07-01", "effective_from: 2016-07-01, url: github:x/y", "`sources 1 url` is not a web"),
        ("id: nb-permit-renewal", "id: NB 续签", "`id` may hold only"),
        (
            "status: published",
            "status: published\n  hotlines: [tel-96309]",
            "`hotlines` is obsolete, not current: tel-96309",
        ),
        ("status: published", "status: published\n  hotlines: [tel-1]", "`hotlines` is not in hotlines.yml: tel-1"),
    ],
)
def test_a_wrong_field_is_named_with_its_fault(folder, old, new, message):
    found = spoiled(folder, old, new)
    assert len(found) == 1
    assert found[0].startswith("ningbo/permit.yml, article ")
    assert message in found[0]


def test_every_fault_is_told_at_once(folder):
    bad = ARTICLE.replace("2027-05-20", "soon").replace("confidence: high", "confidence: sure")
    write(folder, "ningbo/permit.yml", bad)
    assert len(faults_of(folder)) == 2


def test_two_articles_with_one_id_are_refused(folder):
    write(folder, "haishu/permit.yml", ARTICLE.replace("region: ningbo", "region: haishu"))
    assert faults_of(folder) == [
        "ningbo/permit.yml, article nb-permit-renewal: `id` is already used in haishu/permit.yml",
    ]


def test_an_article_in_the_wrong_folder_is_refused(folder):
    write(folder, "haishu/permit.yml", ARTICLE.replace("id: nb", "id: hs"))
    assert "`region` is ningbo in folder haishu" in faults_of(folder)[0]


def test_a_folder_that_is_no_region_is_refused(folder):
    write(folder, "hangzhou/permit.yml", ARTICLE)
    assert faults_of(folder) == ["hangzhou/permit.yml: lies in a folder that is no region: hangzhou"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x,x,x]\nb: &b [*a,*a,*a]\n", "line 2: aliases (*a) are not allowed"),
        ("version: 1\narticles: [\n", "is not valid YAML"),
        ("version: 1\nversion: 1\narticles: []\n", "line 2: `version` is given twice"),
        ("version: 2\narticles: []\n", "must begin with `version: 1`"),
        ("- just a list\n", "must begin with `version: 1`"),
        ("version: 1\narticles: " + "[" * 40 + "]" * 40, "is nested more than 12 deep"),
        ("version: 1\narticles: !!python/object/apply:os.system [ls]\n", "line 2: tags (tag:yaml.org,2002:python"),
        ("version: 1\narticles: !!int x\n", "line 2: tags (tag:yaml.org,2002:int) are not allowed"),
        ("version: 1\narticles: [just text]\n", "holds something that is not an article"),
    ],
)
def test_a_hostile_or_broken_file_is_refused_by_name(folder, text, message):
    (folder / "articles/ningbo/permit.yml").write_text(text, encoding="utf-8")
    found = faults_of(folder)
    assert len(found) == 1
    assert found[0].startswith("ningbo/permit.yml")
    assert message in found[0]


def test_a_five_megabyte_file_is_refused_unread(folder):
    (folder / "articles/ningbo/permit.yml").write_bytes(b"# " + b"x" * 5_000_000)
    assert faults_of(folder) == ["ningbo/permit.yml: is larger than 1000 KB; split it"]


def test_a_file_that_is_not_utf8_is_refused(folder):
    (folder / "articles/ningbo/permit.yml").write_bytes("version: 1 # 居住".encode("gb18030"))
    assert "is not UTF-8 text" in faults_of(folder)[0]


def test_an_unknown_region_pack_is_named(folder):
    with pytest.raises(KnowledgeError, match="article shanghai: no such region; known are national"):
        knowledge_base.load(folder, regions=["shanghai"])
