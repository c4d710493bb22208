"""Answers out of the knowledge base: what is known, for where, on what grounds, and what to ask next."""

import re
from dataclasses import replace
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
PHONE, SHORTER, EVERYTHING = "phone", "shorter", "everything"
"""Sides that every matter has: whom to ring, the same in fewer words, what else there is to know."""
SIDES = frozenset({*ASPECTS, STEPS, PHONE, SHORTER, EVERYTHING})
_FIELDS = {
    "papers": "要带",
    "where": "在哪办",
    "time": "要多久",
    "fee": "费用",
    "deadline": "期限",
}
_ATTRIBUTES = {"time": "duration"}
_IN_FULL = ("papers", "where")
_ASKED_LOOSELY = frozenset({PHONE, *ASPECTS} - {"main"})
"""Sides whose words may belong to a question of its own (老板跑了找谁要)."""
_HUMAN = Choice("找工作人员", "human_agent")
_SENTENCE = re.compile(r"[^。！？]+[。！？]?")


def answer(turn: Turn) -> Reply:
    """The article that answers the turn's question in its region, with source, date and next steps.

    Where nothing valid is known it says so and offers hotlines and a person; it never guesses.
    """
    on = turn.now.date()
    article, text = _told(turn, on)
    if article is None:
        return not_known(turn)
    if turn.about and turn.aspect == "who":
        text = f"您{turn.about}的事，也照这个办：\n{text}"
    sides = more(turn, article, on)
    return Reply(
        text=text,
        choices=(*forms_offered(turn), *(sides[:1] if turn.plain else sides), _HUMAN),
        articles=(article.id,),
    )


def _told(turn: Turn, on: date) -> tuple[Article | None, str]:
    """The article and what is said of it: one side of it, the short of it, or the whole."""
    main = turn.knowledge.main(turn.intent, turn.region, on)
    if turn.text and turn.aspect in _ASKED_LOOSELY:
        much = 1.5 if turn.aspect in _FIELDS else 1.0
        sure = turn.knowledge.surely(turn.intent, turn.text, turn.region, on, much=much)
        if sure is not None and sure.aspect in ("further", "limit", turn.aspect):
            return sure, shown(turn, sure, on)
    if turn.aspect in (PHONE, SHORTER, EVERYTHING):
        if main is None:
            return None, ""
        said = {PHONE: phones, SHORTER: brief, EVERYTHING: everything}[turn.aspect]
        return main, said(turn, main, on)
    if turn.aspect != "main":
        before = _before(turn, on)
        if before is not None and (text := one_side(turn, before, on)):
            return before, text
        article = turn.knowledge.aspect(turn.intent, turn.region, on, turn.aspect)
        if article is not None:
            return article, shown(turn, article, on)
        known = turn.knowledge.find(turn.intent, turn.region, on)
        for plain in (a for a in known if a.aspect == "main"):  # the nearest place's first
            if text := one_side(turn, plain, on):
                return plain, text
        just = next((a for a in known if a.id == turn.shown), None)
        if just is not None and (text := _in_passing(turn, just, on)):
            return just, text
    fitting = turn.knowledge.fitting
    # The same matter for somebody else is the plain one, not the side of it that was last talked about.
    leans = () if turn.aspect == "who" and turn.about else (turn.shown, turn.earlier)
    article = fitting(turn.intent, turn.text, turn.region, on, *leans) if turn.text else main
    lacks = turn.aspect in _FIELDS and article is not None and not field_of(article, turn.aspect)
    if lacks and article and not turn.knowledge.speaks(article, turn.intent, turn.text, turn.region, on):
        article = _before(turn, on) or main or article
    if article is None:
        return None, ""
    text = brief(turn, article, on) if turn.plain else shown(turn, article, on)
    if turn.aspect in _FIELDS and not field_of(article, turn.aspect):
        unknown = f"“{ASPECTS[turn.aspect]}”没有查到写明的规定，打{ask_at(turn, article)}问最准，以窗口答复为准。"
        text = f"{unknown}知道的是这些：\n{text}"
    return article, text


def _before(turn: Turn, on: date) -> Article | None:
    """The article just told, where it is about something narrower than the plain one: 要带什么 asks about that."""
    known = turn.knowledge.find(turn.intent, turn.region, on)
    return next((a for a in known if a.id == turn.shown and a.aspect in ("special", "local", "further")), None)


_IN_PASSING = {
    "time": re.compile(r"\d+(?:个?工作)?[日天]|\d+个月|[半一两三]年|个月内"),
    "deadline": re.compile(r"\d+(?:个?工作)?[日天]|\d+个月|\d+月|[半一两三]年内"),
    "penalty": re.compile(r"罚\d|不罚|罚款|拘留"),
    "fee": re.compile(r"\d元|不收钱|免费|收费|工本费"),
}
"""How an article's own sentences speak of a side that it has no field for."""


