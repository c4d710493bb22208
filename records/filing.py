"""Filing a declaration: one transaction that takes the form once, counts the room, and notices what doesn't fit.

Nothing that is true is refused for being inconvenient: too many people, or somebody who is registered elsewhere, are
taken down, flagged and shown to staff. Refused is only what must be looked at before anything is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from records import cases, consent, employers, hours, keyed, notices, room_rules, rooms
from records import declarations as d
from records.declarations import LIVING, Asked, Declaration, Filing
from records.residents import Resident

NOTICED = {
    "over_space": "登记的人数超过了这间房按面积能住的人数",
    "over_beds": "登记的人数超过了这间房的床位",
    "elsewhere": "有人在别的房间还有登记",
    "same_number": "有人的证件号码和别人的登记相同",
    "typed": "用编号登记，没有扫码",
}
"""What a filing's flags mean, for staff."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a form became. `again`: the same form had come before, nothing was done twice."""

    number: str
    filing_id: int
    flags: tuple[str, ...]
    again: bool


class Refused(ValueError):
    """The form can't be taken online. The message says why and what to do instead."""


@dataclass(frozen=True, slots=True)
class Form:
    """A checked form. `key`: the form's own, random or a keyed hash, never anybody's data: what is stored of it is a
    plain sum, which gives away what can be guessed. `sole`: nobody else lives in the room.

    `state`: `declared`, or `waiting` where the people named haven't consented yet.
    """

    key: str
    residents: Sequence[Resident]
    moved_in: date
    source: str = "page"
    actor: str = "person"
    person_id: int | None = None
    employer_id: int | None = None
    sole: bool = False
    typed: bool = False
    state: str = "declared"
    instead: int | None = None
    """The declaration that this form corrects."""


def file(conn: Connection, room_id: int, form: Form, at: datetime) -> Receipt:
    """File a form. Raises `Refused`; the same form, sent again or at the same moment, gives the same receipt."""
    room = rooms.lock(conn, room_id)
    if room is None:
        raise Refused("没有这间房了，请到村社窗口登记")
    for resident in form.residents:
        for kind, value in resident.keys().items():
            if value:
                keyed.adopt(conn, kind, value)
    hashed = _form_hash(room_id, form.key)
    before = conn.execute(_BY_KEY, {"hashed": hashed}).first()
    if before is not None:
        return _receipt(before, again=True)
    if room.state == "closed":
        raise Refused("这间房已经停租，不能登记。请带证件到村社窗口说明情况")
    _check_twice(form)
    renewed = _same_room(conn, room_id, form)
    if form.state == "waiting" and any(row.state in LIVING for row in renewed.values()):
        raise Refused("这个人自己已经登记在这间房了")
    gone = {form.instead, *(old.id for old in renewed.values())}
    living = [row for row in d.living_in(conn, room_id) if row.id not in gone]
    if room_rules.refused(room, len(living) + len(form.residents)):
        raise Refused("这间房登记的人数太多了，网上不能再加。请到村社总台登记，工作人员会一起核实")
    flags = _flags(conn, room, living, form, at.date())
    filing = _insert_filing(conn, room, hashed, flags, form, at)
    if filing is None:  # somebody sent the same form at this very moment
        row = conn.execute(_BY_KEY, {"hashed": hashed}).one()
        return _receipt(row, again=True)
    filing_id, number = filing
    _insert_people(conn, room, filing_id, renewed, form, at)
    if form.sole or "over_beds" in flags or "over_space" in flags:
        others = [row for row in living if row.person_id is None or row.person_id != form.person_id]
        _ask_earlier(conn, others, filing_id, at)
    if "elsewhere" in flags and form.state != "waiting":
        _ask_elsewhere(conn, room_id, form, filing_id, at)
    return Receipt(number, filing_id, flags, False)


# Composed once: composing a statement costs more than running it.
_BY_KEY = select(Filing.__table__).where(Filing.key == bindparam("hashed"))
_SAME_ROOM = select(Declaration.__table__).where(
    Declaration.room_id == bindparam("room_id"),
    Declaration.number_hash.in_(bindparam("hashes", expanding=True)),
    Declaration.state.in_((*LIVING, "returned", "waiting")),
)
_SAME_NUMBER = select(Declaration.room_id, Declaration.number_hash, Declaration.name_hash).where(
    Declaration.number_hash.in_(bindparam("hashes", expanding=True)), Declaration.state.in_(LIVING)
)
_INSERT_PERSON = insert(Declaration).returning(Declaration.id)


