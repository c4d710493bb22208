"""How an open form takes part in the dialogue: it owns the turn until it is filed, dropped, or asked around."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot import choices, forms
from bot.forms import Progress, Step
from bot.message import Reply
from bot.state import State
from handlers import calculators
from handlers.declared import Form
from handlers.declared import forms as declared
from handlers.turn import Choice, Link, Turn
from intents import Understanding
from knowledge_base import Knowledge
from knowledge_base.regions import RegionTree
from records.cases import PREFIXES


@dataclass(frozen=True, slots=True)
class Filing:
    """A form that was confirmed: what the turn files, and what is said once it has its number."""

    form: Form
    progress: Progress

    def phone(self) -> str:
        """The number it is found by again; empty when none was given."""
        return next((self.progress.value(s.name) for s in self.form.slots if s.kind == "phone"), "")

    def anonymous(self) -> bool:
        """Whether the person asked not to be named."""
        return self.form.anonymous and self.progress.value("anonymous") == "是"

    def region(self, tree: RegionTree) -> str | None:
        """The most specific place of ours that its answers name; None for none."""
        said = [self.progress.value(slot.name) for slot in self.form.slots if slot.kind in ("district", "text")]
        named = [r.key for r in tree.regions.values() if r.key in PREFIXES and any(r.short in text for text in said)]
        return named[-1] if named else None

    def receipt(self, number: str) -> Reply:
        """Said when it is filed."""
        text = (
            f"已经提交，编号 {number}。\n{self.form.done}\n想知道办到哪一步，随时发编号，或者问“我的事办得怎么样了”。"
        )
        choices_ = (Choice("查办理进度", "case_status"),)
        return Reply(text=text, choices=choices_, links=(Link("我的记录", "/me"),))


def named(name: str, knowledge: Knowledge) -> Form | None:
    """A form by name: a declared one, or one made from a rule; None for neither."""
    return calculators.form_of(name, knowledge) if name.startswith(calculators.PREFIX) else declared().get(name)


def open_form(state: State, knowledge: Knowledge) -> tuple[Form, Progress] | None:
    """The form that is open, unless its file has gone."""
    if not state.form:
        return None
    progress = Progress.unpacked(state.form)
    form = named(progress.form, knowledge)
    return (form, progress) if form else None


def start(form: Form, state: State, heard: Understanding | None) -> tuple[Reply, State]:
    """Open a form; what it replaces was not filed."""
    step = forms.begin(form, dict(state.known), heard)
    return step.reply, keep(state, step.progress)


def keep(state: State, progress: Progress | None) -> State:
    """`state` with the form as it stands now."""
    return replace(state, form=progress.packed() if progress else ())


def advance(form: Form, progress: Progress, text: str, heard: Understanding | None, now: datetime) -> Step:
    """One message for an open form; `heard` is None for a tapped choice."""
    return forms.advance(form, progress, text, heard or _tapped(text), now)


def worked_out(form: Form, progress: Progress, turn: Turn) -> Reply:
    """The answer of a form that ends in one."""
    return calculators.worked_out(form, dict(progress.filled), turn)


def _tapped(text: str) -> Understanding:
    return Understanding(text, text, "", 0.0, (("", 0.0),), "person", None, (), False, 0.0, "choice")


def spoken(choice: str) -> str:
    """The words a choice stands for while a form is open; empty when it leads elsewhere."""
    goal = choices.goal(choice)
    return goal.say if goal else ""
