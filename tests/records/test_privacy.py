"""What is held about a person can be had whole and be erased; nothing of him is left where he could be found."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select, text

import clock
from records import audit, cases, conversations, crypto, handoffs, migrate, outbox, people, privacy, schema, uploads
from records.base import engine_for, write
from records.people import Person

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=clock.CHINA)
PHONE = "19900000001"  # invented, in no numbering plan's use


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    crypto.configure("A" * 43 + "=")
    made = engine_for(database_url)
    migrate.upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with write(engine) as connection:
        yield connection


def somebody(conn: Connection, name: str = "visitor-1") -> int:
    """A person who has talked, filed two cases, asked for staff, and has something to come."""
    people.add(conn, "web", name, NOW)
    person = people.find(conn, "web", name).id
    row = {"turn_id": "t1", "person_id": person, "created_at": NOW}
    conversations.add(
        conn,
        [
            row | {"author": "person", "kind": "text", "body": {"text": "我叫王小二，住在三单元"}, "dedup": "w:1"},
            row | {"author": "person", "kind": "image", "body": {"text": "", "media": "0" * 32}},
            row | {"author": "bot", "kind": "reply", "body": [{"text": "好的"}]},
            row | {"author": "staff", "kind": "note", "body": {"text": "给同事看的"}},
        ],
    )
    outbox.put(conn, person, "web", [{"text": "提醒您"}], key=f"k-{name}", at=NOW)
    handoffs.ask(conn, person, team="general", reason="asked", at=NOW)
    answers = [
        ["姓名", "王小二"],
        ["手机号", PHONE],
        ["隐患地点", f"某街道某楼，电话{PHONE}"],
        ["怎么回事", "王小二说的话"],
    ]
    for state in ("filed", "resolved"):
        number = cases.open_case(
            conn, kind="hazard", title="隐患举报", region="haishu", team="rooms", data=answers, at=NOW,
            person_id=person, phone=PHONE,
        )  # fmt: skip
        if state == "resolved":
            id = cases.by_number(conn, number).id
            cases.move(conn, id, "accepted", "staff:1", NOW)
            cases.move(conn, id, "resolved", "staff:1", NOW, text="已电话告知王小二")
    return int(person)


def everything(conn: Connection) -> str:
    """All that the database holds, opened."""
    found = []
    for table in schema.TABLES.sorted_tables:
        found += [str(tuple(row)) for row in conn.execute(select(table))]
    return "\n".join(found)


def test_an_export_is_whole_and_plain(conn: Connection) -> None:
    import json

    data = privacy.export_of(conn, somebody(conn))
    assert json.loads(json.dumps(data)) == data
    assert [m["by"] for m in data["messages"]] == ["person", "person", "bot"], "notes of staff aren't the person's"
    assert data["messages"][0]["text"] == "我叫王小二，住在三单元"
    assert data["messages"][2]["replies"] == [{"text": "好的"}]
    assert len(data["cases"]) == 2 and ["手机号", PHONE] in data["cases"][0]["answers"]
    assert data["handoffs"][0]["state"] == "waiting"
    assert data["others"]["outbox"][0]["payload"] == {"text": "提醒您"}
    assert data["person"]["id"] == "visitor-1"


def test_an_export_of_nobody_is_empty(conn: Connection) -> None:
    assert privacy.export_of(conn, 4711) == {}


def test_erasing_leaves_nothing_that_tells_who_it_was(conn: Connection) -> None:
    person, other = somebody(conn), somebody(conn, "visitor-2")
    done = privacy.erase(conn, person, NOW)
    assert not done.held and done.kept == 2 and done.media == ("0" * 32,)
    assert done.deleted["messages"] == 4 and done.deleted["outbox"] == 1 and done.deleted["handoffs"] == 1
    privacy.erase(conn, other, NOW)
    left = everything(conn)
    for trace in ("王小二", PHONE, "三单元", "visitor-1", "提醒您", "好的"):
        assert trace not in left, trace
    assert people.find(conn, "web", "visitor-1") is None
    assert cases.of_phone(conn, PHONE) == []


def test_what_law_requires_stays_without_the_person(conn: Connection) -> None:
    person = somebody(conn)
    numbers = {row.number: row.state for row in cases.of_person(conn, person)}
    privacy.erase(conn, person, NOW)
    assert sorted(numbers.values()) == ["filed", "resolved"]
    for number, state in numbers.items():
        row = cases.by_number(conn, number)
        assert row.person_id is None and row.phone_hash is None
        assert row.data == [["隐患地点", "某街道某楼，电话…"]], "what happened where stays"
        assert row.state == ("withdrawn" if state == "filed" else state), "nobody could be told the outcome"
        assert all(step.text is None and step.actor != f"person:{person}" for step in cases.history(conn, row.id))
    (entry,) = conn.execute(select(audit.Entry.action, audit.Entry.subject)).all()
    assert entry == ("erase", f"person:{person}")


def test_erasing_touches_nobody_else(conn: Connection) -> None:
    person, other = somebody(conn), somebody(conn, "visitor-2")
    before = privacy.export_of(conn, other)
    privacy.erase(conn, person, NOW)
    assert privacy.export_of(conn, other) == before


def test_erasing_twice_and_erasing_nobody_is_harmless(conn: Connection) -> None:
    person = somebody(conn)
    privacy.erase(conn, person, NOW)
    assert privacy.erase(conn, person, NOW).deleted.get("messages", 0) == 0
    assert privacy.erase(conn, 4711, NOW) == privacy.Erased()


def test_whoever_comes_back_starts_fresh(conn: Connection) -> None:
    person = somebody(conn)
    privacy.set_region(conn, person, "haishu")
    privacy.erase(conn, person, NOW)
    people.add(conn, "web", "visitor-1", NOW)
    back = people.find(conn, "web", "visitor-1")
    assert back.id != person and back.region is None
    assert conversations.transcript(conn, back.id) == []


def test_every_table_that_points_at_a_person_is_covered(conn: Connection) -> None:
    """A new table must say with ON DELETE what becomes of its rows, or an erasure would leave or break them."""
    for table, column, rule in privacy._references():
        assert rule in ("CASCADE", "SET NULL"), f"{table.name}.{column.name} needs ondelete CASCADE or SET NULL"
        assert rule == "CASCADE" or column.nullable, f"{table.name}.{column.name} can't be set to nothing"
    covered = {table.name for table, _, _ in privacy._references()}
    assert {"messages", "outbox", "handoffs", "alarms", "cases"} <= covered


def test_a_person_in_danger_is_looked_after_first(conn: Connection) -> None:
    person = somebody(conn)
    alarm = handoffs.raise_alarm(conn, person, "t1", 0.9, "detector", NOW)
    handoffs.ask(conn, person, team="psychology", reason="crisis", at=NOW, urgent=True)
    assert privacy.erase(conn, person, NOW).held
    assert [row.id for row in handoffs.open_alarms(conn)] == [alarm], "an alarm stays until somebody takes it"
    assert privacy.erase_due(conn, NOW + timedelta(days=1)) == 0
    mine = handoffs.open_of(conn, person)
    handoffs.claim(conn, mine.id, _staff(conn), NOW)
    assert privacy.erase_due(conn, NOW + timedelta(days=1)) == 0, "and the chat is theirs until they close it"
    handoffs.close(conn, mine.id, "safe", NOW)
    assert privacy.erase_due(conn, NOW + timedelta(days=1)) == 1
    assert conn.execute(text("SELECT count(*) FROM alarms")).scalar_one() == 0


def test_people_who_left_are_erased_when_it_is_due(conn: Connection, tmp_path: Path) -> None:
    gone, later, stays = (somebody(conn, name) for name in ("a-visitor", "b-visitor", "c-visitor"))
    for person, at in ((gone, NOW), (later, NOW + timedelta(days=2))):
        conn.execute(Person.__table__.update().where(Person.id == person).values(erase_at=at))
    picture = uploads.path_of(tmp_path, "0" * 32)
    picture.parent.mkdir()
    picture.write_bytes(b"x")
    assert privacy.erase_due(conn, NOW + timedelta(hours=1), folder=tmp_path) == 1
    assert not picture.exists()
    assert privacy.erase_due(conn, NOW + timedelta(hours=1)) == 0
    assert people.get(conn, gone).external is None
    assert [bool(people.get(conn, id).external) for id in (later, stays)] == [True, True]
    count = select(func.count()).where(conversations.Message.person_id == gone)
    assert conn.execute(count).scalar_one() == 0


def test_an_identity_moves_once(conn: Connection) -> None:
    person = somebody(conn)
    assert privacy.move_identity(conn, "web", "visitor-1", "phone-1")
    assert not privacy.move_identity(conn, "web", "visitor-1", "phone-2")
    assert people.find(conn, "web", "visitor-1") is None
    moved = people.find(conn, "web", "phone-1")
    assert (moved.id, moved.external) == (person, "phone-1")


def test_uploads_are_encrypted_and_go(tmp_path: Path) -> None:
    crypto.configure("A" * 43 + "=")
    name = uploads.keep(tmp_path, b"picture bytes")
    assert uploads.read(tmp_path, name) == b"picture bytes"
    assert b"picture" not in uploads.path_of(tmp_path, name).read_bytes()
    assert uploads.remove(tmp_path, [name, "0" * 32, "../../etc/passwd"]) == 1
    assert uploads.read(tmp_path, name) is None and uploads.read(tmp_path, "../x") is None


def _staff(conn: Connection) -> int:
    from records import staff

    return staff.create(conn, "desk", "陆远", "front_desk", "-", NOW)
