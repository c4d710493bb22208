"""What the desk edits, kind by kind: how its form is read, what is wrong with it, how it reads back.

An article is the longest of them; a phone service, the values of a rule's parameter and the synonyms go the same way
from draft to publication (`records.articles`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

import clock
from handlers.registry import titles
from knowledge_base import Knowledge, check, entries, rule_values, terms
from records import articles
from staff import knowledge_text as texts

Content = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """typed reads a form over what can't be typed (`fixed`); faults are in Chinese, none means it may be submitted."""

    word: str
    template: str
    labels: Mapping[str, str]
    typed: Callable[[MultiDict[str, str], Content], Content]
    faults: Callable[[Content, str, Knowledge], list[str]]
    show: Callable[[str, Any], str]


HOTLINE = {
    "number": "号码", "name": "名称", "hours": "接听时间", "for": "管什么事", "topics": "哪些事项里给出", "region": "地区",
    "source": "来源", "confidence": "把握", "checked_on": "核实日期", "note": "内部备注（不给人看）",
}  # fmt: skip
VALUE = {"values": "数值", "owner": "责任部门"}
SYNONYMS = {"rows": "说的是一回事的词"}
ROWS = 12
"""Values of one parameter that a form takes."""


def _article(form: MultiDict[str, str], fixed: Content) -> Content:
    return texts.typed(form, fixed["id"])


def _hotline(form: MultiDict[str, str], fixed: Content) -> Content:
    content: Content = {name: form.get(name, "").strip() for name in HOTLINE if name != "topics"}
    content["topics"] = [topic for topic in dict.fromkeys(form.getlist("topics")) if topic]
    content["id"] = fixed.get("id") or "tel-" + re.sub(r"\D", "", content["number"])
    return {name: content[name] for name in ("id", *HOTLINE) if content.get(name)}


def _hotline_faults(content: Content, file: str, knowledge: Knowledge) -> list[str]:
    line, found = entries.hotline(content, knowledge.regions.regions)
    told = [_said(str(f.field), texts.said(f).split("：", 1)[1], HOTLINE) for f in found]
    known = titles()
    told += [f"哪些事项里给出：没有这个事项：{t}" for t in content.get("topics", ()) if t not in known]
    if line is not None and line.checked_on is None:
        told.append("核实日期：要填哪天打通或在官方页面上看到过")
    if line is not None and line.checked_on is not None and line.checked_on > clock.today():
        told.append("核实日期：不能在以后")
    return told


def _said(field: str, fault: str, labels: Mapping[str, str]) -> str:
    words = {"is no phone number": "不像电话号码"}
    fault = next((word + fault.split(":", 1)[-1] for key, word in words.items() if fault.startswith(key)), fault)
    return f"{labels.get(field, field)}：{fault}"


def _value(form: MultiDict[str, str], fixed: Content) -> Content:
    rows = []
    for n in range(ROWS):
        row = {name: form.get(f"{name}-{n}", "").strip() for name in ("from", "value", "document", "article")}
        if row["from"] or row["value"] or row["document"]:
            rows.append({**row, "value": rule_values.typed(row["value"], form.get("kind", "number"))})
    rows.sort(key=lambda row: str(row["from"]))
    return {**fixed, "owner": form.get("owner", "").strip() or "知识编辑", "values": rows}


def _value_faults(content: Content, file: str, knowledge: Knowledge) -> list[str]:
    return rule_values.faults(content, knowledge.rules)


def _synonyms(form: MultiDict[str, str], fixed: Content) -> Content:
    lines = (re.split(r"[\s,，、;；]+", line.strip()) for line in form.get("rows", "").splitlines())
    return {**fixed, "rows": [list(dict.fromkeys(filter(None, words))) for words in lines if any(words)]}


def _synonym_faults(content: Content, file: str, knowledge: Knowledge) -> list[str]:
    told = [f"第{n}行：至少要两个词" for n, row in enumerate(content["rows"], 1) if len(row) < 2]
    told += [f"第{n}行：词太长：{w[:20]}" for n, row in enumerate(content["rows"], 1) for w in row if len(w) > 12]
    try:
        terms.synonyms(content["rows"])
    except ValueError as fault:
        told.append(f"“{str(fault).split(' ')[0]}”在两行里都有，只能留一处")
    if len(content["rows"]) > 500:
        told.append("最多500行")
    return told


def _read(name: str, value: Any) -> str:
    if name == "values":
        return "\n".join(
            f"{row['from']}起：{rule_values.written(row['value'])}（{row['document']}{row.get('article', '')}）"
            for row in value or ()
        )
    if name == "rows":
        return "\n".join("、".join(row) for row in value or ())
    if name == "topics":
        return "、".join(titles().get(topic, topic) for topic in value or ())
    return texts.shown(name, value)


KINDS = {
    "article": Kind("条目", "knowledge/edit.html", texts.LABELS, _article, texts.faults, texts.shown),
    "hotline": Kind("电话", "knowledge/edit_hotline.html", HOTLINE, _hotline, _hotline_faults, _read),
    "value": Kind("规则数值", "knowledge/edit_value.html", VALUE, _value, _value_faults, _read),
    "synonyms": Kind("近义词", "knowledge/edit_synonyms.html", SYNONYMS, _synonyms, _synonym_faults, _read),
}


def difference(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, list[texts.Piece]]]:
    """What changed from one text of an entry to another."""
    return texts.difference(old, new, KINDS[kind].labels, KINDS[kind].show)


def refuse_withdrawal(kind: str, id: str) -> None:
    """Raises IllegalMove for what must never go: the numbers that are given to people in danger."""
    if kind == "hotline" and id in entries.KEPT:
        raise articles.IllegalMove("这个号码在危急回答里要用，可以改，不能撤下")


def hints(kind: str, content: Content, knowledge: Knowledge) -> list[str]:
    """What else must be looked at before this is published: articles that tell an older number."""
    found = rule_values.parameter_of(knowledge.rules, content) if kind == "value" else None
    if found is None or _value_faults(content, "", knowledge):
        return []
    rule = found[0]
    filled = rule_values.apply(knowledge.rules, [content])
    value = next(p for r in filled.rules if r.id == rule.id for p in r.parameters if p.name == found[1].name)
    told = []
    for id in rule.told_in:
        article = knowledge.articles.get(id)
        if article is not None and (missing := check.untold(article, value.on(clock.today()))):
            told.append(f"“{article.title}”（{id}）里没有写 {missing[0]}，发布后要一起改")
    return told
