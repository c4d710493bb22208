"""Forms that end in a worked-out answer: their questions are the inputs of a dated rule, their answer its trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from handlers.declared import Form
from handlers.slots import Slot
from handlers.turn import Choice, Reply, Turn
from knowledge_base import Knowledge, RuleInputError
from knowledge_base.rules import Input, Outcome

PREFIX = "rule:"
REMIND = "remind:"
_FARTHEST = timedelta(days=3 * 366)
_CHOICE = Choice("找工作人员", "human_agent")


@dataclass(frozen=True, slots=True)
class Calculator:
    """A topic that can be worked out; `remind` names what a reminder would be about, if one makes sense."""

    topic: str
    start: str
    intents: tuple[str, ...]
    words: tuple[str, ...] = ()
    remind: str = ""
    how: bool = False
    """Whether what to bring and where to go is told with the result, from the plain article."""
    early: bool = False
    """Said as soon as what was told decides it, whatever else could be asked."""
    slots: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What a slot has beside what the rule says: `signs`, `over`, `default` (see `handlers.slots.Slot`)."""


@cache
def calculators() -> tuple[Calculator, ...]:
    """All of `calculators.yml`, in its order."""
    rows = yaml.safe_load((Path(__file__).parent / "calculators.yml").read_text(encoding="utf-8"))["calculators"]
    return tuple(Calculator(**{**row, "intents": tuple(row["intents"]), "words": tuple(row["words"])}) for row in rows)


def offered(intent: str, region: str, knowledge: Knowledge) -> tuple[Choice, ...]:
    """What can be worked out about a service in a region."""
    return tuple(
        Choice(c.start, f"form:{PREFIX}{c.topic}:{region}")
        for c in calculators()
        if intent in c.intents and knowledge.rules.find(c.topic, region)
    )


def called(text: str, region: str, knowledge: Knowledge) -> Form | None:
    """The calculator whose label a message is, as its button says it; None for none."""
    return next((form_of(f"{PREFIX}{c.topic}:{region}", knowledge) for c in calculators() if c.start == text), None)


def wanted(text: str, subject: str, topic: str, region: str, knowledge: Knowledge) -> Form | None:
    """The calculator that a message asks for: by its words, of the message's own subject or of the last topic; None
    for none."""
    named = [c for c in calculators() if any(word in text for word in c.words)]
    both = [c for c in named if subject in c.intents or topic in c.intents]
    own = [c for c in calculators() if topic in c.intents] or [c for c in calculators() if subject in c.intents]
    # 能不能, 够不够 say of no matter that it is meant: they name none beside another one.
    plain = [c for c in named if not topic or any(word in text for word in c.words if "不" not in word)]
    forms = (form_of(f"{PREFIX}{c.topic}:{region}", knowledge) for c in (both or plain or own))
    return next((form for form in forms if form), None)


def form_of(name: str, knowledge: Knowledge) -> Form | None:
    """The form behind `rule:<topic>:<region>`; None for what doesn't exist."""
    topic, _, region = name.removeprefix(PREFIX).partition(":")
    known = next((c for c in calculators() if c.topic == topic), None)
    if known is None or region not in knowledge.regions:
        return None
    rule = knowledge.rules.find(topic, region)
    if rule is None:
        return None
    return Form(
        name=name,
        title=rule.title.partition("：")[2] or rule.title,
        start=known.start,
        intents=known.intents,
        slots=tuple(_slot(one, known.slots.get(one.name, {})) for one in rule.inputs),
        end="compute",
        opening=f"“{rule.title.replace('：', '，')}”：我问几个问题，马上帮您算，什么都不会提交。",
    )


def _slot(one: Input, more: Mapping[str, Any]) -> Slot:
    kind = {"date": "date", "yesno": "yes_no", "choice": "choice"}.get(one.kind, "number")
    if kind == "number" and "几个月" in one.label:
        kind = "months"
    elif kind == "number" and "元" in one.label:
        kind = "amount"
    options = tuple((choice, ()) for choice in one.choices)
    label = one.label.partition("（")[0]
    return Slot(
        one.name,
        label,
        f"{one.label}？",
        kind,
        optional=not one.needed,
        options=options,
        least=int(one.least),
        most=int(one.most),
        **more,
    )


