"""From the queue to the last word: claimed once, said once, seen only by those who may."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select

import clock
from bot import turn
from records import audit, conversations, desk_queries, handoffs, outbox, ratings, staff_words, uploads
from records.base import read, write
from records.outbox import Outgoing


def chat_url(handoff_id: int, act: str = "") -> str:
    return f"/staff/chat/{handoff_id}" + (f"/{act}" if act else "")


def test_who_asks_for_a_person_is_in_the_inbox_of_the_right_queue(hire, asks) -> None:
    labour, rooms = hire("officer", "labour", ("labour",)), hire("officer", "rooms", ("rooms",))
    id = asks(topic="老板拖欠工资不给")
    assert chat_url(id) in labour.get("/staff/inbox")
    assert chat_url(id) not in rooms.get("/staff/inbox")
    rooms.get(chat_url(id), status=404)


def test_of_many_who_claim_at_once_one_wins(app: Flask, hire, asks) -> None:
    desks = [hire("officer", f"o{n}") for n in range(6)]
    id = asks()
    gate = threading.Barrier(6)

    def press(desk) -> int:
        gate.wait()
        headers = {"X-Requested-With": "console", "X-CSRFToken": desk.csrf}
        return desk.client.post(chat_url(id, "claim"), headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        results = sorted(pool.map(press, desks))
    assert results == [200, 409, 409, 409, 409, 409]


def test_what_staff_say_is_stored_and_queued_once(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    for _ in range(2):
        desk.post(chat_url(id, "say"), text="您好，我来帮您看。", key="abcd-1234-efgh")
    with read(app.extensions["service"].engine) as conn:
        row = handoffs.get(conn, id)
        said = [m for m in conversations.transcript(conn, row.person_id) if m.author == "staff"]
        queued = conn.execute(select(Outgoing.__table__)).all()
    assert [m.body["text"] for m in said] == ["您好，我来帮您看。"]
    assert [(q.payload, q.message_id) for q in queued] == [({"kind": "text", "text": "您好，我来帮您看。"}, said[0].id)]
    assert row.first_reply_at is not None


def test_the_web_needs_no_outbox(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks(channel="web", sender="visitor-1")
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "say"), text="您好", key="abcd-1234-efgh")
    with read(app.extensions["service"].engine) as conn:
        assert conn.execute(select(Outgoing.__table__)).all() == []


def test_the_bot_is_silent_while_a_person_owns_the_chat_and_speaks_again_after(hire, asks, says) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    assert says("居住证怎么签注").replies == ()
    assert "居住证怎么签注" in desk.json(chat_url(id, "news"))["html"]
    desk.post(chat_url(id, "close"), outcome="resolved")
    assert says("居住证怎么签注").replies


def test_only_the_owner_writes_and_a_supervisor_may_step_in(hire, asks) -> None:
    owner, other, lead = hire("officer", "a"), hire("officer", "b"), hire("supervisor", "c")
    id = asks()
    owner.post(chat_url(id, "claim"))
    assert "员工a" in other.post(chat_url(id, "say"), 409, text="我也说", key="abcd-1234-0001")["error"]
    lead.post(chat_url(id, "say"), text="我是值班长", key="abcd-1234-0002")
    other.post(chat_url(id, "take-over"), 403)
    lead.post(chat_url(id, "take-over"), 302)
    assert "员工c" in owner.post(chat_url(id, "say"), 409, text="还是我", key="abcd-1234-0003")["error"]


def test_of_many_who_take_over_at_once_one_does(app: Flask, hire, asks) -> None:
    owner, leads, id = hire("officer", "a"), [hire("supervisor", f"s{n}") for n in range(4)], asks()
    owner.post(chat_url(id, "claim"))
    gate = threading.Barrier(4)

    def press(desk) -> int:
        gate.wait()
        headers = {"X-Requested-With": "console", "X-CSRFToken": desk.csrf}
        form = {"owner": owner.staff_id}
        return desk.client.post(chat_url(id, "take-over"), data=form, headers=headers).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(press, leads)) == [302, 409, 409, 409]
    with read(app.extensions["service"].engine) as conn:
        taken = [step for step in handoffs.history(conn, id) if step.action == "stepped_in"]
        assert [step.actor for step in taken] == [f"staff:{handoffs.get(conn, id).claimed_by}"]


def test_what_went_elsewhere_between_the_look_and_the_deed_stays_there(app: Flask, hire, asks, monkeypatch) -> None:
    owner, other, id = hire("officer", "a"), hire("officer", "b"), asks()
    owner.post(chat_url(id, "claim"))
    look = desk_queries.chat

    def looked_before(conn, scope, handoff_id):
        row = look(conn, scope, handoff_id)
        handoffs.pass_to(conn, handoff_id, other.staff_id, clock.now())
        return row

    monkeypatch.setattr(desk_queries, "chat", looked_before)
    for act, form in (("return", {}), ("close", {"outcome": "resolved"}), ("transfer", {"to": "team:schools"})):
        assert "刚刚被别人" in owner.post(chat_url(id, act), 409, **form)["error"]


def test_a_chat_goes_to_somebody_absent_only_when_that_was_said(app: Flask, hire, asks) -> None:
    owner, there, gone = hire("officer", "a"), hire("officer", "b"), hire("officer", "c")
    gone.client.post("/staff/logout", data={"csrf_token": gone.csrf})
    id = asks()
    owner.post(chat_url(id, "claim"))
    said = owner.post(chat_url(id, "transfer"), 409, to=f"staff:{gone.staff_id}")["error"]
    assert "下班" in said and "员工c" in said
    owner.post(chat_url(id, "transfer"), to=f"staff:{gone.staff_id}", anyway="1")
    with read(app.extensions["service"].engine) as conn:
        assert handoffs.get(conn, id).claimed_by == gone.staff_id
    second = asks(sender="o-bo")
    owner.post(chat_url(second, "claim"))
    owner.post(chat_url(second, "transfer"), to=f"staff:{there.staff_id}", why="更熟悉")
    assert "更熟悉" in there.get(chat_url(second))


@pytest.mark.parametrize(("act", "form"), [("return", {}), ("transfer", {"to": "team:schools"})])
def test_a_chat_that_became_a_crisis_goes_back_to_the_counsellors(app: Flask, hire, asks, act, form) -> None:
    """In another team's queue nobody could open it: only counsellors read what people in danger write."""
    owner, id = hire("officer", "a"), asks()
    owner.post(chat_url(id, "claim"))
    with write(app.extensions["service"].engine) as conn:
        row = handoffs.get(conn, id)
        handoffs.ask(conn, row.person_id, team="psychology", reason="crisis", at=clock.now(), urgent=True)
    owner.post(chat_url(id, act), **form)
    with read(app.extensions["service"].engine) as conn:
        row = handoffs.get(conn, id)
    assert (row.state, row.team, row.reason) == ("waiting", "psychology", "crisis")


