"""When people are at their desks: weekly hours, holidays and adjusted working days, shifts and who is on call.

The weekly hours are a switch (`records.switches.Switches.hours`); the days that differ are rows that staff enter, since
China's holidays and adjusted working days are announced anew each year (国务院办公厅每年的节假日安排).
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Date, ForeignKey, Index, Row, String, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

import clock
from records import switches
from records.base import Base, Instant
from records.prepared import Prepared

WEEKDAYS = "一二三四五六日"
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d|24:00)")
_FAR = 60  # days that are looked ahead for the next opening

Spans = list[tuple[datetime, datetime]]


class CalendarDay(Base):
    """A day that differs from its weekday: closed (a holiday), or open with hours of its own."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    hours: Mapped[str] = mapped_column(String(60))
    """As in the week's hours; empty: closed."""
    note: Mapped[str] = mapped_column(String(40))


class Shift(Base):
    """When somebody works, or is on call for people in danger."""

    __tablename__ = "shifts"
    __table_args__ = (Index("ix_shifts_ends_at_starts_at", "ends_at", "starts_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    on_call: Mapped[bool] = mapped_column(default=False)


def parse(text: str) -> list[tuple[time, timedelta]]:
    """`08:30-12:00,13:30-17:30` as (start, length) in order; an empty text is a closed day.

    Raises `ValueError`, in words for whoever typed it.
    """
    spans: list[tuple[time, timedelta]] = []
    last = timedelta()
    for part in filter(None, (part.strip() for part in text.replace("，", ",").split(","))):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise ValueError(f"“{part}”不是时间段，请写成 08:30-17:30")
        start = timedelta(hours=int(found[1]), minutes=int(found[2]))
        hour, minute = found[3].split(":")
        end = timedelta(hours=int(hour), minutes=int(minute))
        if end <= start or start < last:
            raise ValueError(f"“{part}”的时间段前后颠倒或重叠")
        spans.append((time(int(found[1]), int(found[2])), end - start))
        last = end
    return spans


def worked(conn: Connection, after: date, days: int = 45) -> dict[date, bool]:
    """Holidays (False) and adjusted working days (True) among the `days` days after a day; others aren't named."""
    ahead = CalendarDay.day.between(after + timedelta(days=1), after + timedelta(days=days))
    rows = conn.execute(select(CalendarDay.day, CalendarDay.hours).where(ahead))
    return {row.day: bool(row.hours) for row in rows}


def _spans(day: date, text: str) -> Spans:
    """When the desks are open on a day with such hours: (start, end) in order; empty on a closed day."""
    midnight = datetime.combine(day, time(), clock.CHINA)
    return [
        (midnight + timedelta(hours=start.hour, minutes=start.minute),
         midnight + timedelta(hours=start.hour, minutes=start.minute) + length)
        for start, length in parse(text)
    ]  # fmt: skip


_SPECIAL = Prepared(
    select(CalendarDay.day, CalendarDay.hours).where(CalendarDay.day.between(bindparam("since"), bindparam("until")))
)


def next_opening(conn: Connection, at: datetime, week: Sequence[str] | None = None) -> datetime | None:
    """When the desks open next: `at` itself when they are open; None when nothing is planned for two months.

    `week`: the hours of Monday to Sunday, where the caller knows them; else the switch's.
    """
    local = at.astimezone(clock.CHINA)
    week = switches.load(conn).hours if week is None else week
    today = local.date()
    special = dict(_SPECIAL.all(conn, {"since": today, "until": today + timedelta(days=_FAR)}))
    for day in (today + timedelta(days=ahead) for ahead in range(_FAR)):
        for start, end in _spans(day, special.get(day, week[day.weekday()])):
            if end > local:
                return max(start, local)
    return None


def open_now(conn: Connection, at: datetime) -> bool:
    """Whether the desks are open at a moment."""
    return next_opening(conn, at) == at


def said(moment: datetime, now: datetime) -> str:
    """A moment ahead as people say it: 今天13:30, 明天8:30, 11月24日（星期二）8:30."""
    moment, today = moment.astimezone(clock.CHINA), now.astimezone(clock.CHINA).date()
    clocked = f"{moment.hour}:{moment.minute:02d}"
    if moment.date() == today:
        return f"今天{clocked}"
    if moment.date() == today + timedelta(days=1):
        return f"明天{clocked}"
    return f"{moment.month}月{moment.day}日（星期{WEEKDAYS[moment.weekday()]}）{clocked}"


def set_day(conn: Connection, day: date, hours: str, note: str) -> None:
    """Enter a day that differs. Raises `ValueError` for hours that can't be read."""
    parse(hours)
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    values = {"hours": hours.strip()[:60], "note": note.strip()[:40]}
    statement = dialect.insert(CalendarDay).values(day=day, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["day"], set_=values))


def clear_day(conn: Connection, day: date) -> None:
    """The day is as its weekday again."""
    conn.execute(delete(CalendarDay).where(CalendarDay.day == day))


def special_days(conn: Connection, since: date) -> list[Row[Any]]:
    """The days that differ, from a day on."""
    return list(
        conn.execute(select(CalendarDay.__table__).where(CalendarDay.day >= since).order_by(CalendarDay.day).limit(120))
    )


def add_shift(conn: Connection, staff_id: int, starts_at: datetime, ends_at: datetime, *, on_call: bool) -> None:
    """Plan a shift. Raises `ValueError` for one that ends before it starts or lasts longer than two days."""
    if not timedelta() < ends_at - starts_at <= timedelta(days=2):
        raise ValueError("班次的结束要晚于开始，最长两天")
    row = {"staff_id": staff_id, "starts_at": starts_at, "ends_at": ends_at, "on_call": on_call}
    conn.execute(insert(Shift), row)


def remove_shift(conn: Connection, shift_id: int) -> None:
    """Take a shift away."""
    conn.execute(delete(Shift).where(Shift.id == shift_id))


def shifts(conn: Connection, since: datetime, until: datetime) -> list[Row[Any]]:
    """The shifts that touch a stretch of time, in order."""
    touching = select(Shift.__table__).where(Shift.ends_at > since, Shift.starts_at < until)
    return list(conn.execute(touching.order_by(Shift.starts_at, Shift.id).limit(500)))


def off_shift(conn: Connection, at: datetime) -> set[int]:
    """Those whose shift is over: they had one within the last twelve hours and have none now."""
    rows = conn.execute(
        select(Shift.staff_id, Shift.starts_at, Shift.ends_at).where(
            Shift.ends_at > at - timedelta(hours=12), Shift.starts_at <= at, Shift.on_call.is_(False)
        )
    ).all()
    working = {row.staff_id for row in rows if row.starts_at <= at < row.ends_at}
    return {row.staff_id for row in rows} - working


def on_call(conn: Connection, at: datetime) -> list[int]:
    """Who is on call for people in danger now."""
    now = (Shift.on_call.is_(True), Shift.starts_at <= at, Shift.ends_at > at)
    return list(conn.execute(select(Shift.staff_id).where(*now)).scalars())