def worked_out(form: Form, filled: Mapping[str, str], turn: Turn) -> Reply:
    """The result, how it was worked out, clause by clause, and what it rests on."""
    topic, _, region = form.name.removeprefix(PREFIX).partition(":")
    given = {slot.name: _value(slot, filled[slot.name]) for slot in form.slots if slot.name in filled}
    given |= {slot.name: _value(slot, slot.default) for slot in form.slots if slot.default and slot.name not in given}
    try:
        outcome = turn.knowledge.rules.evaluate(topic, region, given, turn.now.date())
    except RuleInputError as error:
        return Reply(
            text=f"{error}。要重新算，再点一次就行。", choices=(Choice(form.start, f"form:{form.name}"), _CHOICE)
        )
    choices = [*_reminder(topic, outcome, turn.now), Choice("再算一次", f"form:{form.name}"), _CHOICE]
    return Reply(text=told(outcome, turn, _how(topic, turn)), choices=tuple(choices))


def _how(topic: str, turn: Turn) -> list[str]:
    """What to bring and where to go for a matter whose day was worked out."""
    known = next((c for c in calculators() if c.topic == topic and c.how), None)
    article = turn.knowledge.main(known.intents[0], turn.region, turn.now.date()) if known else None
    if article is None:
        return []
    lines = (("要带", "、".join(article.papers)), ("在哪办", article.where), ("费用", article.fee))
    return [f"{name}：{value}" for name, value in lines if value]


def settled(form: Form, filled: Mapping[str, str], turn: Turn) -> bool:
    """Whether what was told so far decides a yes or no already: a rule looks at nothing that it doesn't need."""
    topic, _, region = form.name.removeprefix(PREFIX).partition(":")
    if not filled or not any(c.early for c in calculators() if c.topic == topic):
        return False
    given = {slot.name: _value(slot, filled[slot.name]) for slot in form.slots if slot.name in filled}
    try:
        return turn.knowledge.rules.evaluate(topic, region, given, turn.now.date()).result is not None
    except RuleInputError:
        return False


def told(outcome: Outcome, turn: Turn, how: Sequence[str] = ()) -> str:
    """An outcome as a person reads it: what it is, `how` to go about it, and only then how it was worked out."""
    head = outcome.because if outcome.result is None else f"结果：{outcome.result}"
    lines = [outcome.rule.title, head, *how]
    if outcome.trace:
        lines.append("怎么来的：")
        lines += [f"{number}. {line}" for number, line in enumerate(outcome.trace, 1)]
    lines.append(f"按{turn.now:%Y年%-m月%-d日}有效的规定算，以窗口核定为准。")
    laws = dict.fromkeys(str(clause.law) for clause in outcome.rule.clauses if clause.law)
    if laws:
        lines.append("依据：" + "；".join(laws))
    return "\n".join(lines)


def _value(slot: Slot, value: str) -> Any:
    if slot.kind == "yes_no":
        return value == "是"
    if slot.kind in ("number", "months", "amount"):
        return Decimal(value)
    return value


def _reminder(topic: str, outcome: Outcome, now: datetime) -> tuple[Choice, ...]:
    """An offer to be told when the first day still ahead has come."""
    known = next((c for c in calculators() if c.topic == topic and c.remind), None)
    days = sorted(v for v in outcome.values.values() if isinstance(v, date) and v > now.date())
    if known is None or outcome.result is None or not days:
        return ()
    return (Choice(f"{days[0].month}月{days[0].day}日提醒我", f"{REMIND}{topic}:{days[0].isoformat()}"),)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What somebody asked to be told, and when."""

    at: datetime
    text: str


def reminder_of(choice: str, now: datetime) -> Reminder | None:
    """The reminder that a choice's id asks for; None for one that we never offer."""
    topic, _, day = choice.removeprefix(REMIND).partition(":")
    known = next((c for c in calculators() if c.topic == topic and c.remind), None)
    try:
        at = datetime.combine(date.fromisoformat(day), datetime.min.time(), now.tzinfo).replace(hour=9)
    except ValueError:
        return None
    if known is None or not now < at < now + _FARTHEST:
        return None
    text = f"提醒您：今天可以办“{known.remind}”了。要带什么、在哪里办，直接问我；已经办好就不用管它。"
    return Reminder(at, text)