def _in_passing(turn: Turn, article: Article, on: date) -> str:
    """The sentences of the article just told that speak of the side asked for (几天里要报上去); empty for none."""
    sign = _IN_PASSING.get(turn.aspect)
    said = [one for one in _SENTENCE.findall(article.answer) if sign.search(one)] if sign else []
    if not said or len(said) > 2:
        return ""
    grounds = (place(turn, article), turn.knowledge.source_line(article, on))
    return "\n".join(("刚才那一条里说了：", "".join(said), *(line for line in grounds if line)))


def one_side(turn: Turn, article: Article, on: date) -> str:
    """Only the side of an article that was asked for (its steps, its fee …); empty when it says nothing of it."""
    title = turn.titles.get(turn.intent, article.title)
    if turn.aspect == STEPS and article.steps:
        said = "\n".join(f"{number}. {step}" for number, step in enumerate(article.steps, 1))
        said = f"{title}，一步一步这样办：\n{said}"
    elif turn.aspect in _FIELDS and (value := field_of(article, turn.aspect)):
        said = f"{title}，{_FIELDS[turn.aspect]}：{value}"
        others = (aspect for aspect in turn.sides if aspect != turn.aspect)
        also = [f"{_FIELDS[aspect]}：{value}" for aspect in others if (value := field_of(article, aspect))]
        said = "\n".join((said, *also))
    else:
        return ""
    return "\n".join(part for part in (said, place(turn, article), turn.knowledge.source_line(article, on)) if part)


def phones(turn: Turn, article: Article, on: date) -> str:
    """Whom to ring about a matter, and when somebody answers, where that is known."""
    lines = [line for id in article.hotlines if (line := turn.knowledge.hotline(id))]
    lines = lines or turn.knowledge.hotlines_for(turn.intent, turn.region)
    title = turn.titles.get(turn.intent, article.title)
    said = [f"{line.number}（{line.name}{f'，{line.hours}' if line.hours else ''}）" for line in lines[:3]]
    where = field_of(article, "where")
    parts = [f"{title}，打这些电话：", *(said or ["12345（政务服务便民热线）"])]
    if where:
        parts.append(f"在哪办：{where}。窗口几点开门，各处不一样，去之前先打电话问一下。")
    return "\n".join((*parts, turn.knowledge.source_line(article, on)))


def brief(turn: Turn, article: Article, on: date) -> str:
    """The gist of an article for somebody who reads with difficulty: a number to ring first, then two sentences."""
    lines = [line for id in article.hotlines if (line := turn.knowledge.hotline(id))]
    number = lines[0].number if lines else "12345"
    gist = "".join(_SENTENCE.findall(article.answer)[:2])
    return f"您直接打{number}，有人讲给您听。\n{gist}\n{turn.knowledge.source_line(article, on).partition(chr(10))[0]}"


def everything(turn: Turn, article: Article, on: date) -> str:
    """What else an article says: its exceptions and the fields that weren't told yet."""
    title = turn.titles.get(turn.intent, article.title)
    said = [f"{_FIELDS[aspect]}：{value}" for aspect in _FIELDS if (value := field_of(article, aspect))]
    said += [f"注意：{line}" for line in article.exceptions]
    return "\n".join((f"{title}，还有这些：", *said, turn.knowledge.source_line(article, on)))


def field_of(article: Article, aspect: str) -> str:
    """What an article says on one side, on one line; empty for nothing."""
    value = getattr(article, _ATTRIBUTES.get(aspect, aspect), "")
    return "、".join(value) if isinstance(value, tuple) else str(value)


def shown(turn: Turn, article: Article, on: date) -> str:
    """An article as a person reads it: the answer, what to bring and where, whom to ring, what it rests on."""
    title = turn.titles.get(turn.intent, "")
    parts = [f"【{title}】", article.answer] if title else [article.answer]
    sides = [aspect for aspect in _FIELDS if aspect in _IN_FULL or aspect in turn.sides]
    parts += [f"{_FIELDS[aspect]}：{value}" for aspect in sides if (value := field_of(article, aspect))]
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
    seen = {article.aspect, turn.aspect, "further"}
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


CLEAR = 48.0
"""A hit of the search below this is a chance meeting of words."""
AGREED = 60.0
"""The same where the search knows how likely each intent is, for a message that was half understood."""
_APART = 1.25
"""How much better than the next it must be."""


def looked_up(turn: Turn) -> Reply | None:
    """A whole passage found by the words of a question that wasn't understood; None without a clear one."""
    hits = turn.knowledge.search(turn.text, turn.region, turn.now.date(), 2)
    if not hits or hits[0].score < CLEAR or (len(hits) > 1 and hits[0].score < _APART * hits[1].score):
        return None
    article = hits[0].article
    found = replace(turn, intent=article.intents[0])
    text = f"我查到这一条，看看是不是您要的（{article.title}）：\n{shown(found, article, turn.now.date())}"
    return Reply(text=text, choices=(*forms_offered(found), _HUMAN), articles=(article.id,))


