"""Answers out of the knowledge base: what is known, for where, on what grounds, and what to ask next."""

from datetime import date

from handlers.registry import STEERING
from handlers.teams import team_of
from handlers.turn import Choice, Handoff, Reply, Turn
from knowledge_base import Article
from knowledge_base.schema import ASPECTS

MORE = 4
"""How many sides of the same matter are offered besides a person."""
_FIELDS = (("where", "在哪办"), ("duration", "要多久"), ("fee", "费用"), ("deadline", "期限"))
_HUMAN = Choice("找工作人员", "human_agent")


def answer(turn: Turn) -> Reply:
    """The article that answers the turn's intent and aspect in its region, with source, date and next steps.

    Where nothing valid is known it says so and offers hotlines and a person; it never guesses.
    """
    on = turn.now.date()
    article = turn.knowledge.aspect(turn.intent, turn.region, on, turn.aspect)
    if article is None and turn.aspect != "main":
        article = turn.knowledge.main(turn.intent, turn.region, on)
    if article is None:
        return not_known(turn)
    return Reply(
        text=shown(turn, article, on),
        choices=(*more(turn, article, on), _HUMAN),
        articles=(article.id,),
    )


def shown(turn: Turn, article: Article, on: date) -> str:
    """An article as a person reads it: the answer, what to bring and where, whom to ring, what it rests on."""
    parts = [article.answer]
    if article.steps:
        parts.append("\n".join(f"{number}. {step}" for number, step in enumerate(article.steps, 1)))
    if article.papers:
        parts.append("要带：" + "、".join(article.papers))
    parts += [f"{label}：{value}" for name, label in _FIELDS if (value := getattr(article, name))]
    if article.exceptions:
        parts.append("注意：" + "；".join(article.exceptions))
    phones = [line for id in article.hotlines if (line := turn.knowledge.hotline(id))]
    if phones:
        parts.append("电话：" + "，".join(f"{line.number}（{line.name}）" for line in phones))
    if article.confidence == "low":
        parts.append("这一条还没有完全核实，办之前请先打12345或到窗口问清楚。")
    parts.append(place(turn, article))
    parts.append(turn.knowledge.source_line(article, on))
    return "\n".join(part for part in parts if part)


def place(turn: Turn, article: Article) -> str:
    """Where the answer holds, said whenever it isn't simply the place the person asked about."""
    name = turn.knowledge.regions.name
    if article.region == turn.region:
        return f"这是{name(article.region)}的规定。" if article.region != "national" else ""
    wider = "全国统一规定" if article.region == "national" else f"{name(article.region)}的规定"
    if turn.region_known:
        return f"这是{wider}，{name(turn.region)}也按它办；本地细节以窗口为准。"
    return f"这是{wider}。"


def more(turn: Turn, article: Article, on: date) -> tuple[Choice, ...]:
    """The other sides of the matter that are known here, each as one choice."""
    seen = {article.aspect}
    offered = []
    for other in turn.knowledge.find(turn.intent, turn.region, on):
        if other.aspect not in seen:
            seen.add(other.aspect)
            offered.append(Choice(ASPECTS[other.aspect], f"{turn.intent}/{other.aspect}"))
    return tuple(offered[:MORE])


def not_known(turn: Turn) -> Reply:
    """Said when no valid article answers: what isn't known, and who will know."""
    title = turn.titles.get(turn.intent, "这件事")
    phones = turn.knowledge.hotlines_for(turn.intent, turn.region)[:2]
    named = "，".join(f"{line.number}（{line.name}）" for line in phones) or "12345（政务服务便民热线）"
    where = turn.knowledge.regions.name(turn.region)
    text = f"“{title}”在{where}的办法，我这里还没有核实过的内容，不敢乱说。您可以打{named}，或者找工作人员问清楚。"
    return Reply(text=text, choices=(_HUMAN,))


def ask_for_person(turn: Turn, reason: str, *, urgent: bool = False) -> Handoff:
    """A handoff to the queue of what was last talked about."""
    about = turn.intent if turn.intent not in STEERING or turn.intent == "emergency" else turn.topic
    return Handoff(team_of(about), reason, urgent)
