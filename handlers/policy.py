"""Answers out of the knowledge base: what is known, for where, on what grounds, and what to ask next."""

from datetime import date

from handlers import calculators
from handlers.declared import forms_of
from handlers.registry import STEERING
from handlers.teams import team_of
from handlers.turn import Choice, Handoff, Reply, Turn
from knowledge_base import Article
from knowledge_base.schema import ASPECTS

MORE = 3
"""How many sides of the same matter are offered besides forms and a person."""
STEPS = "steps"
"""The side of an article that tells what to do one after the other."""
_FIELDS = {
    "papers": "要带",
    "where": "在哪办",
    "time": "要多久",
    "fee": "费用",
    "deadline": "期限",
}
_ATTRIBUTES = {"time": "duration"}
_IN_FULL = ("papers", "where")
_HUMAN = Choice("找工作人员", "human_agent")


def answer(turn: Turn) -> Reply:
    """The article that answers the turn's intent and aspect in its region, with source, date and next steps.

    Where nothing valid is known it says so and offers hotlines and a person; it never guesses.
    """
    on = turn.now.date()
    article = turn.knowledge.aspect(turn.intent, turn.region, on, turn.aspect)
    if article is not None:
        text = shown(turn, article, on)
    else:
        article = turn.knowledge.main(turn.intent, turn.region, on)
        if article is None:
            return not_known(turn)
        text = one_side(turn, article, on) or shown(turn, article, on)
    return Reply(
        text=text,
        choices=(*forms_offered(turn), *more(turn, article, on), _HUMAN),
        articles=(article.id,),
    )


def one_side(turn: Turn, article: Article, on: date) -> str:
    """Only the side of an article that was asked for (its steps, its fee …); empty when it says nothing of it."""
    title = turn.titles.get(turn.intent, article.title)
    if turn.aspect == STEPS and article.steps:
        said = "\n".join(f"{number}. {step}" for number, step in enumerate(article.steps, 1))
        said = f"{title}，一步一步这样办：\n{said}"
    elif turn.aspect in _FIELDS and (value := field_of(article, turn.aspect)):
        said = f"{title}，{_FIELDS[turn.aspect]}：{value}"
    else:
        return ""
    return "\n".join((said, place(turn, article), turn.knowledge.source_line(article, on)))


def field_of(article: Article, aspect: str) -> str:
    """What an article says on one side, on one line; empty for nothing."""
    value = getattr(article, _ATTRIBUTES.get(aspect, aspect), "")
    return "、".join(value) if isinstance(value, tuple) else str(value)


def shown(turn: Turn, article: Article, on: date) -> str:
    """An article as a person reads it: the answer, what to bring and where, whom to ring, what it rests on."""
    parts = [article.answer]
    parts += [f"{_FIELDS[aspect]}：{value}" for aspect in _IN_FULL if (value := field_of(article, aspect))]
    phones = [line for id in article.hotlines if (line := turn.knowledge.hotline(id))]
    if phones:
        parts.append("电话：" + "，".join(f"{line.number}（{line.name}）" for line in phones[:2]))
    if article.confidence == "low":
        parts.append("这一条还没有完全核实，办之前请先打12345或到窗口问清楚。")
    parts += [place(turn, article), turn.knowledge.source_line(article, on)]
    return "\n".join(part for part in parts if part)


def place(turn: Turn, article: Article) -> str:
    """Where the answer holds; said whenever it isn't simply the whole country."""
    name = turn.knowledge.regions.name
    if article.region == "national" and not turn.region_known:
        return ""
    if article.region == turn.region or not turn.region_known:
        return f"适用地区：{name(article.region)}"
    return f"适用地区：{name(article.region)}，包括{name(turn.region)}；本地细节以窗口为准。"


def more(turn: Turn, article: Article, on: date) -> tuple[Choice, ...]:
    """The other sides of the matter that are known here, each as one choice."""
    offered = [Choice("一步一步怎么办", f"{turn.intent}/{STEPS}")] if article.steps and turn.aspect != STEPS else []
    seen = {article.aspect, turn.aspect}
    for other in turn.knowledge.find(turn.intent, turn.region, on):
        if other.aspect not in seen:
            seen.add(other.aspect)
            offered.append(Choice(ASPECTS[other.aspect], f"{turn.intent}/{other.aspect}"))
    for aspect in ("time", "fee", "deadline"):
        if aspect not in seen and field_of(article, aspect):
            offered.append(Choice(ASPECTS[aspect], f"{turn.intent}/{aspect}"))
    return tuple(offered[:MORE])


def not_known(turn: Turn) -> Reply:
    """Said when no valid article answers: what isn't known, and who will know."""
    title = turn.titles.get(turn.intent, "这件事")
    phones = turn.knowledge.hotlines_for(turn.intent, turn.region)[:2]
    named = "，".join(f"{line.number}（{line.name}）" for line in phones) or "12345（政务服务便民热线）"
    where = turn.knowledge.regions.name(turn.region)
    text = f"“{title}”在{where}的办法，我这里还没有核实过的内容，不敢乱说。您可以打{named}，或者找工作人员问清楚。"
    return Reply(text=text, choices=(*forms_offered(turn), _HUMAN))


def ask_for_person(turn: Turn, reason: str, *, urgent: bool = False) -> Handoff:
    """A handoff to the queue of what was last talked about."""
    about = turn.intent if turn.intent not in STEERING or turn.intent == "emergency" else turn.topic
    return Handoff(team_of(about), reason, urgent)


def forms_offered(turn: Turn) -> tuple[Choice, ...]:
    """What can be done here and now about the matter."""
    filed = tuple(Choice(form.start, f"form:{form.name}") for form in forms_of(turn.intent))
    return (*filed, *calculators.offered(turn.intent, turn.region, turn.knowledge))[:3]


def second(turn: Turn) -> Reply:
    """The other need of a message with two: the short answer, its source, and a way to more."""
    on = turn.now.date()
    title = turn.titles.get(turn.intent, "另一件事")
    article = turn.knowledge.main(turn.intent, turn.region, on)
    if article is None:
        return Reply(text=f"另外您还问到“{title}”。{not_known(turn).text}")
    text = f"另外您还问到“{title}”：\n{article.answer}\n{turn.knowledge.source_line(article, on)}"
    return Reply(text=text, choices=(Choice(f"细说：{title}", turn.intent),), articles=(article.id,))
