"""Reading the declaration form: people in rows `p0-…`, `p1-…`, some of whom are known from before."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from records import consent, declarations, identity, residents, room_rules
from records.residents import Resident

FIELDS = ("relation", "name", "paper", "number", "phone", "born")


@dataclass(slots=True)
class Read:
    """What a form held: people, day, and faults by field name (`p1-number`, `moved_in`, `agree`)."""

    people: list[Resident] = field(default_factory=list)
    moved_in: date | None = None
    faults: dict[str, str] = field(default_factory=dict)


def new_key() -> str:
    """A form's own key: sent again, it is the same form."""
    return secrets.token_urlsafe(16)


def known_people(conn: Connection, person_id: int | None) -> list[Row[Any]]:
    """The household as somebody last declared it, himself first, so that nothing is asked twice."""
    if person_id is None:
        return []
    rows = [row for row in declarations.of_person(conn, person_id) if row.who and row.state != "declined"]
    mine = [row for row in rows if row.source != "employer"] or rows
    if not mine:
        return []
    found = [row for row in mine if row.filing_id == mine[0].filing_id or row.state in declarations.LIVING]
    found += [row for row in mine if row.relation == "self"][:1]
    newest: dict[bytes, Row[Any]] = {}
    for row in found:  # the newest comes first
        newest.setdefault(bytes(row.number_hash or row.name_hash), row)
    return sorted(newest.values(), key=lambda row: (row.relation != "self", row.id))


def masked(row: Row[Any]) -> dict[str, str]:
    """What may be shown of a declaration's person to himself."""
    who = row.who or {"name": "", "number": "", "phone": ""}
    return {
        "id": str(row.id), "relation": row.relation, "name": who["name"],
        "number": identity.mask_number(who["number"]) if who["number"] else "",
        "phone": identity.mask_phone(who["phone"]) if who["phone"] else "",
    }  # fmt: skip


def read(form: Mapping[str, str], known: list[Row[Any]], today: date, *, lives_here: bool = False) -> Read:
    """Check a form. `known`: the rows it may refer to by `p0-known`. `lives_here`: whoever fills it in is registered in
    this room already and only adds people."""
    result = Read()
    by_id = {str(row.id): row for row in known}
    for index in range(room_rules.rules()["form_people"] + 1):
        prefix = f"p{index}-"
        fields = {name: form.get(prefix + name, "").strip() for name in FIELDS}
        row = by_id.get(form.get(prefix + "known", ""))
        if row is not None:
            relation = fields["relation"] or row.relation
            result.people.append(residents.from_sealed(relation, row.who))
            continue
        if not any(fields[name] for name in ("name", "number", "phone", "born")):
            if index == 0 and not lives_here and not known:
                fields["relation"] = "self"
            else:
                continue
        resident, faults = residents.read({**fields, "relation": fields["relation"] or "self"}, today)
        result.faults |= {prefix + name: fault for name, fault in faults.items()}
        if resident is not None:
            result.people.append(resident)
    if not result.people and not result.faults:
        result.faults["form"] = "要加谁？请点“还有家人一起住”，填上姓名和证件" if lives_here else "请先勾上要登记的人"
    result.moved_in, fault = residents.moved_in(form.get("moved_in", ""), today)
    if fault:
        result.faults["moved_in"] = fault
    _check_consent(form, result, today)
    return result


def _check_consent(form: Mapping[str, str], result: Read, today: date) -> None:
    if form.get("agree") != consent.VERSION:
        result.faults["agree"] = "同意以后才能在网上登记；不同意可以带证件到村社窗口当面登记"
    others = [one for one in result.people if one.relation != "self"]
    children = [one for one in others if one.born and identity.age(one.born, today) < identity.CHILD]
    if children and form.get("guardian") != consent.VERSION:
        result.faults["guardian"] = "为不满14岁的孩子登记，要由监护人勾选同意"
    if len(others) > len(children) and form.get("behalf") != consent.VERSION:
        result.faults["behalf"] = "替同住的人登记，请先勾选他们知道并同意"
