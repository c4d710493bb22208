"""One person as a form names them: checked, and hashed so that they can be found again without being read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from records import identity
from records.declarations import RELATIONS
from records.identity import BadNumber

PAPERS = {"id": "身份证", "other": "护照、通行证等", "none": "没有证件"}
EARLIEST = date(1990, 1, 1)


@dataclass(frozen=True, slots=True)
class Resident:
    """A checked person. `number` is empty where `paper` is `none`; `born` is known from an ID number or asked."""

    relation: str
    name: str
    paper: str
    number: str
    phone: str
    born: date | None

    def sealed(self) -> dict[str, str]:
        """What is stored encrypted."""
        born = self.born.isoformat() if self.born else ""
        return {"name": self.name, "paper": self.paper, "number": self.number, "phone": self.phone, "born": born}

    def keys(self) -> dict[str, str]:
        """By what the person is found, by kind; empty where there is nothing of the kind."""
        # Without a paper a child is told apart by name and date of birth.
        number = self.number or (f"{self.name}{self.born.isoformat()}" if self.born else "")
        return {"number": number, "last4": self.number[-4:], "name": self.name, "phone": self.phone}

    def hashes(self) -> dict[str, Any]:
        """The columns by which the person is found and counted."""
        made: dict[str, Any] = {
            f"{kind}_hash": identity.lookup(kind, value) if value else None for kind, value in self.keys().items()
        }
        return made | {"adult_from": identity.month_of_18(self.born) if self.born else None}


def from_sealed(relation: str, who: Mapping[str, str]) -> Resident:
    """The person behind a declaration's `who`."""
    born = date.fromisoformat(who["born"]) if who["born"] else None
    return Resident(relation, who["name"], who["paper"], who["number"], who["phone"], born)


def read(fields: Mapping[str, str], today: date) -> tuple[Resident | None, dict[str, str]]:
    """A person from a form's fields (relation, name, paper, number, phone, born): the person, or what is wrong with
    which field, in words for whoever filled it in."""
    faults: dict[str, str] = {}
    relation = fields.get("relation", "self")
    if relation not in RELATIONS:
        faults["relation"] = "请选一个关系"
    paper = fields.get("paper", "id")
    if paper not in PAPERS:
        faults["paper"] = "请选一种证件"
    name = _checked(faults, "name", identity.person_name, fields.get("name", ""), "请填姓名")
    number, born = _paper(faults, paper, fields, today)
    phone = ""
    if fields.get("phone") or relation == "self":
        phone = _checked(faults, "phone", identity.mobile, fields.get("phone", ""), "请填手机号，办结了好通知您")
    if not faults:
        _check_age(faults, relation, paper, born, today)
    if faults:
        return None, faults
    return Resident(relation, name, paper, number, phone, born), {}


def _checked(faults: dict[str, str], field: str, check: Any, text: str, empty: str) -> str:
    if not text.strip():
        faults[field] = empty
        return ""
    try:
        return str(check(text))
    except BadNumber as fault:
        faults[field] = str(fault)
        return ""


def _paper(
    faults: dict[str, str], paper: str, fields: Mapping[str, str], today: date
) -> tuple[str, date | None]:  # fmt: skip
    text = fields.get("number", "")
    if paper == "id":
        number = _checked(faults, "number", lambda t: identity.id_number(t, today), text, "请填身份证号")
        return number, identity.birth_of(number) if number else None
    number = _checked(faults, "number", identity.other_paper, text, "请填证件号码") if paper == "other" else ""
    born = _born(faults, fields.get("born", ""), today)
    return number, born


def _born(faults: dict[str, str], text: str, today: date) -> date | None:
    try:
        born = date.fromisoformat(text)
    except ValueError:
        faults["born"] = "请填出生日期"
        return None
    if not date(1900, 1, 1) <= born <= today:
        faults["born"] = "出生日期不对"
        return None
    return born


def _check_age(faults: dict[str, str], relation: str, paper: str, born: date | None, today: date) -> None:
    if born is None:
        return
    years = identity.age(born, today)
    if relation == "self" and years < identity.OF_AGE:
        faults["number"] = "未满16岁要由监护人来登记：请爸爸妈妈用自己的名字登记，再把您加为子女"
    if paper == "none" and years >= identity.OF_AGE:
        faults["paper"] = "满16岁没有证件的，请到村社窗口登记，工作人员会另行核对身份"


def moved_in(text: str, today: date) -> tuple[date | None, str]:
    """The day of moving in from a form (ISO), or what is wrong with it."""
    if not text:
        return today, ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None, "请填搬进来的日期"
    if day > today:
        return None, "搬进来的日期还没到；住进来那天再登记"
    if day < EARLIEST:
        return None, "日期太早了，请再看一下"
    return day, ""
