"""Questions that found no answer, and what two people make of them: a training example, or a question of an article."""

from datetime import timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response

import clock
from handlers.registry import titles
from knowledge_base import live
from records import articles, audit, proposals, staff
from records.base import read, write
from staff.blueprint import blueprint
from staff.house import house, me
from staff.knowledge import _must_be_sound
from staff.permissions import needs
from staff.words import masked

MONTH = timedelta(days=30)
LONGEST = 60
"""Characters of an example; a longer message has more than one need in it and teaches nothing clear."""


@blueprint.get("/knowledge/gaps")
@needs("knowledge.edit")
def knowledge_gaps() -> str:
    """What people asked in the last month and got no article for, same words together; and what was proposed."""
    with read(house().engine) as conn:
        rows = proposals.unanswered(conn, clock.now() - MONTH)
        waiting = proposals.listing(conn)
        done = proposals.listing(conn, ("approved", "refused", "exported"), 30)
        names = staff.names(conn)
    return render_template(
        "knowledge/gaps.html", groups=_grouped(rows), waiting=waiting, done=done, names=names,
        titles=titles(), kinds=proposals.KINDS, states=proposals.STATES, longest=LONGEST,
        article_titles={id: a.title for id, a in house().knowledge.articles.items()},
    )  # fmt: skip


def _grouped(rows: list[Row[Any]]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        text = masked(" ".join(str(row.body.get("text", "")).split()))
        if text:
            group = groups.setdefault(text, {"text": text, "count": 0, "last": row, "hits": []})
            group["count"] += 1
    found = sorted(groups.values(), key=lambda group: -group["count"])[:60]
    knowledge, region = house().knowledge, house().settings.regions[0]
    for group in found:
        last = group["last"]
        likely = {last.intent: last.probability or 0.0} if last.intent else None
        hits = knowledge.search(group["text"], region, clock.today(), limit=3, likely=likely)
        group["hits"] = [hit.article for hit in hits]
    return found


@blueprint.post("/knowledge/gaps/<int:message_id>")
@needs("knowledge.edit")
def knowledge_proposed(message_id: int) -> Response:
    """Propose what a missed message is to teach; the words may be mended, and personal data is masked."""
    kind, _, target = request.form.get("target", "").partition(":")
    text = masked(" ".join(request.form.get("text", "").split()))
    known = titles() if kind == "example" else house().knowledge.articles
    if kind not in proposals.KINDS or target not in known:
        abort(400, "请选好要教给哪个事项或哪一条。")
    if not 2 <= len(text) <= LONGEST or "*" in text:
        abort(400, f"例句要2到{LONGEST}个字，去掉号码和姓名。")
    now = clock.now()
    with write(house().engine) as conn:
        if proposals.missed(conn, message_id) is None:
            abort(404)
        made = proposals.propose(conn, kind, text, target, staff_id=me().id, at=now, message_id=message_id)
        audit.note(conn, me().actor, "proposal.made", f"proposal:{made}", now)
    flash("已提出，等另一个人同意。", "good")
    return redirect(url_for("staff.knowledge_gaps"))


@blueprint.post("/knowledge/proposals/<int:proposal_id>")
@needs("knowledge.edit")
def knowledge_decided(proposal_id: int) -> Response:
    """A second person's yes, or a no. A question of an article goes into the article at once."""
    yes, now = request.form.get("yes") == "1", clock.now()
    try:
        with write(house().engine) as conn:
            row = proposals.decide(conn, proposal_id, yes=yes, staff_id=me().id, at=now)
            if yes and row.kind == "question":
                _add_question(conn, row)
            audit.note(conn, me().actor, f"proposal.{'approved' if yes else 'refused'}", f"proposal:{proposal_id}", now)
    except (proposals.NotAllowed, articles.IllegalMove, articles.Conflict) as fault:
        abort(409, str(fault))
    if yes and row.kind == "question":
        live.announce(house().redis)
    flash("已同意。" if yes else "没有采用。", "good")
    return redirect(url_for("staff.knowledge_gaps"))


def _add_question(conn: Connection, proposal: Row[Any]) -> None:
    """One more question in an article: written by who proposed it, approved by who agreed."""
    row = articles.get(conn, proposal.target)
    if row is None or row.state not in ("published", "draft"):
        raise articles.IllegalMove("这一条正在审核或已停用，等它发布后再加")
    newest = articles.revision(conn, row.id, row.revision)
    assert newest is not None
    questions = newest.content["questions"]
    if proposal.text in questions:
        return
    content = {**newest.content, "questions": [*questions, proposal.text]}
    author, now = f"staff:{proposal.proposed_by}", clock.now()
    number = articles.save(conn, content, base=row.revision, actor=author, at=now, why="加一个没答上的问法")
    if row.state == "published":
        _must_be_sound(content, row.file)
        names = staff.names(conn)
        steps = (("in_review", author, names[proposal.proposed_by]), ("approved", me().actor, me().name))
        for state, actor, name in (*steps, ("published", me().actor, "")):
            articles.move(conn, row.id, state, number=number, actor=actor, name=name, at=now)
