"""Filling a form by talking: ask, take what fits, correct, answer something else and come back, sum up, file.

Pure: `begin` and `advance` look at a declared form, what is filled, and one message, and say what to reply and what
to remember. Nothing is filed before the person has seen the summary and said yes.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from bot import repair
from bot.message import Reply
from handlers import slots
from handlers.declared import Form
from handlers.slots import Slot
from handlers.turn import Choice
from intents import Entity, Understanding

CONFIRM = "confirm"
RESUME = "resume"
PATIENCE = 2
"""Answers in a row that don't fit before a person is offered."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a form is. `asking` is a slot's name, `confirm`, `resume` or `which`; `at` what to go back to after."""

    form: str
    filled: tuple[tuple[str, str], ...] = ()
    skipped: tuple[str, ...] = ()
    asking: str = ""
    faults: int = 0

    def packed(self) -> tuple[Any, ...]:
        """As the state keeps it."""
        return (self.form, self.filled, self.skipped, self.asking, self.faults)

    @classmethod
    def unpacked(cls, row: tuple[Any, ...]) -> "Progress":
        """The inverse of `packed`."""
        return cls(*row)

    def value(self, name: str) -> str:
        """What a slot holds; empty for nothing."""
        return dict(self.filled).get(name, "")

    def put(self, name: str, value: str) -> "Progress":
        """With `name` filled anew."""
        filled = {**dict(self.filled), name: value}
        skipped = tuple(other for other in self.skipped if other != name)
        return replace(self, filled=tuple(filled.items()), skipped=skipped, faults=0)


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a form. `done`: the person has confirmed; file it. `aside`: the message is a question of its own;
    answer it, then say `reply`. `progress` None: the form is closed."""

    reply: Reply
    progress: Progress | None
    done: bool = False
    aside: bool = False
    person: bool = False


def begin(form: Form, known: dict[str, str], heard: Understanding | None = None) -> Step:
    """Open a form with what is known of the person already (`known`: entity type → value)."""
    progress = Progress(form.name)
    entities = heard.entities if heard else ()
    for slot in form.slots:
        kind = slots.entity_type(slot)
        same = [other for other in form.slots if slots.entity_type(other) == kind]
        value = next((e.value for e in entities if e.type == kind), "") or known.get(kind, "")
        if kind and value and len(same) == 1:
            progress = progress.put(slot.name, value)
    opening = form.opening or f"我来帮您填“{form.title}”，一项一项来。随时可以说“取消”。"
    return _ask(form, progress, opening)


def advance(form: Form, progress: Progress, text: str, heard: Understanding, now: datetime) -> Step:
    """One message while `form` is open."""
    said = text.strip()
    if progress.asking == RESUME:
        return _resumed(form, progress, said, heard)
    if repair.CANCEL.fullmatch(said) or (
        heard.intent == "cancel" and heard.band == "answer" and not _fits(form, progress, said, heard, now)
    ):
        return Step(Reply(text=f"好的，“{form.title}”不填了，什么都没有提交。"), None)
    if repair.REPEAT.fullmatch(said):
        return _ask(form, progress, "我再说一遍。")
    if repair.WHY.fullmatch(said):
        return _ask(form, progress, _why(form, progress))
    if repair.BACK.fullmatch(said):
        return _back(form, progress)
    if repair.PERSON.search(said) and len(said) <= 16:
        return Step(_question(form, progress, "回到刚才的表："), progress, aside=True, person=True)
    corrected = _corrected(form, progress, said, heard, now)
    if corrected is not None:
        return corrected
    if progress.asking == CONFIRM:
        return _confirming(form, progress, said, heard, now)
    return _filling(form, progress, said, heard, now)


def resume(form: Form, progress: Progress) -> Step:
    """Ask somebody who comes back after a long time whether to go on."""
    text = f"您上次的“{form.title}”还没填完。接着填，还是不填了？"
    choices = (Choice("接着填", "form:resume"), Choice("不填了", "form:cancel"))
    return Step(Reply(text=text, choices=choices, asking=RESUME), replace(progress, asking=RESUME))


def summary(form: Form, progress: Progress, opening: str = "") -> Reply:
    """What was understood, slot by slot, to be confirmed or corrected."""
    lines = [opening] if opening else []
    lines.append("请您核对一下：")
    for number, slot in enumerate(_wanted(form, progress), 1):
        value = progress.value(slot.name)
        lines.append(f"{number}. {slot.label}：{slots.shown(slot, value) if value else '（没填）'}")
    lines.append("都对就回“确认”；哪项不对，直接说，比如“第2项错了”。")
    choices = (Choice("确认提交", "form:confirm"), Choice("不填了", "form:cancel"))
    return Reply(text="\n".join(lines), choices=choices, asking=CONFIRM)


def answers(form: Form, progress: Progress) -> list[list[str]]:
    """The filled form as a case keeps it: [label, value] in the order asked."""
    return [[slot.label, progress.value(slot.name)] for slot in form.slots if progress.value(slot.name)]


