"""The platform's API: one token for everybody, a bounded number of tries, no error overlooked, no call without an end."""

import json
import multiprocessing
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from flask import Flask, Response
from werkzeug.serving import make_server

import clock
from bot.sandbox import api
from bot.wechat import client as client_module
from bot.wechat.client import PlatformClient, client_of, trouble
from bot.wechat.errors import CODES, ApiFault, meaning_of
from settings import Settings

from .conftest import NOW, Stage, no_redis


def harmless(client: PlatformClient) -> object:
    """Some harmless call."""
    return client.call("ticket/getticket", method="get", params={"type": "jsapi"})


@pytest.fixture
def client(stage: Stage) -> PlatformClient:
    return PlatformClient(stage.service.settings, stage.service.redis)


def send(client: PlatformClient, openid: str) -> object:
    body = {"touser": openid, "msgtype": "text", "text": {"content": "您好"}}
    return client.call("message/custom/send", body)


def test_eight_cold_threads_fetch_one_token(stage: Stage, client: PlatformClient) -> None:
    barrier = threading.Barrier(8)

    def get(_: int) -> str:
        barrier.wait()
        return client.access_token

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(get, range(8)))
    assert len(tokens) == 1
    assert stage.calls("cgi-bin/stable_token") == 1


def _other_process(settings: Settings, socket: str, gate, answer) -> None:
    store = redis.Redis(unix_socket_path=socket)
    client = PlatformClient(settings, store)
    gate.wait()
    answer.put(client.access_token)


def test_three_cold_processes_fetch_one_token(stage: Stage, redis_socket: str) -> None:
    spawn = multiprocessing.get_context("fork")
    gate, answer = spawn.Barrier(3), spawn.Queue()
    arguments = (stage.service.settings, redis_socket, gate, answer)
    processes = [spawn.Process(target=_other_process, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    tokens = {answer.get(timeout=20) for _ in processes}
    for process in processes:
        process.join()
    assert len(tokens) == 1
    assert stage.calls("cgi-bin/stable_token") == 1


def test_a_token_is_renewed_before_it_ends_and_not_sooner(stage: Stage, client: PlatformClient) -> None:
    with clock.frozen(NOW):
        first = client.access_token
    with clock.frozen(NOW + timedelta(seconds=6890)):
        assert client.access_token == first
    with clock.frozen(NOW + timedelta(seconds=6910)):
        assert client.access_token != first
    assert stage.calls("cgi-bin/stable_token") == 2


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_spoiled_token_is_renewed_once_and_the_call_repeated(stage: Stage, client: PlatformClient, how: str) -> None:
    person = stage.follower()
    send(client, person.external)
    api.spoil_tokens(stage.platform, how)
    send(client, person.external)
    assert len(stage.screen()) == 2
    assert stage.calls("cgi-bin/stable_token") == 2


@pytest.mark.parametrize("code", [40001, 40014, 42001, 41001])
def test_a_lasting_token_error_ends_after_one_repetition(stage: Stage, client: PlatformClient, code: int) -> None:
    person = stage.follower()
    stage.rule("message/custom/send", "errcode", left=1000, errcode=code)
    with pytest.raises(ApiFault) as fault:
        send(client, person.external)
    assert fault.value.errcode == code
    assert stage.calls("cgi-bin/message/custom/send") == 2
    assert stage.calls("cgi-bin/stable_token") <= 3


def test_forced_renewals_keep_to_the_platform_s_limits(stage: Stage, client: PlatformClient) -> None:
    person = stage.follower()
    stage.rule("message/custom/send", "errcode", left=1000, errcode=40001)
    for _ in range(6):
        with pytest.raises(ApiFault):
            send(client, person.external)
    forced = [e for e in stage.platform.store.since("wire", 0) if '"force_refresh": true' in e.get("text", "")]
    assert len(forced) == 1


def test_forced_renewals_are_counted_without_redis_too(stage: Stage) -> None:
    alone = PlatformClient(stage.service.settings, no_redis())
    with clock.frozen(NOW):
        assert alone.tokens._may_force()
        assert not alone.tokens._may_force()
    times = [NOW + timedelta(seconds=31 * n) for n in range(1, 30)]
    allowed = 0
    for moment in times:
        with clock.frozen(moment):
            allowed += alone.tokens._may_force()
    assert allowed == 19


def test_without_redis_a_process_keeps_its_own_token(stage: Stage) -> None:
    alone = PlatformClient(stage.service.settings, no_redis())
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: alone.access_token, range(8)))
    assert len(tokens) == 1
    assert stage.calls("cgi-bin/stable_token") == 1


