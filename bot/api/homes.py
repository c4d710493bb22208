"""Rooms: what a code says, declaring who lives there, and one's own declarations."""

from datetime import date

from sqlalchemy import Connection

import clock
from bot.api import models
from bot.api.contract import operation, person
from bot.api.problems import Problem
from bot.rooms import limits as room_limits
from bot.service import service
from records import consent, declarations, filing, identity, notices, residents, room_rules, rooms
from records.base import read, write
from records.residents import Resident

NEXT = "社区工作人员核对后会告诉您结果；也可以随时在这里查。"


@operation(
    "GET", "/rooms/<code>", tag="房间", summary="房间码是哪一间", answer=models.Room, refusals=(404, 410),
    limits=(("30 per minute", "person"), ("6000 per minute", "address")),
)  # fmt: skip
def room(code: str) -> models.Room:
    """The room behind a code, and what must be agreed to. Never who lives there."""
    with read(service().engine) as conn:
        found = _found(conn, code)
    version = consent.VERSION
    texts = models.ConsentTexts(
        version=version, text=consent.TEXTS[version], guardian=consent.GUARDIAN[version], on_behalf=consent.ON_BEHALF[version]
    )  # fmt: skip
    return models.Room(
        code=found.room.short, address=rooms.address(found.room), how="token" if found.how == "token" else "short",
        most_people=room_rules.rules()["form_people"], consent=texts,
    )  # fmt: skip


@operation(
    "POST", "/rooms/<code>/declarations", tag="房间", summary="登记住进来的人", body=models.Declaration, answer=models.Receipt,
    status=201, refusals=(404, 409, 410), limits=(("20 per hour", "person"), ("6000 per hour", "address")),
)  # fmt: skip
def declare(code: str, body: models.Declaration) -> models.Receipt:
    """Take a declaration. The same key again gives the same receipt."""
    row, now = person(), clock.now()
    with read(service().engine) as conn:  # the one writer of a small database is not kept waiting for faults
        found = _found(conn, code)
    people, moved_in = _checked(body, now.date())
    if not room_limits.allowed(service().redis, "declare", str(found.room.id), 60, 600):
        raise Problem(429)
    form = filing.Form(
        key=body.key, residents=people, moved_in=moved_in, person_id=row.id, actor=f"person:{row.id}", sole=body.alone,
        typed=found.how == "short",
    )  # fmt: skip
    with write(service().engine) as conn:
        try:
            receipt = filing.file(conn, found.room.id, form, now)
        except filing.Refused as refused:
            raise Problem(409, str(refused)) from None
        words = f"收到您的入住登记，编号{receipt.number}。社区工作人员核对后会告诉您结果。"
        if not receipt.again:
            notices.tell(conn, row.id, "我的入住登记", words, "/rooms/mine", key=f"filed:{receipt.number}", at=now)
    return models.Receipt(number=receipt.number, again=receipt.again, next=NEXT)


@operation("GET", "/declarations", tag="房间", summary="我的登记", answer=models.OwnDeclarations)
def own_declarations() -> models.OwnDeclarations:
    """The caller's own, the newest first; numbers masked."""
    with read(service().engine) as conn:
        rows = declarations.of_person(conn, person().id)
        reasons = {one.id: declarations.reason(conn, one.id) for one in rows if one.state == "returned"}
    return models.OwnDeclarations(
        declarations=[
            models.OwnDeclaration(
                number=one.number, name=(one.who or {}).get("name", ""), relation=one.relation,
                address=declarations.address_of(one), state=one.state, state_words=declarations.STATES[one.state],
                moved_in=one.moved_in, until=one.until, reason=reasons.get(one.id) or None,
                paper_number=identity.mask_number((one.who or {}).get("number", "")),
            )
            for one in rows
        ]
    )  # fmt: skip


def _found(conn: Connection, code: str) -> rooms.Found:
    """The room behind a code. 404 for none, 410 for a revoked one; who guesses is slowed down."""
    found = rooms.find(conn, code)
    if found is None:
        if not room_limits.allowed(service().redis, "miss", room_limits.address(), 300, 600):
            raise Problem(429)
        raise Problem(404, "没有这个房间码。请再扫一次，或者看看编号有没有打错。")
    if found.how == "revoked":
        raise Problem(410, "这个房间码已经作废，请扫门上新的码，或者到村社窗口登记。")
    return found


def _checked(body: models.Declaration, today: date) -> tuple[list[Resident], date]:
    """The people of a form and the day. Raises `Problem` with every fault."""
    faults: list[tuple[str, str]] = []
    people: list[Resident] = []
    if len(body.people) > room_rules.rules()["form_people"]:
        faults.append(("/people", f"一张表最多{room_rules.rules()['form_people']}个人；人多请到总台"))
    for number, one in enumerate(body.people):
        born = one.born.isoformat() if one.born else ""
        fields = {
            "relation": one.relation,
            "name": one.name,
            "paper": one.paper,
            "number": one.number,
            "phone": one.phone,
        }
        resident, wrong = residents.read({**fields, "born": born}, today)
        faults += [(f"/people/{number}/{name}", what) for name, what in wrong.items()]
        if resident is not None:
            people.append(resident)
    moved_in, fault = residents.moved_in(body.moved_in.isoformat() if body.moved_in else "", today)
    if fault:
        faults.append(("/moved_in", fault))
    faults += _consent_faults(body, people, today)
    if faults or moved_in is None:
        raise Problem(422, "请改好标出的几项再发。", faults)
    return people, moved_in


def _consent_faults(body: models.Declaration, people: list[Resident], today: date) -> list[tuple[str, str]]:
    """What isn't agreed to yet; the same three questions as on the page."""
    found = []
    if body.consent.version != consent.VERSION:
        found.append(("/consent/version", "同意的不是现在这一版，请重新看过再同意；不同意可以带证件到村社窗口登记"))
    others = [one for one in people if one.relation != "self"]
    children = [one for one in others if one.born and identity.age(one.born, today) < identity.CHILD]
    if children and not body.consent.guardian:
        found.append(("/consent/guardian", "为不满14岁的孩子登记，要由监护人同意"))
    if len(others) > len(children) and not body.consent.on_behalf:
        found.append(("/consent/on_behalf", "替同住的人登记，他们要知道并同意"))
    return found