def _wanted(form: Form, progress: Progress) -> tuple[Slot, ...]:
    """The slots that apply: one that another answer makes needless is left out."""

    def applies(slot: Slot) -> bool:
        return not any(progress.value(name) == value for name, value in (slot.unless or {}).items())

    return tuple(slot for slot in form.slots if applies(slot))


def _next(form: Form, progress: Progress) -> Slot | None:
    filled = dict(progress.filled)
    return next((s for s in _wanted(form, progress) if s.name not in filled and s.name not in progress.skipped), None)


def _ask(form: Form, progress: Progress, opening: str = "") -> Step:
    """Ask for the next open slot, or sum up."""
    slot = _next(form, progress)
    if slot is None and form.end == "compute":
        return Step(Reply(), progress, done=True)  # nothing is filed, so nothing needs a yes
    if slot is None:
        return Step(summary(form, progress, opening), replace(progress, asking=CONFIRM, faults=0))
    if progress.asking not in (slot.name,):
        progress = replace(progress, asking=slot.name, faults=0)
    return Step(_slot_question(slot, opening), progress)


def _question(form: Form, progress: Progress, opening: str) -> Reply:
    step = _ask(form, progress, opening)
    return step.reply


def _slot_question(slot: Slot, opening: str) -> Reply:
    parts = [opening, slot.ask] if opening else [slot.ask]
    if slot.why and not opening.startswith(slot.why):
        parts.append(f"（{slot.why}）")
    if slot.optional:
        parts.append("不方便可以说“跳过”。")
    choices = tuple(Choice(label, f"say:{label}") for label, _ in slot.options)
    if slot.kind == "yes_no":
        choices = (Choice("是", "say:是"), Choice("否", "say:否"))
    return Reply(text="\n".join(parts), choices=choices, asking="slot")


def _why(form: Form, progress: Progress) -> str:
    slot = _next(form, progress)
    return (slot.why if slot and slot.why else "这是为了把您的事情办下去，只给经办的人看").rstrip("。") + "。"


def _back(form: Form, progress: Progress) -> Step:
    if not progress.filled:
        return _ask(form, progress, "这就是第一项。")
    name, _ = progress.filled[-1]
    before = replace(progress, filled=progress.filled[:-1], asking=name, faults=0)
    return Step(_slot_question(form.slot(name), "好，回到上一项。"), before)


def _resumed(form: Form, progress: Progress, said: str, heard: Understanding) -> Step:
    if slots.YES.fullmatch(said) or repair.RESUME.fullmatch(said) or heard.intent == "affirm" or "接着" in said:
        return _ask(form, replace(progress, asking=""), "好，接着来。")
    if slots.NO.fullmatch(said) or repair.CANCEL.fullmatch(said) or heard.intent in ("deny", "cancel"):
        return Step(Reply(text=f"好的，“{form.title}”不填了，什么都没有提交。"), None)
    return Step(resume(form, progress).reply, progress, aside=True)


def _corrected(form: Form, progress: Progress, said: str, heard: Understanding, now: datetime) -> Step | None:
    """A correction of something said before: by number, by name of the slot, or by the old and new value."""
    if not progress.filled or not (
        repair.WRONG.search(said) or (progress.asking == CONFIRM and repair.NUMBERED.fullmatch(said))
    ):
        return None
    slot = _meant(form, progress, said, heard)
    if slot is None:
        return None
    value = _new_value(slot, said, heard, now)
    if not value:
        asked = replace(_without(progress, slot.name), asking=slot.name)
        return Step(_slot_question(slot, f"好，改“{slot.label}”。"), asked)
    changed = progress.put(slot.name, value)
    return _ask(form, replace(changed, asking=""), f"好，“{slot.label}”改成{slots.shown(slot, value)}。")


def _without(progress: Progress, name: str) -> Progress:
    return replace(progress, filled=tuple((n, v) for n, v in progress.filled if n != name))


def _meant(form: Form, progress: Progress, said: str, heard: Understanding) -> Slot | None:
    """Which filled slot a correction is about."""
    wanted = _wanted(form, progress)
    number = repair.NUMBERED.fullmatch(said)
    if number and (progress.asking == CONFIRM or "第" in said):
        at = int(number[1]) if number[1].isdigit() else "零一二三四五六七八九十".find(number[1])
        return wanted[at - 1] if 1 <= at <= len(wanted) else None
    filled = [slot for slot in wanted if progress.value(slot.name)]
    for slot in filled:
        if any(word in said for word in (slot.label, *slot.words)):
            return slot
    for slot in filled:
        if any(entity.type == slots.entity_type(slot) for entity in heard.entities):
            return slot
    for slot in filled:
        value = progress.value(slot.name)
        if len(value) >= 2 and (value in said or slots.shown(slot, value) in said):
            return slot
    if any(word in said for word in ("刚才", "上一", "前面", "上面")):
        return form.slot(progress.filled[-1][0])
    given = repair.NEW_VALUE.search(said)
    return _alike(filled, progress, given["value"]) if given else None