def test_a_chat_goes_to_another_teams_queue(hire, asks) -> None:
    owner, schools = hire("officer", "a"), hire("officer", "b", ("schools",))
    id = asks()
    owner.post(chat_url(id, "claim"))
    owner.post(chat_url(id, "transfer"), to="team:schools")
    owner.get(chat_url(id), status=404)
    assert chat_url(id) in schools.get("/staff/inbox")


def test_notes_are_for_staff_and_never_in_the_transcript(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "note"), text="他上次来过，@counsellor 请看")
    assert "他上次来过" in desk.get(chat_url(id))
    with read(app.extensions["service"].engine) as conn:
        rows = conversations.transcript(conn, handoffs.get(conn, id).person_id)
    assert all("他上次来过" not in str(row.body) for row in rows)


def test_numbers_are_masked_and_shown_for_a_reason_that_is_kept(app: Flask, hire, asks, says) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    says("我电话13900001234，身份证990101199001010013")
    page = desk.get(chat_url(id))
    assert "13900001234" not in page and "139****1234" in page
    assert "990101199001010013" not in page
    with read(app.extensions["service"].engine) as conn:
        message = conversations.transcript(conn, handoffs.get(conn, id).person_id)[-1]
    desk.post(chat_url(id, "reveal"), 400, message=message.id, reason="看")
    shown = desk.post(chat_url(id, "reveal"), message=message.id, reason="回拨核实地址")
    assert "13900001234" in shown["text"]
    with read(app.extensions["service"].engine) as conn:
        entries = conn.execute(select(audit.Entry.__table__).where(audit.Entry.action == "personal.revealed")).all()
    assert [(e.actor, e.reason) for e in entries] == [(f"staff:{desk.staff_id}", "回拨核实地址")]


