"""What helps while writing: canned replies, and the knowledge base at one's fingertips."""

from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import clock
from knowledge_base import Article
from records import audit, canned, desk_queries, staff, uploads
from records.base import read, write
from staff import files
from staff.blueprint import blueprint
from staff.chat import seen
from staff.house import house, me, scope
from staff.permissions import needs


@blueprint.get("/chat/<int:handoff_id>/articles")
@needs("chat.see")
def articles(handoff_id: int) -> Response:
    """Articles for a question (`q`), or for the last thing the person said (`last=1`), ready to be put in."""
    query = request.args.get("q", "").strip()[:80]
    with read(house().engine) as conn:
        row = seen(conn, handoff_id)
        if request.args.get("last"):
            query = _last_words(desk_queries.transcript(conn, scope(), row, limit=12))
    knowledge, today = house().knowledge, clock.today()
    region = row.region or row.person_region or house().settings.regions[0]
    if not query or region not in knowledge.regions:
        return jsonify(hits=[])
    likely = dict(house().understander.understand(query, clock.now()).ranking)
    found = knowledge.search(query, region, today, limit=5, likely=likely)
    return jsonify(hits=[_shown(hit.article) for hit in found])


def _last_words(messages: list[Any]) -> str:
    said = (m for m in reversed(messages) if m.author == "person" and m.owner != "crisis" and m.intent != "human_agent")
    return next((text for m in said if isinstance(m.body, dict) and (text := str(m.body.get("text", "")))), "")


def _shown(article: Article) -> dict[str, str]:
    knowledge = house().knowledge
    region = knowledge.regions.name(article.region)
    source = knowledge.source_line(article, clock.today())
    return {"id": article.id, "title": article.title, "region": region, "answer": article.answer, "source": source}


@blueprint.get("/canned")
@needs("canned.use")
def canned_page() -> str:
    """The canned replies one may use, and a form for more."""
    with read(house().engine) as conn:
        rows = canned.mine(conn, me().id, me().teams)
    categories = sorted({row.category for row in rows if row.category})
    return render_template(
        "staff/canned.html", rows=rows, teams=staff.TEAMS, placeholders=canned.PLACEHOLDERS, categories=categories
    )


@blueprint.post("/canned")
@needs("canned.use")
def canned_added() -> Response:
    """Keep a canned reply: one's own, or, where allowed, everybody's or a team's."""
    form = request.form
    whose = form.get("whose", "mine")
    if whose != "mine" and not me().may("canned.share"):
        abort(403, "共用的快捷回复由值班长或知识编辑维护。")
    team = whose.removeprefix("team:") if whose.startswith("team:") and whose[5:] in staff.TEAMS else None
    now, upload = clock.now(), request.files.get("file")
    file: tuple[str, str, str] | None = None
    try:
        if upload is not None and upload.filename:
            file = files.keep(upload.read(files.LARGEST + 1), upload.filename)
        with write(house().engine) as conn:
            made = canned.add(
                conn, form.get("shortcut", "").strip().lstrip("/"), form.get("title", "").strip(),
                form.get("text", "").strip(), now, team=team, staff_id=me().id if whose == "mine" else None,
                category=" ".join(form.get("category", "").split()), file=file,
            )  # fmt: skip
            audit.note(conn, me().actor, "canned.added", f"canned:{made}", now)
    except ValueError as fault:
        if file is not None:
            uploads.remove(house().settings.data_dir / "uploads", [file[0]])
        flash(str(fault), "error")
    return redirect(url_for("staff.canned_page"))


@blueprint.post("/canned/<int:canned_id>/remove")
@needs("canned.use")
def canned_removed(canned_id: int) -> Response:
    """Take one away."""
    with write(house().engine) as conn:
        mine = None if me().may("canned.share") else me().id
        gone = canned.remove(conn, canned_id, staff_id=mine)
        if gone is None:
            abort(404, "没有这条快捷回复，或者它是共用的。")
        audit.note(conn, me().actor, "canned.removed", f"canned:{canned_id}", clock.now())
    uploads.remove(house().settings.data_dir / "uploads", gone)
    return redirect(url_for("staff.canned_page"))
