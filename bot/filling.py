"""How an open form takes part in the dialogue: it owns the turn until it is filed, dropped, or asked around."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import choices, forms
from bot.asking import CONFIRM, RESUME, Progress, Step, ask
from bot.message import Reply
from bot.state import State
from handlers import calculators, dwelling
from handlers.declared import Form
from handlers.declared import forms as declared
from handlers.slots import Slot, entity_type
from handlers.turn import Choice, Link, Turn
from intents import Understanding
from knowledge_base import Knowledge, RuleInputError
from knowledge_base.regions import RegionTree
from records.cases import REGIONS


@dataclass(frozen=True, slots=True)
class Filing:
    """A form that was confirmed: what the turn files, and what is said once it has its number."""

    form: Form
    progress: Progress
    limit: str = ""
    """A time limit that was worked out from its answers, as it is told."""
    found: str = ""
    """What is on file for it already: posts that fit a wish for work."""

    def phone(self) -> str:
        """The number it is found by again; empty when none was given."""
        return next((self.progress.value(s.name) for s in self.form.slots if s.kind == "phone"), "")

    def photos(self) -> list[str]:
        """What the channel calls the photos that were sent for it."""
        return self.progress.value(self.form.photo.name).split() if self.form.photo else []

    def anonymous(self) -> bool:
        """Whether the person asked not to be named."""
        return self.form.anonymous and self.progress.value("anonymous") == "是"

    def region(self, tree: RegionTree) -> str | None:
        """The most specific place of ours that its answers name; None for none."""
        ours = [region for region in tree.regions.values() if region.key in REGIONS]
        for sort in (_is_district, _is_place, _is_text):
            said = [self.progress.value(slot.name) for slot in self.form.slots if sort(slot)]
            named = [region.key for region in ours if any(region.short in text for text in said)]
            if named:
                return named[-1]
        return None

    def receipt(self, number: str) -> Reply:
        """Said when it is filed."""
        limit = f"\n{self.limit}" if self.limit else ""
        found = f"\n\n{self.found}" if self.found else ""
        text = (
            f"已经提交，编号 {number}。\n{self.form.done}{limit}\n"
            f"想知道办到哪一步，随时发编号，或者问“我的事办得怎么样了”。{found}"
        )
        choices_ = (Choice("查办理进度", "case_status"),)
        return Reply(text=text, choices=choices_, links=(Link("我的记录", "/me"),))


def _is_district(slot: Slot) -> bool:
    return slot.kind == "district"


def _is_place(slot: Slot) -> bool:
    return slot.signs == "place"


def _is_text(slot: Slot) -> bool:
    return slot.kind == "text"


def named(name: str, knowledge: Knowledge) -> Form | None:
    """A form by name: a declared one, one made from a rule, or one about a room; None for none of them."""
    if name.startswith(dwelling.PREFIXES):
        return dwelling.form_of(name)
    return calculators.form_of(name, knowledge) if name.startswith(calculators.PREFIX) else declared().get(name)


def open_form(state: State, knowledge: Knowledge) -> tuple[Form, Progress] | None:
    """The form that is open, unless its file has gone."""
    if not state.form:
        return None
    progress = Progress.unpacked(state.form)
    form = named(progress.form, knowledge)
    return (form, progress) if form else None


def mended(row: tuple[Any, ...], knowledge: Knowledge) -> tuple[Any, ...]:
    """A stored form as it can be gone on with: without what belongs to questions that its file no longer has. Empty
    where it isn't a form at all, or no file of that name is left."""
    try:
        progress = Progress.unpacked(row)
        form = named(progress.form, knowledge)
        names = {slot.name for slot in form.slots} if form else set()
        filled = tuple((name, value) for name, value in progress.filled if name in names)
        skipped = tuple(name for name in progress.skipped if name in names)
        asking = progress.asking if progress.asking.partition("#")[0] in {*names, CONFIRM, RESUME} else ""
        whole = isinstance(progress.faults, int) and all(isinstance(value, str) for _, value in filled)
    except (TypeError, ValueError, AttributeError, LookupError):
        return ()
    return replace(progress, filled=filled, skipped=skipped, asking=asking).packed() if form and whole else ()


