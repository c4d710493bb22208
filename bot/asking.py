"""How far a form is, and what it asks next: the questions, the summary, the words around them."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from bot.message import Reply
from handlers import slots
from handlers.declared import Form
from handlers.slots import Slot
from handlers.turn import Choice
from intents import Understanding

CONFIRM = "confirm"
RESUME = "resume"
_MARKS = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫"
_SHORT = 14


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a form is. `asking` is a slot's name (of a phone number perhaps only a part: `phone#middle`), `confirm` or
    `resume`."""

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

    def without(self, name: str) -> "Progress":
        """With `name` open again."""
        return replace(self, filled=tuple((n, v) for n, v in self.filled if n != name))


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a form. `done`: the person has confirmed; file it. `aside`: the message is a question of its own;
    answer it, then say `reply`. `person`: it asks for somebody. `dropped` is the form that was given up, kept in case
    the person wants it back; `progress` None: no form is open any more."""

    reply: Reply
    progress: Progress | None
    done: bool = False
    aside: bool = False
    person: bool = False
    dropped: Progress | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message for an open form."""

    said: str
    heard: Understanding
    now: datetime

    @property
    def today(self) -> date:
        return self.now.date()


def wanted(form: Form, progress: Progress, today: date) -> tuple[Slot, ...]:
    """The slots that apply: one that another answer makes needless is left out."""

    def told(name: str, value: str) -> bool:
        return bool(progress.value(name)) if value == "*" else progress.value(name) == value

    def applies(slot: Slot) -> bool:
        if any(told(name, value) for name, value in (slot.unless or {}).items()):
            return False
        if slot.needs and not progress.value(slot.needs):
            return False
        if any(_younger(progress.value(name), years, today) for name, years in (slot.over or {}).items()):
            return False
        return all(_younger(progress.value(name), age, today) for name, age in (slot.under or {}).items())

    return tuple(slot for slot in form.slots if applies(slot))


def _younger(born: str, age: int, today: date) -> bool:
    if not born:
        return False
    try:
        day = date.fromisoformat(born)
    except ValueError:  # taken down as it was said
        return True
    return (today.year - day.year - ((today.month, today.day) < (day.month, day.day))) < age


def next_slot(form: Form, progress: Progress, today: date) -> Slot | None:
    """The next one to be asked; None when all are answered or skipped. A photo is asked for beside another one."""
    filled = dict(progress.filled)
    open_ = (s for s in wanted(form, progress, today) if s.name not in filled and s.name not in progress.skipped)
    return next((slot for slot in open_ if slot.kind != "photo" and not slot.unasked), None)


def ask(form: Form, progress: Progress, now: datetime, opening: str = "") -> Step:
    """Ask for the next open slot, or sum up."""
    slot = next_slot(form, progress, now.date())
    if slot is None and form.end == "compute":
        return Step(Reply(), progress, done=True)  # nothing is filed, so nothing needs a yes
    if slot is None:
        return Step(summary(form, progress, now, opening), replace(progress, asking=CONFIRM, faults=0))
    if progress.asking != slot.name:
        progress = replace(progress, asking=slot.name, faults=0)
    step = Step(question(slot, opening), progress)
    photo = form.photo
    if photo and photo.beside == slot.name and not progress.value(photo.name) and progress.faults == 0:
        step = replace(step, reply=replace(step.reply, text=f"{step.reply.text}\n{photo.ask}"))
    return step


def question(slot: Slot, opening: str = "") -> Reply:
    """One slot's question, what it is for, and what may be tapped."""
    parts = [opening, slot.ask] if opening else [slot.ask]
    if slot.why and slot.why not in opening:
        parts.append(f"（{slot.why}）")
    if slot.optional:
        parts.append("没有、不方便都可以说“跳过”。")
    return Reply(text="\n".join(parts), choices=offered(slot), asking="slot")


def offered(slot: Slot) -> tuple[Choice, ...]:
    """What may be tapped instead of typed."""
    if slot.kind == "yes_no":
        return (Choice("是", "say:是"), Choice("否", "say:否"))
    return tuple(Choice(label, f"say:{label}") for label, _ in slot.options)


def summary(form: Form, progress: Progress, now: datetime, opening: str = "") -> Reply:
    """What was understood, slot by slot, to be confirmed or corrected."""
    lines = [opening] if opening else []
    lines.append(f"“{form.title}”，请您核对一下：")
    lines += so_far(form, progress, now)
    lines.append("都对就回“确认”，我再提交；哪项不对，直接说，比如“第2项错了”。")
    choices = (Choice("确认提交", "form:confirm"), Choice("不填了", "form:cancel"))
    return Reply(text="\n".join(lines), choices=choices, asking=CONFIRM)


def so_far(form: Form, progress: Progress, now: datetime) -> list[str]:
    """The answers, a line each, numbered as corrections name them."""
    lines = []
    for mark, slot in zip(_MARKS, wanted(form, progress, now.date()), strict=False):
        value = progress.value(slot.name)
        none = "没有（要附就现在发来）" if slot.kind == "photo" else "（没填）"
        lines.append(f"{mark}{slot.label}：{slots.shown(slot, value) if value else none}")
    return lines


def resume(form: Form, progress: Progress) -> Step:
    """Ask somebody who comes back after a long time whether to go on."""
    text = f"您上次的“{form.title}”还没填完。接着填，还是不填了？"
    choices = (Choice("接着填", "form:resume"), Choice("不填了", "form:cancel"))
    return Step(Reply(text=text, choices=choices, asking=RESUME), replace(progress, asking=RESUME))


def why(form: Form, progress: Progress, today: date, *, private: bool = False) -> str:
    """What the answer that is asked for is needed for; `private`: who gets to see it."""
    if private:
        return "放心，不会告诉老板、房东或者别人，只给经办的工作人员看，加密保存。"
    slot = next_slot(form, progress, today)
    reason = slot.why if slot and slot.why else "这是为了把您的事情办下去，只给经办的人看，不会告诉别人"
    return reason.rstrip("。") + "。"


def noted(form: Form, before: Progress, after: Progress) -> str:
    """What was just taken down, in a few words."""
    fresh = [(form.slot(name), value) for name, value in after.filled if before.value(name) != value]
    said = [(slot, slots.shown(slot, value)) for slot, value in fresh]
    if not said:
        return ""
    if len(said) == 1:
        text = said[0][1]
        if said[0][0].kind == "number":
            text = f"{said[0][0].label}：{text}"
        if said[0][0].kind == "yes_no" or len(text) > 3 * _SHORT:
            return "好，记下了。"
        return f"好，{text}。" if len(text) <= _SHORT else f"好，记下了：{text.rstrip('。！!')}。"
    told = (f"{slot.label}：{text if len(text) <= 2 * _SHORT else '（已记）'}" for slot, text in said)
    return f"记下了：{'；'.join(told)}。"
