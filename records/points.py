"""The points ledger: who was given points by whom, approved by a second person, and what the office decided in the end.

    entered ──► approved ──► revoked
       └──────► refused

A giver (firm, village, grid leader) has an allotment a year; approving takes from it and revoking gives back, so that
the database itself refuses what exceeds it. Volunteering and blood donation have none. Points are kept as hundredths.
A person sees his own once a member of staff has checked his paper and linked the account to the number.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Connection,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    UniqueConstraint,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from records import identity
from records.base import Base, Instant, SealedJson, SealedText
from records.keyed import adopt, among

MOVES = {"entered": {"approved", "refused"}, "approved": {"revoked"}, "refused": set(), "revoked": set()}
"""Allowed moves of an award or an official result."""
STATES = {"entered": "等复核", "approved": "已生效", "refused": "未通过", "revoked": "已撤销"}
KINDS = {
    "firm": "企业加分", "village": "村社区加分", "grid": "网格长加分", "volunteering": "志愿服务", "blood": "无偿献血",
    "other": "其他",
}  # fmt: skip
ALLOTTED = ("firm", "village", "grid")
"""Kinds that only a giver with an allotment may award (镇海)."""
MOST = Decimal(1000)


class Giver(Base):
    """A firm, village or grid leader, and what it may give in a year."""

    __tablename__ = "points_givers"
    __table_args__ = (UniqueConstraint("kind", "name", "region", "year"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(60))
    region: Mapped[str] = mapped_column(String(24))
    year: Mapped[int]
    allotment: Mapped[int]
    """Hundredths of a point."""
    used: Mapped[int] = mapped_column(default=0)
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(Instant)


class Award(Base):
    """Points for one person. `total` rows are official results: the whole sum, as the office published it."""

    __tablename__ = "points_awards"
    __table_args__ = (Index("ix_points_awards_number_hash_state", "number_hash", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    number_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    who: Mapped[Any] = mapped_column(SealedJson)
    """name, number."""
    kind: Mapped[str] = mapped_column(String(12))
    """One of `KINDS`, or `official`."""
    giver_id: Mapped[int | None] = mapped_column(ForeignKey("points_givers.id"), index=True)
    region: Mapped[str] = mapped_column(String(24))
    hundredths: Mapped[int]
    day: Mapped[date] = mapped_column(Date)
    """When it was earned; of a result, the day it holds for."""
    why: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(10), default="entered", index=True)
    batch: Mapped[str | None] = mapped_column(String(40), index=True)
    """The import it came with."""
    entered_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    entered_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str | None] = mapped_column(String(120))
    """Why it was refused or revoked."""


class Link(Base):
    """A member of staff has seen somebody's paper: this account is that number."""

    __tablename__ = "points_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    number_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    number: Mapped[str | None] = mapped_column(SealedText)
    """What was hashed, so that it can be hashed with another key; None in rows from before it was kept."""
    confirmed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    confirmed_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Refused(ValueError):
    """What can't be done with points, and why, for whoever pressed the button."""


def hundredths(text: str) -> int:
    """Points as typed (`3`, `0.5`) in hundredths. Raises `Refused`."""
    try:
        value = Decimal(text.strip())
    except ArithmeticError:
        raise Refused(f"分值不是数字：{text}") from None
    if not value.is_finite() or not 0 < value <= MOST or value * 100 != int(value * 100):
        raise Refused(f"分值要在0到{MOST}之间，最多两位小数：{text}")
    return int(value * 100)


def points_of(amount: int) -> Decimal:
    """Hundredths as points: 350 → 3.5."""
    value = Decimal(amount) / 100
    return value.quantize(Decimal(1)) if value == value.to_integral() else value.normalize()


def allot(
    conn: Connection, kind: str, name: str, region: str, year: int, amount: int, *, staff_id: int, at: datetime
) -> int:  # fmt: skip
    """Give a giver its allotment for a year, or change it. Raises `Refused` when more has been given already."""
    if kind not in ALLOTTED:
        raise Refused("只有企业、村社区和网格长有年度额度")
    if not name.strip():
        raise Refused("请填名称")
    same = (Giver.kind == kind, Giver.name == name, Giver.region == region, Giver.year == year)
    found = conn.execute(select(Giver.__table__).where(*same)).first()
    if found is None:
        row = {
            "kind": kind, "name": name, "region": region, "year": year, "allotment": amount, "used": 0,
            "made_by": staff_id, "made_at": at,
        }  # fmt: skip
        return int(conn.execute(insert(Giver).returning(Giver.id), row).scalar_one())
    if not conn.execute(update(Giver).where(*same, Giver.used <= amount).values(allotment=amount)).rowcount:
        raise Refused(f"{name}今年已经给出{points_of(found.used)}分，额度不能比这更少")
    return int(found.id)


def enter(
    conn: Connection, *, name: str, number: str, kind: str, region: str, amount: int, day: date, why: str,
    staff_id: int, at: datetime, giver_id: int | None = None, batch: str | None = None,
) -> int:  # fmt: skip
    """Enter an award (or, with kind `official`, a result); it counts once a second person approves it.

    `number` is checked already (`records.identity.id_number`). Raises `Refused`.
    """
    if kind not in KINDS and kind != "official":
        raise Refused(f"没有这一类加分：{kind}")
    if kind in ALLOTTED and giver_id is None:
        raise Refused(f"{KINDS[kind]}要选是谁给的")
    if giver_id is not None:
        giver = conn.execute(select(Giver.__table__).where(Giver.id == giver_id)).first()
        if giver is None or giver.kind != kind or giver.year != day.year:
            raise Refused("加分的单位和类别、年份对不上")
    if not why.strip():
        raise Refused("请写明事由，本人会看到")
    adopt(conn, "number", number)
    row = {
        "number_hash": identity.lookup("number", number), "who": {"name": name, "number": number}, "kind": kind,
        "giver_id": giver_id, "region": region, "hundredths": amount, "day": day, "why": why[:120], "batch": batch,
        "state": "entered", "entered_by": staff_id, "entered_at": at,
    }  # fmt: skip
    return int(conn.execute(insert(Award).returning(Award.id), row).scalar_one())


