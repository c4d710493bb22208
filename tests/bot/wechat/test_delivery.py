"""What is sent arrives or says why not; the quota is neither overdrawn nor lost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

import clock
from bot import turn
from bot.message import Choice, Inbound, Link, Reply
from bot.sandbox import phone, samples
from bot.wechat import client as client_module
from bot.wechat import delivery, media
from bot.wechat.channel import Channel
from records import people, uploads
from records.base import read

from .conftest import Stage

TEXT = {"kind": "text", "text": "您好"}


def left(stage: Stage, person) -> int:
    with read(stage.service.engine) as conn:
        return people.left(conn, person.id, clock.now()).left


def send(stage: Stage, person, payload=TEXT) -> delivery.Outcome:
    return delivery.send(stage.service, person, payload)


def test_a_text_arrives_and_costs_one_of_the_quota(stage: Stage) -> None:
    person = stage.follower()
    assert send(stage, person).action == "delivered"
    assert stage.screen()[-1]["text"] == "您好"
    assert left(stage, person) == 4


def test_what_a_turn_could_not_say_at_once_arrives_with_its_choices(stage: Stage) -> None:
    person = stage.follower()
    said = [
        Reply("居住证每年签注一次。\n" * 100, (Choice("要带什么", "permit_renewal/papers"),), (Link("我的", "/me"),))
    ]
    for payload in Channel(stage.service.settings).payloads(said):
        assert send(stage, person, payload).action == "delivered"
    shown = stage.screen()
    assert [entry["kind"] for entry in shown] == ["text", "msgmenu"]
    assert shown[1]["choices"] == [{"id": "permit_renewal/papers", "label": "要带什么"}]


def test_without_a_window_nothing_is_called_and_the_row_waits(stage: Stage) -> None:
    person = stage.follower(window="")
    assert send(stage, person).action == "wait"
    assert stage.calls("cgi-bin") == 0


def test_senders_at_once_never_overdraw_the_quota(stage: Stage) -> None:
    person = stage.follower()
    with ThreadPoolExecutor(8) as pool:
        actions = list(pool.map(lambda _: send(stage, person).action, range(8)))
    assert sorted(actions) == ["delivered"] * 5 + ["wait"] * 3
    assert len(stage.screen()) == 5
    assert stage.calls("message/custom/send") == 5


@pytest.mark.parametrize("code", [45015, 45047])
def test_when_the_platform_says_the_window_is_over_we_believe_it(stage: Stage, code: int) -> None:
    person = stage.follower()
    stage.rule("message/custom/send", "errcode", errcode=code)
    outcome = send(stage, person)
    assert (outcome.action, outcome.errcode) == ("wait", code)
    assert left(stage, person) == 0
    assert stage.calls("message/custom/send") == 1


@pytest.mark.parametrize(
    ("code", "action"),
    [(-1, "retry"), (45009, "retry"), (43004, "drop"), (40003, "drop"), (48001, "alert"), (99999, "alert")],
)
def test_what_the_platform_did_not_send_is_given_back(stage: Stage, code: int, action: str) -> None:
    person = stage.follower()
    stage.rule("message/custom/send", "errcode", errcode=code)
    outcome = send(stage, person)
    assert (outcome.action, outcome.errcode) == (action, code)
    assert left(stage, person) == 5


def test_a_lasting_token_error_is_tried_again_later_not_for_ever(stage: Stage) -> None:
    person = stage.follower()
    stage.rule("message/custom/send", "errcode", left=100, errcode=40001)
    assert send(stage, person).action == "retry"
    assert stage.calls("message/custom/send") == 2


def test_a_line_that_goes_silent_after_sending_leaves_the_message_spent(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", (0.5, 0.5))
    person = stage.follower()
    assert send(stage, person).action == "delivered"
    monkeypatch.setattr(client_module.client_of(stage.service), "timeout", (0.5, 0.5))
    stage.rule("message/custom/send", "hang", seconds=2)
    assert send(stage, person).action == "retry"
    assert left(stage, person) == 3


def test_an_unreachable_platform_gives_the_quota_back(stage: Stage) -> None:
    person = stage.follower()
    stage.service.settings = replace(stage.service.settings, wechat_api_base="http://127.0.0.1:9")
    assert send(stage, person).action == "retry"
    assert left(stage, person) == 5


@pytest.mark.parametrize("payload", [{"kind": "fax"}, {}, {"kind": "text"}, {"kind": "menu", "choices": 3}])
def test_a_payload_nobody_could_send_is_ours_to_mend(stage: Stage, payload: dict) -> None:
    person = stage.follower()
    outcome = send(stage, person, payload)
    assert outcome.action == "alert"
    assert left(stage, person) == 5


def test_an_account_without_menus_sends_numbers(stage: Stage) -> None:
    person = stage.follower()
    menu = {"kind": "menu", "head": "请选择", "choices": [{"id": "greet", "label": "您好"}]}
    stage.rule("message/custom/send", "errcode", errcode=40200)
    assert send(stage, person, menu).action == "delivered"
    assert stage.screen()[-1]["text"] == "请选择\n\n回复数字：\n1 您好"
    assert left(stage, person) == 4


def test_one_news_article_points_to_a_page_of_ours(stage: Stage) -> None:
    person = stage.follower()
    assert (
        send(stage, person, {"kind": "news", "title": "居住证", "description": "怎么办", "path": "/me"}).action
        == "delivered"
    )
    assert stage.screen()[-1]["url"] == "http://city.test/me"


def test_a_picture_of_staff_is_uploaded_and_sent(stage: Stage) -> None:
    person = stage.follower()
    upload = uploads.of_media(stage.service.settings.data_dir / "uploads", "staff-1")
    media.keep(stage.service.settings, upload, samples.picture())
    assert send(stage, person, {"kind": "image", "upload": upload}).action == "delivered"
    assert send(stage, person, {"kind": "image", "upload": "0" * 32}).action == "drop"


def test_a_template_needs_no_window_and_its_fields_are_short_lines(stage: Stage) -> None:
    person = stage.follower(window="")
    template = "sandbox-tmpl-progress-000000000000000000001"
    data = {"thing1": "居住登记\n" + "很长" * 20, "phrase2": "已办结", "time3": "2026年11月22日"}
    outcome = send(
        stage, person, {"kind": "template", "template_id": template, "data": data, "path": "/me", "key": "k1"}
    )
    assert outcome.action == "accepted" and outcome.platform_id
    assert "居住登记 很长" in str(stage.screen()[-1])
    assert send(stage, person, {"kind": "template", "template_id": "no", "data": {}, "path": ""}).action == "alert"


def test_a_notification_without_consent_is_dropped_not_repeated(stage: Stage) -> None:
    person = stage.follower(window="")
    template = "sandbox-tmpl-progress-000000000000000000001"
    payload = {"kind": "subscribe", "template_id": template, "data": {"thing1": "a", "phrase2": "b", "time3": "c"}}
    assert send(stage, person, payload).errcode == 43101
    assert send(stage, person, payload).action == "drop"
    with stage.platform.change("1") as owner:
        owner.consents[template] = 1
    assert send(stage, person, payload).action == "accepted"


def test_after_erasure_nothing_is_sent(stage: Stage) -> None:
    person = stage.follower()

    class Erased:
        id = person.id
        external = None

    assert send(stage, Erased).action == "drop"
    assert stage.calls("cgi-bin") == 0


def test_the_short_window_is_spent_while_it_lasts(stage: Stage) -> None:
    person = stage.follower(window="click")
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        assert send(stage, person).action == "wait"
    assert send(stage, person).action == "delivered"


# --- pictures


def test_a_picture_is_fetched_once_and_kept_encrypted(stage: Stage) -> None:
    data = samples.picture()
    media_id = phone.keep_media(stage.platform, "image", "image/png", data)
    upload = media.fetch(stage.service, media_id)
    assert media.fetch(stage.service, media_id) == upload
    assert stage.calls("media/get") == 1
    assert media.read(stage.service.settings, upload) == (data, "image/png")
    raw = uploads.path_of(stage.service.settings.data_dir / "uploads", upload).read_bytes()
    assert b"PNG" not in raw[:64]
    assert media_id not in str(uploads.path_of(stage.service.settings.data_dir / "uploads", upload))


def test_a_dead_or_foreign_file_is_refused(stage: Stage) -> None:
    with pytest.raises(Exception, match="40007"):
        media.fetch(stage.service, "gone")
    page = phone.keep_media(stage.platform, "image", "image/png", b"<html>" + b"x" * 100)
    with pytest.raises(media.NotAPicture):
        media.fetch(stage.service, page)
    assert not list(stage.service.settings.data_dir.glob("uploads/*/*"))


def test_a_file_that_never_ends_is_cut_off(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(media, "LARGEST", 1000)
    big = phone.keep_media(stage.platform, "image", "image/png", samples.picture())
    with pytest.raises(Exception, match="larger than 1000"):
        media.fetch(stage.service, big)


def said(service, media_id: str, number: int) -> None:
    """Somebody sends a picture."""
    moment = clock.now()
    turn.take(service, Inbound("wechat", "oSomebody", f"m:{number}", "image", moment, media=media_id, window="message"))


def test_pictures_people_sent_are_fetched_by_the_sweep_once(stage: Stage) -> None:
    first = phone.keep_media(stage.platform, "image", "image/png", samples.picture())
    for number, media_id in enumerate(
        [first, "dead", phone.keep_media(stage.platform, "image", "image/png", b"no" * 99)]
    ):
        said(stage.service, media_id, number)
    assert media.sweep(stage.service) == 1
    assert media.sweep(stage.service) == 0
    assert stage.calls("media/get") == 3
    assert (
        media.read(stage.service.settings, uploads.of_media(stage.service.settings.data_dir / "uploads", first))[1]
        == "image/png"
    )
    media.forget(stage.service.settings, first)
    with pytest.raises(FileNotFoundError):
        media.read(stage.service.settings, uploads.of_media(stage.service.settings.data_dir / "uploads", first))


def test_with_the_platform_away_the_sweep_begins_again_at_the_same_picture(stage: Stage) -> None:
    media_id = phone.keep_media(stage.platform, "image", "image/png", samples.picture())
    said(stage.service, media_id, 1)
    stage.rule("media/get", "http500")
    assert media.sweep(stage.service) == 0
    assert media.sweep(stage.service) == 1


@pytest.mark.parametrize("upload", ["", "../../etc/passwd", "0" * 31, "G" * 32])
def test_an_upload_is_named_by_hex_digits_only(settings, upload: str) -> None:
    with pytest.raises(ValueError):
        uploads.path_of(settings.data_dir / "uploads", upload)