def start(
    form: Form, state: State, heard: Understanding | None, now: datetime, place: str = "", lead: str = "",
    earlier: str = "", about: str = "",
) -> tuple[Step, State]:  # fmt: skip
    """Open a form; what it replaces was not filed and is put aside. `place` is the person's district, where known;
    `earlier` the words that brought up its subject, `about` the subject of a wish to be rung."""
    known = dict(state.known)
    if place:
        known.setdefault("district", place)
    step = forms.begin(form, known, heard, now, earlier, about)
    if state.form and state.form[0] != form.name:
        state = state.putting_aside(state.form)
    if lead:
        step = replace(step, reply=replace(step.reply, text=f"{lead}\n{step.reply.text}"))
    return step, keep(state, None if step.done else step.progress)


def keep(state: State, progress: Progress | None) -> State:
    """`state` with the form as it stands now."""
    return replace(state, form=progress.packed() if progress else ())


def parked(state: State, text: str, knowledge: Knowledge, now: datetime) -> tuple[Form, Step] | None:
    """The form that was put aside (the one that `text` names, else the latest), asked again where it stopped; None
    without one."""
    kept = [Progress.unpacked(row) for row in (mended(row, knowledge) for row in state.parked) if row]
    found = [(form, progress) for progress in kept if (form := named(progress.form, knowledge))]
    if not found:
        return None
    meant = [pair for pair in found if any(name in text for name in (*pair[0].names, pair[0].title))]
    form, progress = (meant or found)[0]
    return form, ask(form, replace(progress, asking=""), now, f"好，接着填“{form.title}”。")


def advance(form: Form, progress: Progress, text: str, heard: Understanding | None, now: datetime) -> Step:
    """One message for an open form; `heard` is None for a tapped choice."""
    return forms.advance(form, progress, text, heard or _tapped(text), now)


def limit_of(form: Form, progress: Progress, region: str, knowledge: Knowledge, now: datetime) -> str:
    """The time limit that a form's answers lead to, clause by clause; empty where none is declared or known."""
    if not form.limit:
        return ""
    given = {name: progress.value(slot) for name, slot in form.limit.get("inputs", {}).items() if progress.value(slot)}
    fixed = form.limit.get("given", {})
    given |= {name: now.date().isoformat() if value == "today" else value for name, value in fixed.items()}
    if not given or knowledge.rules.find(form.limit["topic"], region) is None:
        return ""
    try:
        outcome = knowledge.rules.evaluate(form.limit["topic"], region, given, now.date())
    except RuleInputError:
        return ""
    lines = [f"{outcome.rule.title}：{outcome.result}", *outcome.trace] if outcome.result else []
    return "\n".join(lines)


def summed(state: State, form: Form, progress: Progress) -> State:
    """`state` once a sum is worked out: what it was worked out from is kept for the next word about it."""
    others = tuple(row for row in state.known if not row[0].startswith("slot:") and row[0] != "sum")
    given = tuple((f"slot:{name}", value) for name, value in progress.filled)
    return replace(state, shown=form.name, known=(*others, ("sum", form.name), *given))


def summed_from(state: State, form: Form) -> list[tuple[str, str]]:
    """What the last sum was worked out from, as entities that a form is opened with."""
    kinds = {f"slot:{slot.name}": entity_type(slot) for slot in form.slots}
    return [(kinds[name], value) for name, value in state.known if kinds.get(name)]


def worked_out(form: Form, progress: Progress, turn: Turn) -> Reply:
    """The answer of a form that ends in one."""
    return calculators.worked_out(form, dict(progress.filled), turn)


def settled(form: Form, progress: Progress, turn: Turn) -> bool:
    """Whether the answers so far decide what a form works out."""
    return calculators.settled(form, dict(progress.filled), turn)


def _tapped(text: str) -> Understanding:
    return Understanding(text, text, "", 0.0, (("", 0.0),), "person", None, (), False, 0.0, "choice")


def spoken(choice: str) -> str:
    """The words a choice stands for while a form is open; empty when it leads elsewhere."""
    goal = choices.goal(choice)
    return goal.say if goal else ""
