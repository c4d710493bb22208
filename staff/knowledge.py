"""The knowledge desk: find articles, write, submit, compare, approve, publish, withdraw."""

from datetime import timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

import clock
from handlers.registry import STEERING, titles
from knowledge_base import entries, live, rule_values
from knowledge_base.schema import ASPECTS
from records import article_history, articles, audit, staff
from records.base import read, write
from staff import knowledge_kinds as kinds
from staff import knowledge_text as texts
from staff.blueprint import blueprint
from staff.house import house, me
from staff.permissions import needs

WEEK = timedelta(days=7)
MOVES = {
    "in_review": ("提交审核", "knowledge.edit"),
    "approved": ("审核通过", "knowledge.review"),
    "published": ("发布", "knowledge.edit"),
    "draft": ("退回修改", "knowledge.review"),
    "withdrawn": ("撤下", "knowledge.edit"),
}
"""Buttons: the state moved to, its label, and who may."""


@blueprint.get("/knowledge")
@needs("knowledge.see")
def knowledge_list() -> str:
    """Articles by state, place and words, with how often each was answered from last week."""
    state, region = request.args.get("state", ""), request.args.get("region", "")
    words, owner = request.args.get("q", "").strip()[:40], request.args.get("owner", "")
    tree = house().knowledge.regions
    inside = tuple(tree.inside(region)) if region in tree else ()
    now = clock.now()
    with read(house().engine) as conn:
        rows = article_history.listing(conn, state=state, regions=inside, words=words, owner=owner)
        counts = article_history.counts(conn)
        used = article_history.answered_from(conn, now - WEEK, now)
        waiting = article_history.waiting(conn)
        notices = article_history.unseen_notices(conn)
    if request.args.get("order") == "used":
        rows.sort(key=lambda row: -used[row.id])
    owners = sorted({a.owner for a in house().knowledge.articles.values()})
    return render_template(
        "knowledge/list.html", rows=rows, counts=counts, used=used, notices=notices, states=articles.STATES,
        state=state, region=region, words=words, owner=owner, owners=owners, places=tree.regions, waiting=waiting,
        order=request.args.get("order", ""), soon=now.date() + timedelta(days=60),
    )  # fmt: skip


@blueprint.get("/knowledge/<article_id>")
@needs("knowledge.see")
def knowledge_page(article_id: str) -> str:
    """One article: what people see, what is being written and how it differs, its life."""
    now = clock.now()
    with read(house().engine) as conn:
        row = _found(conn, article_id)
        history = article_history.texts(conn, article_id)
        steps = article_history.events(conn, article_id)
        periods = article_history.periods(conn, article_id)
        used = article_history.answered_from(conn, now - WEEK, now)[article_id]
        wrote = articles.writers(conn, row)
        names = staff.names(conn)
    newest, shown = history[0], next((text for text in history if text.number == row.shown), None)
    edited = shown is not None and shown.number != newest.number
    changes = kinds.difference(row.kind, shown.content, newest.content) if shown and edited else []
    kind = kinds.KINDS[row.kind]
    open_moves = [
        (state, label) for state, (label, permission) in MOVES.items()
        if state in articles.MOVES[row.state] and state != row.state and me().may(permission)
        and not (state == "approved" and me().actor in wrote)
        and not (state == "draft" and row.state not in ("in_review", "approved"))
        and not (state == "withdrawn" and row.id in entries.KEPT)
    ]  # fmt: skip
    return render_template(
        "knowledge/page.html", row=row, newest=newest, shown=shown, history=history, steps=steps, periods=periods,
        used=used, changes=changes, moves=open_moves, faults=kind.faults(newest.content, row.file, house().knowledge),
        states=articles.STATES, labels=kind.labels, read=kind.show, who=_namer(names), places=_places(), kind=kind,
        hints=kinds.hints(row.kind, newest.content, house().knowledge) if row.state != "published" else [],
        titles=titles(), own=me().actor in wrote and row.state == "in_review", may_edit=_may_edit(row.region),
    )  # fmt: skip


