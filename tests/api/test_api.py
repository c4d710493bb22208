"""The JSON API from outside: signing in by the platform's code, talking, declaring, one's own, and what everybody may ask."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

import clock
from records import api_sessions, cases, consent, declarations, people, subscriptions, vacancies
from records.base import Busy, read, write

from .conftest import Api, declaration, id_number, room, signed_in

Make = Callable[..., Api]


def code_of(city: Flask, phone: str = "1") -> str:
    """What wx.login gives the mini-program on a phone of the sandbox."""
    return city.test_client().post("/sandbox/login-code", json={"phone": phone}).get_json()["code"]


# --- signing in


def test_a_code_becomes_a_token_once(city: Flask, api: Make) -> None:
    nobody, code = api(""), code_of(city)
    signed = nobody("POST", "/session", {"code": code})
    assert signed.status_code == 201, signed.text
    token = signed.get_json()["token"]
    assert len(token) >= 43 and api(token)("GET", "/session").status_code == 200
    again = nobody("POST", "/session", {"code": code})
    assert again.status_code == 401 and "用过或者过期" in again.get_json()["detail"]
    assert nobody("POST", "/session", {"code": "made-up"}).status_code == 401


def test_the_same_phone_is_the_same_person_and_another_than_the_accounts(city: Flask, api: Make) -> None:
    for _ in range(2):
        assert api("")("POST", "/session", {"code": code_of(city)}).status_code == 201
    with read(city.extensions["service"].engine) as conn:
        rows = conn.execute(select(people.Person.__table__)).all()
    assert [(row.channel, len(row.external)) for row in rows] == [("mini", 28)]
    assert rows[0].external != city.extensions["sandbox"].openid("1")


def test_only_the_hash_of_a_token_is_kept(city: Flask) -> None:
    token, _ = signed_in(city)
    with read(city.extensions["service"].engine) as conn:
        row = conn.execute(select(api_sessions.ApiSession.__table__)).one()
    assert token.encode() not in b"".join(bytes(v) for v in row if isinstance(v, bytes | memoryview))
    assert len(row.token_hash) == 32


def test_a_session_ends_when_idle_when_old_and_when_revoked(city: Flask) -> None:
    now = clock.now()
    with clock.frozen(now):
        token, _ = signed_in(city)
    me = Api(city.test_client(), token)

    def at(moment: timedelta) -> int:
        with clock.frozen(now + moment):
            return me("GET", "/session").status_code

    assert at(timedelta(minutes=119)) == 200
    assert at(timedelta(minutes=119 + 119)) == 200, "each use counts"
    assert at(timedelta(minutes=119 + 119 + 121)) == 401
    with clock.frozen(now):
        other, _ = signed_in(city)
    me = Api(city.test_client(), other)
    assert [at(timedelta(hours=hours)) for hours in (1.9, 3.8, 5.7, 7.6, 9.5, 11.4, 12.1)] == [200] * 6 + [401]


def test_signing_out_here_and_everywhere(city: Flask, api: Make) -> None:
    tokens = [signed_in(city, "oSame")[0] for _ in range(3)]
    assert api(tokens[0])("DELETE", "/session").status_code == 204
    assert [api(one)("GET", "/session").status_code for one in tokens] == [401, 200, 200]
    assert api(tokens[1])("DELETE", "/session?everywhere=true").status_code == 204
    assert [api(one)("GET", "/session").status_code for one in tokens] == [401] * 3


def test_a_sixth_session_ends_the_oldest(city: Flask, api: Make) -> None:
    tokens = [signed_in(city, "oMany")[0] for _ in range(6)]
    assert [api(one)("GET", "/session").status_code for one in tokens] == [401] + [200] * 5


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic abc", "Bearer " + "a" * 43, "bearer " + "é" * 30, "Bearer a b"]
)
def test_no_good_token_no_entry(city: Flask, api: Make, header: str) -> None:
    answer = api("")("GET", "/cases", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_cookie_opens_nothing(city: Flask) -> None:
    """The console's and the web chat's cookies mean nothing here, so no form of another site can use them."""
    browser = city.test_client()
    browser.get("/chat")
    assert browser.get("/api/v1/cases").status_code == 401


def test_the_platform_away_and_no_mini_program(city: Flask, api: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_code: str) -> str:
        raise ConnectionError

    monkeypatch.setitem(city.extensions["api"], "openid_of", away)
    answer = api("")("POST", "/session", {"code": "abc"})
    assert answer.status_code == 503 and "微信" in answer.get_json()["detail"]


# --- talking


def test_a_message_is_one_turn_however_often_it_is_sent(city: Flask, api: Make) -> None:
    me = api()
    said = me("POST", "/messages", {"key": "msg-00000001", "text": "居住证签注怎么办"})
    assert said.status_code == 200, said.text
    mine, *answers = said.get_json()["messages"]
    assert mine["by"] == "me" and mine["key"] == "msg-00000001" and mine["parts"] == [{"text": "居住证签注怎么办"}]
    assert answers and all(one["by"] == "bot" for one in answers)
    again = me("POST", "/messages", {"key": "msg-00000001", "text": "居住证签注怎么办"})
    assert again.get_json()["messages"] == said.get_json()["messages"]
    everything = me("GET", "/messages").get_json()["messages"]
    assert everything == said.get_json()["messages"]
    assert me("GET", f"/messages?after={mine['seq'] + 100}").get_json()["messages"] == []


def test_a_choice_is_tapped_by_its_id(api: Make) -> None:
    me = api()
    answers = me("POST", "/messages", {"key": "msg-00000001", "text": "签注"}).get_json()["messages"]
    choice = next(option for one in answers for option in one.get("choices", ()))
    tapped = me("POST", "/messages", {"key": "msg-00000002", "choice": choice["id"]}).get_json()["messages"]
    assert tapped[0]["parts"] == [{"text": choice["label"]}] and len(tapped) > 1


def test_danger_is_answered_with_numbers_first_and_a_person(city: Flask, api: Make) -> None:
    me = api()
    answer = me("POST", "/messages", {"key": "msg-00000001", "text": "我不想活了"}).get_json()
    urgent = [one for one in answer["messages"] if one.get("urgent")]
    assert urgent and any(part.get("tel") == "12356" for one in urgent for part in one["parts"])
    assert answer["line"] == "waiting"
    from records import handoffs

    with read(city.extensions["service"].engine) as conn:
        assert len(handoffs.open_alarms(conn)) == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"key": "msg-00000001"}, "/text"), ({"key": "msg-00000001", "text": "a", "choice": "b"}, "/text"), ({"text": "a"}, "/key"),
        ({"key": "x", "text": "a"}, "/key"), ({"key": "msg-00000001", "text": ""}, "/text"), ({"key": "msg-00000001", "text": " "}, "/text"),
        ({"key": "msg-00000001", "text": "字" * 2001}, "/text"), ({"key": "msg-00000001", "text": 5}, "/text"),
        ({"key": "msg-00000001", "text": "a", "staff": True}, "/staff"), ([1], "/"), ({"key": "msg-00000001", "choice": "\x07"}, "/choice"),
    ],
)  # fmt: skip
def test_a_bad_message_is_refused_by_field_and_not_stored(city: Flask, api: Make, body: object, where: str) -> None:
    me = api()
    answer = me("POST", "/messages", body)
    assert answer.status_code == 422, answer.text
    assert [fault["where"] for fault in answer.get_json()["faults"]] == [where]
    assert me("GET", "/messages").get_json()["messages"] == []


def test_the_database_away_says_try_again(city: Flask, api: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot import turn

    me = api()

    def busy(*_: object) -> None:
        raise Busy("locked")

    monkeypatch.setattr(turn, "take", busy)
    answer = me("POST", "/messages", {"key": "msg-00000001", "text": "你好"})
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "2"


# --- rooms


def test_a_declaration_is_filed_once_and_seen_by_its_owner(city: Flask, api: Make) -> None:
    row, token = room(city)
    me = api()
    shown = me("GET", f"/rooms/{token}").get_json()
    assert shown["code"] == row.short and shown["how"] == "token" and shown["consent"]["version"] == consent.VERSION
    made = me("POST", f"/rooms/{token}/declarations", declaration())
    assert made.status_code == 201, made.text
    again = me("POST", f"/rooms/{token}/declarations", declaration())
    assert again.get_json() == made.get_json() | {"again": True}
    (own,) = me("GET", "/declarations").get_json()["declarations"]
    assert own["number"] == made.get_json()["number"] and own["state"] == "declared" and "*" in own["paper_number"]
    assert api()("GET", "/declarations").get_json()["declarations"] == []
    with read(city.extensions["service"].engine) as conn:
        assert len(declarations.living_in(conn, row.id)) >= 1
    assert any(
        "入住登记" in json.dumps(one, ensure_ascii=False) for one in me("GET", "/messages").get_json()["messages"]
    )


def test_a_family_needs_its_consents(city: Flask, api: Make) -> None:
    _, token = room(city)
    family = declaration()
    family["people"] += [
        {"relation": "spouse", "name": "陈好", "number": id_number("19920304", 2), "paper": "id"},
        {"relation": "child", "name": "吴小", "number": id_number("20200506", 3), "paper": "id"},
    ]
    me = api()
    answer = me("POST", f"/rooms/{token}/declarations", family)
    assert [one["where"] for one in answer.get_json()["faults"]] == ["/consent/guardian", "/consent/on_behalf"]
    family["consent"] |= {"guardian": True, "on_behalf": True}
    assert me("POST", f"/rooms/{token}/declarations", family).status_code == 201
    family["consent"]["version"] = "2020-01"
    family["key"] = "another-form-000001"
    assert me("POST", f"/rooms/{token}/declarations", family).get_json()["faults"][0]["where"] == "/consent/version"


def test_every_fault_of_a_form_is_told_at_once(city: Flask, api: Make) -> None:
    _, token = room(city)
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    bad = declaration(moved_in=tomorrow)
    bad["people"][0] |= {"number": "990101199102039999", "phone": "123"}
    answer = api()("POST", f"/rooms/{token}/declarations", bad)
    assert answer.status_code == 422
    assert {one["where"] for one in answer.get_json()["faults"]} == {"/people/0/number", "/people/0/phone", "/moved_in"}
    assert "990101199102039999" not in answer.text


def test_no_room_and_a_revoked_code(city: Flask, api: Make) -> None:
    me = api()
    for code in ("NB-FH-999999", "A" * 17, "00000000"):
        assert me("GET", f"/rooms/{code}").status_code == 404
    row, token = room(city)
    from records import room_codes

    with write(city.extensions["service"].engine) as conn:
        room_codes.revoke(conn, row.id, "staff:1", "torn", clock.now())
    assert me("GET", f"/rooms/{token}").status_code == 410
    assert me("POST", f"/rooms/{token}/declarations", declaration()).status_code == 410


# --- one's own


def a_case(city: Flask, person: int) -> str:
    with write(city.extensions["service"].engine) as conn:
        return cases.open_case(
            conn, kind="wages", title="欠薪线索", region="haishu", team="labour", data=[["金额", "9000元"]], at=clock.now(),
            person_id=person,
        )  # fmt: skip


def test_a_case_is_seen_by_its_owner_and_by_nobody_else(city: Flask, api: Make) -> None:
    token, person = signed_in(city)
    number = a_case(city, person)
    me, other = api(token), api()
    (short,) = me("GET", "/cases").get_json()["cases"]
    assert short["number"] == number and short["state"] == "filed" and short["state_words"]
    whole = me("GET", f"/cases/{number}").get_json()
    assert whole["answers"] == [["金额", "9000元"]] and whole["history"][0]["action"] == "filed"
    assert me("GET", f"/cases/{number.lower()}").status_code == 200
    assert other("GET", "/cases").get_json()["cases"] == []
    assert other("GET", f"/cases/{number}").status_code == 404
    for odd in ("x", "%00", "FH-20261122-9999", "FH-20261122-0001%0a"):
        assert me("GET", f"/cases/{odd}").status_code == 404


def test_everything_is_exported_and_deleted_and_the_token_with_it(city: Flask, api: Make) -> None:
    token, person = signed_in(city)
    a_case(city, person)
    me = api(token)
    me("POST", "/messages", {"key": "msg-00000001", "text": "居住证签注"})
    data = me("GET", "/me").get_json()["data"]
    assert data["messages"][0]["text"] == "居住证签注" and data["cases"][0]["title"] == "欠薪线索"
    assert data["others"]["api_sessions"] and "token" not in json.dumps(data)
    assert me("DELETE", "/me").status_code == 422, "it must be meant"
    gone = me("DELETE", "/me?sure=yes").get_json()
    assert gone["held"] is False and gone["cases_kept"] == 1 and "依法" in gone["words"]
    assert me("GET", "/session").status_code == 401
    with read(city.extensions["service"].engine) as conn:
        assert people.get(conn, person).external is None


def test_what_nobody_pushes_waits_in_the_conversation(city: Flask, api: Make) -> None:
    """A mini-program fetches: a reminder is said where it looks, and no outbox row waits for a sender that isn't there."""
    from records import outbox, reminders

    token, person = signed_in(city)
    with write(city.extensions["service"].engine) as conn:
        reminders.add(conn, person, "该签注了", clock.now(), clock.now())
        assert reminders.send_due(conn, clock.now() + timedelta(minutes=1)) == 1
        assert conn.execute(select(outbox.Outgoing.id)).all() == []
    assert "该签注了" in api(token)("GET", "/messages").text


