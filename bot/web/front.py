"""`/` and what every site has: icon, manifest, robots."""

import secrets

from flask import Response, current_app, jsonify, render_template, send_from_directory
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.service import service
from bot.web import phones
from bot.web.blueprint import FOLDER, asset, web
from knowledge_base import Hotline

NUMBERS = ("110", "119", "120", "12356", "12345")
"""What is shown to everybody, in this order."""
TOPICS = (
    ("permit_renewal", "居住证签注", "到期前怎么办、带什么"),
    ("residence_register", "租房登记", "住进来、搬走都要报"),
    ("school_enrollment", "孩子上学", "材料、时间、片区"),
    ("points_query", "积分与落户", "能加几分、何时申请"),
    ("wage_arrears", "工资和工伤", "讨薪、认定、找谁管"),
    ("social_insurance", "社保医保", "参保、转移、报销"),
    ("vaccination", "看病打针", "孩子疫苗、孕产保健"),
    ("psych_support", "心里难受", "有人听您说"),
)
"""Tiles of the front page: intent, title, what it holds."""


@web.get("/")
def home() -> str:
    """What this is, and the ways in."""
    return render_template(
        "web/home.html",
        topics=TOPICS,
        lines=emergency_lines(),
        sample=_sample(),
        notice=service().switches.current().notice,
        rehearsal=service().settings.rehearsal,
        services="/services" in {rule.rule for rule in current_app.url_map.iter_rules()},
        key=secrets.token_urlsafe(12),
    )


@web.get("/robots.txt")
def robots() -> Response:
    """People's own pages are nothing for search engines."""
    return Response("User-agent: *\nDisallow: /\n", mimetype="text/plain")


@web.get("/favicon.ico")
@web.get("/favicon.svg")
def favicon() -> BaseResponse:
    """Our own mark."""
    return send_from_directory(FOLDER, "icon.svg", mimetype="image/svg+xml", max_age=86400)


@web.get("/manifest.webmanifest")
def manifest() -> Response:
    """Lets a phone keep the chat on its home screen."""
    response = jsonify(
        name="新市民服务", short_name="新市民服务", lang="zh-CN", start_url="/chat", scope="/", display="standalone",
        background_color="#ededed", theme_color="#ededed",
        icons=[{"src": asset("icon.svg"), "sizes": "any", "type": "image/svg+xml"}],
    )  # fmt: skip
    response.mimetype = "application/manifest+json"
    return response


def emergency_lines() -> list[Hotline]:
    """The numbers that everybody should know, as the knowledge base has them."""
    by_number = {line.number: line for line in service().knowledge.hotlines.values()}
    return [by_number[number] for number in NUMBERS if number in by_number]


def _sample() -> dict[str, object] | None:
    """A real answer with its source for the picture beside the title; None where there is none that may be shown."""
    knowledge, today = service().knowledge, clock.today()
    article = knowledge.main("permit_renewal", service().settings.regions[0], today)
    if article is None:
        return None
    answer = article.answer.strip()
    return {
        "question": article.questions[0] if article.questions else article.title,
        "parts": phones.split(answer),
        "source": knowledge.source_line(article, today),
    }
