"""`LOOKUP_KEY` rotates while people write: everybody stays one person, everything is found before, meanwhile and after."""

import base64
import secrets
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import LargeBinary, func, insert, select

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from bot.wechat import media
from jobs import doctor
from records import (
    board,
    cases,
    crypto,
    demo_rooms,
    employers,
    filing,
    identity,
    keyed,
    message_terms,
    people,
    points,
    rehash,
    residents,
    rooms,
    schema,
    staff,
    uploads,
)
from records.base import read, write
from records.cases import Case
from records.declarations import Declaration
from records.people import Person
from records.points import Award, Link
from records.rooms import Landlord
from tests.plain import understander  # noqa: F401 - a fixture

PHONE, NUMBER, NAME = "13900000012", "990101199001011232", "甲乙丙"


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def said(number: int, sender: str = "oRehash", text: str = "") -> Inbound:
    words = text or f"第{number}句话"
    return Inbound("wechat", sender, f"m:{number}", "text", clock.now(), text=words, window="message")


@pytest.fixture
def keys(service: Service) -> Iterator[tuple[str, str]]:
    """The old key and a new one; afterwards the process has its own again."""
    settings = service.settings
    yield settings.lookup_key, new_key()
    crypto.configure(settings.data_key, settings.lookup_key)


def take_keys(service: Service, *named: str) -> None:
    crypto.configure(service.settings.data_key, ",".join(named))


def room_ids(service: Service) -> list[int]:
    with read(service.engine) as conn:
        return list(conn.execute(select(rooms.Room.id).order_by(rooms.Room.id)).scalars())


def declare(service: Service, room_id: int, key: str = "form-key-1", number: str = NUMBER) -> filing.Receipt:
    who = residents.Resident("self", NAME, "id", number, PHONE, date(1990, 1, 1))
    form = filing.Form(
        key=key, residents=[who], moved_in=clock.today() - timedelta(days=3), source="page", actor="page"
    )
    with write(service.engine) as conn:
        return filing.file(conn, room_id, form, clock.now())


def fill(service: Service) -> dict[str, object]:
    """Something of everything that is found by a hash."""
    with write(service.engine) as conn:
        demo_rooms.seed(conn, clock.now())
    room_id = room_ids(service)[-1]
    receipt = declare(service, room_id)
    with write(service.engine) as conn:
        case = cases.open_case(
            conn, kind="hazard", title="隐患举报", region="haishu", team="rooms", at=clock.now(),
            data=[["地点", "某路"], ["手机号", PHONE]], phone=PHONE,
        )  # fmt: skip
        firm = employers.add(conn, "某某电器有限公司", "联系人", "13900000013", "cixi", clock.now())
        boss = staff.create(conn, "boss", "员工", "supervisor", "-", clock.now())
        person = people.add(conn, "wechat", "oPoints", clock.now())
        points.enter(
            conn, name=NAME, number=NUMBER, kind="official", region="ningbo", amount=4200, day=clock.today(), why="公布",
            staff_id=boss, at=clock.now(),
        )  # fmt: skip
        points.link(conn, person, NUMBER, staff_id=boss, at=clock.now())
    for number in range(6):
        turn.take(service, said(number, text=f"请问厂房{number}号楼的水管漏了找谁"))
    turn.take(
        service, Inbound("wechat", "oRehash", "m:pic", "image", clock.now(), media="MEDIA-ID-7", window="message")
    )
    folder = service.settings.data_dir / "uploads"
    media.keep(
        service.settings,
        uploads.of_media(service.settings.data_dir / "uploads", "MEDIA-ID-7"),
        b"\xff\xd8\xff" + b"picture",
    )
    with clock.frozen(clock.now() + timedelta(minutes=1)), write(service.engine) as conn:
        while message_terms.take_in(conn, clock.now()):
            pass
    return {"room": room_id, "receipt": receipt, "case": case, "firm": firm, "points": person, "folder": folder}