@blueprint.get("/knowledge/new")
@needs("knowledge.edit")
def knowledge_new() -> str:
    """An empty form."""
    soon = (clock.today() + timedelta(days=180)).isoformat()
    return _form({"region": request.args.get("region", "ningbo"), "aspect": "main", "next_review": soon}, 0)


@blueprint.post("/knowledge/new")
@needs("knowledge.edit")
def knowledge_made() -> Response | tuple[str, int]:
    """Begin an article."""
    id = request.form.get("id", "").strip()
    content, family = texts.typed(request.form, id), request.form.get("family", "community")
    hard = _hard_faults(content)
    if family not in texts.FAMILIES:
        abort(400)
    try:
        if not hard:
            with write(house().engine) as conn:
                file = f"{content['region']}/{family}.yml"
                articles.create(conn, content, file=file, actor=me().actor, at=clock.now(), why=_why("新写"))
                audit.note(conn, me().actor, "article.created", f"article:{id}", clock.now())
    except IntegrityError:
        hard = [f"编号：{id} 已经有人用了，换一个"]
    if hard:
        return _form(content, 0, hard), 422
    return redirect(url_for("staff.knowledge_page", article_id=id))


@blueprint.get("/knowledge/<article_id>/edit")
@needs("knowledge.edit")
def knowledge_edit(article_id: str) -> str:
    """The form with the newest text, or an older one to go back to (`?from=3`)."""
    with read(house().engine) as conn:
        row = _found(conn, article_id)
        text = articles.revision(conn, article_id, request.args.get("from", row.revision, type=int))
    if text is None:
        abort(404)
    _allow(row.region)
    return _form(text.content, row.revision, kind=row.kind)


@blueprint.post("/knowledge/<article_id>/edit")
@needs("knowledge.edit")
def knowledge_saved(article_id: str) -> Response | tuple[str, int]:
    """Save a new text. Somebody else saved meanwhile: both texts side by side, and nothing is lost."""
    with read(house().engine) as conn:
        row = _found(conn, article_id)
        last = articles.revision(conn, article_id, row.revision)
    assert last is not None
    kind, base = kinds.KINDS[row.kind], request.form.get("base", 0, type=int)
    content = kind.typed(request.form, last.content)
    hard = _hard_faults(content) if row.kind == "article" else kind.faults(content, row.file, house().knowledge)
    if hard:
        return _form(content, base, hard, kind=row.kind), 422
    _allow(row.region)
    _allow(content.get("region", row.region))
    try:
        with write(house().engine) as conn:
            articles.save(conn, content, base=base, actor=me().actor, at=clock.now(), why=_why("修改"))
    except articles.Conflict as conflict:
        return _both(conflict, row.kind), 409
    except articles.IllegalMove as fault:
        abort(409, str(fault))
    return redirect(url_for("staff.knowledge_page", article_id=article_id))


def _both(conflict: articles.Conflict, kind: str) -> str:
    with read(house().engine) as conn:
        who = _namer(staff.names(conn))
    changes = kinds.difference(kind, conflict.theirs, conflict.mine)
    return _form(conflict.mine, conflict.number, conflict=(who(conflict.author), changes), kind=kind)


