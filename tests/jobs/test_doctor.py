"""The doctor finds what is wrong and says in plain words what helps."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy import create_engine

import clock
from app import create_app
from bot.service import Service
from bot.wechat import checkup, client
from bot.wechat.errors import ApiFault
from jobs import doctor
from records import crypto, migrate


def told(service: Service) -> str:
    found = doctor.examine(doctor.looks(service))
    return "\n".join(f"{one.state} {one.what} {one.todo}" for one in found)


def test_a_sound_house_has_nothing_bad(service: Service) -> None:
    words = told(service)
    assert not [line for line in words.splitlines() if line.startswith("bad")], words
    assert "数据库版本" in words and "知识库有" in words and "听懂了" in words


def test_an_older_database_is_named_with_the_command_that_helps(service: Service) -> None:
    migrate.downgrade(service.engine, "0002")
    assert "bad 数据库版本是 0002" in told(service) and "make migrate" in told(service)
    migrate.upgrade(service.engine)


def test_a_database_that_is_away(service: Service) -> None:
    service.engine = create_engine("postgresql://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    assert "bad 数据库连不上" in told(service)


def test_redis_away_and_a_lost_key(service: Service) -> None:
    from bot import turn
    from tests.records.test_rotate import new_key, said

    turn.take(service, said(1))
    service.redis = redis.Redis(unix_socket_path="/nowhere/redis.sock")
    crypto.configure(new_key())
    words = told(service)
    crypto.configure(service.settings.data_key)
    assert "bad Redis 连不上" in words and "解不开" in words


@pytest.mark.parametrize(
    ("code", "words", "todo"),
    [
        (40164, "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist", "白名单"),
        (40125, "invalid appsecret", "AppSecret 不对"),
        (40013, "invalid appid", "AppID 不对"),
    ],
)
def test_credentials_that_the_platform_refuses_are_explained(
    service: Service, monkeypatch: pytest.MonkeyPatch, code: int, words: str, todo: str
) -> None:
    class Refusing:
        def get(self) -> str:
            raise ApiFault(code, words)

    service.settings = replace(service.settings, wechat_api_base="http://127.0.0.1:1/sandbox/api")
    api = client.client_of(service)
    monkeypatch.setattr(api, "tokens", Refusing())
    state, what, help = next(checkup.checks(service))
    assert state == "bad" and str(code) in what and todo in help
    assert ("203.0.113.9" in help) == (code == 40164), "the address to be added must be named"


class Clock(BaseHTTPRequestHandler):
    """A platform whose clock is ten minutes ahead."""

    def do_HEAD(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", formatdate(time.time() + 600, usegmt=True))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quietly."""


def test_a_clock_that_is_wrong_is_told(service: Service) -> None:
    server = HTTPServer(("127.0.0.1", 0), Clock)
    threading.Thread(target=server.handle_request, daemon=True).start()
    found = list(checkup._clock(f"http://127.0.0.1:{server.server_port}/"))
    server.server_close()
    assert found[0][0] == "bad" and "timedatectl" in found[0][2]
    if service.engine.dialect.name == "postgresql":
        with clock.frozen(clock.now() + timedelta(minutes=10)):
            assert "bad 本机时钟和数据库差" in told(service)


def test_a_data_folder_that_takes_nothing(service: Service, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = list(doctor._disk(replace(service.settings, data_dir=tmp_path / "file")))
    assert found[0].state == "bad" and "数据目录写不进去" in found[0].what


def test_a_model_that_hears_wrongly_and_an_empty_or_stale_knowledge_base(service: Service) -> None:
    nonsense = replace(service.understander.understand("你好", clock.now()), intent="greet")
    deaf = SimpleNamespace(understander=SimpleNamespace(understand=lambda *_: nonsense), settings=service.settings)
    assert next(iter(doctor._model(deaf))).state == "bad"
    assert next(iter(doctor._knowledge(SimpleNamespace(knowledge=SimpleNamespace(articles={}))))).state == "bad"
    with clock.frozen(clock.now() + timedelta(days=3000)):
        assert any(one.state == "warn" and "复核" in one.what for one in doctor._knowledge(service))


def test_a_rehearsal_that_looks_like_the_real_thing_is_warned(service: Service) -> None:
    words = "\n".join(one.what for one in doctor._configuration(replace(service.settings, wechat_aes_key="")))
    assert "演练模式" in words and "EncodingAESKey" in words and "不会通知到外面" in words


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"APP_MODE": "production"}, "SECRET_KEY is not set"),
        ({"PORT": "a lot"}, "PORT"),
        ({"DATABASE_URL": "mysql://city"}, "DATABASE_URL must begin with"),
        ({"DATABASE_URL": "postgresql://u:p@h:notaport/x"}, "DATABASE_URL"),
        ({"REDIS_URL": "127.0.0.1:6379"}, "REDIS_URL must begin with"),
        ({"DATA_DIR": "/dev/null/city"}, "DATA_DIR"),
        ({"REGIONS": "atlantis"}, "atlantis"),
    ],
)
def test_bad_settings_are_told_in_words_not_in_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], words: str
) -> None:
    for name, value in ({"DATA_DIR": str(tmp_path)} | env).items():
        monkeypatch.setenv(name, value)
    group = FlaskGroup(create_app=create_app)
    result = CliRunner().invoke(group, ["doctor"])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert words in result.output and "Traceback" not in result.output


def test_the_command_answers_in_lines_and_ends_with_a_count(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert "checks=" in result.output.splitlines()[-1]
    assert "✓" in result.output and "Traceback" not in result.output


def test_a_look_that_breaks_is_a_finding() -> None:
    def breaks() -> list[doctor.Finding]:
        raise ZeroDivisionError

    assert doctor.examine([breaks])[0].state == "bad"
