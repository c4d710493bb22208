"""Small locks, each of which could silently be left open."""

import ast
import base64
import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flask import Flask

from bot.web import limits
from bot.wechat.client import PlatformClient
from bot.wechat.errors import ApiFault
from records import crypto, notices, sheets
from records.staff import TEAMS
from staff import export, passwords
from staff.permissions import PERMISSIONS
from tests.plain import understander  # noqa: F401 - a fixture

from .conftest import ROLES, ROOT, browser

ROOMS = ("bot", "handlers", "intents", "jobs", "knowledge_base", "records", "staff")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of ours, read."""
    for path in [*ROOT.glob("*.py"), *(one for room in ROOMS for one in (ROOT / room).rglob("*.py"))]:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


# --- code


def test_no_template_is_made_from_a_string() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in sources()
        for name, node in calls(tree)
        if name in ("render_template_string", "from_string", "eval", "exec", "system", "popen")
        and not (name == "exec" and isinstance(node.func, ast.Attribute))
    ]
    assert wrong == []


def test_nothing_switches_certificates_off_or_starts_a_shell() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} {word.arg}"
        for path, tree in sources()
        for _, node in calls(tree)
        for word in node.keywords
        if isinstance(word.value, ast.Constant)
        and (
            (word.arg in ("verify", "check_hostname") and word.value.value is False)
            or (word.arg == "shell" and word.value.value)
        )
    ]
    assert wrong == []


def test_nothing_switches_certificates_off() -> None:
    """smtplib takes any certificate unless it is given a context that checks them."""
    bare, checked = [], 0
    for path, tree in sources():
        assert "CERT_NONE" not in ast.dump(tree) and "_create_unverified_context" not in ast.dump(tree), path
        for name, node in calls(tree):
            if name in ("SMTP_SSL", "starttls"):
                given = "context" in {word.arg for word in node.keywords}
                checked += given
                bare += [] if given else [f"{path.relative_to(ROOT)}:{node.lineno} {name}"]
    assert bare == [] and checked >= 2


def test_every_locked_package_has_its_hash() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        blocks = re.split(r"\n(?=[a-zA-Z0-9])", (ROOT / name).read_text(encoding="utf-8"))
        packages = [block for block in blocks if re.match(r"[\w.\[\]-]+==", block)]
        assert len(packages) > 40
        assert [block.split("==")[0] for block in packages if "--hash=sha256:" not in block] == []


# --- going out and coming in


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server that sends every request on to another address of its own, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/stolen")
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_an_answer_that_sends_elsewhere_is_not_followed(city: Flask, elsewhere: tuple[str, list[str]]) -> None:
    base, asked = elsewhere
    client = PlatformClient(replace(city.extensions["service"].settings, wechat_api_base=base), None)
    with pytest.raises(ApiFault):
        client.mini_openid("wx", "secret", "code")
    with pytest.raises(ApiFault):
        client.call("message/custom/send", {"touser": "o"})
    assert asked and not any("stolen" in path for path in asked)


@pytest.mark.parametrize(
    ("direct", "forwarded", "counted"),
    [
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"), ("8.8.8.8", "", "8.8.8.8"), ("10.0.0.5", "1.1.1.1, 9.9.9.9", "9.9.9.9"),
        ("10.0.0.5", "nonsense", "10.0.0.5"), ("10.0.0.5", "", "10.0.0.5"),
    ],
)  # fmt: skip
def test_an_address_that_is_made_up_does_not_count(city: Flask, direct: str, forwarded: str, counted: str) -> None:
    """Only a proxy in our own network is believed, and of what it passes on only the entry it made itself."""
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    with city.test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": direct}):
        assert limits.address() == f"a:{counted}"


def test_no_answer_opens_itself_to_other_origins(city: Flask) -> None:
    for path in (
        "/",
        "/chat",
        "/me",
        "/staff/login",
        "/api/v1/regions",
        "/api/v1/cases",
        "/api/v1/openapi.json",
        "/healthz",
    ):
        answer = browser(city).get(path, headers={"Origin": "https://elsewhere.test"})
        assert not [name for name in answer.headers.keys() if name.lower().startswith("access-control")], path  # noqa: SIM118


def test_the_api_carries_the_headers_too(city: Flask) -> None:
    for path in ("/api/v1/regions", "/api/v1/cases", "/api/v1/nowhere", "/api/v1/docs", "/api/v1/openapi.json"):
        headers = browser(city).get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff" and "no-store" in headers["Cache-Control"], path
        assert (
            "max-age=" in headers["Strict-Transport-Security"]
            and "default-src 'self'" in headers["Content-Security-Policy"]
        )


# --- secrets


def test_an_altered_value_is_refused() -> None:
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    cipher = crypto.Cipher(key)
    sealed = cipher.encrypt("王小二".encode())
    assert cipher.decrypt(sealed) == "王小二".encode()
    for at in range(len(sealed)):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with pytest.raises(crypto.CipherError):
            cipher.decrypt(bytes(broken))
    with pytest.raises(crypto.CipherError):
        crypto.Cipher(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()).decrypt(sealed)
    assert cipher.encrypt(b"x") != cipher.encrypt(b"x"), "a nonce of its own each time"


@pytest.mark.parametrize(
    "password", ["short1234", "1234567890123", "aaaaaaaaaaaa", "abababababab", "my-login-name-1", "x" * 129, ""]
)
def test_a_new_password_that_is_easily_guessed_is_refused(password: str) -> None:
    assert passwords.fault(password, "login-name")


@pytest.mark.parametrize(
    "password", ["correct horse battery", "一句只有我知道的话呀呀", "tall grass by the canal " * 5, "vT7!qLm2#ze"]
)
def test_any_composition_and_length_of_a_good_password_will_do(password: str) -> None:
    assert passwords.fault(password, "login-name") is None
    assert passwords.matches(passwords.hashed(password), password)
    assert not passwords.matches(passwords.hashed(password), password.swapcase() + " ")


@pytest.mark.parametrize("start", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "  =1", "＝1"])
def test_a_cell_is_never_a_formula(start: str) -> None:
    for made in (sheets.safe(start), export.plain(start)):
        assert not made.lstrip().startswith(("=", "+", "-", "@")) and made[0] not in "\t\r\0", made


# --- queues


def test_every_queue_has_somebody_who_works_it() -> None:
    """What is put into the outbox is sent by the worker; what is handed over is seen by some role of staff."""
    tree = ast.parse((ROOT / "app.py").read_text(encoding="utf-8"))
    senders = {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and getattr(node.targets[0], "id", "") == "senders"
        and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    }
    assert senders and set(notices.PUSHED) <= senders, "a channel is pushed to that nobody sends for"
    workers = {role for role in ROLES if role in PERMISSIONS["chat.claim"]}
    assert workers and set(TEAMS)
    assert PERMISSIONS["crisis.desk"] & workers, "nobody who may claim a chat sees the crisis desk"


def test_every_job_of_the_worker_is_registered() -> None:
    """A sweep that nobody calls does nothing: each public function that a worker could call is called by `app.work`,
    by what it calls, or by a command."""
    called = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    }
    work = (ROOT / "app.py").read_text(encoding="utf-8")
    work = work[work.index("def work(") : work.index("def serve()")]
    for name in ("deliver_due", "replay", "every_second", "retention.sweep", "erasures_due", "reminders_due", "articles_expire",
                 "overdue_cases", "media.sweep", "now_and_then", "reconcile.chats", "reconcile.people", "outbox.sweep",
                 "remind_of_duties", "ask_again", "moves.retire", "typing.push", "case_photos_expire", "gather",
                 "leftovers_expire"):  # fmt: skip
        assert name in work, name
    idle = [
        f"{module}.{node.name}"
        for module in ("clocks", "moves", "reconcile", "delivery", "retention")
        for node in ast.parse((ROOT / "jobs" / f"{module}.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.args.args
        and node.args.args[0].arg == "engine" and not (f"{module}.{node.name}" in work or f"outbox.{node.name}" in work)
        and node.name not in called
    ]  # fmt: skip
    assert idle == [], "jobs nobody starts"
