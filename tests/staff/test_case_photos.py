"""Photos that came with a filed form, at the case: shown to whoever may see it, every look noted, a missing one said."""

from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

import clock
from records import case_photos, cases, pictures
from records.audit import Entry
from records.base import read, write
from tests.staff.test_pages import file_case


@pytest.fixture
def house(app: Flask):
    return app.extensions["service"]


def put(house, case_id: int, sources: int = 1) -> list[int]:
    """Photos of a case, waiting to be fetched; their ids."""
    with write(house.engine) as conn:
        number = next(row.number for row in conn.execute(select(cases.Case.__table__)) if row.id == case_id)
        case_photos.add(conn, number, "web", [f"p{n}" for n in range(sources)], None, clock.now())
        return [row.id for row in case_photos.of_case(conn, case_id)]


def fetched(house, photo_id: int) -> None:
    out = BytesIO()
    Image.new("RGB", (64, 48), (180, 60, 40)).save(out, "JPEG")
    with write(house.engine) as conn:
        assert case_photos.keep(conn, photo_id, pictures.keep(house.settings.data_dir, out.getvalue()))


def looks(house) -> list[str]:
    with read(house.engine) as conn:
        return list(conn.execute(select(Entry.actor).where(Entry.action == "case.photo")).scalars())


def test_a_photo_is_shown_at_its_case_and_every_look_is_noted(house, hire) -> None:
    case = file_case(house)
    (photo,) = put(house, case)
    desk = hire("officer", "a", ("rooms",))
    path = f"/staff/cases/{case}/photos/{photo}"
    assert "1张照片正在取回" in desk.get(f"/staff/cases/{case}")
    desk.get(path, 404)
    fetched(house, photo)
    page = desk.get(f"/staff/cases/{case}")
    assert f'src="{path}"' in page and "正在取回" not in page
    shown = desk.client.get(path)
    assert shown.mimetype == "image/jpeg" and shown.headers["Cache-Control"] == "private, no-store"
    assert Image.open(BytesIO(shown.data)).size == (64, 48)
    assert looks(house) == [f"staff:{desk.staff_id}"]


def test_who_may_not_see_the_case_does_not_see_its_photos(house, hire) -> None:
    case, other = file_case(house), file_case(house, team="labour")
    (photo,) = put(house, case)
    fetched(house, photo)
    outsider = hire("officer", "b", ("labour",))
    outsider.get(f"/staff/cases/{case}/photos/{photo}", 404)
    outsider.get(f"/staff/cases/{other}/photos/{photo}", 404)
    assert looks(house) == []


def test_a_missing_photo_is_said_plainly(house, hire) -> None:
    case = file_case(house)
    put(house, case, 2)
    with write(house.engine) as conn:
        for photo in case_photos.of_case(conn, case):
            case_photos.fail(conn, photo, clock.now())
    page = hire("officer", "a", ("rooms",)).get(f"/staff/cases/{case}")
    assert "2张照片没有取到，需要时请当事人再发一次" in page and "有一张照片没有取到" in page
