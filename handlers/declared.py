"""Forms as their files declare them: `handlers/forms/<name>.yml`, read once and checked with clear messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from handlers.registry import titles
from handlers.slots import KINDS, Slot, entity_type
from handlers.turn import MAX_LABEL
from records.staff import TEAMS

FOLDER = Path(__file__).parent / "forms"
ENDS = frozenset({"case", "compute", "appointment"})


class FormError(ValueError):
    """A form's file is wrong; the message names the file, the slot, and the fault."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form: what it is for, what it asks, and what happens when it is done.

    `start` is the label that opens it; `intents` are the services that offer it. `end` is `case` (a case with a
    number is filed with `team`) or `compute` (an answer is worked out by the rule `rule`, nothing is stored).
    `done` is said with the number; `first_hours` is the clock of the case's first level.
    """

    name: str
    title: str
    start: str
    intents: tuple[str, ...]
    slots: tuple[Slot, ...]
    end: str
    opening: str = ""
    done: str = ""
    team: str = "general"
    rule: str = ""
    first_hours: int = 24
    names: tuple[str, ...] = ()
    """Words by which a person names it outright (帮我登记求职)."""
    eager: bool = False
    """Whether details told about its subject open it, without being asked to: a complaint, not a wish."""
    told: str = ""
    """The slot that the words of a wish fill when they tell more than the wish (我要提意见：路灯坏了)."""
    anonymous: bool = False
    page: str = ""
    limit: Mapping[str, Any] | None = None
    """A rule that works out a time limit for the receipt: its `topic`, `inputs` {input: slot}, `given` {input: value}."""

    @property
    def photo(self) -> Slot | None:
        """The slot that takes photos; None for none."""
        return next((slot for slot in self.slots if slot.kind == "photo"), None)

    def alone(self, kind: str) -> bool:
        """Whether a single question of the form takes an entity of `kind`, so that one named anywhere is its answer."""
        return sum(entity_type(slot) == kind and not slot.unasked for slot in self.slots) == 1

    def slot(self, name: str) -> Slot:
        """A slot by name. Raises `KeyError`."""
        for slot in self.slots:
            if slot.name == name:
                return slot
        raise KeyError(name)


@cache
def forms() -> Mapping[str, Form]:
    """All forms by name. Raises `FormError` for the first file that is wrong."""
    return MappingProxyType({path.stem: _form(path) for path in sorted(FOLDER.glob("*.yml"))})


def forms_of(intent: str) -> tuple[Form, ...]:
    """The forms that a service offers."""
    return tuple(form for form in forms().values() if intent in form.intents)


def named_in(text: str) -> Form | None:
    """The form that a message names outright; None for none or for more than one."""
    found = [form for form in forms().values() if form.start == text or form.title == text]
    found = found or [form for form in forms().values() if any(name in text for name in form.names)]
    return found[0] if len(found) == 1 else None


def _form(path: Path) -> Form:
    try:
        row = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise FormError(f"{path.name}: is not YAML: {error}") from error
    known = set(Form.__dataclass_fields__) - {"name"}
    _demand(isinstance(row, dict), path, "must be a mapping")
    unknown = set(row) - known
    _demand(not unknown, path, f"has unknown fields: {', '.join(sorted(unknown))}")
    for name in ("title", "start", "intents", "slots", "end"):
        _demand(name in row, path, f"lacks `{name}`")
    _demand(row["end"] in ENDS, path, f"`end` is {row['end']!r}; it must be one of {', '.join(sorted(ENDS))}")
    _demand(len(row["start"]) <= MAX_LABEL, path, f"`start` is longer than {MAX_LABEL} characters")
    wrong = [intent for intent in row["intents"] if intent not in titles()]
    _demand(not wrong, path, f"`intents` names {', '.join(wrong)}, which the taxonomy doesn't have")
    _demand(row.get("team", "general") in TEAMS, path, f"`team` is {row.get('team')!r}, which is no queue")
    slots = tuple(_slot(path, slot) for slot in row["slots"])
    names = [slot.name for slot in slots]
    _demand(len(set(names)) == len(names), path, "two slots have one name")
    photos = [slot for slot in slots if slot.kind == "photo"]
    _demand(len(photos) <= 1, path, "only one slot can take photos")
    for slot in photos:
        _demand(slot.optional, path, f"slot {slot.name}: a photo can always be left out; it must be `optional`")
        _demand(slot.beside in names, path, f"slot {slot.name}: `beside` must name the slot it is asked for with")
    return Form(
        **{
            **row,
            "name": path.stem,
            "intents": tuple(row["intents"]),
            "names": tuple(row.get("names", ())),
            "slots": slots,
        }
    )


def _slot(path: Path, row: Any) -> Slot:
    _demand(
        isinstance(row, dict) and {"name", "label", "ask"} <= set(row), path, "every slot needs name, label and ask"
    )
    unknown = set(row) - set(Slot.__dataclass_fields__)
    _demand(not unknown, path, f"slot {row['name']} has unknown fields: {', '.join(sorted(unknown))}")
    kind = row.get("kind", "text")
    _demand(
        kind in KINDS, path, f"slot {row['name']}: `kind` is {kind!r}; it must be one of {', '.join(sorted(KINDS))}"
    )
    options = tuple(
        (next(iter(o)), tuple(next(iter(o.values())))) if isinstance(o, dict) else (o, ())
        for o in row.get("options", ())
    )
    _demand(
        bool(options) == (kind == "choice"),
        path,
        f"slot {row['name']}: `options` belong to a choice, and it needs them",
    )
    return Slot(**{**row, "words": tuple(row.get("words", ())), "options": options})


def _demand(right: bool, path: Path, fault: str) -> None:
    if not right:
        raise FormError(f"forms/{path.name}: {fault}")