def found_everywhere(service: Service, made: dict[str, object]) -> None:
    """Each way in still leads to the same rows."""
    with read(service.engine) as conn:
        assert people.find(conn, "wechat", "oRehash").external == "oRehash"
        for word in (NAME, NUMBER, PHONE, NUMBER[-4:]):
            assert {row.filing_id for row in board.search(conn, word)[1]} >= {made["receipt"].filing_id}, word
        assert [row.number for row in cases.of_phone(conn, PHONE)] == [made["case"]]
        assert len(filing.find_own(conn, made["room"], NUMBER, PHONE)) == 1
        assert len(points.of_person(conn, made["points"])) == 1 and len(points.listing(conn, number=NUMBER)) == 1
        assert len(message_terms.find(conn, "厂房3号楼")) == 1 and len(message_terms.find(conn, "水管漏了")) == 6
    assert declare(service, made["room"]).again, "the same form, sent again"
    with write(service.engine) as conn:
        assert employers.add(conn, "某某电器有限公司", "", "", "cixi", clock.now()) == made["firm"]
    folder = made["folder"]
    assert uploads.read(folder, uploads.of_media(folder, "MEDIA-ID-7")).endswith(b"picture")


def test_every_column_of_a_keyed_hash_is_known() -> None:
    """Sixteen bytes that aren't here would be forgotten by a rotation. `hashed`, `key` of forms, links and doubts are
    plain sums of random secrets or of ids: no key is in them."""
    unkeyed = {"one_time_links.hashed", "filings.key", "doubt_words.fingerprint"}
    sixteen = {
        f"{table.name}.{column.name}"
        for table in schema.TABLES.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.type.length == 16
    }
    assert sixteen - unkeyed == {name for names in keyed.COLUMNS.values() for name in names}


def test_the_old_key_can_be_destroyed(service: Service, keys: tuple[str, str]) -> None:
    old, new = keys
    made = fill(service)
    found_everywhere(service, made)
    for named in ((old, new), (new, old)):
        take_keys(service, *named)
        found_everywhere(service, made)
    take_keys(service, new, old)
    done = rehash.rehash(service.engine, made["folder"])
    assert done.changed > 15 and done.unknown == 0
    assert rehash.rehash(service.engine, made["folder"]).changed == 0
    found_everywhere(service, made)
    take_keys(service, new)
    found_everywhere(service, made)
    assert turn.take(service, said(3, text="请问厂房3号楼的水管漏了找谁")).duplicate
    with read(service.engine) as conn:
        assert conn.execute(select(func.count()).select_from(Person).where(Person.channel == "wechat")).scalar() == 2
        landlords = conn.execute(select(Landlord.__table__)).all()
        assert landlords and all(bytes(row.key) == rooms.landlord_key(row.name, row.phone or "") for row in landlords)
    take_keys(service, old)
    with read(service.engine) as conn:
        assert people.find(conn, "wechat", "oRehash") is None, "nothing hangs on the old key"
        assert board.search(conn, NAME)[1] == [] and message_terms.find(conn, "水管漏了") == []


