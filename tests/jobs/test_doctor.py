"""The doctor finds what is wrong and says in plain words what helps."""

from dataclasses import replace

import pytest
import redis
from flask import Flask
from sqlalchemy import create_engine

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


def test_an_address_that_is_not_on_the_list_is_explained(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def get(self) -> str:
            raise ApiFault(40164, "invalid ip 203.0.113.9, not in whitelist")

    service.settings = replace(service.settings, wechat_api_base="http://127.0.0.1:1/sandbox/api")
    api = client.client_of(service)
    monkeypatch.setattr(api, "tokens", Refusing())
    found = list(checkup.checks(service))
    assert found[0][0] == "bad" and "白名单" in found[0][2] and "40164" in found[0][1]


def test_the_command_answers_in_lines_and_ends_with_a_count(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert "checks=" in result.output.splitlines()[-1]
    assert "✓" in result.output and "Traceback" not in result.output


def test_a_look_that_breaks_is_a_finding() -> None:
    def breaks() -> list[doctor.Finding]:
        raise ZeroDivisionError

    assert doctor.examine([breaks])[0].state == "bad"