# --- for everybody


def test_an_article_comes_with_its_source(api: Make) -> None:
    answers = api("")("GET", "/knowledge?q=居住证签注&region=haishu&limit=5").get_json()["answers"]
    assert answers and all(one["source"].startswith(("依据：", "来源：")) for one in answers)
    for wrong in (
        "?q=居住证&region=paris",
        "?region=haishu",
        "?q=",
        "?q=a&limit=0",
        "?q=a&limit=99",
        "?q=a&q=b",
        "?q=a&x=1",
    ):
        assert api("")("GET", f"/knowledge{wrong}").status_code == 422, wrong


def test_places_are_told(api: Make) -> None:
    known = {one["key"] for one in api("")("GET", "/regions").get_json()["regions"]}
    assert {"ningbo", "haishu", "zhongshan"} <= known


def test_points_are_worked_out_with_a_trace_or_not_at_all(api: Make) -> None:
    nobody = api("")
    asked = nobody("GET", "/points?region=zhongshan").get_json()
    given = {}
    for one in asked["inputs"]:
        given[one["name"]] = (
            {"number": 12, "yesno": False, "date": "2020-01-01"}.get(one["kind"])
            if one["kind"] != "choice"
            else one["choices"][0]
        )
    answer = nobody("POST", "/points", {"region": "zhongshan", "given": given})
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    assert told["trace"] or told.get("because")
    assert ("result" in told) != ("because" in told), "a number or the reason why there is none"
    ningbo = nobody(
        "POST", "/points", {"region": "ningbo", "given": {"insured_months": 54, "lived_months": 60}}
    ).get_json()
    assert "result" not in ningbo and "还没有核实" in ningbo["because"], "never a guess"
    wrong = nobody("POST", "/points", {"region": "ningbo", "given": {"insured_months": "many"}})
    assert wrong.status_code == 422 and "不是数字" in wrong.get_json()["detail"]
    assert nobody("POST", "/points", {"region": "ningbo", "given": {"shoe_size": 42}}).status_code == 422


