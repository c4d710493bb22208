"""An article between its form and its data: reading what was typed, saying what is wrong, showing what changed."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from werkzeug.datastructures import MultiDict

import clock
from knowledge_base import Fault, Knowledge, transfer
from knowledge_base.schema import ASPECTS, CONFIDENCE

LABELS = {
    "id": "编号", "intents": "回答的事项", "region": "地区", "aspect": "哪一面", "title": "标题", "questions": "人们怎么问",
    "answer": "回答", "steps": "步骤", "papers": "要带的材料", "where": "在哪里办", "duration": "要多久", "fee": "费用",
    "deadline": "期限", "exceptions": "例外", "hotlines": "电话", "sources": "依据", "facts": "事实编号",
    "confidence": "把握", "owner": "责任部门", "next_review": "复核日", "reviewed_by": "编写", "approved_by": "审核",
}  # fmt: skip
SOURCE_LABELS = {
    "issuer": "发布机关", "document": "文件名", "article": "第几条", "effective_from": "从哪天起", "effective_to": "到哪天止",
    "dated": "日期是", "as_of": "资料年份", "url": "网址",
}  # fmt: skip
CONFIDENCES = {"high": "有法规或官方原文", "medium": "官方口径或多方一致", "low": "待核实，回答里要请人核对"}
LISTS = ("questions", "steps", "papers", "exceptions")
LINES = ("where", "duration", "fee", "deadline")
WORDS = ("intents", "hotlines", "facts")
DATED = ("起施行", "修正", "公布", "通过", "起")
FAMILIES = {
    "residence": "居住登记、租房", "permit": "居住证", "points": "积分、落户、公租房", "schooling": "上学",
    "health": "健康", "mind": "心理", "work": "劳动、社保、就业", "law": "法律、调解", "papers": "证照、出行",
    "community": "社区、活动、帮扶", "talk": "平台",
}  # fmt: skip

assert set(CONFIDENCES) == set(CONFIDENCE)


def typed(form: MultiDict[str, str], id: str) -> dict[str, Any]:
    """The text of an article as somebody typed it into the form; nothing empty is kept."""
    content: dict[str, Any] = {"id": id}
    for name in ("region", "aspect", "title", "answer", *LINES, "confidence", "owner", "next_review"):
        content[name] = form.get(name, "").strip()
    for name in LISTS:
        content[name] = [line.strip() for line in form.get(name, "").splitlines() if line.strip()]
    for name in WORDS:
        content[name] = list(dict.fromkeys(re.findall(r"[A-Za-z0-9_-]+", " ".join(form.getlist(name)))))
    content["sources"] = list(_sources(form))
    return {name: content[name] for name in LABELS if content.get(name)}


def _sources(form: MultiDict[str, str]) -> Iterator[dict[str, str]]:
    for n in range(12):
        row = {name: form.get(f"source-{n}-{name}", "").strip() for name in SOURCE_LABELS}
        if row["dated"] == DATED[0] or not row["effective_from"]:
            row["dated"] = ""
        if row["document"] or row["issuer"] or row["article"]:
            yield {name: value for name, value in row.items() if value}


def faults(content: Mapping[str, Any], file: str, knowledge: Knowledge) -> list[str]:
    """Everything that keeps a text from being submitted, in words for whoever wrote it."""
    tree = knowledge.regions
    article, found = transfer.checked(content, file, tree, clock.today())
    told = [said(fault) for fault in found]
    dead = [id for id in content.get("hotlines", ()) if id not in knowledge.hotlines]
    told += [f"电话：没有编号为 {id} 的在用电话" for id in dead]
    if article is not None and article.aspect == "main":
        for other in knowledge.articles.values():
            same = other.region == article.region and other.aspect == "main" and other.id != article.id
            if same and other.status == "published" and set(other.intents) & set(article.intents):
                told.append(f"哪一面：“{other.title}”（{other.id}）已经是这个地区这件事的主要回答，两条会互相矛盾")
    return told


_SAID = (
    (r"is missing.*", "没有填"),
    (r"has (\d+) characters, (\d+) is the most", r"有\1个字，最多\2个字"),
    (r"has (\d+) entries, needs at least (\d+)", r"至少要\2条"),
    (r"is not a date: (\S+).*", r"不是日期：\1（写成 2026-07-01）"),
    (r"is not one of .*: (.*)", r"没有这一项：\1"),
    (r"says the same thing twice", "有两条一样的"),
    (r"holds a control character.*", "有看不见的控制字符，请重新输入"),
    (r"is not a web address.*", "要以 https:// 开头"),
    (r"is before effective_from: (.*)", r"比开始的日子还早：\1"),
    (r"is not a year: (.*)", r"不是年份：\1"),
    (r"is not after reviewed_on: (.*)", r"要在编写日之后：\1"),
    (r"rests on a fact of low confidence.*", "把握低的内容，回答里要写明请人核对（如“以窗口为准”“打12345问一下”）"),
    (r"may hold only.*", "只能用小写字母、数字和短横线"),
    (r"lies after the review: (.*)", r"比编写的时间还晚：\1"),
    (r"is not text.*", "应该是文字"),
)


def said(fault: Fault) -> str:
    """A fault of the schema in Chinese."""
    words = [LABELS.get(word) or SOURCE_LABELS.get(word) or word for word in fault.field.split()]
    text = fault.fault
    for pattern, chinese in _SAID:
        if re.fullmatch(pattern, text):
            text = re.sub(pattern, chinese, text)
            break
    return f"{' '.join(words)}：{text}" if words else text


def shown(name: str, value: Any) -> str:
    """A field as people read it, lists one entry a line."""
    if name == "sources":
        return "\n".join(" · ".join(f"{SOURCE_LABELS[k]} {v}" for k, v in source.items()) for source in value or ())
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if name == "aspect":
        return ASPECTS.get(value, str(value))
    if name == "confidence":
        return CONFIDENCES.get(value, str(value))
    return str(value or "")


Piece = tuple[str, str]
"""`same`, `gone` or `new`, and the words."""


def difference(
    old: Mapping[str, Any], new: Mapping[str, Any], labels: Mapping[str, str] = LABELS,
    show: Callable[[str, Any], str] = shown,
) -> list[tuple[str, list[Piece]]]:  # fmt: skip
    """What changed from one text to another: for each changed field its label and its pieces."""
    changed = (name for name in labels if old.get(name) != new.get(name))
    return [(labels[name], pieces(show(name, old.get(name)), show(name, new.get(name)))) for name in changed]


def pieces(old: str, new: str) -> list[Piece]:
    """One text against another, character by character; crumbs of what stayed are taken into the change."""
    found: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        crumb = tag == "equal" and b - a < 2 and found and b < len(old)
        if tag == "equal" and not crumb:
            found.append(("same", old[a:b]))
            continue
        found += [(kind, text) for kind, text in (("gone", old[a:b]), ("new", new[c:d])) if text]
    return _joined(found)


def _joined(found: list[Piece]) -> list[Piece]:
    """Neighbouring changes as one: everything that went, then everything that came."""
    joined: list[Piece] = []
    gone = new = ""
    for kind, text in [*found, ("same", "")]:
        if kind == "gone":
            gone += text
        elif kind == "new":
            new += text
        else:
            joined += [piece for piece in (("gone", gone), ("new", new), ("same", text)) if piece[1]]
            gone = new = ""
    return joined