def decide(
    conn: Connection, award_id: int, state: str, *, staff_id: int, at: datetime, reason: str = "",
    regions: Sequence[str] = (),
) -> None:  # fmt: skip
    """Approve, refuse or revoke; within `regions`, where given.

    Raises `Refused`: not in the table, one's own entry, or over the allotment.
    """
    row = conn.execute(select(Award.__table__).where(Award.id == award_id)).first()
    if row is None or state not in MOVES[row.state] or (regions and row.region not in regions):
        raise Refused("这一笔已经有人处理过了，请刷新再看")
    if state == "approved" and row.entered_by == staff_id:
        raise Refused("自己录入的要请另一个人复核")
    if state != "approved" and not reason.strip():
        raise Refused("请写明理由，本人会看到")
    values: dict[str, Any] = {"state": state, "reason": reason[:120] or None}
    values |= {"revoked_by": staff_id} if state == "revoked" else {"decided_by": staff_id, "decided_at": at}
    same = (Award.id == award_id, Award.state == row.state)
    if not conn.execute(update(Award).where(*same).values(**values)).rowcount:
        raise Refused("别人刚刚处理过这一笔，请刷新再看")
    if row.giver_id is not None and state in ("approved", "revoked"):
        _take(conn, row.giver_id, row.hundredths if state == "approved" else -row.hundredths)


def _take(conn: Connection, giver_id: int, amount: int) -> None:
    # The database decides, not a read before a write: of two approvals at once the one too many fails.
    enough = (Giver.id == giver_id, Giver.used + amount <= Giver.allotment, Giver.used + amount >= 0)
    if not conn.execute(update(Giver).where(*enough).values(used=Giver.used + amount)).rowcount:
        giver = conn.execute(select(Giver.__table__).where(Giver.id == giver_id)).one()
        left = points_of(giver.allotment - giver.used)
        raise Refused(f"{giver.name}{giver.year}年的额度只剩{left}分，不够这一笔")


def givers(conn: Connection, year: int, regions: Sequence[str] = ()) -> list[Row[Any]]:
    """The givers of a year."""
    found = select(Giver.__table__).where(Giver.year == year)
    if regions:
        found = found.where(Giver.region.in_(tuple(regions)))
    return list(conn.execute(found.order_by(Giver.region, Giver.kind, Giver.name)))


def listing(
    conn: Connection, *, state: str = "entered", number: str = "", regions: Sequence[str] = (), limit: int = 200
) -> list[Row[Any]]:  # fmt: skip
    """Awards and results, the newest first, with the giver's name. `number`: only those of one ID number."""
    found = select(Award.__table__, Giver.name.label("giver")).join(Giver, Giver.id == Award.giver_id, isouter=True)
    if state:
        found = found.where(Award.state == state)
    if number:
        found = found.where(among(Award.number_hash, "number", number))
    if regions:
        found = found.where(Award.region.in_(tuple(regions)))
    return list(conn.execute(found.order_by(Award.id.desc()).limit(limit)))


def link(conn: Connection, person_id: int, number: str, *, staff_id: int, at: datetime) -> None:
    """Say that an account is that number, the paper having been seen. An earlier word on the account ends."""
    unlink(conn, person_id, at)
    adopt(conn, "number", number)
    row = {
        "person_id": person_id, "number_hash": identity.lookup("number", number), "number": number,
        "confirmed_by": staff_id, "confirmed_at": at,
    }  # fmt: skip
    conn.execute(insert(Link), row)


def unlink(conn: Connection, person_id: int, at: datetime) -> bool:
    """Take it back. False when there was nothing."""
    mine = update(Link).where(Link.person_id == person_id, Link.ended_at.is_(None))
    return bool(conn.execute(mine.values(ended_at=at)).rowcount)


def of_person(conn: Connection, person_id: int) -> list[Row[Any]] | None:
    """What somebody has been given and what the office decided, the newest first, for `/me` and the chat.

    None: nobody has confirmed yet who he is. Rows: kind, why, day, hundredths, state, reason, giver, region;
    see `KINDS`, `STATES`, `points_of`. What is still being checked is there too, as `entered`.
    """
    mine = select(Link.number_hash).where(Link.person_id == person_id, Link.ended_at.is_(None))
    number = conn.execute(mine).scalar()
    if number is None:
        return None
    columns = (Award.id, Award.kind, Award.why, Award.day, Award.hundredths, Award.state, Award.reason, Award.region)
    found = select(*columns, Giver.name.label("giver")).join(Giver, Giver.id == Award.giver_id, isouter=True)
    found = found.where(Award.number_hash == number, Award.state != "refused")
    return list(conn.execute(found.order_by(Award.day.desc(), Award.id.desc()).limit(200)))


def balance(rows: Sequence[Row[Any]]) -> Decimal:
    """The sum of the awards in force among rows of `of_person`; official results are whole sums and not added."""
    return points_of(sum(row.hundredths for row in rows if row.state == "approved" and row.kind != "official"))