POSTS = """岗位,单位,地区,工作地点,最低月薪,最高月薪,人数,要求,联系方式,截止日期
缝纫工,试衣厂,海曙区,试街1号,5000,7000,10,熟手优先,0574-00000000,2099-12-31
普工,试灯厂,中山,,4500元,,,,"=cmd|x",2099-12-31
保安,试楼,海曙,,4000,3000,1,,,2099-12-31
保洁,试楼,巴黎,,,,,,,2099-12-31
搬运,试楼,海曙,,,,,,,2000-01-01
"""


def test_vacancies_come_from_a_file_and_its_successor(city: Flask, api: Make, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text(POSTS, encoding="gb18030")
    run = city.test_cli_runner().invoke(args=["vacancies", "import", str(file), "--source", "余姚招聘会"])
    assert run.exit_code == 0 and run.output.splitlines()[-1] == "taken=3 rejected=2", run.output
    nobody = api("")
    titles = lambda query: [one["title"] for one in nobody("GET", f"/vacancies?{query}").get_json()["vacancies"]]  # noqa: E731
    assert titles("region=ningbo") == ["缝纫工"] and titles("region=zhongshan") == ["普工"], "what has ended isn't told"
    assert titles("region=ningbo&q=缝纫 试衣") == ["缝纫工"] and titles("region=ningbo&q=%25") == []
    assert titles("region=haishu&pay=7000") == ["缝纫工"] and titles("region=haishu&pay=7001") == []
    file.write_text(POSTS.splitlines()[0] + "\n厨师,试店,海曙区,,,,,,,2099-12-31\n", encoding="utf-8")
    city.test_cli_runner().invoke(args=["vacancies", "import", str(file), "--source", "余姚招聘会"])
    assert titles("region=ningbo") == ["厨师"], "a source's new file takes the place of its old one"
    broken = tmp_path / "x.csv"
    broken.write_text("a,b\n1,2\n")
    failed = city.test_cli_runner().invoke(args=["vacancies", "import", str(broken), "--source", "余姚招聘会"])
    assert failed.exit_code == 1 and titles("region=ningbo") == ["厨师"], "a file that can't be read changes nothing"
    assert vacancies.REQUIRED
    with write(city.extensions["service"].engine) as conn:
        people.add(conn, "web", "waits", clock.now())
        subscriptions.add(conn, people.find(conn, "web", "waits").id, vacancies.TOPIC, "ningbo", clock.now())
    file.write_text(POSTS.splitlines()[0] + "\n保洁,试店,海曙区,,,,,,,2099-12-31\n", encoding="utf-8")
    run = city.test_cli_runner().invoke(args=["vacancies", "import", str(file), "--source", "余姚招聘会"])
    assert "told 1 people" in run.output, "whoever asked for posts there is told"


# --- refusals


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/cases", 405), ("GET", "/cases/", 404), ("TRACE", "/cases", 405)],
)
def test_addresses_that_are_not_there_are_told_as_problems(api: Make, method: str, path: str, status: int) -> None:
    assert api("")(method, path).status_code == status