def _form_hash(room_id: int, key: str) -> bytes:
    """`Form.key` is random or keyed, so this needs no key of ours, and a rotation of `LOOKUP_KEY` needn't make it anew."""
    return sha256(f"form\x1f{room_id}\x1f{key}".encode("utf-8", "surrogatepass")).digest()[:16]


def _receipt(row: Row[Any], *, again: bool) -> Receipt:
    return Receipt(row.number, row.id, tuple(row.flags.split()), again)


def _check_twice(form: Form) -> None:
    hashes = [resident.hashes()["number_hash"] for resident in form.residents]
    known = [one for one in hashes if one]
    if len(known) != len(set(known)):
        raise Refused("同一张表里有两个人的证件号码相同，请改正后再提交")
    if len(form.residents) > room_rules.rules()["form_people"] and form.source == "page":
        raise Refused(f"一张表最多{room_rules.rules()['form_people']}个人；人多请到总台，或由单位用名单登记")


def _same_room(conn: Connection, room_id: int, form: Form) -> dict[bytes, Row[Any]]:
    """People of the form who are already registered in this very room: the new form replaces the old one."""
    hashes = [one for one in (resident.hashes()["number_hash"] for resident in form.residents) if one]
    if not hashes:
        return {}
    names = {resident.hashes()["number_hash"]: resident.hashes()["name_hash"] for resident in form.residents}
    # Another name under the same number is not a correction but a question for staff.
    return {
        bytes(row.number_hash): row
        for row in conn.execute(_SAME_ROOM, {"room_id": room_id, "hashes": hashes})
        if bytes(row.name_hash) == names[bytes(row.number_hash)]
    }


def _flags(
    conn: Connection, room: Row[Any], living: Sequence[Row[Any]], form: Form, today: date
) -> tuple[str, ...]:  # fmt: skip
    adult_from = [row.adult_from for row in living] + [one.hashes()["adult_from"] for one in form.residents]
    adults = sum(day is None or day <= today for day in adult_from)
    found = list(room_rules.over(room, len(adult_from), adults))
    pairs = [(one.hashes()["number_hash"], one.hashes()["name_hash"]) for one in form.residents]
    hashes = [number for number, _ in pairs if number]
    same = conn.execute(_SAME_NUMBER, {"hashes": hashes}).all() if hashes else []
    if any(row.room_id != room.id for row in same):
        found.append("elsewhere")
    if any((bytes(row.number_hash), bytes(row.name_hash)) not in pairs for row in same):
        found.append("same_number")
    return (*found, "typed") if form.typed else tuple(found)


def _insert_filing(
    conn: Connection, room: Row[Any], hashed: bytes, flags: tuple[str, ...], form: Form, at: datetime
) -> tuple[int, str] | None:
    number = cases.next_number(conn, at)
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    values = {
        "key": hashed, "number": number, "room_id": room.id, "person_id": form.person_id, "source": form.source,
        "flags": " ".join(flags), "consent": consent.VERSION, "at": at,
        "consent_at": None if form.state == "waiting" else at,
    }  # fmt: skip
    statement = dialect.insert(Filing).values(**values).on_conflict_do_nothing(index_elements=["key"])
    made = conn.execute(statement.returning(Filing.id)).scalar()
    return (int(made), number) if made is not None else None


def _insert_people(
    conn: Connection, room: Row[Any], filing_id: int, renewed: dict[bytes, Row[Any]], form: Form, at: datetime
) -> None:
    until = at.date() + timedelta(days=room_rules.rules()["valid_days"])
    for resident in form.residents:
        hashes = resident.hashes()
        old = renewed.get(hashes["number_hash"] or b"")
        # Who declares again where he is registered has lived there since before: the half year that a residence permit
        # asks for doesn't begin anew. A correction says which day is right.
        goes_on = old is not None and old.state in LIVING and form.instead is None
        row = {
            "filing_id": filing_id, "room_id": room.id, "person_id": form.person_id, "employer_id": form.employer_id,
            "relation": resident.relation, "state": form.state, "who": resident.sealed(),
            "moved_in": min(form.moved_in, old.moved_in) if old is not None and goes_on else form.moved_in,
            "until": until, "declared_at": old.declared_at if old is not None and goes_on else at,
            "replaces": old.id if old else None, **hashes,
        }  # fmt: skip
        made = conn.execute(_INSERT_PERSON, row).scalar_one()
        d.note(conn, made, form.actor, form.state, at)
        if old:
            _supersede(conn, old.id, form.actor, at)
        due = _report_by(conn, form.moved_in)
        if form.employer_id:
            employers.owe(conn, made, "in", due, employer_id=form.employer_id)
            employers.settle(conn, [made], "in", at)  # the file itself is the report
        elif room.landlord_id:
            employers.owe(conn, made, "in", due, landlord_id=room.landlord_id)


