"""Nobody is in the console who doesn't belong there (promise 11)."""

from datetime import timedelta

import pytest
from flask import Flask

import clock
from records import sessions, staff
from records.base import write
from staff import lockout, totp
from staff.permissions import PERMISSIONS
from tests.plain import database_url  # noqa: F401 - a fixture
from tests.staff.conftest import PASSWORD, log_in, token

OPEN = {"staff.login", "staff.login_given", "staff.code", "staff.code_given", "staff.static", "staff.invited",
        "staff.invited_given"}  # fmt: skip


def console_routes(app: Flask) -> list[tuple[str, str, str]]:
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("staff.") and rule.endpoint not in OPEN:
            path = rule.build(dict.fromkeys(rule.arguments, 1), append_unknown=False)[1]
            found += [(method, path, rule.endpoint) for method in rule.methods & {"GET", "POST"}]
    return found


def test_every_route_under_staff_is_the_consoles(app: Flask) -> None:
    wrong = [rule.rule for rule in app.url_map.iter_rules()
             if rule.rule.startswith("/staff") and not rule.endpoint.startswith("staff.")]  # fmt: skip
    assert wrong == []


def test_the_pages_that_people_type_take_a_slash_at_the_end(app: Flask, hire) -> None:
    desk, visitor = hire("officer"), app.test_client()
    assert desk.client.get("/staff/").location == desk.client.get("/staff").location == "/staff/inbox"
    for path in ("/staff", "/chat", "/me"):
        with_slash, without = visitor.get(f"{path}/"), visitor.get(path)
        assert with_slash.status_code == without.status_code < 400, path


def test_every_route_names_a_permission(app: Flask) -> None:
    routes = console_routes(app)
    assert len(routes) > 20
    for _, path, endpoint in routes:
        assert getattr(app.view_functions[endpoint], "permission", None) in PERMISSIONS, path


