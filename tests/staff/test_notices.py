"""Notices to those who asked, and answers for everybody: two people, a rate, and what became of each."""

from collections import Counter
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

import clock
from records import bulletins, people, subscriptions
from records.base import read, write
from records.outbox import Outgoing
from staff import notices

NOTICE = {"topic": "points_application", "regions": ["cixi"], "title": "积分申评开始了", "words": "即日起到月底可以申请。",
          "page": "/services", "rate": "8"}  # fmt: skip


@pytest.fixture
def house(app: Flask):
    return app.extensions["service"]


@pytest.fixture
def crowd(house) -> list[int]:
    """Ten on WeChat and two in the browser who asked to be told, and one who asked about something else."""
    made, now = [], clock.now()
    with write(house.engine) as conn:
        for n in range(13):
            channel = "web" if n >= 10 else "wechat"
            people.add(conn, channel, f"p-{n}", now)
            made.append(people.find(conn, channel, f"p-{n}").id)
            subscriptions.add(conn, made[-1], "points_application" if n < 12 else "job_seeking", "cixi", now)
    return made


def send_all(house, steps: int = 6) -> list[int]:
    return [notices.send(house) for _ in range(steps)]


def test_nobody_sends_ones_own_words(house, hire, crowd) -> None:
    writer, second, outsider = hire("supervisor", "a"), hire("reviewer", "b"), hire("officer", "c")
    writer.post("/staff/notices", 302, **NOTICE)
    assert "现在有 12 人等这个消息" in writer.get("/staff/notices")
    writer.post("/staff/notices/1/move", 409, state="sending")
    writer.post("/staff/notices/1/move", 302, state="review")
    assert "另一个人审核" in writer.post("/staff/notices/1/move", 409, state="sending")["error"]
    outsider.post("/staff/notices/1/move", 403, state="sending")
    assert send_all(house, 1) == [0]
    second.post("/staff/notices/1/move", 302, state="draft", reason="写上电话")
    assert "写上电话" in writer.get("/staff/notices")
    writer.post("/staff/notices", 302, **(NOTICE | {"id": "1", "words": "即日起到月底，电话0574-12345。"}))
    writer.post("/staff/notices/1/move", 302, state="review")
    second.post("/staff/notices/1/move", 302, state="sending")
    second.post("/staff/notices/1/move", 409, state="sending")


def approved(house, hire) -> None:
    writer, second = hire("editor", "a"), hire("reviewer", "b")
    writer.post("/staff/notices", 302, **NOTICE)
    writer.post("/staff/notices/1/move", 302, state="review")
    second.post("/staff/notices/1/move", 302, state="sending")


def test_a_notice_goes_out_at_its_rate_once_to_each_and_is_counted(house, hire, crowd) -> None:
    approved(house, hire)
    assert send_all(house, 7) == [2, 2, 2, 2, 2, 2, 0]
    with write(house.engine) as conn:
        rows = conn.execute(select(Outgoing.__table__).order_by(Outgoing.id)).all()
        assert len(rows) == 10 and {row.payload["title"] for row in rows} == {"积分申评开始了"}
        for row, state in zip(rows, ["delivered"] * 5 + ["refused"] * 2 + ["failed"] + ["waiting"] * 2, strict=True):
            conn.execute(update(Outgoing).where(Outgoing.id == row.id).values(state=state))
        assert subscriptions.of_person(conn, crowd[0]) == [] and subscriptions.of_person(conn, crowd[12])
    notices.send(house)
    with read(house.engine) as conn:
        assert bulletins.get(conn, 1).state == "sent"
        counted = bulletins.counts(conn, [1])[1]
    assert counted == Counter(delivered=7, refused=2, failed=1, waiting=2)
    page = hire("supervisor", "z").get("/staff/notices")
    assert "<dt>送达</dt><dd>7</dd>" in page and "<dt>拒收</dt><dd>2</dd>" in page and "<dt>失败</dt><dd>1</dd>" in page


def test_a_notice_is_stopped_half_way(house, hire, crowd) -> None:
    approved(house, hire)
    send_all(house, 2)
    hire("supervisor", "z").post("/staff/notices/1/move", 302, state="stopped")
    assert send_all(house, 2) == [0, 0]
    with read(house.engine) as conn:
        assert sum(bulletins.counts(conn, [1])[1].values()) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"regions": []},
        {"page": "https://evil.example"},
        {"page": "//evil"},
        {"rate": "0"},
        {"topic": "x"},
    ],
)
def test_a_notice_that_makes_no_sense_is_refused(hire, wrong: dict[str, object]) -> None:
    hire("editor").post("/staff/notices", 400, **(NOTICE | wrong))


ANSWER = {"kind": "suggestion", "region": "xiangshan", "title": "车站路口加一盏灯", "question": "晚上下班，路口很黑。",
          "answer": "路灯已经装好。", "office": "石浦镇"}  # fmt: skip


def test_an_answer_is_public_only_after_a_second_person(app: Flask, hire) -> None:
    writer, second = hire("officer", "a"), hire("reviewer", "b")
    everybody = app.test_client()
    writer.post("/staff/answers", 302, **ANSWER)
    writer.post("/staff/answers/1/move", 302, state="review")
    writer.post("/staff/answers/1/move", 403, state="published")
    assert "一盏灯" not in everybody.get("/answers").get_data(as_text=True)
    assert everybody.get("/answers/1").status_code == 404
    second.post("/staff/answers/1/move", 302, state="published")
    page = everybody.get("/answers?region=xiangshan").get_data(as_text=True)
    assert "一盏灯" in page and "路灯已经装好" in page and "员工" not in page and 'style="' not in page
    assert "一盏灯" not in everybody.get("/answers?region=cixi").get_data(as_text=True)
    second.post("/staff/answers/1/move", 302, state="withdrawn")
    assert everybody.get("/answers/1").status_code == 404


def test_nothing_that_names_somebody_is_published(hire) -> None:
    hire("officer").post("/staff/answers", 400, **(ANSWER | {"answer": "请联系13900001234。"}))


def test_who_asked_later_is_not_told_by_an_earlier_notice(house, hire, crowd) -> None:
    approved(house, hire)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        with write(house.engine) as conn:
            subscriptions.add(conn, crowd[12], "points_application", "cixi", clock.now())
        send_all(house, 8)
    with read(house.engine) as conn:
        assert [row.topic for row in subscriptions.of_person(conn, crowd[12])] == ["job_seeking", "points_application"]
