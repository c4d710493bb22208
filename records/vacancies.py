"""Vacancies that the employment service loads from a file (余姚's job fairs, 江北's employment service).

A file replaces what its source said before: what is not in it any more is no vacancy any more. Firms' contacts are as
firms published them; nothing here is about people who look for work.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Date, Engine, Index, Row, String, UniqueConstraint, delete, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from records import sheets, subscriptions
from records.base import Base, Instant, write

COLUMNS: Final = {
    "title": ("岗位", "工种", "职位", "岗位名称"),
    "firm": ("单位", "用人单位", "企业", "公司", "单位名称"),
    "region": ("地区", "区县", "区"),
    "place": ("工作地点", "地点", "地址"),
    "pay_from": ("最低月薪", "工资下限", "月薪"),
    "pay_to": ("最高月薪", "工资上限"),
    "people": ("人数", "招聘人数"),
    "wants": ("要求", "条件"),
    "contact": ("联系方式", "联系电话", "电话"),
    "until": ("截止日期", "有效期", "截止"),
}
TOPIC: Final = "job_seeking"
"""The topic under which people ask to be told of posts."""
NEWS: Final = "您等的招工有新的了。在聊天里说“找工作”，我把您那里的岗位列给您。"
PAGE: Final = "/services"
REQUIRED: Final = ("title", "firm", "region", "until")
_LONGEST = {"title": 40, "firm": 60, "place": 80, "wants": 200, "contact": 60}
_MOST_PAY = 100_000


class Vacancy(Base):
    """One post at one firm."""

    __tablename__ = "vacancies"
    __table_args__ = (UniqueConstraint("source", "number"), Index("ix_vacancies_region_until", "region", "until"))

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    number: Mapped[int]
    """The line of the file."""
    title: Mapped[str] = mapped_column(String(40))
    firm: Mapped[str] = mapped_column(String(60))
    region: Mapped[str] = mapped_column(String(24))
    place: Mapped[str] = mapped_column(String(80), default="")
    pay_from: Mapped[int | None]
    """Yuan a month."""
    pay_to: Mapped[int | None]
    people: Mapped[int | None]
    wants: Mapped[str] = mapped_column(String(200), default="")
    contact: Mapped[str] = mapped_column(String(60), default="")
    until: Mapped[date] = mapped_column(Date)
    loaded_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(slots=True)
class Loaded:
    """What a load did; `bad` names rows that can't be taken: (line, reason)."""

    taken: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    fresh: frozenset[str] = frozenset()
    """Places with open posts that the source didn't name before."""
    told: int = 0
    """How many people who had asked to be told of posts there were told."""


def load(
    engine: Engine, path: Path, source: str, regions: Mapping[str, str], at: datetime,
    around: Callable[[str], Iterable[str]] = lambda region: (region,),
) -> Loaded:  # fmt: skip
    """Take a source's file (CSV or XLSX) in place of what it said before, and tell whoever waits for posts of a place.

    `regions`: names of places → their keys; `around`: a place and those that it lies in, for their wishes. Raises `sheets.SheetError` when the file can't be read; then nothing has changed.
    """
    loaded = Loaded()
    rows = []
    for line in sheets.rows(path, COLUMNS, REQUIRED):
        try:
            rows.append(_read(line.cells, regions) | {"number": line.number})
        except ValueError as fault:
            loaded.bad.append((line.number, str(fault)))
    with write(engine) as conn:
        known = _named(conn, source, at.date())
        replace(conn, source, rows, at)
        open_ = [row for row in rows if row["until"] >= at.date() and _same(row) not in known]
        loaded.fresh = frozenset(row["region"] for row in open_)
        waiting = frozenset(place for region in loaded.fresh for place in around(region))
        loaded.told = subscriptions.tell(conn, TOPIC, waiting, "有新的招工", NEWS, PAGE, at)
    loaded.taken = len(rows)
    return loaded


def _same(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes a post the same one in the next file."""
    return (row["title"], row["firm"], row["region"], row["place"])


def _named(conn: Connection, source: str, on: date) -> set[tuple[str, ...]]:
    """The open posts that a source names now."""
    table = Vacancy.__table__.c
    found = select(table.title, table.firm, table.region, table.place)
    found = found.where(table.source == source[:40], table.until >= on)
    return {_same(row._asdict()) for row in conn.execute(found)}


def replace(conn: Connection, source: str, rows: list[dict[str, Any]], at: datetime) -> None:
    """Put a source's posts (columns of `Vacancy`) in place of what it said before."""
    conn.execute(delete(Vacancy).where(Vacancy.source == source[:40]))
    if rows:
        conn.execute(insert(Vacancy), [row | {"source": source[:40], "loaded_at": at} for row in rows])


def search(
    conn: Connection, words: str, regions: Collection[str], on: date, *, pay: int = 0, limit: int = 20, after: int = 0
) -> list[Row[Any]]:
    """Open vacancies in some places, the ones that end last first. `words`, separated by spaces: each must be in the
    post, the firm, the place or what is wanted. `pay`: at least so many yuan a month. `after`: how many to pass over."""
    table = Vacancy.__table__.c
    found = select(Vacancy.__table__).where(table.region.in_(regions), table.until >= on)
    for word in words.split()[:5]:
        columns = (table.title, table.firm, table.place, table.wants)
        found = found.where(or_(*(column.contains(word, autoescape=True) for column in columns)))
    if pay:
        found = found.where(or_(table.pay_to >= pay, table.pay_from >= pay))
    return list(conn.execute(found.order_by(table.until.desc(), table.id).limit(limit).offset(after)))


def _read(cells: Mapping[str, str], regions: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: cells.get(name, "").strip() for name in _LONGEST}
    for name, longest in _LONGEST.items():
        if len(row[name]) > longest:
            raise ValueError(f"{COLUMNS[name][0]}最多{longest}个字")
    if not row["title"] or not row["firm"]:
        raise ValueError("岗位和单位都要填")
    region = cells.get("region", "").strip()
    if region not in regions:
        raise ValueError(f"没有这个地区：{region or '（空）'}")
    try:
        until = date.fromisoformat(cells.get("until", "").strip()[:10].replace("/", "-"))
    except ValueError:
        raise ValueError("截止日期请写成2026-12-31这样") from None
    numbers = {name: _number(cells.get(name, ""), name) for name in ("pay_from", "pay_to", "people")}
    if numbers["pay_from"] and numbers["pay_to"] and numbers["pay_from"] > numbers["pay_to"]:
        raise ValueError("最低月薪比最高月薪还高")
    return row | numbers | {"region": regions[region], "until": until}


def _number(text: str, name: str) -> int | None:
    text = text.strip().removesuffix("元").removesuffix("人").replace(",", "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= _MOST_PAY or len(text) > 9:
        raise ValueError(f"{COLUMNS[name][0]}不是1到{_MOST_PAY}的整数：{text[:20]}")
    return int(text)
