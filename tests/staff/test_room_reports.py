"""Rooms and declarations by district and grid, on the page and in both kinds of file."""

from io import BytesIO

from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import func, select

import clock
from records import demo_rooms
from records.base import read, write
from records.declarations import LIVING, Declaration
from records.rooms import Room


def seeded(app: Flask) -> tuple[int, int]:
    """The rehearsal's rooms; how many are open, and how many people live in them."""
    engine = app.extensions["service"].engine
    with write(engine) as conn:
        demo_rooms.seed(conn, clock.now())
    with read(engine) as conn:
        rooms = conn.execute(select(func.count()).select_from(Room).where(Room.state == "open")).scalar_one()
        living = select(func.count()).select_from(Declaration).where(Declaration.state.in_(LIVING))
        return rooms, conn.execute(living).scalar_one()


def lines(desk, query: str = "") -> list[list[str]]:
    text = desk.client.get(f"/staff/reports/export?what=rooms&as=csv{query}").get_data().decode("utf-8-sig")
    return [line.split(",") for line in text.strip().splitlines()]


def test_each_grid_stands_there_and_all_of_them_are_the_city(app: Flask, hire) -> None:
    rooms, living = seeded(app)
    lead = hire("supervisor")
    head, *grids = lines(lead)
    assert head[:6] == ["城市", "区县", "街道（镇）", "村（社区）", "网格", "房间"]
    assert sum(int(grid[5]) for grid in grids) == rooms > 0
    assert sum(int(grid[6]) for grid in grids) == living > 0
    page = lead.get("/staff/reports")
    assert all(grid[4] in page and grid[1] in page for grid in grids)


def test_a_region_sees_its_own_grids_only(app: Flask, hire) -> None:
    seeded(app)
    lead = hire("supervisor")
    whole = lines(lead)[1:]
    districts = {grid[1] for grid in whole}
    haishu = lines(lead, "&region=haishu")[1:]
    assert [grid for grid in whole if grid[1] == "海曙区"] == haishu
    assert lines(lead, "&region=xiangshan")[1:] == [] or "象山县" in districts
    assert lines(lead, "&region=ningbo")[1:] == [grid for grid in whole if grid[0] == "宁波市"]
    assert "还没有房间" in lead.get("/staff/reports?region=xiangshan") or "象山县" in districts


def test_the_file_for_spreadsheets_holds_the_same(app: Flask, hire) -> None:
    seeded(app)
    lead = hire("supervisor")
    for what in ("rooms", "figures", ""):
        book = load_workbook(BytesIO(lead.client.get(f"/staff/reports/export?what={what}&as=xlsx").data))
        text = lead.client.get(f"/staff/reports/export?what={what}&as=csv").get_data().decode("utf-8-sig")
        rows = [",".join("" if cell is None else str(cell) for cell in row) for row in book.active.values]
        assert rows == text.strip().splitlines(), what
