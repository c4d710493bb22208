"""A photo sent for a report, from the phone over the callback to the case: fetched later, redrawn, seen, deleted."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

import clock
from bot import case_photos as gathering
from bot.sandbox.driver import Phone
from bot.sandbox.platform import Platform as Sandbox
from bot.wechat import media
from jobs.clocks import case_photos_expire
from records import case_photos, cases, people, pictures, privacy, scanner, uploads
from records.base import read, write
from records.case_photos import CasePhoto
from records.cases import Case

from .conftest import NOW, Stage

SECRET = b"TAKEN-AT-HOME"


def jpeg(shade: str = "#3a7") -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    Image.new("RGB", (64, 48), shade).save(out, "JPEG", exif=exif)
    return out.getvalue()


@dataclass
class Reporter:
    """Somebody who files a hazard report on the phone."""

    stage: Stage
    phone: Phone

    def report(self, *shots: bytes, anonymous: bool = False) -> Any:
        """File one with photos; the case."""
        self.phone.do("tap", id="form:hazard_report", label="举报隐患")
        for text in ("消防", "海曙区演练路1号"):
            self.phone.say(text)
        for shot in shots:
            self.shoot(shot)
        for text in ("楼道里堆满了电瓶车", *(("是",) if anonymous else ("否", "跳过"))):
            self.phone.say(text)
        assert f"照片：{len(shots)}张" in self.seen, self.seen
        self.phone.say("确认")
        assert "已经提交" in self.seen
        with read(self.stage.service.engine) as conn:
            return conn.execute(select(Case.__table__).order_by(Case.id.desc())).first()

    def shoot(self, data: bytes) -> None:
        self.phone.do("image", data=base64.b64encode(data).decode(), mime="image/jpeg")
        assert "照片收到了" in self.seen

    @property
    def seen(self) -> str:
        return self.phone.answers()[-1]

    @property
    def id(self) -> int:
        with read(self.stage.service.engine) as conn:
            return int(people.find(conn, "wechat", self.stage.platform.openid("1")).id)

    def worked(self) -> int:
        """What the worker does."""
        service = self.stage.service
        return gathering.gather(service, {"wechat": partial(media.original, service)})

    def photos(self, case: Any) -> list[Any]:
        with read(self.stage.service.engine) as conn:
            return case_photos.of_case(conn, case.id)

    def files(self) -> set[str]:
        folder = self.stage.service.settings.data_dir / "uploads"
        return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def reporter(city: Sandbox, stage: Stage) -> Iterator[Reporter]:
    with clock.frozen(NOW):
        stage.platform.callback = city.callback
        phone = Phone(city, "1")
        phone.follow()
        yield Reporter(stage, phone)


def test_photos_reach_the_case_without_where_they_were_taken(reporter: Reporter) -> None:
    case = reporter.report(jpeg(), jpeg("#a37"))
    assert ["照片", "2张"] in case.data
    assert [row.state for row in reporter.photos(case)] == ["waiting", "waiting"]
    assert reporter.stage.calls("media/get") == 0, "nobody waits for the platform while filing"
    assert reporter.worked() == 2
    assert reporter.stage.calls("media/get") == 2
    rows = reporter.photos(case)
    assert [row.state for row in rows] == ["kept", "kept"] and {row.source for row in rows} == {None}
    for row in rows:
        drawn = pictures.read(reporter.stage.service.settings.data_dir, row.upload) or b""
        assert Image.open(io.BytesIO(drawn)).size == (64, 48) and SECRET not in drawn
    assert reporter.worked() == 0 and len(reporter.files()) == 2


def test_a_report_without_a_name_keeps_no_way_back_to_the_phone(reporter: Reporter) -> None:
    case = reporter.report(jpeg(), anonymous=True)
    reporter.worked()
    (row,) = reporter.photos(case)
    assert (case.person_id, row.person_id, row.source, row.state) == (None, None, None, "kept")
    sent = [entry["media"] for entry in reporter.phone.chat() if entry["kind"] == "image"]
    assert row.upload not in {
        uploads.of_media(reporter.stage.service.settings.data_dir / "uploads", one) for one in sent
    }, "nor does the file's name tell"
    reporter.phone.unfollow()
    with write(reporter.stage.service.engine) as conn:
        privacy.erase_due(conn, NOW, folder=reporter.stage.service.settings.data_dir / "uploads")
    assert pictures.read(reporter.stage.service.settings.data_dir, row.upload), "the hazard stays on file"


def test_what_the_platform_can_not_give_now_is_tried_again(reporter: Reporter) -> None:
    case = reporter.report(jpeg())
    reporter.stage.rule("media/get", "errcode", errcode=-1)
    assert reporter.worked() == 0
    (row,) = reporter.photos(case)
    assert (row.state, row.attempts) == ("waiting", 1) and row.next_at > NOW
    assert reporter.worked() == 0 and reporter.stage.calls("media/get") == 1, "not at once"
    with clock.frozen(NOW + timedelta(minutes=2)):
        assert reporter.worked() == 1


def told(reporter: Reporter, case: Any) -> list[str]:
    with read(reporter.stage.service.engine) as conn:
        return [step.text for step in cases.history(conn, case.id) if step.shown and step.text]


def test_after_the_last_try_the_case_says_plainly_that_one_is_missing(reporter: Reporter) -> None:
    case = reporter.report(jpeg())
    moment: datetime = NOW
    for _ in range(20):
        with clock.frozen(moment):
            reporter.stage.rule("media/get", "errcode", errcode=-1)
            reporter.worked()
        moment += timedelta(hours=24)
    (row,) = reporter.photos(case)
    assert (row.state, row.source) == ("failed", None)
    assert reporter.stage.calls("media/get") == len(case_photos.WAITS) + 1, "and no more"
    assert [words for words in told(reporter, case) if "有一张照片没有取到" in words]
    assert sum(case_photos.WAITS, timedelta()) <= media.ALIVE, "as long as the platform has them"


@pytest.mark.parametrize("what", ["dead", "no picture"])
def test_what_will_never_come_is_not_asked_for_again(reporter: Reporter, what: str) -> None:
    case = reporter.report(jpeg() if what == "dead" else b"\xff\xd8\xff" + b"x" * 99)
    if what == "dead":
        reporter.stage.rule("media/get", "errcode", errcode=40007)
    reporter.worked()
    (row,) = reporter.photos(case)
    assert row.state == "failed" and len(told(reporter, case)) == 1
    assert reporter.files() == set()


def test_while_the_virus_scanner_is_away_they_wait(reporter: Reporter, tmp_path) -> None:
    case = reporter.report(jpeg())
    scanner.configure(f"unix:{tmp_path}/nobody")
    try:
        assert reporter.worked() == 0
    finally:
        scanner.configure("")
    assert [row.state for row in reporter.photos(case)] == ["waiting"]


def test_the_person_takes_them_along_and_they_go_with_him(reporter: Reporter) -> None:
    case = reporter.report(jpeg())
    reporter.worked()
    with read(reporter.stage.service.engine) as conn:
        (told_of,) = privacy.export_of(conn, reporter.id)["cases"]
    assert told_of["number"] == case.number and told_of["photos"] == ["kept"]
    reporter.phone.unfollow()
    with write(reporter.stage.service.engine) as conn:
        privacy.erase_due(conn, NOW, folder=reporter.stage.service.settings.data_dir / "uploads")
    assert reporter.photos(case) == [] and reporter.files() == set()


def test_a_photo_that_is_erased_while_it_is_fetched_leaves_no_file(reporter: Reporter) -> None:
    case = reporter.report(jpeg())
    service = reporter.stage.service

    def slow(media_id: str) -> bytes:
        with write(service.engine) as conn:
            privacy.erase(conn, reporter.id, NOW)
        return jpeg()

    assert gathering.gather(service, {"wechat": slow}) == 0
    assert reporter.photos(case) == [] and reporter.files() == set()


def test_two_years_after_the_case_they_are_deleted(reporter: Reporter) -> None:
    case = reporter.report(jpeg())
    reporter.worked()
    service = reporter.stage.service
    folder = service.settings.data_dir / "uploads"
    with write(service.engine) as conn:
        cases.move(conn, case.id, "accepted", "staff:1", NOW)
        cases.move(conn, case.id, "resolved", "staff:1", NOW, text="已清理")
    for days, left in ((729, 1), (731, 0)):
        with clock.frozen(NOW + timedelta(days=days)):
            case_photos_expire(service.engine, folder)
        assert len(reporter.photos(case)) == left and len(reporter.files()) == left


def test_the_chat_keeps_its_own_copy_apart(reporter: Reporter) -> None:
    """Deleting the one must not take the other: an unnamed report and the transcript don't share a file."""
    case = reporter.report(jpeg())
    media.sweep(reporter.stage.service)
    reporter.worked()
    assert reporter.stage.calls("media/get") == 1, "what is here already isn't fetched twice"
    (row,) = reporter.photos(case)
    assert len(reporter.files()) == 2
    folder = reporter.stage.service.settings.data_dir / "uploads"
    assert uploads.read(folder, row.upload)


def test_the_same_push_again_adds_nothing(reporter: Reporter, city: Sandbox) -> None:
    city.switch(lost_answers=2)
    case = reporter.report(jpeg())
    assert len(reporter.photos(case)) == 1


def test_an_open_waiting_list_is_found_by_its_index(reporter: Reporter) -> None:
    with read(reporter.stage.service.engine) as conn:
        plan = conn.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM case_photos WHERE state = 'waiting' AND next_at <= '2026-11-22'"
        ).all()
    assert "ix_case_photos_state_next_at" in str(plan), CasePhoto.__tablename__
