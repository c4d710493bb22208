"""Places people can go to: police stations, village desks, clinics. Entered by one person, shown after a second's word.

waiting ──► shown ──► removed
   └──────────────────►┘
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Date, Float, ForeignKey, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.articles import touch
from records.base import Base, Instant

MOVES = {"waiting": {"shown", "removed"}, "shown": {"removed"}, "removed": set()}
STATES = {"waiting": "等另一个人确认", "shown": "已公开", "removed": "已撤下"}


class ServicePoint(Base):
    """One place; see knowledge_base.places for the fields and their checks."""

    __tablename__ = "service_points"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    region: Mapped[str] = mapped_column(String(24), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(120))
    hours: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    source: Mapped[str] = mapped_column(String(200))
    checked_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    entered_by: Mapped[str] = mapped_column(String(60))
    entered_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class IllegalMove(ValueError):
    """Why a place can't be moved so. The message is for whoever pressed the button."""


FIELDS = (
    "key", "region", "kind", "name", "address", "hours", "phone", "latitude", "longitude", "source", "checked_on",
)  # fmt: skip


def put(conn: Connection, fields: dict[str, Any], *, actor: str, at: datetime, state: str = "waiting") -> None:
    """Enter a place, or a new text of one, which waits for a second person again. `fields`: all of `FIELDS`."""
    values = {name: fields[name] for name in FIELDS} | {
        "state": state, "entered_by": actor, "entered_at": at, "decided_by": None,
    }  # fmt: skip
    if not conn.execute(update(ServicePoint).where(ServicePoint.key == fields["key"]).values(**values)).rowcount:
        conn.execute(insert(ServicePoint), values)
    touch(conn)


def move(conn: Connection, key: str, state: str, *, staff_id: int) -> None:
    """Show or remove a place. Raises `IllegalMove`: not in the table, or one's own entry."""
    row = conn.execute(select(ServicePoint.__table__).where(ServicePoint.key == key)).first()
    if row is None or state not in MOVES[row.state]:
        raise IllegalMove("这个服务点已经有人处理过了，请刷新再看")
    if state == "shown" and row.entered_by == f"staff:{staff_id}":
        raise IllegalMove("自己填的要请另一个人确认")
    same = (ServicePoint.key == key, ServicePoint.state == row.state)
    if not conn.execute(update(ServicePoint).where(*same).values(state=state, decided_by=staff_id)).rowcount:
        raise IllegalMove("别人刚刚处理过，请刷新再看")
    touch(conn)


def listing(conn: Connection, states: tuple[str, ...] = ("waiting", "shown")) -> list[Row[Any]]:
    """Places by region and name."""
    found = select(ServicePoint.__table__).where(ServicePoint.state.in_(states))
    return list(conn.execute(found.order_by(ServicePoint.region, ServicePoint.kind, ServicePoint.name)))
