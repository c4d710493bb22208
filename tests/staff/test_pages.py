"""Every page of the console opens for everybody who may see it, empty and with something on it."""

from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select

import clock
from records import case_list, cases, conversations, handoffs, message_terms, people, staff, switches
from records.base import read, write
from records.outbox import Outgoing
from staff import export, sweeps
from tests.staff.conftest import log_in, token
from tests.staff.test_chat import DANGER, chat_url


@pytest.fixture
def house(app: Flask):
    return app.extensions["service"]


PAGES = {
    "supervisor": ("inbox", "inbox?view=mine", "inbox?view=team", "inbox?view=closed", "crisis", "cases", "cases?look=board", "cases?look=board&by=grid", "cases?look=board&by=due",
                   "search", "watch", "quality", "reports", "switches", "hours", "canned", "account", "audit"),
    "administrator": ("reports", "switches", "hours", "people", "audit", "account"),
    "officer": ("inbox", "cases", "search", "canned", "account"),
    "grid_worker": ("inbox", "cases", "account"),
    "editor": ("account",),
}  # fmt: skip


@pytest.mark.parametrize("role", PAGES)
def test_pages_open_empty_and_full(house, hire, asks, says, role: str) -> None:
    desk = hire(role, "x", tuple(staff.TEAMS))
    for path in PAGES[role]:
        assert desk.login in desk.get(f"/staff/{path}")
    fill(house, hire, asks, says)
    for path in PAGES[role]:
        page = desk.get(f"/staff/{path}")
        assert 'style="' not in page and "<script>" not in page, path


def fill(house, hire, asks, says) -> int:
    other = hire("officer", "y")
    id = asks("o-1", "居住证怎么签注")
    asks("o-2")
    says(DANGER, "o-3")
    done = asks("o-4")
    other.post(chat_url(done, "claim"))
    other.post(chat_url(done, "say"), text="您好", key="abcd-1234-0001")
    other.post(chat_url(done, "close"), outcome="resolved")
    return id


def file_case(house, person_id: int | None = None, team: str = "rooms") -> int:
    with write(house.engine) as conn:
        number = cases.open_case(
            conn, kind="hazard", title="出租房隐患举报", region="cixi", team=team, at=clock.now(), person_id=person_id,
            phone="13900001234", data=[["姓名", "钱小七"], ["电话", "13900001234"], ["什么情况", "=HYPERLINK(1)楼道堵了"]],
        )  # fmt: skip
        return cases.by_number(conn, number).id


def test_switches_are_changed_live_with_their_history(house, hire) -> None:
    desk = hire("supervisor")
    desk.post("/staff/switches/bot_on", 302, value="off")
    desk.post("/staff/switches/notice", 302, value="台风今晚登陆")
    desk.post("/staff/switches/unanswered_minutes", 302, value="15")
    desk.post("/staff/switches/unanswered_minutes", 400, value="0")
    desk.post("/staff/switches/unanswered_minutes", 400, value="很久")
    desk.post("/staff/switches/nothing", 404, value="1")
    with read(house.engine) as conn:
        now = switches.load(conn)
    assert (now.bot_on, now.notice, now.unanswered_minutes) == (False, "台风今晚登陆", 15)
    page = desk.get("/staff/switches")
    assert "员工supervisor" in page and "台风今晚登陆" in page and "停了" in page


def test_hours_holidays_and_shifts_are_entered(house, hire) -> None:
    desk = hire("supervisor")
    week = {f"day{n}": "08:30-12:00,13:30-17:30" for n in range(5)}
    desk.post("/staff/hours/week", 302, **week)
    assert "08:30-12:00" in desk.get("/staff/hours")
    desk.client.post("/staff/hours/week", data={"csrf_token": desk.csrf, "day0": "早上八点"})
    assert "不是时间段" in desk.get("/staff/hours")
    day = clock.today() + timedelta(days=3)
    desk.post("/staff/hours/day", 302, day=str(day), until=str(day + timedelta(days=2)), hours="", note="放假")
    assert desk.get("/staff/hours").count("放假</b>") + desk.get("/staff/hours").count(">放假<") >= 3
    desk.post("/staff/hours/day", 400, day="明天")
    desk.post("/staff/hours/shifts", 302, staff=desk.staff_id, starts=f"{day}T08:00", ends=f"{day}T20:00", on_call="1")
    assert "危机值班</span>" in desk.get("/staff/hours")
    desk.post("/staff/hours/shifts", 400, staff=desk.staff_id, starts=f"{day}T08:00", ends=f"{day}T07:00")


