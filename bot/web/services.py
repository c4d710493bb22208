"""`/services`: everything that can be asked here, by place and kind, each with its answer, its source and a way on.

It is built from the knowledge base alone and works without a script. A question typed into its search is understood as
in the chat, and somebody in danger is shown whom to call first.
"""

import secrets
from dataclasses import dataclass

from flask import abort, render_template, request

import clock
from bot.service import service
from bot.web import phones
from bot.web.blueprint import web
from bot.web.me import _regions
from handlers import calculators
from handlers.declared import forms_of
from handlers.registry import titles
from handlers.turn import Choice
from knowledge_base import Article, Hotline
from knowledge_base.places import KINDS
from knowledge_base.schema import ASPECTS

FAMILIES = (
    ("home", "租房和登记", ("residence_register", "residence_update", "rental_rules", "rental_qr_report", "rental_hazard_report")),
    ("permit", "居住证", ("permit_application", "permit_renewal", "permit_replacement", "permit_benefits")),
    ("points", "积分、落户", ("points_application", "points_query", "hukou_settlement", "public_housing")),
    ("school", "孩子上学", ("school_enrollment", "local_exam", "child_card")),
    ("work", "工作和社保", ("wage_arrears", "work_injury", "labor_dispute", "social_insurance", "job_seeking", "skills_training")),
    ("health", "健康和心理", ("vaccination", "maternal_health", "psych_support", "psych_crisis")),
    ("law", "法律帮助", ("legal_aid", "mediation")),
    ("papers", "证件和出行", ("id_card_renewal", "exit_entry", "driving_vehicle", "senior_transit_card")),
    ("life", "一起生活", ("hardship_aid", "community_activity", "party_membership", "suggestion")),
)  # fmt: skip
"""The 36 services as people look for them: key, heading, intents."""
LONGEST = 100
"""Characters of a search."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One service in one place. article is None where nothing has been established."""

    intent: str
    title: str
    article: Article | None
    others: tuple[Article, ...]
    ways: tuple[Choice, ...]
    lines: tuple[Hotline, ...]


@web.get("/services")
def services() -> str:
    """All services of a place; `?q=` finds among them."""
    region, words = _region(), request.args.get("q", "").strip()[:LONGEST]
    families = [(key, name, [_shown(intent, region) for intent in intents]) for key, name, intents in FAMILIES]
    hits, danger = _found(words, region) if words else ([], False)
    answers = {a.id for _, _, rows in families for row in rows for a in (row.article, *row.others) if a is not None}
    knowledge = service().knowledge
    return render_template(
        "web/services.html", families=families, hits=hits, words=words, danger=danger, answers=len(answers),
        region=region, place=knowledge.regions.name(region), places=_regions(), points=knowledge.places_in(region),
        kinds=KINDS, **_helpers(),
    )  # fmt: skip


@web.get("/services/<article_id>")
def one_service(article_id: str) -> str:
    """One answer on a page of its own, to be passed on."""
    region = _region()
    article = service().knowledge.articles.get(article_id)
    if article is None or not article.valid(clock.today()):
        abort(404)
    row = _shown(article.intents[0], region)
    return render_template(
        "web/service.html", article=article, row=row, region=region,
        others=[a for a in (row.article, *row.others) if a is not None and a.id != article_id], **_helpers(),
    )  # fmt: skip


def _helpers() -> dict[str, object]:
    knowledge, today = service().knowledge, clock.today()
    return {
        "source": lambda article: knowledge.source_line(article, today),
        "named": knowledge.regions.name,
        "phone": knowledge.hotline,
        "split": phones.split,
        "aspects": ASPECTS,
        "fresh": lambda: secrets.token_urlsafe(12),
    }


def _region() -> str:
    """The place asked for; the first city where none, or an unknown one, is named."""
    wanted = request.args.get("region", "")
    known = {key for _, places in _regions() for key, _ in places}
    return wanted if wanted in known else service().settings.regions[0]


def _shown(intent: str, region: str) -> Shown:
    knowledge, today = service().knowledge, clock.today()
    main = knowledge.main(intent, region, today)
    others: dict[str, Article] = {}
    for article in knowledge.find(intent, region, today):
        if article is not main and (article.aspect != "main" or main is None):
            others.setdefault(article.id, article)
    ways = (
        *(Choice(form.start, f"form:{form.name}") for form in forms_of(intent)),
        *calculators.offered(intent, region, knowledge),
    )
    lines = tuple(knowledge.hotlines_for(intent, region)[:3])
    return Shown(intent, titles()[intent], main, tuple(others.values()), ways[:3], lines)


def _found(words: str, region: str) -> tuple[list[Article], bool]:
    """What fits the words, and whether somebody in danger wrote them."""
    understood = service().understander.understand(words, clock.now())
    likely = dict(understood.ranking)
    hits = service().knowledge.search(words, region, clock.today(), limit=6, likely=likely)
    return [hit.article for hit in hits], understood.danger or understood.intent == "psych_crisis"
