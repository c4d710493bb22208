"""What is the same for everybody: places, articles, the points estimate, vacancies. No token needed."""

import clock
from bot.api import models
from bot.api.contract import operation
from bot.api.problems import Problem
from bot.service import service
from knowledge_base import RuleInputError
from knowledge_base.rules import Rule
from records import vacancies as posts
from records.base import read

TOPIC = "points_estimate"
NOTE = "按这一天有效的规定算，以窗口核定为准。"
PUBLIC = (("1200 per minute", "address"),)
"""A factory goes out through one address."""


@operation("GET", "/regions", tag="查询", summary="有哪些地区", answer=models.Places, token=False, limits=PUBLIC)
def regions() -> models.Places:
    """Every place that answers can hold for."""
    tree = service().knowledge.regions
    known = [models.Place(key=one.key, name=one.name, parent=one.parent) for one in tree.regions.values()]
    return models.Places(regions=known)


@operation(
    "GET", "/knowledge", tag="查询", summary="查政策", query=models.Asked, answer=models.Answers, token=False, limits=PUBLIC
)  # fmt: skip
def knowledge(query: models.Asked) -> models.Answers:
    """The articles that answer a question in a place today, best first, each with its source."""
    base, today = service().knowledge, clock.today()
    _known(query.region)
    hits = base.search(query.q, query.region, today, limit=query.limit)
    return models.Answers(
        answers=[
            models.Answer(
                id=hit.article.id, title=hit.article.title, answer=hit.article.answer,
                source=base.source_line(hit.article, today), region=hit.article.region, aspect=hit.article.aspect,
                papers=list(hit.article.papers) or None, steps=list(hit.article.steps) or None, score=round(hit.score, 3),
            )
            for hit in hits
        ]
    )  # fmt: skip


@operation(
    "GET", "/points", tag="查询", summary="估算积分要知道什么", query=models.Where, answer=models.PointsForm, token=False,
    refusals=(404,), limits=PUBLIC,
)  # fmt: skip
def points_form(query: models.Where) -> models.PointsForm:
    """The inputs of the place's rule."""
    rule = _rule(query.region)
    inputs = [
        models.RuleInput.model_validate(
            {"name": i.name, "label": i.label, "kind": i.kind, "choices": list(i.choices) or None, "needed": i.needed}
        )
        for i in rule.inputs
    ]
    return models.PointsForm(title=rule.title, region=rule.region, inputs=inputs)


@operation(
    "POST", "/points", tag="查询", summary="估算积分，带依据", body=models.PointsAsked, answer=models.Estimate, token=False,
    refusals=(404,), limits=PUBLIC,
)  # fmt: skip
def points(body: models.PointsAsked) -> models.Estimate:
    """The estimate with a line of trace for each clause; nothing is stored."""
    rule, today = _rule(body.region), clock.today()
    try:
        outcome = service().knowledge.rules.evaluate(TOPIC, body.region, body.given, today)
    except RuleInputError as fault:
        raise Problem(422, f"{fault}。", [("/given", str(fault))]) from None
    return models.Estimate(
        title=rule.title, region=rule.region, on=today, result=outcome.result, because=outcome.because or None,
        trace=list(outcome.trace), note=NOTE,
    )  # fmt: skip


@operation(
    "GET", "/vacancies", tag="查询", summary="找工作", query=models.Wanted, answer=models.Vacancies, token=False, limits=PUBLIC
)  # fmt: skip
def vacancies(query: models.Wanted) -> models.Vacancies:
    """Open posts in a place and what lies in it."""
    _known(query.region)
    if "\x00" in query.q:
        raise Problem(422, "请改好标出的几项再发。", [("?q", "有不能用的字符")])
    inside = service().knowledge.regions.inside(query.region)
    with read(service().engine) as conn:
        rows = posts.search(
            conn, query.q, inside, clock.today(), pay=query.pay, limit=query.limit, after=query.after
        )  # fmt: skip
    return models.Vacancies(
        vacancies=[models.Vacancy(**{name: getattr(row, name) for name in models.Vacancy.model_fields}) for row in rows]
    )


def _known(region: str) -> None:
    if region not in service().knowledge.regions:
        raise Problem(422, "没有这个地区。", [("?region", "请用 /regions 里的 key")])


def _rule(region: str) -> Rule:
    if region not in service().knowledge.regions:
        raise Problem(422, "没有这个地区。", [("/region", "请用 /regions 里的 key")])
    rule = service().knowledge.rules.find(TOPIC, region)
    if rule is None:
        raise Problem(404, "这个地区还没有积分估算的规则，请问工作人员。")
    return rule
