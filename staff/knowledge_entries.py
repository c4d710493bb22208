"""Phone services, the numbers of the rules and the synonyms in the console: lists, and the beginning of a new one.

From there on an entry is read, changed, approved and published on the pages of `staff.knowledge`.
"""

from typing import Any

from flask import abort, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

import clock
from knowledge_base import entries, rule_values
from records import article_history, articles, audit
from records.base import read, write
from staff import knowledge_kinds as kinds
from staff.blueprint import blueprint
from staff.house import house, me
from staff.knowledge import _allow, _form, _may_edit, _places, _why
from staff.permissions import needs


@blueprint.get("/knowledge/hotlines")
@needs("knowledge.see")
def knowledge_hotlines() -> str:
    """Every phone service: shown, waiting, or kept back so that nobody adds it again."""
    with read(house().engine) as conn:
        rows = article_history.now_shown(conn, "hotline")
        heads = {row.id: row for row in article_history.listing(conn, kind="hotline")}
    return render_template(
        "knowledge/hotlines.html", rows=rows, heads=heads, states=articles.STATES, places=_places(),
        shown=house().knowledge.hotlines,
    )  # fmt: skip


@blueprint.get("/knowledge/hotlines/new")
@needs("knowledge.edit")
def knowledge_hotline_new() -> str:
    """An empty form."""
    empty = {"region": me().region or house().settings.regions[0], "checked_on": clock.today().isoformat()}
    return _form(empty, 0, kind="hotline")


@blueprint.post("/knowledge/hotlines/new")
@needs("knowledge.edit")
def knowledge_hotline_made() -> Response | tuple[str, int]:
    """Begin a phone service."""
    return _made("hotline", {})


@blueprint.get("/knowledge/values")
@needs("knowledge.see")
def knowledge_values() -> str:
    """Every number the rules compute with, the unknown ones first."""
    today = clock.today()
    with read(house().engine) as conn:
        heads = {row.id: row for row in article_history.listing(conn, kind="value")}
    rows: list[dict[str, Any]] = []
    for rule in house().knowledge.rules.rules:
        for parameter in rule.parameters:
            value = parameter.on(today)
            start = max((day for day, _ in parameter.values if day <= today), default=None)
            id = rule_values.entry_id(rule.id, parameter.name)
            rows.append({
                "rule": rule, "parameter": parameter, "value": None if value is None else rule_values.written(value),
                "since": start, "law": parameter.law_on(today), "head": heads.get(id), "mine": _may_edit(rule.region),
            })  # fmt: skip
    return render_template(
        "knowledge/values.html", unknown=[r for r in rows if r["value"] is None],
        known=[r for r in rows if r["value"] is not None], states=articles.STATES, places=_places(),
    )  # fmt: skip


@blueprint.get("/knowledge/values/<rule_id>/<name>")
@needs("knowledge.see")
def knowledge_value(rule_id: str, name: str) -> str | Response:
    """One number of a rule: its page once somebody filled it in, else an empty form."""
    fixed = _fixed(rule_id, name)
    with read(house().engine) as conn:
        if articles.get(conn, fixed["id"]) is not None:
            return redirect(url_for("staff.knowledge_page", article_id=fixed["id"]))
    _allow(fixed["region"])
    return _form(fixed, 0, kind="value")


@blueprint.post("/knowledge/values/<rule_id>/<name>")
@needs("knowledge.edit")
def knowledge_value_made(rule_id: str, name: str) -> Response | tuple[str, int]:
    """Fill one in for the first time."""
    return _made("value", _fixed(rule_id, name))


def _fixed(rule_id: str, name: str) -> dict[str, Any]:
    found = rule_values.parameter_of(house().knowledge.rules, {"rule": rule_id, "parameter": name})
    if found is None:
        abort(404)
    rule, parameter = found
    return {
        "id": rule_values.entry_id(rule_id, name), "title": f"{rule.title}：{parameter.label}"[:80],
        "region": rule.region, "rule": rule_id, "parameter": name,
    }  # fmt: skip


@blueprint.get("/knowledge/synonyms")
@needs("knowledge.see")
def knowledge_synonyms() -> str | Response:
    """The synonyms' page; before the first start with them, an empty form."""
    with read(house().engine) as conn:
        if articles.get(conn, entries.SYNONYMS) is not None:
            return redirect(url_for("staff.knowledge_page", article_id=entries.SYNONYMS))
    return _form(entries.synonyms([]), 0, kind="synonyms")


@blueprint.post("/knowledge/synonyms")
@needs("knowledge.edit")
def knowledge_synonyms_made() -> Response | tuple[str, int]:
    """Begin the synonyms."""
    return _made("synonyms", entries.synonyms([]))


def _made(kind: str, fixed: dict[str, Any]) -> Response | tuple[str, int]:
    content = kinds.KINDS[kind].typed(request.form, fixed)
    faults = kinds.KINDS[kind].faults(content, "", house().knowledge)
    if not faults:
        _allow(content.get("region", "national"))
        try:
            with write(house().engine) as conn:
                articles.create(
                    conn,
                    content,
                    file=entries.FILES[kind],
                    actor=me().actor,
                    at=clock.now(),
                    why=_why("新写"),
                    kind=kind,
                )
                audit.note(conn, me().actor, f"{kind}.created", f"article:{content['id']}", clock.now())
        except IntegrityError:
            faults = [f"编号 {content['id']} 已经有了，请在列表里找到它再改"]
    if faults:
        return _form(content, 0, faults, kind=kind), 422
    return redirect(url_for("staff.knowledge_page", article_id=content["id"]))