def test_what_is_no_json_is_refused(city: Flask, api: Make) -> None:
    me = api()
    form = me("POST", "/messages", data={"key": "msg-00000001", "text": "a"})
    assert form.status_code == 415, "a form of another site can't speak here"
    for raw, status in ((b"{", 400), (b"\xff", 400), (b"[" * 5000, 400), (b"{}" + b" " * 70_000, 413), (b"", 400)):
        answer = me("POST", "/messages", data=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, (raw[:10], answer.text)


def test_too_many_calls_are_told_when_to_come_back(api: Make) -> None:
    me = api()
    statuses = [me("GET", "/cases").status_code for _ in range(61)]
    assert statuses[:60] == [200] * 60
    last = me("GET", "/cases")
    assert last.status_code == 429 and 1 <= int(last.headers["Retry-After"]) <= 60
    assert "12356" in last.get_json()["detail"], "who is in need gets the numbers all the same"
    assert api()("GET", "/cases").status_code == 200, "another person isn't held up"


def test_a_fault_of_ours_is_a_problem_too(city: Flask, api: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("secret 13800001111")

    me = api()
    monkeypatch.setattr(cases, "of_person", breaks)
    answer = me("GET", "/cases")
    assert answer.status_code == 500 and "13800001111" not in answer.text and "编号" in answer.get_json()["detail"]
