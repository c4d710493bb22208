"""Where somebody lives, by talking: a room's code, moving out, a wrong date. What is filed, and what is read for it."""

import re
import secrets
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from bot import answering, choices, filling
from bot.filling import Filing
from bot.message import Reply
from bot.situation import Decision, Situation, offering
from handlers import dwelling
from handlers.turn import Choice, Link
from intents import Understanding
from records import declarations, identity, residents, rooms
from records import filing as room_filing
from records.declarations import LIVING, address_of
from records.residents import Resident

_OPEN = (*LIVING, "returned")
_CODE = re.compile(r"(?<![A-Za-z])[A-Za-z]{2}[- ]?[A-Za-z]{2}[- ]?\d{6}(?!\d)|/r/([0-9A-Za-z-]{18,24})")
_LEFT = re.compile(
    r"(?:我|我们|俺|咱|人)?(?:们|家|都|全家)?(?:已经|早就?|昨天|今天|前天|上个?月|上周|前几天|刚|要)?(?:从.{1,8})?(?:搬(?:走|出去?|离|家|了)|退(?:租|房)|不住(?:那|这|在那|在这)(?:里|儿|边)?|换(?:地方|房子)住?)了"
    r"|(?:帮|给|替)我(?:注销|取消|办搬走|登记搬走)|注销(?:我的|居住|入住)?登记|搬走登记"
)
_REDATE = re.compile(
    r"(?:入住|搬进来|登记)(?:的)?(?:日期|日子|时间|那天)(?:写|填|登记|报)?.{0,4}(?:错|不对|改|更正)|(?:改|更正)(?:一下|下)?.{0,4}入住(?:的)?(?:日期|时间|日子)"
)
_FAULT = re.compile(
    r"别人|别的|人家|不是我|对不上|旧房客|坏|撕|破|扫不|看不清|模糊|没有?码|不对|掉了|错|不给|举报|隐患|充电|群租|着火|危险|罚|规定"
)
"""Something is wrong with the room or its code: no wish to register there."""
_NOT_IN = frozenset({"rental_qr_report", "rental_hazard_report", "rental_rules"})


def about_room(s: Situation, heard: Understanding) -> Decision | None:
    """What a message says of the person's own room, where something can be done about it here; None else."""
    if s.desk is None or heard.second:
        return None
    said = heard.text.strip()
    reports = choices.wants_form(said) or (heard.band != "answer" and s.state.aspect == "main")
    if s.state.topic == "rental_qr_report" and reports:
        return None  # it is the code that is to be reported
    code = _CODE.search(said)
    leaving = _LEFT.search(said) is not None and not re.search("房东|老板|他|她|别人|房客|租客|前面|上一?个", said)
    if code and not (heard.intent in _NOT_IN and _FAULT.search(said)):
        return _at_room(s, code[1] or code[0], leaving=leaving)
    if leaving and heard.intent not in _NOT_IN:
        return _own(s, dwelling.LEAVE)
    return _own(s, dwelling.REDATE) if _REDATE.search(said) else None


def _at_room(s: Situation, code: str, *, leaving: bool) -> Decision:
    assert s.desk is not None
    found = s.desk.room(code)
    if found is None:
        return _said(s, dwelling.no_such_room(code))
    where = rooms.address(found.room)
    if found.how == "revoked":
        return _said(s, dwelling.revoked(where))
    mine = s.desk.declared()
    here = [row for row in mine if row.room_id == found.room.id and row.state in _OPEN]
    if here and leaving:
        return _open(s, dwelling.named(here, dwelling.LEAVE)[0][1], f"{where}，编号{here[0].number}。")
    if here:
        return _said(s, _already(here))
    household = _household(mine)
    if not household or leaving:
        return _said(s, dwelling.page(found.room.short, where))
    return _open(
        s, f"{dwelling.ENTER}{found.room.short}:{_flags(household, s.now.date())}",
        f"这间房是：{where}。\n上次登记过的人（{'、'.join(_mask(row) for row in household)}）不用再填证件号。",
    )  # fmt: skip


def _already(rows: list[Any]) -> Reply:
    forms = dwelling.named(rows, "")
    number = forms[0][1]
    text = f"您已经登记在这里了。\n{dwelling.told(rows[0], own=True)}"
    choices = (
        Choice("我搬走了", f"form:{dwelling.LEAVE}{number}"), Choice("改入住日期", f"form:{dwelling.REDATE}{number}"),
        Choice("找工作人员", "human_agent"),
    )  # fmt: skip
    return Reply(text=text, choices=choices, links=(Link("我的登记", "/rooms/mine"),))


def _own(s: Situation, prefix: str) -> Decision | None:
    """The form about the person's own declaration; which of several is asked; None where there is none."""
    assert s.desk is not None
    mine = [row for row in s.desk.declared() if row.state in _OPEN and row.who]
    forms = dwelling.named(mine, prefix)
    if not forms:
        return None
    if len(forms) > 1:
        return _said(s, dwelling.several(mine, prefix))
    row, name = forms[0]
    return _open(s, name, f"您登记在{address_of(row)}，编号{row.number}。")


def _said(s: Situation, reply: Reply) -> Decision:
    state = replace(offering(s.state, reply), topic="residence_register", aspect="main")
    return Decision("question", (reply,), state, "residence_register", handler="residence_register")