def _supersede(conn: Connection, declaration_id: int, actor: str, at: datetime) -> None:
    """A newer declaration takes this one's place, and its duties with it."""
    d.move(conn, declaration_id, "superseded", actor, at)
    employers.settle(conn, [declaration_id], "in", at)


def _ask_earlier(conn: Connection, living: Sequence[Row[Any]], filing_id: int, at: datetime) -> None:
    """Ask those who were registered here before whether they still live here, once."""
    for row in living:
        ask(conn, row, filing_id, "有人在您登记过的房间登记入住。", at)


def _ask_elsewhere(conn: Connection, room_id: int, form: Form, filing_id: int, at: datetime) -> None:
    """Ask who now declares here whether he still lives where he was registered before: he may have forgotten to say."""
    for row in _elsewhere(conn, room_id, form):
        ask(conn, row, filing_id, f"您在别的房间登记了入住，{d.address_of(row)}还有您（或家人）的登记。", at)


def _elsewhere(conn: Connection, room_id: int, form: Form) -> list[Row[Any]]:
    pairs = {(hashes["number_hash"], hashes["name_hash"]) for hashes in (one.hashes() for one in form.residents)}
    numbers = [number for number, _ in pairs if number]
    statement = d.listing().where(
        Declaration.number_hash.in_(numbers), Declaration.state.in_(LIVING), Declaration.room_id != room_id
    )
    return [row for row in conn.execute(statement) if (bytes(row.number_hash), bytes(row.name_hash)) in pairs]


def leave_others(conn: Connection, room_id: int, form: Form, at: datetime) -> int:
    """Move out the people of a form wherever the same account registered them before, as of the day they move in here.
    Call it before `file`. Returns how many moved."""
    rows = [
        row for row in _elsewhere(conn, room_id, form) if row.person_id is not None and row.person_id == form.person_id
    ]
    return move_out(conn, [row.id for row in rows], form.actor, form.moved_in, at)


def ask(conn: Connection, row: Row[Any], filing_id: int, why: str, at: datetime) -> None:
    """Ask somebody whether he still lives where he is registered; an open question isn't asked again."""
    open_question = select(Asked.id).where(Asked.declaration_id == row.id, Asked.answer.is_(None))
    if conn.execute(open_question).first() is not None:
        return
    values = {"declaration_id": row.id, "because_filing_id": filing_id, "asked_at": at}
    asked = conn.execute(insert(Asked).returning(Asked.id), values).scalar_one()
    d.note(conn, row.id, "job:rooms", "asked", at)
    words = f"{why}您还住在那里吗？请点开回答一下：还住着，或者已经搬走。"
    notices.tell(conn, row.person_id, "您还住在那里吗", words, "/rooms/mine", key=f"asked:{asked}", at=at)


def consented(conn: Connection, row: Row[Any], person_id: int | None, at: datetime) -> None:
    """Somebody whom a firm named agrees himself: from now on it is his own declaration."""
    d.move(conn, row.id, "declared", f"person:{person_id}" if person_id else "person", at)
    conn.execute(update(Declaration).where(Declaration.id == row.id).values(person_id=person_id, declared_at=at))
    conn.execute(update(Filing).where(Filing.id == row.filing_id).values(consent=consent.VERSION, consent_at=at))


def correct(
    conn: Connection, old: Row[Any], resident: Resident, moved_in: date, key: str, at: datetime
) -> Receipt:  # fmt: skip
    """A corrected declaration in place of `old`, to be checked anew. Raises `Refused`."""
    actor = f"person:{old.person_id}" if old.person_id else "person"
    form = Form(
        key=key, residents=[resident], moved_in=moved_in, actor=actor, person_id=old.person_id,
        employer_id=old.employer_id, source=old.source, instead=old.id,
    )  # fmt: skip
    receipt = file(conn, old.room_id, form, at)
    now = d.get(conn, old.id)
    if not receipt.again and now is not None and "superseded" in d.MOVES[now.state]:
        _supersede(conn, old.id, actor, at)
        made = d.of_filing(conn, receipt.filing_id)
        conn.execute(update(Declaration).where(Declaration.id == made[0].id).values(replaces=old.id))
    return receipt