def test_the_quota_is_shown_as_what_is_left(app: Flask, hire, asks, says) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    assert desk.json(chat_url(id, "news"))["quota"]["text"].startswith("还可发 5 条，剩 47小时")
    for n in range(4):
        desk.post(chat_url(id, "say"), text=f"第{n}条", key=f"abcd-1234-000{n}")
    assert desk.json(chat_url(id, "news"))["quota"]["kind"] == "low"
    desk.post(chat_url(id, "say"), text="第五条", key="abcd-1234-0009")
    gone = desk.json(chat_url(id, "news"))["quota"]
    assert gone["kind"] == "gone" and "打电话" in gone["text"]


def test_what_was_not_delivered_is_said_and_can_be_sent_again(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "say"), text="您好", key="abcd-1234-0001")
    engine = app.extensions["service"].engine
    with write(engine) as conn:
        from datetime import timedelta

        import clock

        row = outbox.claim(conn, clock.now() + timedelta(seconds=1))[0]
        outbox.settle(conn, row.id, "failed", clock.now(), errcode=-1, error="busy")
    page = desk.get(chat_url(id))
    assert "多次尝试都失败" in page and "重发" in page
    desk.post(chat_url(id, f"resend/{row.message_id}"))
    with read(engine) as conn:
        assert staff_words.on_their_way(conn, [row.message_id])[row.message_id].state == "pending"
    desk.post(chat_url(id, f"resend/{row.message_id}"), 409)


def test_satisfaction_is_asked_once_when_a_chat_ends(app: Flask, hire, asks) -> None:
    desk, id = hire("officer"), asks()
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "close"), outcome="resolved", ask="1")
    desk.post(chat_url(id, "close"), 409, outcome="resolved")
    engine = app.extensions["service"].engine
    with write(engine) as conn:
        row = handoffs.get(conn, id)
        asked = [q.payload for q in conn.execute(select(Outgoing.__table__)).all()]
        assert [p["choices"][0] for p in asked] == [{"id": f"rate:{id}:3", "label": "满意"}]
        import clock

        assert not ratings.answer(conn, row.person_id + 1, f"rate:{id}:3", clock.now())
        assert ratings.answer(conn, row.person_id, f"rate:{id}:3", clock.now())
        assert not ratings.answer(conn, row.person_id, f"rate:{id}:1", clock.now())
        assert ratings.of_handoff(conn, id).score == 3


DANGER = "我不想活了，想从楼上跳下去"


def test_a_crisis_is_never_rated_and_ends_only_by_hand(app: Flask, hire, says) -> None:
    desk = hire("counsellor", teams=("psychology",))
    taken: turn.Taken = says(DANGER)
    engine = app.extensions["service"].engine
    with read(engine) as conn:
        id = handoffs.open_of(conn, taken.person_id).id
    alarm = desk.json("/staff/live")["alarms"][0]
    desk.post(alarm["take"])
    assert desk.json("/staff/live")["alarms"] == []
    check = {"safe": "yes", "with_someone": "yes", "next": "明早回访"}
    desk.post(chat_url(id, "safety"), **check)
    desk.post(chat_url(id, "close"), outcome="advised", ask="1")
    with read(engine) as conn:
        assert ratings.of_handoff(conn, id) is None
        assert conn.execute(select(Outgoing.__table__)).all() == []


