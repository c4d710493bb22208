"""No personal data in any log line: a whole conversation through every room, with everything captured (promise 12)."""

import io
import json
import logging
import re
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

import clock
import logs
from bot import turn
from bot.message import Inbound
from records import outbox, people
from records.base import read, write

from .conftest import browser, log_in, token_of

NAME, PHONE, NUMBER, PLACE = "欧阳试真", "13800013800", "990101199001011232", "梧桐新村7幢302"
OPENID = "oTestOpenid_0123456789abcdefg"[:28]
SECRETS = (NAME, PHONE, NUMBER, PLACE, OPENID, "我真的不想活了", "老板拖欠")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything any logger writes, as it would reach the log."""
    held = io.StringIO()
    handler = logging.StreamHandler(held)
    handler.setFormatter(logs.JsonLines())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield held
    root.removeHandler(handler)
    root.setLevel(before)


def inbound(number: int, text: str, **more: str) -> Inbound:
    kind = "event" if more.get("event") else "text"
    return Inbound("wechat", OPENID, f"log:{number}", kind, clock.now(), text=text, window="message", **more)


TALK = (
    "你好", f"我叫{NAME}，身份证{NUMBER}，电话{PHONE}", "老板拖欠我三个月工资，登记欠薪", "登记欠薪线索", "三个月", "9000元", "甲乙丙电子厂",
    f"{PLACE}", PHONE, "是", "确认", "我真的不想活了", "转人工", f"住在{PLACE}", "\x00\ud800]]>{{7*7}}' OR 1=1 --", "查询我的办件",
)  # fmt: skip


def test_a_conversation_leaves_nothing_of_its_person_in_the_log(city: Flask, lines: io.StringIO) -> None:
    service = city.extensions["service"]
    turn.take(service, inbound(0, "", event="subscribe"))
    for number, text in enumerate(TALK, 1):
        turn.take(service, inbound(number, text))
    _browse(city)
    _work(city)
    _break(city)
    text = lines.getvalue()
    assert len(text.splitlines()) >= 4
    for secret in SECRETS:
        assert secret not in text, [line for line in text.splitlines() if secret in line][:2]
        assert json.dumps(secret)[1:-1] not in text
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", text)
    assert "INSERT INTO" not in text or "[parameters: " not in text


def _browse(app: Flask) -> None:
    """The same person in a browser: chats, opens pages, sends what can't be used."""
    client = browser(app)
    client.get("/chat")
    token = client.get("/chat/token").get_json()["token"]
    headers = {"X-CSRFToken": token, "Referer": "https://localhost/chat"}
    for number, text in enumerate((f"我是{NAME}，{PHONE}", f"{NUMBER}", "x" * 5000)):
        client.post(
            "/chat/say", json={"text": text, "choice": "", "key": f"log-key-{number:04d}", "after": 0}, headers=headers
        )
    for path in (
        "/me",
        "/me/export.json",
        f"/me/cases/{PHONE}",
        f"/r/{PHONE}",
        f"/rooms/receipt/{NUMBER}",
        "/metrics",
        "/readyz",
    ):
        client.get(path)
    _call(app)
    client.post(
        f"/wechat?signature={'0' * 40}&timestamp=1&nonce={PHONE}&openid={OPENID}", data=f"<xml>{NAME}</xml>".encode()
    )


def _call(app: Flask) -> None:
    """The same through a mini-program: signs in, talks, declares wrongly, asks for what isn't his."""
    client = app.test_client()
    code = client.post("/sandbox/login-code", json={"phone": "1"}).get_json()["code"]
    token = client.post("/api/v1/session", json={"code": code}).get_json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    client.post(
        "/api/v1/messages", json={"key": "log-api-0001", "text": f"我是{NAME}，{PHONE}，{NUMBER}"}, headers=headers
    )
    people = [{"relation": "self", "name": NAME, "number": NUMBER, "phone": PHONE}]
    form = {"key": "log-form-0000001", "people": people, "consent": {"version": "2020-01"}, PLACE: PHONE}
    client.post("/api/v1/rooms/NB-FH-000001/declarations", json=form, headers=headers)
    for path in (
        f"/cases/{PHONE}",
        f"/rooms/{NUMBER}",
        f"/messages?after={PHONE}&x={NAME}",
        f"/knowledge?q={PLACE}",
        f"/vacancies?q={NAME}",
    ):
        client.get(f"/api/v1{path}", headers=headers)
    client.get("/api/v1/me", headers={"Authorization": f"Bearer {PHONE}{PHONE}{NUMBER}"})
    client.delete("/api/v1/me?sure=yes", headers=headers)


