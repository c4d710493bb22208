"""Answers that staff see before people do, thresholds and queues that staff set: the switches are read by the turn."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

import clock
from bot import turn
from bot.message import Inbound
from bot.situation import rebanded
from records import conversations, drafts, handoffs, switches
from records.base import read, write
from records.outbox import Outgoing
from records.switches import Switches
from staff import approvals
from tests.staff.test_chat import DANGER, chat_url

ASKED = "居住证怎么签注"


@pytest.fixture
def house(app: Flask):
    return app.extensions["service"]


def switch(house, name: str, value: object) -> None:
    with write(house.engine) as conn:
        switches.change(conn, name, value, "test", clock.now())
    house.switches._read_at = float("-inf")  # as if a second had passed


def held(house, says, sender: str = "o-anna", channel: str = "wechat"):
    switch(house, "approve_intents", ["permit_renewal"])
    taken = says(ASKED, sender, channel)
    with read(house.engine) as conn:
        return taken, conn.execute(select(drafts.Draft.__table__).order_by(drafts.Draft.id.desc())).first()


def test_an_answer_waits_for_staff_and_goes_out_as_it_is(house, hire, says) -> None:
    taken, draft = held(house, says)
    assert "工作人员核对" in taken.replies[0].text and "依据" not in taken.replies[0].text
    desk, other = hire("officer", "a", ("permits",)), hire("officer", "b", ("labour",))
    page = desk.get("/staff/drafts")
    assert ASKED in page and "依据：《" in page and ASKED not in other.get("/staff/drafts")
    assert desk.json("/staff/live")["counts"]["drafts"] == 1 and other.json("/staff/live")["counts"]["drafts"] == 0
    other.post(f"/staff/drafts/{draft.id}/send", 404)
    desk.post(f"/staff/drafts/{draft.id}/send", text=approvals.words.answer(draft.body))
    desk.post(f"/staff/drafts/{draft.id}/send", 409)
    with read(house.engine) as conn:
        last = conversations.transcript(conn, taken.person_id)[-1]
        sent = [row.payload for row in conn.execute(select(Outgoing.__table__)) if row.key.startswith("draft:")]
    assert last.body == draft.body and last.staff_id == desk.staff_id and last.articles
    assert sent == draft.payloads


def test_an_answer_is_edited_before_it_goes_out(house, hire, says) -> None:
    taken, draft = held(house, says, "v-1", "web")
    hire("officer", "a", ("permits",)).post(f"/staff/drafts/{draft.id}/send", text="请带原来的居住证到窗口。")
    with read(house.engine) as conn:
        assert conversations.transcript(conn, taken.person_id)[-1].body == [{"text": "请带原来的居住证到窗口。"}]
        assert conn.execute(select(drafts.Draft.state)).scalar_one() == "edited"
        assert conn.execute(select(Outgoing.id)).all() == []


def test_what_is_refused_or_left_lying_becomes_a_persons(house, hire, says) -> None:
    taken, draft = held(house, says)
    hire("officer", "a", ("permits",)).post(f"/staff/drafts/{draft.id}/refuse")
    later, second = held(house, says, "o-bo")
    with clock.frozen(clock.now() + timedelta(minutes=11)):
        assert [approvals.lapse(house), approvals.lapse(house)] == [1, 0]
    with read(house.engine) as conn:
        for person in (taken.person_id, later.person_id):
            assert (handoffs.open_of(conn, person).reason, handoffs.open_of(conn, person).team) == (
                "unapproved",
                "permits",
            )
        assert second.state == "pending"


def test_danger_and_other_matters_never_wait(house, says) -> None:
    switch(house, "approve_intents", ["permit_renewal", "psych_crisis", "emergency"])
    assert "12356" in says(DANGER).replies[0].text
    assert "依据" in says("孩子上小学要什么材料", "o-bo").replies[0].text


def test_an_erased_person_takes_the_drafts_along(house, says) -> None:
    from records import privacy

    taken, _ = held(house, says)
    with write(house.engine) as conn:
        privacy.erase(conn, taken.person_id, clock.now())
        assert conn.execute(select(drafts.Draft.id)).all() == []


def test_thresholds_that_staff_set_decide_the_band(house) -> None:
    heard = house.understander.understand(ASKED, clock.now())
    heard = replace(heard, probability=0.8, band="answer")
    bands = [
        rebanded(heard, Switches(answer_from=answer, confirm_from=confirm)).band
        for answer, confirm in ((0, 0), (0.9, 0), (0.9, 0.85), (0.75, 0), (0.5, 0.4))
    ]
    assert bands == ["answer", "confirm", "ask", "answer", "answer"]
    assert rebanded(replace(heard, probability=0.4, band="ask"), Switches(answer_from=0.3)).band == "answer"


def test_the_turn_listens_with_the_thresholds_that_staff_set(house) -> None:
    inbound = Inbound(channel="web", sender="v-1", key="w:1", kind="text", sent_at=clock.now(), text=ASKED)
    assert turn.listen(house, inbound).band == "answer"
    switch(house, "answer_from", 1.0)
    assert turn.listen(house, inbound).band == "confirm"


def test_a_matter_goes_to_the_queue_that_staff_chose(house, hire, says, asks) -> None:
    lead = hire("supervisor")
    lead.post("/staff/switches/teams", 302, permit_renewal="labour", psych_support="labour", emergency="rooms")
    with read(house.engine) as conn:
        assert switches.load(conn).teams == (["permit_renewal", "labour"],)
    assert "居住证签注：劳动维权" in lead.get("/staff/switches")


def test_words_that_staff_changed_are_said(house, hire, asks) -> None:
    lead, desk = hire("supervisor"), hire("officer")
    lead.post("/staff/switches/texts", 302, back="小周先走了，机器人接着答。", rating="")
    id = asks()
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "close"), outcome="to_bot")
    with read(house.engine) as conn:
        said = conversations.transcript(conn, handoffs.get(conn, id).person_id)[-1]
    assert said.body == [{"text": "小周先走了，机器人接着答。"}]