@pytest.mark.parametrize("role", ["officer", "front_desk", "grid_worker"])
def test_what_is_said_to_a_counsellor_is_seen_by_counsellors_and_supervisors_only(hire, says, asks, role: str) -> None:
    says(DANGER)
    says("转人工")
    second = asks("o-bo", topic="心里难受，天天睡不着想找人说说")
    every = ("general", "psychology", "labour", "schools", "rooms", "permits", "emergency")
    outsider, care, lead = hire(role, "x", every), hire("counsellor", "y", every), hire("supervisor", "z")
    for view in ("waiting", "team", "closed", "mine"):
        page = outsider.get(f"/staff/inbox?view={view}")
        assert "跳下去" not in page and chat_url(second) not in page
    assert outsider.json("/staff/live")["alarms"] == []
    assert outsider.json("/staff/live")["counts"]["waiting"] == 0
    outsider.get(chat_url(second), status=404)
    outsider.post(chat_url(second, "claim"), 404)
    outsider.post(chat_url(second, "note"), 404, text="看看")
    for desk in (care, lead):
        assert chat_url(second) in desk.get("/staff/inbox")
        assert desk.json("/staff/live")["alarms"]
        desk.get(chat_url(second))


def test_what_was_said_about_the_mind_stays_out_of_a_later_chat_with_somebody_else(hire, says, asks) -> None:
    care, officer = hire("counsellor", teams=("psychology",)), hire("officer", teams=("permits",))
    first = asks(topic="心里难受，天天睡不着想找人说说")
    care.post(chat_url(first, "claim"))
    says("其实是家里的事，说来话长")
    care.post(chat_url(first, "say"), text="我在听，您慢慢说。", key="abcd-1234-0001")
    care.post(chat_url(first, "close"), outcome="advised")
    says("居住证怎么签注")
    second = asks()
    page = officer.get(chat_url(second))
    for secret in ("睡不着", "家里的事", "我在听"):
        assert secret not in page
    assert "心理咨询内容" in page and "居住证怎么签注" in page
    assert "家里的事" in hire("supervisor", "z").get(chat_url(second))


def test_who_hears_of_danger_in_the_middle_of_a_chat_keeps_it_until_relieved(app: Flask, hire, says, asks) -> None:
    officer, care = hire("officer"), hire("counsellor", teams=("psychology",))
    id = asks()
    officer.post(chat_url(id, "claim"))
    says(DANGER)
    page = officer.get(chat_url(id))
    assert "跳下去" in page
    officer.post(chat_url(id, "say"), text="我在，您现在在哪里？", key="abcd-1234-0001")
    alarm = care.json("/staff/live")["alarms"][0]
    assert alarm["owner"] == "员工officer"
    officer.post(chat_url(id, "transfer"), to=f"staff:{care.staff_id}")
    officer.get(chat_url(id), status=404)
    assert "跳下去" in care.get(chat_url(id))


def test_a_picture_is_seen_by_those_who_may_read_its_message(app: Flask, hire, asks) -> None:
    import clock
    from bot.message import Inbound

    service = app.extensions["service"]
    name = uploads.keep(service.settings.data_dir / "uploads", b"\xff\xd8\xff\xe0 a picture")
    id = asks(sender="v-1", channel="web")
    sent = Inbound(channel="web", sender="v-1", key="w:p", kind="image", sent_at=clock.now(), media=name)
    person = turn.take(service, sent).person_id
    with read(service.engine) as conn:
        message = next(m for m in conversations.transcript(conn, person) if m.kind == "image")
    desk, other = hire("officer"), hire("officer", "b", ("labour",))
    path = chat_url(id, f"photo/{message.id}")
    assert path in desk.get(chat_url(id))
    answer = desk.client.get(path)
    assert answer.data.endswith(b"a picture") and answer.mimetype == "image/jpeg"
    other.get(path, status=404)
    desk.get(chat_url(id, "photo/1"), status=404)
