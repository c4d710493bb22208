"""Chats are given out, come back when nobody answers, and alarms climb until somebody takes them."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import StreamRequestHandler, TCPServer

import pytest
from flask import Flask

import clock
from records import handoffs, hours, people, presence, switches
from records.base import read, write
from staff import outside, sweeps
from tests.staff.test_chat import DANGER, chat_url

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=clock.CHINA)


@pytest.fixture
def house(app: Flask):
    return app.extensions["service"]


def state(house, handoff_id: int):
    with read(house.engine) as conn:
        return handoffs.get(conn, handoff_id)


def test_a_waiting_chat_is_given_to_whoever_is_free_and_least_busy(house, hire, asks) -> None:
    busy, free, other = hire("officer", "a"), hire("officer", "b"), hire("officer", "c", ("labour",))
    busy.post(chat_url(asks("o-1"), "claim"))
    id = asks("o-2")
    assert sweeps.assign(house) == 1
    assert state(house, id).claimed_by == free.staff_id
    assert other.json("/staff/live")["counts"]["mine"] == 0
    assert sweeps.assign(house) == 0


def test_a_queue_without_staff_does_not_stand_before_the_others(house, hire, asks) -> None:
    hire("officer", "a", ("general",))
    with write(house.engine) as conn:
        for number in range(60):
            person = people.add(conn, "web", f"o-labour-{number}", clock.now())
            handoffs.ask(conn, person, team="labour", reason="asked", at=clock.now() - timedelta(minutes=5))
    mine = asks("o-mine")
    assert sweeps.assign(house) == 1
    assert state(house, mine).state == "claimed"


def test_nobody_gets_more_than_they_can_carry_and_nobody_busy_or_gone_gets_any(house, hire, asks) -> None:
    desk = hire("officer")
    with write(house.engine) as conn:
        from records import staff

        staff.change(conn, desk.staff_id, role="officer", teams=("general",), region=None, capacity=1)
    first, second = asks("o-1"), asks("o-2")
    sweeps.assign(house)
    assert (state(house, first).state, state(house, second).state) == ("claimed", "waiting")
    with write(house.engine) as conn:
        staff.change(conn, desk.staff_id, role="officer", teams=("general",), region=None, capacity=9)
        presence.declare(conn, desk.staff_id, "busy", clock.now())
    assert sweeps.assign(house) == 0
    with write(house.engine) as conn:
        presence.declare(conn, desk.staff_id, "on", clock.now())
        switches.change(conn, "auto_assign", False, "test", clock.now())
    assert sweeps.assign(house) == 0


def test_a_crisis_is_given_only_to_those_who_may_see_it_and_its_alarm_stays(house, hire, says) -> None:
    every = ("general", "psychology")
    hire("officer", "a", every)
    taken = says(DANGER)
    assert sweeps.assign(house) == 0
    care = hire("counsellor", "b", every)
    assert sweeps.assign(house) == 1
    with read(house.engine) as conn:
        assert handoffs.open_of(conn, taken.person_id).claimed_by == care.staff_id
        assert len(handoffs.open_alarms(conn)) == 1


def test_who_comes_back_gets_the_same_person_only_if_on_shift(house, hire, asks) -> None:
    first, second = hire("officer", "a"), hire("officer", "b")
    for expected in ("a", "b"):
        id = asks()
        if expected == "b":
            with write(house.engine) as conn:
                presence.declare(conn, first.staff_id, "off", clock.now())
        first_or_second = {"a": first, "b": second}[expected]
        if expected == "a":
            first.post(chat_url(id, "claim"))
            first.post(chat_url(id, "close"), outcome="resolved")
            second.post(chat_url(asks("o-else"), "claim"))
            id = asks()
        sweeps.assign(house)
        assert state(house, id).claimed_by == first_or_second.staff_id
        first_or_second.post(chat_url(id, "close"), outcome="resolved")


def test_an_unanswered_chat_goes_back_and_not_to_the_same_person(house, hire, asks, says) -> None:
    desk, start = hire("officer"), clock.now()
    id = asks()
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "say"), text="您好", key="abcd-1234-0001")
    with clock.frozen(start + timedelta(minutes=1)):
        says("在吗")
    for minutes, expected in ((9, "claimed"), (12, "waiting")):
        with clock.frozen(start + timedelta(minutes=minutes)):
            desk.json("/staff/live")  # the console is open
            sweeps.put_back(house)
            assert state(house, id).state == expected, minutes
    with clock.frozen(start + timedelta(minutes=13)):
        desk.json("/staff/live")
        assert sweeps.assign(house) == 0
    with read(house.engine) as conn:
        assert [step.action for step in handoffs.history(conn, id)] == ["claimed", "unanswered"]


def test_an_answered_chat_stays(house, hire, asks) -> None:
    desk, start = hire("officer"), clock.now()
    id = asks()
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "say"), text="您好，材料我看过了", key="abcd-1234-0001")
    with clock.frozen(start + timedelta(minutes=25)):
        desk.json("/staff/live")
        assert sweeps.put_back(house) == 0


@pytest.mark.parametrize("way", ["says so", "closes the console", "shift ends", "account is shut"])
def test_the_chats_of_somebody_who_goes_return_to_the_queue(house, hire, asks, way: str) -> None:
    desk, start = hire("officer"), clock.now()
    id = asks()
    desk.post(chat_url(id, "claim"))
    desk.post(chat_url(id, "say"), text="稍等", key="abcd-1234-0001")
    assert sweeps.put_back(house) == 0
    with write(house.engine) as conn:
        if way == "says so":
            presence.declare(conn, desk.staff_id, "off", clock.now())
        elif way == "shift ends":
            hours.add_shift(
                conn, desk.staff_id, start - timedelta(hours=8), start - timedelta(minutes=1), on_call=False
            )
        elif way == "account is shut":
            from records import staff

            staff.disable(conn, desk.staff_id, clock.now())
    with clock.frozen(start + timedelta(minutes=6 if way == "closes the console" else 0)):
        assert sweeps.put_back(house) == 1
    assert state(house, id).state == "waiting"


def test_an_alarm_climbs_to_supervisors_and_then_outside(house, hire, says, monkeypatch) -> None:
    lead, start, told = hire("supervisor"), clock.now(), []
    monkeypatch.setattr(outside, "tell", lambda settings, text: told.append(text) or True)
    says(DANGER)
    levels = []
    for seconds in (30, 70, 170, 190, 400):
        with clock.frozen(start + timedelta(seconds=seconds)):
            sweeps.climb(house)
            sweeps.tell_outside(house)
            levels.append(lead.json("/staff/live")["alarms"][0]["level"])
    assert levels == [0, 1, 1, 2, 2]
    assert len(told) == 1 and "还没有人接" in told[0] and "跳下去" not in told[0]
    with clock.frozen(start + timedelta(seconds=401)):
        lead.post(lead.json("/staff/live")["alarms"][0]["take"])
        assert lead.json("/staff/live")["alarms"] == []


def test_a_notice_that_did_not_go_out_is_tried_again(house, says, monkeypatch) -> None:
    start, answers = clock.now(), iter([False, True])
    monkeypatch.setattr(outside, "tell", lambda settings, text: next(answers))
    says(DANGER)
    with clock.frozen(start + timedelta(seconds=200)):
        assert [sweeps.tell_outside(house), sweeps.tell_outside(house), sweeps.tell_outside(house)] == [0, 1, 0]


def test_the_group_robot_and_the_mail_server_are_really_called(house) -> None:
    posted, mailed = [], []

    class Robot(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"errcode":0,"errmsg":"ok"}')

        def log_message(self, *_):
            return

    class Mail(StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                word = line.split()[0].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    body = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        body.append(part)
                    mailed.append(b"".join(body))
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")

    servers = [HTTPServer(("127.0.0.1", 0), Robot), TCPServer(("127.0.0.1", 0), Mail)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    robot, mail = (server.server_address[1] for server in servers)
    settings = replace(
        house.settings, outside_webhook=f"http://127.0.0.1:{robot}/hook", smtp_url=f"smtp://127.0.0.1:{mail}",
        outside_mail_to="duty@example.org", outside_mail_from="city@example.org",
    )  # fmt: skip
    assert outside.tell(settings, "有人可能有生命危险")
    for server in servers:
        server.shutdown()
        server.server_close()
    assert "@all" in posted[0]
    assert "有人可能有生命危险" in message_from_bytes(mailed[0], policy=policy.default).get_content()
    assert not outside.tell(settings, "没有人听")  # both are down now: said as such, so that it is tried again


def test_hours_follow_the_week_the_holidays_and_the_adjusted_days(house) -> None:
    with write(house.engine) as conn:
        hours.set_day(conn, MONDAY.date() + timedelta(days=1), "", "临时闭馆")
        hours.set_day(conn, MONDAY.date() + timedelta(days=5), "09:00-12:00,13:00-16:00", "调休上班")
        for moment, expected in (
            (MONDAY, True), (MONDAY.replace(hour=8), False), (MONDAY.replace(hour=17, minute=30), False),
            (MONDAY + timedelta(days=1), False), (MONDAY + timedelta(days=5, hours=1), True),
            (MONDAY + timedelta(days=5, hours=3, minutes=30), False), (MONDAY + timedelta(days=6), False),
        ):  # fmt: skip
            assert hours.open_now(conn, moment) is expected, moment
        evening = MONDAY.replace(hour=20)
        assert hours.next_opening(conn, evening) == datetime(2026, 11, 25, 8, 30, tzinfo=clock.CHINA)
        assert hours.next_opening(conn, MONDAY) == MONDAY
        assert hours.said(hours.next_opening(conn, evening), evening) == "11月25日（星期三）8:30"
        assert hours.said(MONDAY.replace(hour=13, minute=5), MONDAY) == "今天13:05"
        switches.change(conn, "hours", [""] * 7, "test", MONDAY)
        assert hours.next_opening(conn, MONDAY + timedelta(days=10)) is None


@pytest.mark.parametrize("text", ["8:30-17:30", "17:30-08:30", "08:30-12:00,11:00-17:00", "早上", "25:00-26:00"])
def test_hours_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        hours.parse(text)


def test_nobody_is_said_to_have_been_told_who_was_not(house, hire, says) -> None:
    lead, start = hire("supervisor"), clock.now()
    says(DANGER)
    with clock.frozen(start + timedelta(seconds=200)):
        sweeps.climb(house)
        sweeps.tell_outside(house)  # nowhere to send it is set up
        assert lead.json("/staff/live")["alarms"][0]["climbed"] == "没有设置对外通知，请打电话叫人"
        assert "没有设置对外通知" in lead.get("/staff/crisis")
        house.settings = replace(house.settings, outside_webhook="https://example.org/hook")
        assert lead.json("/staff/live")["alarms"][0]["climbed"] == "已对外通知"


def test_the_first_reply_is_timed_from_the_moment_somebody_asked(house, hire, asks) -> None:
    start = clock.now()
    with clock.frozen(start):
        desk, id = hire("officer"), asks()
        desk.post(chat_url(id, "claim"))
    for minutes in (2, 5):
        with clock.frozen(start + timedelta(minutes=minutes)):
            desk.post(chat_url(id, "say"), text="您好", key=f"abcd-1234-000{minutes}")
    row = state(house, id)
    assert row.first_reply_at - row.opened_at == timedelta(minutes=2)
