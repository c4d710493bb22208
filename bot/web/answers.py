"""`/answers`: what came of suggestions and of 你说我办, for everybody to read (after 象山's 乡音说事)."""

from flask import abort, render_template, request

from bot.service import service
from bot.web.blueprint import web
from records import public_answers
from records.base import read

PAGE = 20


@web.get("/answers")
def answers() -> str:
    """Published answers, the newest first; `?region=` those of one place, `?before=` the next page."""
    regions = service().knowledge.regions
    wish = request.args.get("region", "")
    region = wish if wish in regions else ""
    with read(service().engine) as conn:
        rows = public_answers.published(conn, region, before=request.args.get("before", 0, type=int), limit=PAGE + 1)
        places = [(key, regions.name(key)) for key in public_answers.regions(conn) if key in regions]
    return render_template(
        "web/answers.html", rows=rows[:PAGE], more=rows[PAGE - 1].id if len(rows) > PAGE else 0, region=region,
        places=places, named=lambda key: regions.name(key) if key in regions else key, kinds=public_answers.KINDS,
    )  # fmt: skip


@web.get("/answers/<int:answer_id>")
def one_answer(answer_id: int) -> str:
    """One answer on a page of its own."""
    regions = service().knowledge.regions
    with read(service().engine) as conn:
        row = public_answers.get(conn, answer_id)
    if row is None or row.state != "published":
        abort(404)
    return render_template(
        "web/answers.html", rows=[row], more=0, region="", places=[], kinds=public_answers.KINDS, single=True,
        named=lambda key: regions.name(key) if key in regions else key,
    )  # fmt: skip