_STAYS = 0.85


def stays(turn: Turn) -> bool:
    """Whether the articles of the turn's intent speak of its message as well as any other's do: a short message that
    was taken for something else may still be about the last topic."""
    hits = turn.knowledge.search(turn.text, turn.region, turn.now.date(), 8)
    own = next((hit.score for hit in hits if turn.intent in hit.article.intents), 0.0)
    return bool(hits) and own >= _STAYS * hits[0].score


def settles(turn: Turn) -> bool:
    """Whether the articles of the turn's intent surely answer its message."""
    return turn.knowledge.surely(turn.intent, turn.text, turn.region, turn.now.date(), short=True) is not None


_SHARES = 13.0
"""An article that fits worse has little to do with a message."""


def fits_as_well(turn: Turn, other: str) -> bool:
    """Whether the articles of the turn's intent speak of its message, and about as much as those of `other` do."""
    fit, on = turn.knowledge.fit, turn.now.date()
    own = fit(turn.intent, turn.text, turn.region, on)
    return own >= _SHARES and own >= _STAYS * fit(other, turn.text, turn.region, on)


_LEANS = 4
"""Characters of a question that lives on what was just told (合法吗): the words can't show whether that answers it."""
_RESCUE = frozenset({"110", "119", "120", "122"})


def again(turn: Turn, reply: Reply, *, asked: bool) -> Reply:
    """The same article for a further question about the same matter, said as what it is: the answer stands in it (of a
    plain question (`asked`) only the sentence that answers it is told, where one stands out), or nothing is known of
    what was asked, and somebody who answers by phone is named."""
    article = turn.knowledge.articles.get(reply.articles[0]) if reply.articles else None
    on = turn.now.date()
    few = len(turn.text.strip("？?。 ")) <= _LEANS
    if article and (few or turn.knowledge.speaks(article, turn.intent, turn.text, turn.region, on)):
        said = turn.knowledge.passage(article, turn.text, turn.titles.get(turn.intent, "")) if asked else ""
        if said:
            grounds = (place(turn, article), turn.knowledge.source_line(article, on))
            return replace(reply, text="\n".join(("刚才那一条里说了：", said, *(line for line in grounds if line))))
        return replace(reply, text=f"还是刚才这一条里说的：\n{reply.text}")
    lead = f"您问的这一点，没有查到写明的规定，不敢乱说。打{ask_at(turn, article)}问最准，也可以找工作人员。"
    return replace(reply, text=f"{lead}知道的是这些：\n{reply.text}")


def ask_at(turn: Turn, article: Article | None) -> str:
    """The number of somebody who answers questions about a matter; never one for rescue."""
    own = [line for id in (article.hotlines if article else ()) if (line := turn.knowledge.hotline(id))]
    lines = [*own, *turn.knowledge.hotlines_for(turn.intent, turn.region)]
    return next((line.number for line in lines if line.number not in _RESCUE), "12345")


def pointed_at(turn: Turn, *, sure: bool) -> str:
    """The intent whose articles answer a half understood message clearly better than any other's; empty for none."""
    likely = dict(turn.understanding.ranking)
    hits = turn.knowledge.search(turn.text, turn.region, turn.now.date(), 5, likely)
    if not hits or hits[0].score < AGREED:
        return ""
    intent = hits[0].article.intents[0]
    others = [hit.score for hit in hits if intent not in hit.article.intents]
    return intent if not others or hits[0].score >= (_APART if sure else 1.5) * others[0] else ""


NAMED = 30.0
"""The same for a service that a message names by a word of its own."""


def found_among(turn: Turn, intents: frozenset[str]) -> str:
    """Which of `intents` the articles that answer a message best belong to; empty where they hardly answer it."""
    hits = turn.knowledge.search(turn.text, turn.region, turn.now.date(), 5)
    fit = (intent for hit in hits if hit.score >= NAMED for intent in hit.article.intents if intent in intents)
    return next(fit, "")


def second(turn: Turn) -> Reply:
    """The other need of a message with two: the short answer, its source, and a way to more."""
    on = turn.now.date()
    title = turn.titles.get(turn.intent, "另一件事")
    article = turn.knowledge.main(turn.intent, turn.region, on)
    if article is None:
        return Reply(text=f"另外您还问到“{title}”。{not_known(turn).text}")
    text = f"另外您还问到“{title}”：\n{article.answer}\n{turn.knowledge.source_line(article, on)}"
    return Reply(text=text, choices=(Choice(f"细说：{title}", turn.intent),), articles=(article.id,))
