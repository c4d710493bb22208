"""Rooms from files: as offices really keep them, every bad row named, loading twice changes nothing."""

import csv
import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Engine, func, select

from records import room_import, rooms, sheets
from records.base import read
from records.places import Place
from records.room_codes import RoomCode
from records.rooms import Landlord, Room

from .conftest import NOW

HEADER = list(room_import.COLUMNS)
GOOD = [
    "宁波市",
    "奉化区",
    "锦屏街道",
    "大成社区",
    "第1网格",
    "3号楼",
    "101",
    "房东丙",
    "13912345678",
    "自建房",
    "18.5",
    "2",
]


def table(path: Path, rows: list[list[str]], encoding: str = "utf-8", header: list[str] | None = None) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header or HEADER, *rows])
    return path


def numbered(count: int) -> list[list[str]]:
    return [[*GOOD[:6], str(number), *GOOD[7:]] for number in range(1, count + 1)]


def load(engine: Engine, path: Path, **more: object) -> room_import.Count:
    return room_import.load(engine, path, NOW, **more)


def count_rooms(engine: Engine, community: str = "大成社区") -> int:
    with read(engine) as conn:
        found = select(func.count(Room.id)).join(Place, Place.id == Room.building_id)
        return conn.execute(found.where(Place.path.contains(community))).scalar_one()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_file_in_any_of_our_encodings_is_read(engine: Engine, tmp_path: Path, encoding: str) -> None:
    count = load(engine, table(tmp_path / "a.csv", [GOOD], encoding))
    assert (count.imported, count.rejected) == (1, 0)
    with read(engine) as conn:
        row = conn.execute(rooms.selection("room=101,community=大成社区")).one()
        owner = rooms.landlord(conn, row.landlord_id)
    assert (row.kind, row.area_m2, row.beds, owner.name) == ("house", 18.5, 2, "房东丙")
    assert row.short.startswith("NB-FH-") and len(row.token) == 18


def test_loading_the_same_file_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", numbered(30))
    load(engine, path)
    with read(engine) as conn:
        before = {row.short: row.token for row in conn.execute(rooms.selection(""))}
    again = load(engine, path)
    assert (again.imported, again.updated, again.unchanged) == (0, 0, 30)
    with read(engine) as conn:
        assert {row.short: row.token for row in conn.execute(rooms.selection(""))} == before


def test_a_changed_row_is_an_update(engine: Engine, tmp_path: Path) -> None:
    load(engine, table(tmp_path / "a.csv", numbered(3)))
    changed = numbered(3)
    changed[1][11] = "4"
    count = load(engine, table(tmp_path / "b.csv", changed))
    assert (count.imported, count.updated, count.unchanged) == (0, 1, 2)


def test_a_dry_run_says_the_same_and_writes_nothing(engine: Engine, tmp_path: Path) -> None:
    rows = [*numbered(5), [*GOOD[:6], "", *GOOD[7:]]]
    path = table(tmp_path / "a.csv", rows)
    dry = load(engine, path, dry_run=True)
    assert (dry.imported, dry.rejected) == (5, 1)
    assert count_rooms(engine) == 0
    real = load(engine, path)
    assert (real.imported, real.rejected) == (dry.imported, dry.rejected)
    assert load(engine, path, dry_run=True).unchanged == 5


def test_bad_rows_are_named_and_can_be_corrected_and_loaded(engine: Engine, tmp_path: Path) -> None:
    bad = [
        [*GOOD[:5], "", *GOOD[6:]],
        [*GOOD[:9], "城堡", *GOOD[10:]],
        [*GOOD[:10], "很大", "2"],
        [*GOOD[:11], "-1"],
        [*GOOD[:8], "1234", *GOOD[9:]],
        [*GOOD[:6], "x" * 25, *GOOD[7:]],
        GOOD,
    ]
    path = table(tmp_path / "a.csv", [GOOD, *bad])
    rejected = tmp_path / "bad.csv"
    count = load(engine, path, bad_path=rejected)
    assert (count.imported, count.rejected) == (1, 7)
    with rejected.open(encoding="utf-8-sig", newline="") as file:
        reasons = {int(row["line"]): row["reason"] for row in csv.DictReader(file)}
    assert list(reasons) == [3, 4, 5, 6, 7, 8, 9]
    for line, words in {3: "缺楼栋", 4: "城堡", 5: "面积", 6: "床位", 7: "电话", 8: "24个字", 9: "第2行"}.items():
        assert words in reasons[line]
    with rejected.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["building"] = "4号楼"
    fixed = tmp_path / "fixed.csv"
    with fixed.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerow(rows[0])
    assert load(engine, fixed).imported == 1