def test_a_lock_left_by_a_killed_process_does_not_last(stage: Stage, client: PlatformClient, monkeypatch) -> None:
    stage.service.redis.set(f"wx:{client.appid}:token:lock", "dead", px=300)
    assert client.access_token


def test_a_wrong_secret_is_told_apart_and_not_repeated(stage: Stage) -> None:
    wrong = PlatformClient(replace(stage.service.settings, wechat_app_secret="0" * 32), None)
    with pytest.raises(ApiFault) as fault:
        harmless(wrong)
    assert (fault.value.errcode, fault.value.action) == (40125, "alert")
    assert stage.calls("cgi-bin/stable_token") == 1


def test_an_answer_of_200_with_an_errcode_is_a_failure(stage: Stage, client: PlatformClient) -> None:
    stage.rule("*", "errcode", left=2, errcode=45009)
    with pytest.raises(ApiFault) as fault:
        harmless(client)
    assert (fault.value.errcode, fault.value.action) == (45009, "retry_later")


@pytest.mark.parametrize("effect", ["hang", "reset", "http500"])
def test_a_silent_or_broken_line_ends_in_a_fault_in_time(stage: Stage, monkeypatch, effect: str) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", (0.5, 0.5))
    client = PlatformClient(stage.service.settings, None)
    assert client.access_token
    stage.rule("*", effect, left=5, seconds=8)
    started = time.monotonic()
    with pytest.raises(ApiFault) as fault:
        harmless(client)
    assert time.monotonic() - started < 5
    assert (fault.value.errcode, fault.value.action) == (None, "retry_later")


@pytest.mark.parametrize("effect", ["hang", "reset", "http500"])
def test_fetching_the_token_has_a_time_limit_too(stage: Stage, monkeypatch, effect: str) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", (0.5, 0.5))
    client = PlatformClient(stage.service.settings, None)
    stage.rule("cgi-bin/stable_token", effect, left=5, seconds=8)
    started = time.monotonic()
    with pytest.raises(ApiFault) as fault:
        harmless(client)
    assert time.monotonic() - started < 5
    assert client.secret not in str(fault.value)


def test_a_closed_port_is_a_fault_that_tells_no_secret(settings: Settings) -> None:
    nobody = PlatformClient(replace(settings, wechat_api_base="http://127.0.0.1:9"), None)
    with pytest.raises(ApiFault) as fault:
        nobody.oauth_openid("code")
    assert settings.wechat_app_secret not in repr(fault.value) + str(fault.value)
    assert not fault.value.sent


@pytest.fixture
def odd(service) -> Iterator[dict]:
    """A server that answers what it is told to, with a token first."""
    says = {"body": "", "type": "application/json"}
    app = Flask("odd")

    @app.route("/<path:path>", methods=["GET", "POST"])
    def say(path: str) -> Response:
        if path.endswith("stable_token"):
            return Response(says.get("token", '{"access_token": "t", "expires_in": 7200}'), mimetype="application/json")
        return Response(says["body"], content_type=says["type"])

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    says["client"] = PlatformClient(
        replace(service.settings, wechat_api_base=f"http://127.0.0.1:{server.server_port}"), None
    )
    yield says
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "body", ["<html>login to the office's network</html>", "[]", '"ok"', '{"errcode": "x"}', '{"errcode": [1]}', ""]
)
def test_an_answer_that_isnt_the_platform_s_is_a_failure(odd: dict, body: str) -> None:
    odd["body"] = body
    with pytest.raises(ApiFault) as fault:
        harmless(odd["client"])
    assert fault.value.errcode is None