def test_somebody_invited_makes_an_account_once(app: Flask, hire) -> None:
    boss = hire("administrator")
    page = boss.client.post(
        "/staff/people/invite",
        data={"csrf_token": boss.csrf, "name": "新同事", "role": "officer", "teams": ["labour", "general"]},
    ).get_data(as_text=True)
    link = page.split('class="secret">')[1].split("<")[0].replace("http://city.test", "")
    client = app.test_client()
    csrf = token(client.get(link).get_data(as_text=True))
    form = {"csrf_token": csrf, "login": "xinren", "password": "一个够长的密码-26", "again": "一个够长的密码-26"}
    assert client.post(link, data=form | {"password": "短", "again": "短"}).status_code == 400
    assert client.post(link, data=form | {"login": "administrator"}).status_code == 400
    assert client.post(link, data=form).status_code == 302
    assert client.post(link, data=form).status_code == 404
    assert log_in(app, "xinren", form["password"]).get("/staff/inbox").status_code == 200
    with clock.frozen(clock.now() + timedelta(days=8)):
        assert app.test_client().get(link).status_code == 404


def test_an_account_is_shut_by_the_administrator_within_the_next_request(hire) -> None:
    boss, desk = hire("administrator"), hire("officer")
    boss.post(f"/staff/people/{desk.staff_id}", 302, act="disable")
    desk.get("/staff/inbox", status=302)
    boss.post(f"/staff/people/{boss.staff_id}", 400, act="disable")
    boss.post(f"/staff/people/{desk.staff_id}", 302, act="enable")
    boss.post(f"/staff/people/{desk.staff_id}", 302, role="front_desk", teams=["rooms"], capacity=3, region="cixi")
    assert "前台" in boss.get("/staff/people")


def test_who_read_whom_is_in_the_audit_log(hire, asks) -> None:
    desk, lead = hire("officer"), hire("supervisor")
    id = asks()
    desk.get(chat_url(id))
    page = lead.get(f"/staff/audit?subject=handoff:{id}&actor=员工officer")
    assert "chat.opened" in page and "员工officer" in page
    assert "chat.opened" not in lead.get("/staff/audit?action=switch")


def test_what_was_said_is_found_by_its_words_only_by_those_who_may_see_it(house, hire, says, asks) -> None:
    asks("o-1", "老板拖欠工资三个月，工地在Chunxiao镇，电话13900001234")
    says(DANGER, "o-2")
    labour, rooms = hire("officer", "a", ("labour", "psychology")), hire("officer", "b", ("rooms",))
    lead = hire("supervisor", "c")
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert sweeps.index(house) > 0
    for query in ("拖欠工资", "工资 三个月", "chunxiao", "unxia", "13900001234", "9000012", "三个月，工地"):
        assert "老板拖欠" in labour.get(f"/staff/search?q={query}"), query
    for query in ("拖欠房租", "不存在", "资", "13900009999"):
        assert "老板拖欠" not in labour.get(f"/staff/search?q={query}"), query
    assert "老板拖欠" not in rooms.get("/staff/search?q=拖欠工资")
    assert "跳下去" not in labour.get("/staff/search?q=楼上跳下")
    assert "跳下去" in lead.get("/staff/search?q=楼上跳下")
    with read(house.engine) as conn:
        kept = conn.execute(select(message_terms.MessageTerm.term)).scalars().all()
    assert all(isinstance(term, int) for term in kept) and len(kept) > 20


def test_a_case_goes_its_way_and_the_person_is_told(house, hire, says) -> None:
    person = says("你好").person_id
    id = file_case(house, person)
    desk, other = hire("officer", "a", ("rooms",)), hire("officer", "b", ("labour",))
    assert "出租房隐患举报" in desk.get("/staff/cases")
    assert "出租房隐患举报" not in other.get("/staff/cases")
    other.get(f"/staff/cases/{id}", status=404)
    page = desk.get(f"/staff/cases/{id}")
    assert "13900001234" not in page and "钱小七" not in page and "139****1234" in page
    desk.post(f"/staff/cases/{id}/move", 302, state="accepted")
    desk.post(f"/staff/cases/{id}/assign", 302, staff=desk.staff_id)
    desk.post(f"/staff/cases/{id}/comment", 302, text="已电话联系房东")
    desk.post(f"/staff/cases/{id}/move", 400, state="resolved")
    desk.post(f"/staff/cases/{id}/move", 302, state="resolved", text="楼道已清空")
    desk.post(f"/staff/cases/{id}/move", 409, state="accepted")
    with read(house.engine) as conn:
        told = [row.payload["text"] for row in conn.execute(select(Outgoing.__table__).order_by(Outgoing.id))]
        said = [row.body[0]["text"] for row in conversations.transcript(conn, person) if row.author == "bot"]
        assert cases.by_number(conn, case_list.one(conn, case_list.Reach(), id).number).state == "resolved"
    assert len(told) == 2 and "已经受理" in told[0] and "楼道已清空" in told[1] and told[1] in said
    shown = desk.client.post(f"/staff/cases/{id}/reveal", data={"csrf_token": desk.csrf, "reason": "上门核实"})
    assert "钱小七" in shown.get_data(as_text=True)
    assert "personal.revealed" in hire("supervisor", "z").get("/staff/audit")