def test_every_route_turns_strangers_away(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False  # the door itself must hold, not the form's token
    client = app.test_client()
    for method, path, endpoint in console_routes(app):
        answer = client.open(path, method=method)
        assert answer.status_code == 302 and "/staff/login" in answer.headers["Location"], (method, endpoint)
        asked = client.open(path, method=method, headers={"X-Requested-With": "console"})
        assert asked.status_code == 401, (method, endpoint)


def test_every_route_turns_other_roles_away(app: Flask, hire) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    desks = {role: hire(role) for role in staff.ROLES}
    for method, path, endpoint in console_routes(app):
        allowed = PERMISSIONS[app.view_functions[endpoint].permission]
        for role, desk in desks.items():
            if role not in allowed:
                assert desk.client.open(path, method=method).status_code == 403, (role, method, endpoint)


def test_forms_without_their_token_are_refused(app: Flask, hire) -> None:
    desk = hire("officer")
    for method, path, endpoint in console_routes(app):
        if method == "POST":
            assert desk.client.post(path).status_code == 400, endpoint
    assert app.test_client().post("/staff/login", data={"login": "officer", "password": PASSWORD}).status_code == 400


def test_a_wrong_password_and_an_unknown_login_look_alike(app: Flask, hire) -> None:
    hire("officer")
    pages = []
    for login, password in (("officer", "wrong-password"), ("nobody", PASSWORD)):
        client = app.test_client()
        csrf = token(client.get("/staff/login").get_data(as_text=True))
        answer = client.post("/staff/login", data={"login": login, "password": password, "csrf_token": csrf})
        assert answer.status_code == 401
        pages.append("账号或密码不对" in answer.get_data(as_text=True))
    assert pages == [True, True]


def test_the_session_changes_at_login(app: Flask, hire) -> None:
    hire("officer")
    client = app.test_client()
    before = token(client.get("/staff/login").get_data(as_text=True))
    client.set_cookie("city_staff", "chosen-by-somebody-else", path="/staff")
    client.post("/staff/login", data={"login": "officer", "password": PASSWORD, "csrf_token": before})
    cookie = client.get_cookie("city_staff", path="/staff")
    assert cookie is not None and cookie.value != "chosen-by-somebody-else" and cookie.http_only
    assert token(client.get("/staff/account").get_data(as_text=True)) != before


def test_a_session_ends_idle_after_half_an_hour_and_anyway_after_twelve(app: Flask, hire) -> None:
    start = clock.now()
    with clock.frozen(start):
        desk = hire("officer")
    with clock.frozen(start + timedelta(minutes=29)):
        desk.get("/staff/account")
    with clock.frozen(start + timedelta(minutes=58)):
        desk.get("/staff/account")  # each visit counts anew
        assert desk.client.get("/staff/live", headers={"X-Background": "1"}).status_code == 200
    with clock.frozen(start + timedelta(minutes=89)):
        desk.get("/staff/account", status=302)  # the page's own asking didn't count
    with clock.frozen(start):
        desk = hire("supervisor")
    for minutes in range(0, 12 * 60, 25):
        with clock.frozen(start + timedelta(minutes=minutes)):
            desk.get("/staff/account")
    with clock.frozen(start + timedelta(hours=12, minutes=1)):
        desk.get("/staff/account", status=302)


def test_a_shut_account_is_out_with_the_next_request(app: Flask, hire) -> None:
    desk = hire("officer")
    desk.get("/staff/account")
    with write(app.extensions["service"].engine) as conn:
        staff.disable(conn, desk.staff_id, clock.now())
    desk.get("/staff/account", status=302)
    assert log_in(app, "officer").get("/staff/account").status_code == 302


def test_logging_out_ends_the_session_itself(app: Flask, hire) -> None:
    desk = hire("officer")
    stolen = desk.client.get_cookie("city_staff", path="/staff").value
    desk.client.post("/staff/logout", data={"csrf_token": desk.csrf})
    thief = app.test_client()
    thief.set_cookie("city_staff", stolen, path="/staff")
    assert thief.get("/staff/account").status_code == 302


@pytest.mark.parametrize("redis_there", [True, False])
def test_five_wrong_passwords_lock_the_account_for_that_address(
    app: Flask, hire, redis_there: bool, monkeypatch
) -> None:
    hire("officer")
    hire("counsellor")
    lockout._memory.clear()
    if not redis_there:
        import redis

        monkeypatch.setattr(app.extensions["service"], "redis", redis.Redis(port=1, socket_connect_timeout=0.05))
    for _ in range(5):
        log_in(app, "officer", "wrong-password")
    client = app.test_client()
    csrf = token(client.get("/staff/login").get_data(as_text=True))
    answer = client.post("/staff/login", data={"login": "officer", "password": PASSWORD, "csrf_token": csrf})
    assert answer.status_code == 429 and "15分钟" in answer.get_data(as_text=True)
    assert log_in(app, "counsellor").get("/staff/account").status_code == 200
    lockout._memory.clear()


def test_the_second_factor_is_asked_for_and_each_code_is_good_once(app: Flask, hire) -> None:
    desk = hire("officer")
    secret = totp.new_secret()
    now = clock.now()
    with write(app.extensions["service"].engine) as conn:
        staff.set_totp(conn, desk.staff_id, secret)
    with clock.frozen(now):
        code = totp.code(secret, int(now.timestamp()) // 30)
        for expected in (302, 401):
            client = log_in(app, "officer")
            assert client.get("/staff/account").status_code == 302  # the password alone opens nothing
            csrf = token(client.get("/staff/code").get_data(as_text=True))
            assert client.post("/staff/code", data={"code": code, "csrf_token": csrf}).status_code == expected
        assert client.get("/staff/account").status_code == 302


def test_one_time_codes_are_those_of_the_rfc() -> None:
    # RFC 6238, appendix B, SHA-1: the last six of the eight digits
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, digits in ((59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")):
        assert totp.code(secret, seconds // 30, 8) == digits


def test_production_wants_a_second_factor_of_administrators(app: Flask, hire) -> None:
    from dataclasses import replace

    service = app.extensions["service"]
    desk, other = hire("administrator"), hire("officer")
    service.settings = replace(service.settings, force_totp="administrators")
    assert desk.client.get("/staff/account").headers["Location"].endswith("/staff/account/second-factor")
    page = desk.get("/staff/account/second-factor")
    assert "必须先打开两步验证" in page
    other.get("/staff/account")
    service.settings = replace(service.settings, force_totp="everybody")
    assert other.client.get("/staff/account").headers["Location"].endswith("/staff/account/second-factor")


def test_a_login_goes_back_only_into_the_console(app: Flask, hire) -> None:
    hire("officer")
    for back, target in (("/staff/canned", "/staff/canned"), ("https://evil.example/staff", "/staff"),
                         ("//evil.example", "/staff"), ("/staffevil", "/staff"), ("/staff\\evil", "/staff")):  # fmt: skip
        client = app.test_client()
        csrf = token(client.get("/staff/login").get_data(as_text=True))
        form = {"login": "officer", "password": PASSWORD, "csrf_token": csrf, "next": back}
        assert client.post("/staff/login", data=form).headers["Location"] == target


def test_a_new_password_ends_the_other_sessions(app: Flask, hire) -> None:
    desk = hire("officer")
    elsewhere = log_in(app, "officer")
    form = {"csrf_token": desk.csrf, "old": PASSWORD, "new": "新密码要长一点-2026", "again": "新密码要长一点-2026"}
    desk.client.post("/staff/account/password", data=form)
    assert elsewhere.get("/staff/account").status_code == 302
    desk.get("/staff/account")
    assert log_in(app, "officer", "新密码要长一点-2026").get("/staff/account").status_code == 200


def test_the_first_account_is_made_on_the_command_line(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    made = run(args=["staff", "create", "boss", "--name", "老板"])
    assert made.exit_code == 0 and "created=boss password=" in made.output
    password = made.output.split("password=")[1].strip()
    assert log_in(app, "boss", password).get("/staff/account").status_code == 200
    again = run(args=["staff", "create", "boss", "--name", "老板"])
    assert again.exit_code == 1 and "already" in again.output
    assert "sessions_ended=1" in run(args=["staff", "disable", "boss"]).output


def test_session_tokens_are_not_in_the_database(app: Flask, hire) -> None:
    desk = hire("officer")
    value = desk.client.get_cookie("city_staff", path="/staff").value
    with write(app.extensions["service"].engine) as conn:
        kept = conn.execute(sessions.Session.__table__.select()).all()
    assert kept and all(value.encode() not in row.token_hash for row in kept)