@pytest.mark.parametrize("token", ["{}", '{"access_token": ""}', '{"access_token": "t", "expires_in": "x"}', "no"])
def test_a_token_answer_without_a_token_is_a_failure(odd: dict, token: str) -> None:
    odd["token"] = token
    with pytest.raises(ApiFault):
        harmless(odd["client"])


def test_an_errcode_as_text_counts(odd: dict) -> None:
    odd["body"] = json.dumps({"errcode": "48001", "errmsg": "api unauthorized"})
    with pytest.raises(ApiFault) as fault:
        harmless(odd["client"])
    assert fault.value.errcode == 48001


def test_a_token_of_600_characters_is_kept_whole(odd: dict, store: redis.Redis) -> None:
    token = "x" * 600
    odd["token"] = json.dumps({"access_token": token, "expires_in": 300})
    odd["body"] = "{}"
    shared = PlatformClient(replace_base(odd), store)
    assert shared.access_token == token
    assert PlatformClient(replace_base(odd), store).access_token == token


def replace_base(odd: dict) -> Settings:
    client = odd["client"]
    return replace(Settings.from_env({"DATA_DIR": "/tmp/unused-wechat-test"}), wechat_api_base=client.base)


def test_one_client_serves_a_process(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        clients = set(pool.map(lambda _: id(client_of(stage.service)), range(50)))
    assert len(clients) == 1


def test_many_calls_leak_no_connections(stage: Stage, client: PlatformClient) -> None:
    harmless(client)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(30):
        harmless(client)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 3


def test_wechatpy_s_own_modules_go_through_the_same_gate(stage: Stage, client: PlatformClient) -> None:
    person = stage.follower()
    client.message.send_text(person.external, "您好")
    assert stage.screen()[-1]["text"] == "您好"
    with pytest.raises(ApiFault):
        client.message.send_text("oNobody", "您好")


def test_what_only_an_operator_can_mend_is_kept_for_their_page(stage: Stage, client: PlatformClient) -> None:
    assert trouble(stage.service) is None
    stage.rule("*", "errcode", errcode=40164)
    with pytest.raises(ApiFault):
        harmless(client)
    noted = trouble(stage.service)
    assert noted["errcode"] == 40164
    assert "127.0.0.1" in noted["words"]  # the address to put on the platform's list


def test_an_ordinary_fault_is_no_trouble_for_operators(stage: Stage, client: PlatformClient) -> None:
    stage.rule("*", "errcode", errcode=43004)
    with pytest.raises(ApiFault):
        harmless(client)
    assert trouble(stage.service) is None


# --- the table of codes


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (-1, "retry_later"), (40001, "refresh_retry_once"), (40003, "drop_for_user"), (40013, "alert"),
        (40014, "refresh_retry_once"), (40029, "drop_for_user"), (40163, "drop_for_user"), (40164, "alert"),
        (41001, "refresh_retry_once"), (42001, "refresh_retry_once"), (43004, "drop_for_user"),
        (43019, "drop_for_user"), (45002, "alert"), (45009, "retry_later"), (45015, "wait_for_contact"),
        (45047, "wait_for_contact"), (45109, "alert"), (48001, "alert"), (40200, "alert"),
    ],
)  # fmt: skip
def test_every_code_a_backend_must_know_has_its_action(code: int, action: str) -> None:
    assert CODES[code].action == action


def test_an_unknown_code_alerts_and_silence_is_tried_again() -> None:
    assert meaning_of(99999).action == "alert"
    assert meaning_of(None).action == "retry_later"
