"""What people and their files get wrong: each is told what, and nothing is half done."""

import io
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

import clock
from records import declarations, room_codes, sheets
from records.base import read, write
from records.declarations import Filing

from .conftest import form, id_number, room_named
from .test_desk import bound, declared, desk, engine_of

ASK = {"Accept": "application/json"}
_CELL = '<c t="inlineStr"><is><t>{}</t></is></c>'
HEADER = ("city", "district", "street", "community", "grid", "building", "room")


def big_workbook(path: Path, megabytes: int) -> int:
    """An XLSX of that size on disk, not squeezed, with as many rooms as fit; returns how many."""
    pad = "某" * 200
    rows, size = 0, 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, text in _AROUND.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>')
            sheet.write(f"<row>{''.join(_CELL.format(name) for name in (*HEADER, 'remarks'))}</row>".encode())
            while size < megabytes << 20:
                cells = ("宁波市", "奉化区", "大街道", "大村", "第1网格", f"{rows // 50}号楼", str(rows % 50), pad)
                line = f"<row>{''.join(map(_CELL.format, cells))}</row>".encode()
                sheet.write(line)
                size += len(line)
                rows += 1
            sheet.write(b"</sheetData></worksheet>")
    return rows


_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_AROUND = {
    "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_MAIN}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_MAIN}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_LINKS}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    f'xmlns:r="{_OFFICE}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_LINKS}"><Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
_READ = """
import resource, sys
from pathlib import Path
from records import room_import, sheets
print(sum(1 for _ in sheets.rows(Path(sys.argv[1]), room_import.COLUMNS, room_import.REQUIRED)),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def read_apart(path: Path) -> tuple[int, int]:
    """How many rows a process of its own finds in a file, and the most MB it held."""
    done = subprocess.run([sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, check=True)
    rows, most = done.stdout.split()
    return int(rows), int(most)


def test_memory_does_not_grow_with_the_workbook(tmp_path: Path) -> None:
    held = []
    for megabytes in (1, 10):
        path = tmp_path / f"{megabytes}.xlsx"
        rows = big_workbook(path, megabytes)
        found, most = read_apart(path)
        assert found == rows
        held.append(most)
    assert held[1] < held[0] + 40


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_hundred_megabytes_of_xlsx_are_read_within_400_mb(tmp_path: Path) -> None:
    path = tmp_path / "big.xlsx"
    rows = big_workbook(path, 100)
    assert path.stat().st_size > 100 << 20
    found, most = read_apart(path)
    assert found == rows and most < 400


def test_a_file_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.xlsx"
    with path.open("wb") as file:
        file.truncate(sheets.LARGEST + 1)
    with pytest.raises(sheets.SheetError, match=r"huge\.xlsx 超过120MB，请分成几个文件"):
        next(sheets.rows(path, {"room": ()}, ["room"]))


@pytest.mark.parametrize("headers", [{}, ASK])
def test_too_much_in_one_form_is_said_with_the_way_out(web: Flask, headers: dict[str, str]) -> None:
    room = room_named(engine_of(web), "1号楼", "102")
    data = {"kind": "torn", "photos": (io.BytesIO(b"\0" * (17 << 20)), "a.jpg")}
    answer = web.test_client().post(f"/r/{room.token}/report", data=data, headers=headers)
    assert answer.status_code == 413
    assert "一次最多16MB" in (answer.json["faults"]["form"] if headers else answer.text)


def test_a_firms_file_of_nothing_usable_is_named_and_nothing_written(web: Flask) -> None:
    firm = bound(web, "employer", room_named(engine_of(web), "员工宿舍", "101").employer_id, "openid-bad-firm")
    for content, name, said in (
        (b"PK\x03\x04broken", "名单.xlsx", "名单.xlsx 不是 XLSX 文件"),
        ("这不是表格".encode("gb18030"), "名单.csv", "名单.csv 前几行里没有表头"),
        (b"", "名单.csv", "没有表头"),
    ):
        answer = firm.post("/employer/people", data={"file": (io.BytesIO(content), name)})
        assert answer.status_code == 422 and said in answer.text
    assert "没有选文件，也没有填" in firm.post("/employer/people", data={}).text
    with read(engine_of(web)) as conn:
        assert conn.execute(select(func.count()).where(Filing.source == "employer")).scalar_one() == 0


def test_days_to_come_are_refused_wherever_they_are_typed(web: Flask) -> None:
    engine = engine_of(web)
    room, row = declared(web)
    tomorrow = (clock.now().date() + timedelta(days=1)).isoformat()
    browser = web.test_client()
    faults = browser.post(f"/r/{room.token}/declare", data=form(key="z" * 22, moved_in=tomorrow), headers=ASK).json
    assert "还没到" in faults["faults"]["moved_in"]
    out = {"out-number": id_number("19910203"), "out-phone": "13911112222", "moved_out": tomorrow}
    assert "还没到" in browser.post(f"/r/{room.token}/leave", data=out, headers=ASK).json["faults"]["moved_out"]
    clerk = desk(web)
    data = {"name": "冯安", "paper": "id", "number": id_number("19880808"), "phone": "13911113333", "signed": "yes"}
    page = clerk.post(
        f"/staff/rooms/{room.id}/in", data=data | {"relation": "self", "moved_in": tomorrow}, follow_redirects=True
    )
    assert "还没到" in page.text
    firm = bound(web, "employer", room_named(engine, "员工宿舍", "101").employer_id, "openid-future")
    short = room_named(engine, "员工宿舍", "101").short
    told = firm.post("/employer/people", data=data | {"room": short, "moved_in": tomorrow})
    assert told.status_code == 422 and "还没到" in told.text
    with read(engine) as conn:
        assert [one.id for one in declarations.living_in(conn, room.id)] == [row.id]


def test_a_revoked_code_declares_nobody_and_still_lets_people_out(web: Flask) -> None:
    engine = engine_of(web)
    room, row = declared(web)
    with write(engine) as conn:
        room_codes.revoke(conn, room.id, "staff:1", "被撕", clock.now())
    browser = web.test_client()
    page = browser.get(f"/r/{room.token}")
    assert page.status_code == 410 and room.short in page.text and "吴" not in page.text
    assert browser.post(f"/r/{room.token}/declare", data=form(key="y" * 22)).status_code == 410
    with read(engine) as conn:
        assert [one.id for one in declarations.living_in(conn, room.id)] == [row.id]
    out = {"out-number": id_number("19910203"), "out-phone": "13911112222"}
    assert browser.post(f"/r/{room.token}/leave", data=out).status_code == 303
    with read(engine) as conn:
        assert declarations.living_in(conn, room.id) == []


@pytest.mark.parametrize("content", [b"", b"MZ\x90program", b"\xff\xd8\xff\xe0half a jpeg", b"<svg onload=alert(1)>"])
def test_what_is_no_photo_is_not_kept_by_the_desk_either(web: Flask, content: bytes) -> None:
    room = room_named(engine_of(web), "3号楼", "102")
    officer = desk(web, "officer")
    folder = web.extensions["service"].settings.data_dir / "uploads"
    data = {"result": "pass", "text": "看过", "photos": (io.BytesIO(content), "照片.jpg")}
    page = officer.post(f"/staff/rooms/{room.id}/visit", data=data, follow_redirects=True).text
    assert ("检查已记下" in page) == (content == b"")
    assert ("不是照片" in page) == (content != b"")
    assert not folder.exists() or not any(path.is_file() for path in folder.rglob("*"))
