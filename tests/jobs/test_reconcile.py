"""What has come apart is put right, once; what is in order is left alone, however often the sweeps run."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from handlers.declared import forms
from jobs import delivery, reconcile
from records import handoffs, outbox, people
from records.base import read, write
from records.handoffs import Handoff
from records.outbox import Outgoing
from records.people import Person

NOW = clock.now().replace(microsecond=0)
FORM = ("举报隐患", "消防", "海曙区测试村1幢")


@pytest.fixture(autouse=True)
def _now():
    with clock.frozen(NOW):
        yield


def say(service: Service, sender: str, *texts: str) -> int:
    for number, text in enumerate(texts):
        key = f"m:{clock.now().timestamp()}-{number}"
        taken = turn.take(service, Inbound("wechat", sender, key, "text", clock.now(), text=text, window="message"))
    return taken.person_id


def change(service: Service, person: int, **values: Any) -> None:
    with write(service.engine) as conn:
        conn.execute(update(Person).where(Person.id == person).values(**values))


def row(service: Service, person: int) -> Any:
    with read(service.engine) as conn:
        return people.get(conn, person)


def whole(service: Service) -> list[Any]:
    with read(service.engine) as conn:
        found = [(one.id, one.line, one.state) for one in conn.execute(select(Person.__table__).order_by(Person.id))]
        return found + [(one.id, one.state, one.outcome) for one in conn.execute(select(Handoff.__table__))]


def test_what_is_in_order_is_left_alone(service: Service) -> None:
    say(service, "oWaits", "转人工")
    say(service, "oFills", *FORM)
    say(service, "oDone", *FORM, "取消")
    before = whole(service)
    assert reconcile.chats(service.engine) == 0 and reconcile.people(service.engine)() == 0
    assert whole(service) == before


def test_a_chat_and_its_person_agree_again(service: Service) -> None:
    lost, stuck, gone = (say(service, name, "转人工") for name in ("oLost", "oStuck", "oGone"))
    change(service, lost, line=None)  # staff would never see his words
    with write(service.engine) as conn:
        closed = handoffs.open_of(conn, stuck)
        conn.execute(update(Handoff).where(Handoff.id == closed.id).values(state="closed"))  # he would talk to nobody
    change(service, gone, external=None)
    assert reconcile.chats(service.engine) == 2
    assert reconcile.people(service.engine)() == 1
    assert [row(service, one).line for one in (lost, stuck, gone)] == ["waiting", None, None]
    with read(service.engine) as conn:
        assert handoffs.open_of(conn, gone) is None and handoffs.open_of(conn, lost) is not None
    assert reconcile.chats(service.engine) == reconcile.people(service.engine)() == 0


def test_forms_nobody_can_go_on_with_are_dropped(service: Service) -> None:
    going, old = (say(service, name, *FORM) for name in ("oGoing", "oOld"))
    change(service, old, seen_at=NOW - timedelta(days=31))
    renamed, broken = (say(service, name, "你好") for name in ("oRenamed", "oBroken"))
    known = next(iter(forms()))
    change(service, renamed, state={"form": ["gone_form", {}], "parked": [["gone_form"], [known]], "plain": True})
    change(service, broken, state={"parked": [7]})
    assert reconcile.people(service.engine)() == 3
    assert row(service, going).state["form"]
    assert "form" not in row(service, old).state
    assert row(service, renamed).state == {"parked": [[known]], "plain": True}
    assert row(service, broken).state == {}
    assert reconcile.people(service.engine)() == 0


def test_all_people_are_gone_through_and_then_again(service: Service) -> None:
    ids = [say(service, f"oMany{number}", "你好") for number in range(7)]
    for person in ids:
        change(service, person, line="waiting")
    with write(service.engine) as conn:
        from records import reconcile as queries

        done, last = queries.people(conn, NOW, forms(), 0, limit=3)
        assert (done, last) == (3, ids[2])
    job = reconcile.people(service.engine)
    assert job() == 4 and job() == 0


def test_rows_that_a_wrong_clock_put_off_for_days_are_freed(service: Service) -> None:
    person = say(service, "oLate", "你好")
    with write(service.engine) as conn:
        for name in ("ahead", "held", "soon"):
            outbox.put(conn, person, "wechat", [{"kind": "text", "text": name}], key=name, at=NOW)
        for name, state, wait in (("ahead", "pending", 72), ("held", "sending", 72), ("soon", "pending", 2)):
            due = NOW + timedelta(hours=wait)
            conn.execute(update(Outgoing).where(Outgoing.key == f"{name}:0").values(state=state, next_at=due))
    for _ in range(2):
        delivery.sweep(service.engine)
        with read(service.engine) as conn:
            due = dict(conn.execute(select(Outgoing.key, Outgoing.next_at)).all())
        assert due == {"ahead:0": NOW, "held:0": NOW, "soon:0": NOW + timedelta(hours=2)}