def _work(app: Flask) -> None:
    """Staff look at the chat, search for the person, reveal, and answer."""
    client = log_in(app, "counsellor")
    token = token_of(client.get("/staff/account").text)
    headers = {"X-CSRFToken": token, "Referer": "https://localhost/staff", "X-Requested-With": "console"}
    for path in ("/staff/inbox", "/staff/chat/1", "/staff/crisis"):
        client.get(path)
    for path, form in (
        ("claim", {}),
        ("say", {"text": f"{NAME}您好，{PHONE}对吗", "key": "log-say-0001"}),
        ("note", {"text": PLACE}),
    ):
        client.post(f"/staff/chat/1/{path}", data=form, headers=headers)
    client.post("/staff/login", data={"login": PHONE, "password": NAME, "csrf_token": token})


def _break(app: Flask) -> None:
    """Faults of ours while personal data is in hand: in understanding, in deciding, in storing."""
    service = app.extensions["service"]
    patch = pytest.MonkeyPatch()
    try:
        patch.setattr(service.understander, "understand", lambda text, now: (_ for _ in ()).throw(ValueError(text)))
        turn.take(service, inbound(100, f"我叫{NAME}，{PHONE}，我真的不想活了"))
    finally:
        patch.undo()
    try:
        patch.setattr(turn, "decide", lambda situation: (_ for _ in ()).throw(KeyError(situation.inbound.text)))
        turn.take(service, inbound(101, f"住{PLACE}的{NAME}"))
    finally:
        patch.undo()
    with read(service.engine) as conn:
        person = people.find(conn, "wechat", OPENID)
        assert person is not None
    try:
        with write(service.engine) as conn:
            outbox.put(conn, 10**9, "wechat", [{"kind": "text", "text": PHONE}], key=f"broken-{NAME}", at=clock.now())
    except IntegrityError:  # nobody has that number, and the driver's message quotes the row
        logging.getLogger("test").exception("storing failed for %s %s", OPENID, PHONE)
    else:
        raise AssertionError("a row for nobody was stored")


def test_masking_takes_numbers_and_openids_and_leaves_the_rest() -> None:
    assert logs.masked("电话13800013800，") == "电话…，"
    assert logs.masked("138 0001 3800 and 990101-19900101-123X") == "… and …"
    assert logs.masked(f"to {OPENID}!") == "to o…!"
    for plain in (
        "turn 0192f4c5e71ab3cd took 12 ms",
        "2026-11-22T10:00:00+08:00",
        "case NB-20261122-0042",
        "errcode 45047",
        "1.0000000001",
    ):
        assert logs.masked(plain) == plain


def test_a_line_says_which_turn_it_belongs_to_and_where_a_fault_was() -> None:
    logs.follow("turn-1")
    try:
        try:
            raise ValueError(PHONE)
        except ValueError as error:
            record = logging.LogRecord(
                "x", logging.ERROR, __file__, 1, "broke %s", (PHONE,), (ValueError, error, error.__traceback__)
            )
        line = json.loads(logs.JsonLines().format(record))
    finally:
        logs.follow("")
    assert line["turn"] == "turn-1" and line["what"] == "broke …" and "ValueError at test_logs.py:" in line["fault"]
    assert PHONE not in json.dumps(line)


def test_a_turn_is_counted_and_costs_next_to_nothing(city: Flask) -> None:
    from bot import metrics

    service = city.extensions["service"]
    began = time.perf_counter()
    for _ in range(2000):
        metrics.turn("wechat", "question", None, False, began, began)
    each = (time.perf_counter() - began) / 2000
    assert each < 60e-6, f"{each * 1e6:.0f} µs a turn"  # 4 µs on a quiet machine
    metrics.flush()
    page = browser(city).get("/metrics").text
    assert 'city_turns_total{channel="wechat",owner="question"} 2' in page
    assert 'city_turn_seconds_count{stage="whole"}' in page and 'city_up{part="database"} 1.0' in page
    service.redis.delete(metrics.HASH)


def test_redis_away_costs_no_count(city: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    from bot import metrics

    gone = redis.Redis(unix_socket_path="/nowhere/redis.sock")
    kept = metrics._store
    monkeypatch.setattr(metrics, "_store", gone)
    metrics.count("city_danger", by=7)
    metrics.flush()
    monkeypatch.setattr(metrics, "_store", kept)
    assert "city_danger_total 7" in browser(city).get("/metrics").text