def _open(s: Situation, name: str, lead: str) -> Decision:
    form = filling.named(name, s.knowledge)
    if form is None:
        return answering.nothing(s)
    opened = answering.opened(s, form, s.heard)
    first, *rest = opened.replies
    return replace(opened, replies=(replace(first, text=f"{lead}\n{first.text}"), *rest))


def _household(mine: list[Any]) -> list[Any]:
    """The people of the latest form that the person sent himself, himself first."""
    known = [row for row in mine if row.who and row.state != "declined" and row.source != "employer"]
    latest = [row for row in known if row.filing_id == known[0].filing_id]
    return sorted(latest, key=lambda row: (row.relation != "self", row.id))


def _flags(household: list[Any], today: date) -> str:
    ages = [_age(row, today) for row in household if row.relation != "self"]
    grown = any(age is None or age >= identity.CHILD for age in ages)
    small = any(age is not None and age < identity.CHILD for age in ages)
    return ("o" if ages else "") + ("a" if grown else "") + ("c" if small else "")


def _age(row: Any, today: date) -> int | None:
    return identity.age(date.fromisoformat(row.who["born"]), today) if row.who["born"] else None


def _mask(row: Any) -> str:
    return identity.mask_name(row.who["name"])


def settled(conn: Connection, person_id: int, decision: Decision, filing: Filing, at: datetime) -> Decision:
    """Carry out what was confirmed, and say so; a refusal is said in its own words."""
    kind, _, what = filing.form.name.partition(":")
    try:
        if kind == "enter":
            reply = _enter(conn, person_id, what, filing, at)
        elif kind == "leave":
            reply = _leave(conn, person_id, what.removesuffix("+"), filing, at)
        else:
            reply = _redate(conn, person_id, what.removesuffix("+"), filing, at)
    except (room_filing.Refused, declarations.IllegalMove) as refused:
        reply = Reply(
            text=f"{str(refused).rstrip('。')}。什么都没有改动。", choices=(Choice("找工作人员", "human_agent"),)
        )
    return replace(decision, replies=(*decision.replies, reply), state=offering(decision.state, reply))


_MINE = (Link("我的登记", "/rooms/mine"),)


def _enter(conn: Connection, person_id: int, what: str, filing: Filing, at: datetime) -> Reply:
    found = rooms.find(conn, what.partition(":")[0])
    household = _household(declarations.of_person(conn, person_id, 50))
    value = filing.progress.value
    if found is None or not household:
        raise room_filing.Refused("这次登记的资料不在了，请打开房间的页面填")
    if value("who") == dwelling.ALONE:
        household = household[:1]
    people = [residents.from_sealed(row.relation, row.who) for row in household]
    if value("child"):
        people.append(_child(value("child"), value("born"), at.date()))
    form = room_filing.Form(
        key=secrets.token_urlsafe(16), residents=people, moved_in=date.fromisoformat(value("moved_in")), source="chat",
        actor=f"person:{person_id}", person_id=person_id, typed=True,
    )  # fmt: skip
    receipt = room_filing.file(conn, found.room.id, form, at)
    text = (
        f"入住登记收到了，编号{receipt.number}，{len(people)}个人，{rooms.address(found.room)}。\n"
        "社区工作人员核对后会告诉您结果。原来登记的地方已经搬走的，说一声“我搬走了”。"
    )
    return Reply(text=text, links=_MINE, choices=(Choice("查办理进度", "case_status"),))


def _child(name: str, born: str, today: date) -> Resident:
    child, faults = residents.read({"relation": "child", "name": name, "paper": "none", "born": born}, today)
    if child is None:
        raise room_filing.Refused("；".join(faults.values()))
    return child


def _leave(conn: Connection, person_id: int, number: str, filing: Filing, at: datetime) -> Reply:
    rows = _rows(conn, person_id, number)
    if filing.progress.value("who") == dwelling.ALONE:
        rows = [row for row in rows if row.relation == "self"] or rows[:1]
    day = date.fromisoformat(filing.progress.value("moved_out"))
    moved = room_filing.move_out(conn, [row.id for row in rows], f"person:{person_id}", day, at)
    if not moved:
        raise room_filing.Refused("这条登记已经不在了，可能已经办过搬走")
    text = (
        f"好了，编号{number}的登记，{moved}个人从{day.month}月{day.day}日起算搬走。\n"
        "住到新地方，尽快登记一下：扫新住处门上的码，或者把房间编号发给我。"
    )
    return Reply(text=text, links=_MINE, choices=(Choice("新地方怎么登记", "residence_register"),))


def _redate(conn: Connection, person_id: int, number: str, filing: Filing, at: datetime) -> Reply:
    day = date.fromisoformat(filing.progress.value("moved_in"))
    receipts = [
        room_filing.correct(
            conn, row, residents.from_sealed(row.relation, row.who), day, secrets.token_urlsafe(16), at
        )
        for row in _rows(conn, person_id, number)
        if row.who
    ]  # fmt: skip
    if not receipts:
        raise room_filing.Refused("这条登记已经不在了")
    numbers = "、".join(receipt.number for receipt in receipts)
    text = f"改好了，入住日期是{day.year}年{day.month}月{day.day}日，新编号{numbers}。社区工作人员会再核对一次。"
    return Reply(text=text, links=_MINE)


def _rows(conn: Connection, person_id: int, number: str) -> list[Any]:
    """One's own open declarations under a number; nobody else's, whoever knows the number."""
    rows = declarations.by_number(conn, number)
    return [row for row in rows if row.person_id == person_id and row.state in _OPEN]