def test_a_rotation_among_writers_of_both_orders_makes_nobody_two(
    service: Service, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a rolling restart: new people and new households come while some hash with the old key, others with the
    new one, and the command runs."""
    old, new = keys
    fill(service)
    room_id = room_ids(service)[0]
    orders = [crypto.Cipher(service.settings.data_key, f"{a},{b}") for a, b in ((old, new), (new, old))]
    stop, faults, turns = threading.Event(), [], []

    class Either(threading.local):
        cipher = orders[1]

    mine = Either()

    def write_on(order: int) -> None:
        mine.cipher = orders[order]
        for number in range(10_000, 10_400):
            if stop.is_set():
                return
            try:
                turn.take(service, said(number * 2 + order, sender=f"oBoth-{number}"))
                turns.append(1)
                if number % 5 == 0:
                    with write(service.engine) as conn:
                        cases.open_case(
                            conn, kind="hazard", title="隐患", region="haishu", team="rooms", at=clock.now(),
                            data=[["手机号", PHONE]], phone=PHONE,
                        )  # fmt: skip
            except turn.Busy:
                continue
            except Exception as error:  # noqa: BLE001 - told by the test below
                faults.append(error)
                return

    users = [m for name, m in list(sys.modules.items()) if name.startswith("records.") and hasattr(m, "cipher")]
    for module in users:
        monkeypatch.setattr(module, "cipher", lambda: mine.cipher)  # each thread is a process of its own order
    writers = [threading.Thread(target=write_on, args=(order,)) for order in (0, 1, 0, 1)]
    try:
        for writer in writers:
            writer.start()
        done = rehash.rehash(service.engine)
        while len(turns) < 60 and not faults:
            stop.wait(0.05)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
        monkeypatch.undo()
    assert faults == [] and done.changed > 10
    take_keys(service, new, old)
    rehash.rehash(service.engine)
    assert rehash.rehash(service.engine).changed == 0
    take_keys(service, new)
    with read(service.engine) as conn:
        rows = conn.execute(select(Person.channel, Person.external)).all()
        assert len(rows) == len(set(rows)), "somebody became two"
        filed = conn.execute(
            select(func.count()).select_from(Case).where(Case.title.in_(("隐患", "隐患举报")))
        ).scalar_one()
        assert len(cases.of_phone(conn, PHONE, limit=10_000)) == filed > 1
    assert declare(service, room_id, "form-key-2").number


def test_rows_of_one_value_are_never_found_apart(service: Service, keys: tuple[str, str]) -> None:
    """In the middle of a rotation somebody registers again: the database still sees one number, not two."""
    old, new = keys
    made = fill(service)
    take_keys(service, new, old)
    other = room_ids(service)[0]
    declare(service, other, "form-key-3")
    with read(service.engine) as conn:
        hashes = set(conn.execute(select(Declaration.number_hash).where(Declaration.who.is_not(None))).scalars())
        mine = identity.lookup("number", NUMBER)
        assert mine in {bytes(one) for one in hashes}
        assert crypto.Cipher(service.settings.data_key, old).lookup("number", NUMBER) not in {bytes(h) for h in hashes}
        for column in (Award.number_hash, Link.number_hash):
            assert {bytes(one) for one in conn.execute(select(column)).scalars()} == {mine}
    assert made["room"] != other


def test_what_was_hashed_and_is_not_kept_is_counted(service: Service, keys: tuple[str, str]) -> None:
    old, new = keys
    made = fill(service)
    with write(service.engine) as conn:
        boss = staff.create(conn, "other", "员工", "supervisor", "-", clock.now())
        row = {"person_id": made["points"], "number_hash": identity.lookup("number", "990101199002022345"), "number": None,
               "confirmed_by": boss, "confirmed_at": clock.now()}  # fmt: skip
        conn.execute(insert(Link), row)  # as rows from before the number was kept
        cases.open_case(
            conn,
            kind="hazard",
            title="隐患",
            region="haishu",
            team="rooms",
            at=clock.now(),
            data=[],
            phone="13900000099",
        )
    take_keys(service, new, old)
    assert rehash.rehash(service.engine).unknown == 2


def test_the_command_says_when_the_old_key_may_go(app, keys: tuple[str, str]) -> None:
    old, new = keys
    service = app.extensions["service"]
    turn.take(service, said(1))
    run = app.test_cli_runner().invoke
    alone = run(args=["keys", "rehash"])
    assert alone.exit_code == 1 and "只有一把密钥" in alone.output
    take_keys(service, new, old)
    done = run(args=["keys", "rehash"])
    assert done.exit_code == 0 and "left=0" in done.output and "只留第一个" in done.output
    take_keys(service, new)
    with read(service.engine) as conn:
        assert people.find(conn, "wechat", "oRehash") is not None


def test_the_doctor_sees_a_key_that_finds_nobody(service: Service, keys: tuple[str, str]) -> None:
    old, new = keys
    turn.take(service, said(1))

    def told() -> doctor.Finding:
        (found,) = doctor._lookups(service.engine)
        return found

    assert told().state == "ok"
    take_keys(service, new)  # changed outright, as nobody should
    assert told().state == "bad" and "当成新人" in told().what
    take_keys(service, old, new)
    assert told().state == "ok" and "正在更换" in told().what
    take_keys(service, new, old)
    assert told().state == "warn" and "rehash" in told().todo
    rehash.rehash(service.engine)
    take_keys(service, new)
    assert told().state == "ok"