def test_an_xlsx_with_a_title_and_merged_headings_is_read(engine: Engine, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["2026年出租房屋登记表"])
    sheet.merge_cells("A1:L1")
    sheet.append(
        ["城市", "区县", "街道", "村社", "网格", "房屋位置", None, "出租人", None, "房屋类型", "面积（㎡）", "床位数"]
    )
    sheet.append([None, None, None, None, None, "楼栋", "房号", "房东姓名", "联系电话", None, None, None])
    sheet.merge_cells("F2:G2")
    sheet.merge_cells("H2:I2")
    for column in "ABCDEJKL":
        sheet.merge_cells(f"{column}2:{column}3")
    sheet.append([*GOOD[:6], 101, "房东丙", 13912345678, "自建房", 18.5, 2])
    book.save(tmp_path / "a.xlsx")
    count = load(engine, tmp_path / "a.xlsx")
    assert (count.imported, count.rejected) == (1, 0)
    with read(engine) as conn:
        row = conn.execute(rooms.selection("room=101,community=大成社区")).one()
        assert rooms.landlord(conn, row.landlord_id).phone == "13912345678"


def test_landlords_are_one_row_each_and_unreadable_in_the_database(engine: Engine, tmp_path: Path) -> None:
    load(engine, table(tmp_path / "a.csv", numbered(20)))
    with read(engine) as conn:
        assert (
            conn.execute(
                select(func.count()).where(Landlord.phone_hash == rooms.phone_hash("13912345678"))
            ).scalar_one()
            == 1
        )
        raw = conn.exec_driver_sql("SELECT name, phone FROM landlords").all()
    assert all("房东".encode() not in bytes(name) and b"139" not in bytes(phone) for name, phone in raw)


def test_formulas_are_not_run_from_an_export_and_survive_the_way_back(engine: Engine, tmp_path: Path) -> None:
    row = [*GOOD]
    row[6], row[7] = "=cmd|' /C calc'!A0", "@SUM(A1)"
    load(engine, table(tmp_path / "a.csv", [row]))
    out = tmp_path / "out.csv"
    room_import.export(engine, out, "community=大成社区")
    cells = next(csv.reader(out.read_text(encoding="utf-8-sig").splitlines()[1:]))
    assert all(not cell.startswith(sheets.FORMULA) for cell in cells)
    again = load(engine, out)
    assert (again.imported, again.updated, again.unchanged) == (0, 0, 1)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "没有表头"),
        (b"a,b,c\n1,2,3\n", "没有表头.*楼栋"),
        (b"\x81\x30\xff\xff\xfe", "不是 UTF-8 也不是 GB18030"),
        (b"PK\x03\x04rest", "Excel 文件"),
    ],
)
def test_what_is_no_table_is_said_in_one_sentence(engine: Engine, tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(sheets.SheetError, match=named):
        load(engine, path)


def test_a_small_file_that_unpacks_to_gigabytes_is_not_unpacked(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"0" * (65 * 1024 * 1024))
    assert path.stat().st_size < 1024 * 1024
    with pytest.raises(sheets.SheetError, match="另存为 CSV"):
        load(engine, path)


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["rooms", *arguments])


def test_the_command_prints_the_line_that_scripts_read(web: Flask, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [*numbered(4), [*GOOD[:6], "", *GOOD[7:]]])
    result = run(web, "import", str(path))
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("imported=4 updated=0 rejected=1 seconds=")
    assert (tmp_path / "a.rejected.csv").exists()
    missing = run(web, "import", str(tmp_path / "none.csv"))
    assert missing.exit_code == 1 and "没有这个文件" in missing.output


def test_every_room_has_exactly_one_code_in_force(engine: Engine, tmp_path: Path) -> None:
    load(engine, table(tmp_path / "a.csv", numbered(50)))
    with read(engine) as conn:
        total = conn.execute(select(func.count(Room.id))).scalar_one()
        codes = conn.execute(select(func.count(RoomCode.id)).where(RoomCode.revoked_at.is_(None))).scalar_one()
        tokens = conn.execute(select(func.count(RoomCode.token.distinct()))).scalar_one()
    assert total == codes == tokens


def test_a_file_without_end_is_not_read_to_the_end(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_import, "MOST", 1500)
    with pytest.raises(sheets.SheetError, match="请分成几个文件"):
        load(engine, table(tmp_path / "a.csv", numbered(5000)))
    assert count_rooms(engine) == 2000  # what was read is in; loading the parts completes it