def _alike(filled: list[Slot], progress: Progress, value: str) -> Slot | None:
    """The slot whose answer looks like `value` misspelt (宏达制衣厂, 宏大制衣厂)."""

    def likeness(slot: Slot) -> float:
        return SequenceMatcher(None, progress.value(slot.name), value).ratio()

    best = max(filled, key=likeness, default=None)
    return best if best is not None and likeness(best) >= 0.5 else None


def _new_value(slot: Slot, said: str, heard: Understanding, now: datetime) -> str:
    """The value that a correction gives; empty when it only says that something is wrong."""
    pair = repair.NOT_BUT.search(said)
    if pair:
        old = pair["old"] or pair["old2"] or ""
        new = (pair["new"] or pair["new2"] or "").strip("，,。 ")
        entities = tuple(e for e in heard.entities if e.text not in old)
        found = slots.read(slot, new, entities, now)
        return found.value
    kind = slots.entity_type(slot)
    if kind:
        # The last one named is the right one: “不是三月，是五月”.
        values = [entity for entity in heard.entities if entity.type == kind]
        return values[-1].value if values else ""
    given = repair.NEW_VALUE.search(said)
    return slots.read(slot, given["value"], heard.entities, now).value if given else ""


def _confirming(form: Form, progress: Progress, said: str, heard: Understanding, now: datetime) -> Step:
    if (
        slots.YES.fullmatch(said)
        or said in ("确认提交", "提交", "都对", "没错")
        or (heard.intent == "affirm" and heard.band == "answer")
    ):
        return Step(Reply(), progress, done=True)
    if slots.NO.fullmatch(said) or heard.intent == "deny":
        return Step(Reply(text="哪一项不对？说编号，或者直接说，比如“电话错了”。", asking=CONFIRM), progress)
    if repair.WRONG.search(said):
        return Step(Reply(text="没听出是哪一项。说编号就行，比如“第2项”。", asking=CONFIRM), progress)
    if _elsewhere(form, heard):
        return Step(summary(form, progress, "回到刚才的表。"), progress, aside=True)
    return Step(summary(form, progress, "还没提交。"), progress)


def _filling(form: Form, progress: Progress, said: str, heard: Understanding, now: datetime) -> Step:
    slot = form.slot(progress.asking) if progress.asking else _next(form, progress)
    if slot is None:
        return _ask(form, progress)
    if repair.SKIP.fullmatch(said) and slot.kind != "yes_no":
        if slot.optional:
            return _ask(form, replace(progress, skipped=(*progress.skipped, slot.name), asking="", faults=0))
        if slot.kind != "choice":
            return Step(_slot_question(slot, "这一项要有才能办下去，大概说一下也行。"), progress)
    read = slots.read(slot, said, heard.entities, now)
    if read.value and not (slot.kind == "text" and _elsewhere(form, heard) and repair.asks(said)):
        filled = _others(form, progress.put(slot.name, read.value), slot, heard)
        return _ask(form, replace(filled, asking=""))
    if _elsewhere(form, heard) or (heard.intent == "out_of_scope" and repair.asks(said) and not heard.entities):
        return Step(_slot_question(slot, f"回到“{form.title}”："), progress, aside=True)
    elsewhere = _others(form, progress, slot, heard)
    if elsewhere.filled != progress.filled:
        named = "、".join(form.slot(name).label for name, _ in elsewhere.filled if not progress.value(name))
        return _ask(form, replace(elsewhere, asking=""), f"“{named}”记下了。")
    faults = progress.faults + 1
    text = read.fault or slot.ask
    choices = _slot_question(slot, "").choices
    if faults >= PATIENCE:
        text += "\n弄不明白也没关系：说“跳过”、“取消”，或者找工作人员。"
        choices = (*choices, Choice("找工作人员", "human_agent"))
    return Step(Reply(text=text, choices=choices, asking="slot"), replace(progress, faults=faults))


def _fits(form: Form, progress: Progress, said: str, heard: Understanding, now: datetime) -> bool:
    if not progress.asking or progress.asking == CONFIRM:
        return False
    slot = form.slot(progress.asking)
    return (
        slot.kind in ("text", "yes_no", "choice")
        and bool(slots.read(slot, said, heard.entities, now).value)
        and len(said) > 6
    )


def _others(form: Form, progress: Progress, asked: Slot, heard: Understanding) -> Progress:
    """Fill further open slots from the same message where an entity can only mean that one."""
    used: set[Entity] = {e for e in heard.entities if e.type == slots.entity_type(asked)}
    for slot in _wanted(form, progress):
        kind = slots.entity_type(slot)
        same = [s for s in form.slots if slots.entity_type(s) == kind]
        if not kind or progress.value(slot.name) or len(same) != 1:
            continue
        value = next((e.value for e in heard.entities if e.type == kind and e not in used), "")
        if value:
            progress = progress.put(slot.name, value)
    return progress


def _elsewhere(form: Form, heard: Understanding) -> bool:
    """Whether a message is a clear question about something else."""
    steering = ("affirm", "deny", "cancel", "greet", "thanks", "out_of_scope", "human_agent", "goodbye")
    return heard.band == "answer" and heard.intent not in (*form.intents, *steering) and repair.asks(heard.text)