def test_exports_hold_no_formulas_and_no_names(house, hire) -> None:
    file_case(house)
    lead = hire("supervisor")
    answer = lead.client.get("/staff/cases/export?as=csv")
    assert answer.data.startswith(b"\xef\xbb\xbf") and "钱小七" not in answer.get_data(as_text=True)
    book = load_workbook(BytesIO(lead.client.get("/staff/cases/export?as=xlsx").data))
    assert [cell.value for cell in book.active[1]][:2] == ["编号", "事项"]
    for risky in ("=1+1", "+1", "-1", "@a", "\t=1", "＝1"):
        assert not str(export.plain(risky)).startswith(("=", "+", "-", "@", "\t")), risky
    assert export.plain(-5) == -5
    lead.get("/staff/cases/export?as=exe", status=400)


def test_reports_count_what_happened(house, hire, asks, says) -> None:
    fill(house, hire, asks, says)
    lead = hire("supervisor")
    page = lead.get("/staff/reports")
    assert "居住证签注" in page and "<svg" in page
    text = lead.client.get("/staff/reports/export?as=csv").get_data(as_text=True)
    assert text.strip().splitlines()[-1].split(",")[1:] == ["5", "4", "1", "1"]
    lead.get("/staff/reports?from=2026-02-30", status=400)
    lead.get("/staff/reports?from=2020-01-01&to=2026-01-01", status=400)


def test_a_closed_chat_is_scored_once(house, hire, asks, says) -> None:
    fill(house, hire, asks, says)
    lead = hire("supervisor")
    with read(house.engine) as conn:
        closed = conn.execute(select(handoffs.Handoff.id).where(handoffs.Handoff.state == "closed")).scalar_one()
    assert f"/staff/quality/{closed}" in lead.get("/staff/quality")
    points = dict.fromkeys(("right", "clear", "kind", "quick", "closed"), 4)
    lead.post(f"/staff/quality/{closed}", 400, **(points | {"kind": 9}))
    lead.post(f"/staff/quality/{closed}", 302, comment="依据说得清楚", **points)
    lead.post(f"/staff/quality/{closed}", 409, **points)
    assert "依据说得清楚" in lead.get(f"/staff/quality/{closed}")
    assert "4.0" in lead.get("/staff/quality")


def test_articles_are_found_for_the_last_words_with_their_source(hire, asks) -> None:
    desk = hire("officer", teams=("permits",))
    id = asks(topic="居住证怎么签注")
    for query in ("?last=1", "?q=居住证签注要什么材料"):
        hits = desk.json(chat_url(id, "articles") + query)["hits"]
        assert hits and "依据：《" in hits[0]["source"]


def test_canned_replies_are_ones_own_a_teams_or_everybodys(hire) -> None:
    desk, lead, other = hire("officer", "a"), hire("supervisor", "b"), hire("officer", "c", ("labour",))
    desk.post("/staff/canned", 302, shortcut="nh", title="问好", text="您好，我是{我}", whose="mine")
    desk.post("/staff/canned", 403, shortcut="x", title="x", text="x", whose="all")
    lead.post("/staff/canned", 302, shortcut="dd", title="稍等", text="请稍等", whose="team:labour")
    assert "您好，我是" in desk.get("/staff/canned") and "请稍等" not in desk.get("/staff/canned")
    assert "请稍等" in other.get("/staff/canned") and "您好，我是" not in other.get("/staff/canned")
    lead.post("/staff/canned", 302, shortcut="", title="x", text="x", whose="all")


def test_an_inbox_of_many_opens_at_once(house, hire) -> None:
    desk = hire("supervisor")
    now = clock.now()
    with write(house.engine) as conn:
        for n in range(300):
            people.add(conn, "web", f"v-{n}", now)
            row = people.find(conn, "web", f"v-{n}")
            handoffs.ask(conn, row.id, team="general", reason="asked", at=now - timedelta(seconds=n))
    page = desk.get("/staff/inbox")
    assert page.count('class="chat-row') == 60 and "等待 <b>300</b>" in page
