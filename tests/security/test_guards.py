"""Nobody gets in where they don't belong: every route of the real application is walked (promises 11 and 12)."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app import create_app
from staff.permissions import PERMISSIONS, permitted

from .conftest import ROLES, ROOT, browser, log_in, token_of

LISTS = yaml.safe_load((Path(__file__).parent / "open_doors.yml").read_text(encoding="utf-8"))
CONTRACT = {
    "/wechat": {"GET", "POST"}, "/": {"GET"}, "/chat": {"GET"}, "/sandbox": {"GET"}, "/r/<code>": {"GET"},
    "/me": {"GET"}, "/staff": {"GET"}, "/api/v1/openapi.json": {"GET"}, "/healthz": {"GET"}, "/readyz": {"GET"}, "/metrics": {"GET"},
}  # fmt: skip
"""What people's bookmarks, printed codes, the platform's console and monitoring hold on to."""
UNESCAPED = {"attrs|safe"}
"""`attrs`: attributes that our own templates hand to the macro `field`, word for word."""
SAMPLES = {"int": "1", "string": "aaaa", "path": "aaaa", "default": "aaaa"}


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if not rule.endpoint.endswith("static")]


def methods(rule: Rule) -> set[str]:
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


def example(rule: Rule) -> str:
    """An address that the rule takes."""
    return re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES[found[1] or "default"], rule.rule)


def permission_of(app: Flask, rule: Rule) -> str | None:
    return getattr(app.view_functions[rule.endpoint], "permission", None)


def listed(rule: Rule) -> bool:
    names = {rule.endpoint, rule.endpoint.split(".")[0]}
    return any(names & set(LISTS[group]) for group in ("public", "own", "platform", "rehearsal"))


# --- routes


def test_every_route_needs_a_permission_or_is_on_the_reasoned_list(city: Flask) -> None:
    unthought = [rule.endpoint for rule in rules(city) if permission_of(city, rule) is None and not listed(rule)]
    assert unthought == [], "give these a permission, or a line with a reason in tests/security/open_doors.yml"


def test_the_reasoned_list_holds_nothing_that_is_gone_or_guarded(city: Flask) -> None:
    open_ones = {rule.endpoint for rule in rules(city) if permission_of(city, rule) is None}
    known = open_ones | {name.split(".")[0] for name in open_ones}
    stale = [name for group in LISTS.values() for name in group if name not in known]
    assert stale == []


def test_every_console_route_is_guarded_but_for_its_door(city: Flask) -> None:
    door = {f"staff.{name}" for name in ("login", "login_given", "code", "code_given", "invited", "invited_given")}
    bare = [
        rule.endpoint
        for rule in rules(city)
        if rule.rule.startswith("/staff") and permission_of(city, rule) is None and rule.endpoint not in door
    ]
    assert bare == []


def test_no_route_of_the_contract_is_gone(city: Flask) -> None:
    there: dict[str, set[str]] = {}
    for rule in city.url_map.iter_rules():
        there.setdefault(rule.rule, set()).update(methods(rule))
    missing = {path: wanted for path, wanted in CONTRACT.items() if not wanted <= there.get(path, set())}
    assert missing == {}


def test_no_route_has_silently_gone(city: Flask) -> None:
    """Take a line out of routes.txt on purpose, in the change that takes the route away."""
    kept = (Path(__file__).parent / "routes.txt").read_text(encoding="utf-8").split("\n")
    there = {f"{method} {rule.rule}" for rule in city.url_map.iter_rules() for method in methods(rule)}
    assert [line for line in kept if line and line not in there] == []


def test_a_stranger_gets_nothing_from_the_console(city: Flask, stranger: FlaskClient) -> None:
    for rule in rules(city):
        if permission_of(city, rule) is None:
            continue
        for method in methods(rule):
            answer = stranger.open(example(rule), method=method)
            assert answer.status_code in (302, 303, 400, 401), (method, rule.rule, answer.status_code)
            if answer.status_code in (302, 303):
                assert answer.headers["Location"].startswith("/staff/login"), rule.rule


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_403_wherever_it_lacks_the_permission(city: Flask, role: str) -> None:
    client = log_in(city, role)
    headers = {"X-CSRFToken": token_of(client.get("/staff/account").text), "Referer": "https://localhost/staff"}
    for rule in rules(city):
        permission = permission_of(city, rule)
        if permission is None or permitted(role, permission):
            continue
        for method in methods(rule):
            answer = client.open(example(rule), method=method, headers=headers)
            assert answer.status_code == 403, (method, rule.rule, permission, answer.status_code)


def test_every_permission_is_used_and_every_role_has_one(city: Flask) -> None:
    used = {permission_of(city, rule) for rule in rules(city)}
    assert used - {None} <= set(PERMISSIONS) and len(used) > 15
    assert {role for roles in PERMISSIONS.values() for role in roles} == set(ROLES)


# --- forms


def test_every_post_without_its_csrf_token_is_refused(city: Flask, stranger: FlaskClient) -> None:
    let_through = []
    for rule in rules(city):
        free = {rule.endpoint, rule.endpoint.split(".")[0]} & set(LISTS["without_csrf_token"])
        if "POST" not in methods(rule) or free:
            continue
        answer = stranger.post(example(rule), data={"a": "b"}, headers={"Referer": "https://localhost/"})
        if answer.status_code != 400 or (
            "Set-Cookie" in answer.headers and "city_staff" in answer.headers["Set-Cookie"]
        ):
            let_through.append((rule.rule, answer.status_code))
    assert let_through == []


def test_a_form_sent_from_another_site_is_refused_even_with_a_token(city: Flask) -> None:
    client = browser(city)
    token = token_of(client.get("/staff/login").text)
    form = {"login": "supervisor", "password": "x", "csrf_token": token}
    answer = client.post("/staff/login", data=form, headers={"Referer": "https://elsewhere.test/"})
    assert answer.status_code == 400


def test_the_rehearsals_buttons_take_no_forms_of_other_sites(stranger: FlaskClient) -> None:
    assert stranger.post("/sandbox/reset", data={"a": "b"}).status_code == 415
    assert stranger.post("/sandbox/reset", json={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize(
    "path", sorted(p for p in ROOT.rglob("templates/**/*.html") if ".venv" not in p.parts), ids=lambda p: p.name
)
def test_templates_hold_nothing_inline_and_every_form_its_token(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert not re.search(r"\sstyle\s*=", text), "inline style"
    assert not re.search(r"<style\b", text), "inline style sheet"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "inline event handler"
    assert not re.search(r"javascript:", text, re.I)
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag or 'type="application/json"' in tag, tag
    assert not re.search(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//", text), "loads something from elsewhere"
    unescaped = set(re.findall(r"\w+\s*\|\s*safe", text)) - UNESCAPED
    assert not unescaped, f"markup that nobody escaped: {unescaped}"
    for form in re.findall(r"<form\b[^>]*method=[\"']?post.*?</form>", text, flags=re.S | re.I):
        if "sandbox" in path.parts:
            continue
        assert "csrf_token" in form or "{{ token" in form or "csrf()" in form or "key_fields" in form, form[:200]


# --- headers, cookies, errors

PAGES = ("/", "/chat", "/me", "/r", "/r/NB-FH-000001", "/sandbox", "/staff/login", "/nowhere", "/chat?kiosk=1")


def check_headers(path: str, headers: dict[str, str]) -> None:
    policy = headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy and "*" not in policy, path
    assert "default-src 'self'" in policy and "object-src 'none'" in policy and "base-uri 'none'" in policy, path
    assert headers["X-Content-Type-Options"] == "nosniff", path
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
    assert headers["X-Frame-Options"] in ("DENY", "SAMEORIGIN"), path
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", path
    assert "no-store" in headers["Cache-Control"], path
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", path
    assert "Werkzeug" not in headers.get("Server", "") and "X-Powered-By" not in headers, path


@pytest.mark.parametrize("path", PAGES)
def test_public_pages_carry_the_headers(city: Flask, path: str) -> None:
    answer = browser(city).get(path)
    assert answer.mimetype == "text/html"
    check_headers(path, dict(answer.headers))


def test_console_pages_carry_the_headers(city: Flask) -> None:
    seen = 0
    for role in ("supervisor", "administrator"):
        client = log_in(city, role)
        for rule in rules(city):
            permission = permission_of(city, rule)
            if permission is None or "GET" not in methods(rule) or not permitted(role, permission):
                continue
            answer = client.get(example(rule))
            assert answer.status_code in (200, 302, 303, 400, 404, 409), (rule.rule, answer.status_code)
            if answer.mimetype == "text/html" and answer.status_code < 300:
                check_headers(rule.rule, dict(answer.headers))
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                seen += 1
    assert seen >= 10


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(city: Flask) -> None:
    client = browser(city)
    set_here = [value for path in ("/chat", "/staff/login") for value in client.get(path).headers.getlist("Set-Cookie")]
    page = client.get("/staff/login").text
    form = {"login": "supervisor", "password": "rehearsal-2026", "csrf_token": token_of(page)}
    answer = client.post("/staff/login", data=form, headers={"Referer": "https://localhost/staff/login"})
    set_here += answer.headers.getlist("Set-Cookie")
    form = {"theme": "dark", "csrf_token": token_of(client.get("/staff/account").text)}
    answer = client.post("/staff/theme", data=form, headers={"Referer": "https://localhost/staff"})
    set_here += answer.headers.getlist("Set-Cookie")
    set_here += client.get("/wechat/oauth/login").headers.getlist("Set-Cookie")
    names = {value.split("=")[0].removeprefix("__Host-") for value in set_here}
    assert {"visitor", "city", "city_staff", "city_theme"} <= names and any(
        one.startswith("wx_login_") for one in names
    )
    for value in set_here:
        assert "Secure" in value and "HttpOnly" in value and "SameSite=Lax" in value, value
        # Browsers take such a cookie from this very host only: not from a neighbour's name, not by plain http.
        assert value.startswith("__Host-") and "Path=/;" in value + ";" and "Domain" not in value, value


def test_at_the_end_the_browser_is_told_to_forget(city: Flask) -> None:
    client = log_in(city, "officer")
    form = {"csrf_token": token_of(client.get("/staff/account").text)}
    answer = client.post("/staff/logout", data=form, headers={"Referer": "https://localhost/staff"})
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    gone = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("__Host-city_staff=;")]
    assert gone and "Secure" in gone[0] and "Path=/" in gone[0], "browsers ignore it without both"
    assert client.get("/staff/account").status_code == 302


def test_each_refusal_leaves_a_line(city: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client = log_in(city, "officer")
    with caplog.at_level("INFO"):
        assert client.get("/staff/audit").status_code == 403
        assert browser(city).post("/staff/login", data={"login": "x"}).status_code == 400
        assert browser(city).get("/api/v1/cases").status_code == 401
    lines = [record.getMessage() for record in caplog.records]
    assert any(re.fullmatch(r"refused 403 GET staff\.audit_page staff:\d+", line) for line in lines)
    assert "refused 400 POST staff.login_given" in lines
    assert any(line.startswith("refused 401 GET api.") for line in lines)


def test_a_fault_of_ours_shows_no_trace(city: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise RuntimeError("secret 13800001111 in a message")

    monkeypatch.setitem(city.view_functions, "web.home", breaks)
    monkeypatch.setitem(city.config, "PROPAGATE_EXCEPTIONS", False)
    for headers in ({}, {"Accept": "application/json"}):
        answer = browser(city).get("/", headers=headers)
        assert answer.status_code == 500
        assert "Traceback" not in answer.text and "RuntimeError" not in answer.text and "13800001111" not in answer.text
        assert "编号" in answer.text or "编号" in str(answer.get_json(silent=True))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/r/%00", 404), ("GET", "/me/cases/../../etc", 404), ("PUT", "/me", 405), ("GET", "/staff/login?next=//x.test", 200),
     ("GET", "/chat/photo/..%2f..%2fsecrets.json", 404), ("POST", "/wechat", 403), ("GET", "/assets/../app.py", 404)],
)  # fmt: skip
def test_odd_requests_get_plain_answers(city: Flask, method: str, path: str, status: int) -> None:
    answer = browser(city).open(path, method=method)
    assert answer.status_code == status or answer.status_code in (400, 404), answer.text[:200]
    assert "Traceback" not in answer.text


# --- production


def test_production_has_no_sandbox(city: Flask, tmp_path: Path) -> None:
    service = city.extensions["service"]
    earnest = replace(
        service.settings, app_mode="production", data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'city.db'}",
        wechat_api_base="https://api.weixin.qq.com",
    )  # fmt: skip
    app = create_app(earnest, understander=service.understander, knowledge=service.knowledge)
    assert not [rule for rule in app.url_map.iter_rules() if "sandbox" in rule.rule]
    assert browser(app).get("/sandbox").status_code == 404
    app.extensions["service"].engine.dispose()
    app.extensions["service"].redis.close()