@blueprint.post("/knowledge/<article_id>/move")
@needs("knowledge.edit")
def knowledge_moved(article_id: str) -> Response:
    """Submit, approve, publish, send back or withdraw the text that was on the page."""
    state, number = request.form.get("state", ""), request.form.get("number", 0, type=int)
    if state not in MOVES or not me().may(MOVES[state][1]):
        abort(403)
    now = clock.now()
    try:
        with write(house().engine) as conn:
            row = _found(conn, article_id)
            _allow(row.region)
            text = articles.revision(conn, article_id, number)
            if text is None:
                abort(404)
            if state in ("in_review", "approved", "published"):
                _must_be_sound(text.content, row.file, row.kind)
            elif state == "withdrawn":
                kinds.refuse_withdrawal(row.kind, article_id)
            name = me().name if me().name != text.reviewed_by else f"{me().name}（{me().login}）"
            reason = request.form.get("reason", "").strip()
            articles.move(conn, article_id, state, number=number, actor=me().actor, at=now, name=name, reason=reason)
            audit.note(conn, me().actor, f"article.{state}", f"article:{article_id}", now, reason[:200] or None)
    except articles.IllegalMove as fault:
        abort(409, str(fault))
    if state in ("published", "withdrawn"):
        live.announce(house().redis)
    flash(f"“{row.title}”：{articles.STATES[state]}", "good")
    return redirect(url_for("staff.knowledge_page", article_id=article_id))


def _must_be_sound(content: dict[str, Any], file: str, kind: str = "article") -> None:
    found = kinds.KINDS[kind].faults(content, file, house().knowledge)
    if found:
        raise articles.IllegalMove("还不能提交：" + "；".join(found))


def _form(
    content: dict[str, Any], base: int, faults: list[str] | None = None, conflict: tuple[str, Any] | None = None,
    kind: str = "article", **more: Any,
) -> str:  # fmt: skip
    mine = content.get("intents", ())
    services = {name: title for name, title in titles().items() if name not in STEERING or name in mine}
    found = rule_values.parameter_of(house().knowledge.rules, content) if kind == "value" else None
    return render_template(
        kinds.KINDS[kind].template, content=content, base=base, faults=faults or [], conflict=conflict, new=base == 0,
        labels=kinds.KINDS[kind].labels, kind=kinds.KINDS[kind], source_labels=texts.SOURCE_LABELS, aspects=ASPECTS,
        confidences=texts.CONFIDENCES, places=_places(), services=services, families=texts.FAMILIES, dated=texts.DATED,
        lists=texts.LISTS, lines=texts.LINES, phones=house().knowledge.hotlines, topics=titles(),
        rule=found[0] if found else None, parameter=found[1] if found else None, written=rule_values.written,
        most=kinds.ROWS, **more,
    )  # fmt: skip


def _hard_faults(content: dict[str, Any]) -> list[str]:
    """What keeps even a draft from being stored; the rest may wait until it is submitted."""
    found = []
    for name, most in (("id", 60), ("title", 40), ("owner", 40)):
        if not 0 < len(content.get(name, "")) <= most:
            found.append(f"{texts.LABELS[name]}：要填，最多{most}个字")
    if not all("a" <= c <= "z" or c.isdigit() or c == "-" for c in content["id"]):
        found.append("编号：只能用小写字母、数字和短横线")
    if content.get("region") not in house().knowledge.regions:
        found.append("地区：请选一个")
    elif not _may_edit(content["region"]):
        found.append("地区：不在您负责的范围里")
    return found


def _may_edit(region: str) -> bool:
    tree, mine = house().knowledge.regions, me().region
    return me().may("knowledge.edit") and (not mine or mine not in tree or region in tree.inside(mine))


def _allow(region: str) -> None:
    if not _may_edit(region):
        abort(403, "这一条的地区不在您负责的范围里。")


def _found(conn: Connection, article_id: str) -> Row[Any]:
    row = articles.get(conn, article_id)
    if row is None:
        abort(404)
    return row


def _why(otherwise: str) -> str:
    return request.form.get("why", "").strip()[:200] or otherwise


def _places() -> dict[str, str]:
    return {key: region.name for key, region in house().knowledge.regions.regions.items()}


def _namer(names: dict[int, str]) -> Any:
    """Who an actor is, in words."""

    def who(actor: str) -> str:
        kind, _, id = actor.partition(":")
        if kind == "staff" and id.isdigit():
            return names.get(int(id), "已离职的同事")
        return {"job": "系统自动", "command": "命令行导入"}.get(kind, actor)

    return who