def answer(conn: Connection, asked_id: int, person_id: int, still_here: bool, at: datetime) -> bool:
    """The earlier tenant's answer. False when the question isn't his, or was answered before."""
    row = conn.execute(
        select(Asked.declaration_id, Declaration.state)
        .join(Declaration, Declaration.id == Asked.declaration_id)
        .where(Asked.id == asked_id, Asked.answer.is_(None), Declaration.person_id == person_id)
    ).first()
    if row is None:
        return False
    said = "still_here" if still_here else "moved_out"
    statement = update(Asked).where(Asked.id == asked_id, Asked.answer.is_(None))
    if not conn.execute(statement.values(answer=said, answered_at=at)).rowcount:
        return False
    if still_here:
        d.note(conn, row.declaration_id, f"person:{person_id}", "still_here", at)
    elif row.state in LIVING:
        move_out(conn, [row.declaration_id], f"person:{person_id}", at.date(), at)
    return True


def questions_of(conn: Connection, person_id: int) -> list[Row[Any]]:
    """Open questions to somebody: `id` of the question, and the declaration's columns as in `declarations.listing`."""
    statement = (
        d.listing()
        .add_columns(Asked.id.label("asked_id"))
        .join(Asked, Asked.declaration_id == Declaration.id)
        .where(Asked.answer.is_(None), Declaration.person_id == person_id, Declaration.state.in_(LIVING))
    )
    return list(conn.execute(statement))


def move_out(conn: Connection, ids: Sequence[int], actor: str, day: date, at: datetime) -> int:
    """Move declarations out as of `day`. Returns how many moved; those that don't live anywhere are passed over."""
    table = Declaration.__table__
    statement = select(table.c.id, rooms.Room.landlord_id, table.c.employer_id).join(
        rooms.Room, rooms.Room.id == table.c.room_id
    )
    moved = 0
    for row in conn.execute(statement.where(table.c.id.in_(ids), table.c.state.in_((*LIVING, "returned")))).all():
        d.move(conn, row.id, "moved_out", actor, at, moved_out=day)
        due = _report_by(conn, day)
        if row.employer_id and not actor.startswith("employer"):
            employers.owe(conn, row.id, "out", due, employer_id=row.employer_id)
        elif row.landlord_id and not actor.startswith("landlord"):
            employers.owe(conn, row.id, "out", due, landlord_id=row.landlord_id)
        moved += 1
    return moved


def find_own(conn: Connection, room_id: int, number: str, phone: str) -> list[Row[Any]]:
    """The declarations of a household that somebody who isn't signed in proves to be his: by number and phone."""
    own = conn.execute(
        d.listing().where(
            Declaration.room_id == room_id, Declaration.state.in_((*LIVING, "returned")),
            keyed.among(Declaration.number_hash, "number", number), keyed.among(Declaration.phone_hash, "phone", phone),
        )
    ).first()  # fmt: skip
    return (
        [] if own is None else [row for row in d.of_filing(conn, own.filing_id) if row.state in (*LIVING, "returned")]
    )


def keep_one(conn: Connection, declaration_id: int, others: Sequence[int], actor: str, at: datetime) -> list[Row[Any]]:
    """Staff found out in which room somebody lives: this declaration stays, the others of the same doubt end today.
    Returns the rows that ended. Raises `IllegalMove` when one of them was dealt with meanwhile."""
    rows = [d.get(conn, one) for one in others if one != declaration_id]
    ended = [row for row in rows if row is not None]
    if any(row.state not in LIVING for row in ended):
        raise d.IllegalMove("别人刚刚处理过，请刷新再看")
    move_out(conn, [row.id for row in ended], actor, at.date(), at)
    return ended


def _report_by(conn: Connection, day: date) -> date:
    """When landlord or firm must have reported a move of that day (浙江省流动人口居住登记条例 art. 8, 9)."""
    term = room_rules.rules()["report_working_days"]
    return room_rules.working_days_after(day, term, hours.worked(conn, day))
