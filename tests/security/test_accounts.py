"""What guards accounts of staff: passwords that others know, the password asked for again, one's own sessions."""

import hashlib
from pathlib import Path

import pytest
from flask import Flask
from zxcvbn.frequency_lists import FREQUENCY_LISTS

import clock
from records import audit, sessions, staff
from records.base import read, write
from staff import passwords, totp
from tests.plain import database_url, understander  # noqa: F401 - fixtures
from tests.staff.conftest import PASSWORD, hire, log_in, token  # noqa: F401 - a fixture

NEW = "每天早上七点的豆浆店"


# --- passwords


def test_no_password_of_the_common_ones_is_taken() -> None:
    common = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= passwords.SHORTEST]
    assert len(common) > 1_000
    taken = [one for one in common if passwords.fault(one, "") is None or passwords.fault(one.title(), "") is None]
    assert taken == []


@pytest.mark.parametrize("ending", ["1234", "2026", "123!", "@2026"])
@pytest.mark.parametrize("word", ["ningbo", "Zhongshan", "woaini", "xinshimin", "juzhuzheng", "qwertyuiop", "weixin"])  # fmt: skip
def test_the_place_the_work_and_the_year_make_no_password(word: str, ending: str) -> None:
    for made in (word + ending, ending + word):
        if len(made) >= passwords.SHORTEST:
            assert passwords.fault(made, "") is not None, made


def test_ones_own_name_makes_no_password() -> None:
    assert passwords.fault("yangguowei2026", "desk-7", "yangguowei") is not None
    assert passwords.fault("yangguowei2026", "desk-7") is None, "it is the name that makes it easy"


def test_a_stolen_password_is_found_in_a_list_of_any_length(tmp_path: Path) -> None:
    """The search by halves finds the first, the last and every other line, and nothing else."""
    stolen = [f"stolen {number} while nobody was looking" for number in range(500)]
    sums = sorted(hashlib.sha1(one.encode()).hexdigest().upper() for one in stolen)
    for count in (1, 2, 3, 17, 500):
        path = tmp_path / f"{count}.txt"
        path.write_text("".join(f"{one}:{number * 37}\r\n" for number, one in enumerate(sums[:count])))
        found = [one for one in stolen if passwords.breached.holds(path, one)]
        assert len(found) == count
        assert not passwords.breached.holds(path, "never stolen")
        assert passwords.breached.fault(path) is None
    assert passwords.fault(stolen[7], "") is None
    assert passwords.fault(stolen[7], "", "", path) == "这个密码在别处泄露过，请换一个。"


@pytest.mark.parametrize("content", [b"", b"password\n123456\n", b"F" * 40 + b":1\n" + b"0" * 40 + b":1\n"])
def test_a_file_that_is_no_such_list_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list").write_bytes(content)
    assert passwords.breached.fault(tmp_path / "list")
    assert passwords.breached.fault(tmp_path / "nowhere")


# --- the password again


def test_switching_the_second_factor_on_asks_for_the_password(app: Flask, hire) -> None:  # noqa: F811
    desk = hire("officer")
    page = desk.get("/staff/account/second-factor")
    with desk.client.session_transaction() as kept:
        secret = kept["totp_new"]
    assert secret in page
    now = clock.now()
    with clock.frozen(now):
        code = totp.code(secret, int(now.timestamp()) // 30)
        for password, on in (("wrong", False), ("", False), (PASSWORD, True)):
            form = {"csrf_token": desk.csrf, "code": code, "password": password}
            desk.client.post("/staff/account/second-factor", data=form)
            with read(app.extensions["service"].engine) as conn:
                assert bool(staff.get(conn, desk.staff_id).totp) is on, password


def test_who_must_have_a_second_factor_cannot_switch_it_off(app: Flask, hire) -> None:  # noqa: F811
    from dataclasses import replace

    service = app.extensions["service"]
    desk = hire("officer")
    with write(service.engine) as conn:
        staff.set_totp(conn, desk.staff_id, totp.new_secret())
    service.settings = replace(service.settings, force_totp="everybody")
    form = {"csrf_token": desk.csrf, "off": "1", "password": PASSWORD}
    assert desk.client.post("/staff/account/second-factor", data=form).status_code == 403


# --- one's own sessions


def test_one_session_is_ended_with_the_password_and_nobody_elses(app: Flask, hire) -> None:  # noqa: F811
    engine = app.extensions["service"].engine
    desk, other = hire("officer"), hire("counsellor")
    phone, tablet = log_in(app, "officer"), log_in(app, "officer")
    with read(engine) as conn:
        running = [row.id for row in sessions.of_staff(conn, desk.staff_id, clock.now())]
        (foreign,) = [row.id for row in sessions.of_staff(conn, other.staff_id, clock.now())]
    assert len(running) == 3 and desk.get("/staff/account").count('type="radio"') == 3

    def end(which: object, password: str = PASSWORD) -> None:
        form = {"csrf_token": desk.csrf, "which": str(which), "password": password}
        assert desk.client.post("/staff/account/sessions", data=form).status_code == 302

    end(running[0], "wrong-password")
    assert tablet.get("/staff/account").status_code == 200
    end(running[0])  # the newest: the tablet's
    assert tablet.get("/staff/account").status_code == 302 and phone.get("/staff/account").status_code == 200
    end(foreign)
    other.get("/staff/account")
    end("all")
    assert phone.get("/staff/account").status_code == 302
    desk.get("/staff/account")
    with read(engine) as conn:
        assert len(audit.search(conn, action="staff.sessions_own")) == 3


def test_a_new_password_is_looked_up_where_the_office_has_a_list(app: Flask, hire, tmp_path: Path) -> None:  # noqa: F811
    from dataclasses import replace

    service = app.extensions["service"]
    path = tmp_path / "stolen.txt"
    path.write_text(hashlib.sha1(NEW.encode()).hexdigest().upper() + ":3\r\n")
    desk = hire("officer")
    form = {"csrf_token": desk.csrf, "old": PASSWORD, "new": NEW, "again": NEW}
    service.settings = replace(service.settings, breached_passwords=path)
    desk.client.post("/staff/account/password", data=form)
    assert log_in(app, "officer", NEW).get("/staff/account").status_code == 302
    service.settings = replace(service.settings, breached_passwords=None)
    desk.client.post("/staff/account/password", data=form)
    assert log_in(app, "officer", NEW).get("/staff/account").status_code == 200
    assert token(desk.get("/staff/account"))


def test_passwords_cannot_be_guessed_at_a_desk_left_open(hire) -> None:  # noqa: F811
    """The account page asks for the password again; it counts failures as the login does."""
    desk = hire("officer")
    wrong = {"csrf_token": desk.csrf, "which": "all", "password": "not-this-one"}
    codes = [desk.client.post("/staff/account/sessions", data=wrong).status_code for _ in range(6)]
    assert codes == [302] * 5 + [429]
    form = {"csrf_token": desk.csrf, "old": PASSWORD, "new": "another-long-one-9", "again": "another-long-one-9"}
    assert desk.client.post("/staff/account/password", data=form).status_code == 429, "nor by another of its forms"
