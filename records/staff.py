"""Members of staff: who may log in to the console, and what they may see."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, String, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant

ROLES = {
    "grid_worker": "网格员",
    "front_desk": "前台",
    "officer": "民警/经办人",
    "counsellor": "心理咨询师",
    "editor": "知识编辑",
    "reviewer": "知识审核",
    "supervisor": "值班长",
    "administrator": "管理员",
}
TEAMS = {
    "general": "综合服务",
    "psychology": "心理援助",
    "labour": "劳动维权",
    "schools": "教育入学",
    "rooms": "房屋登记",
    "permits": "居住证件",
    "emergency": "应急值守",
}


class Staff(Base):
    """One account of the console."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(24))
    teams: Mapped[str] = mapped_column(String(120), default="general")
    """Queues this person works, separated by spaces."""
    region: Mapped[str | None] = mapped_column(String(24))
    password_hash: Mapped[str] = mapped_column(String(160))
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


def create(
    conn: Connection, login: str, name: str, role: str, password_hash: str, at: datetime, *,
    teams: tuple[str, ...] = ("general",), region: str | None = None,
) -> int:  # fmt: skip
    """Make an account. Raises `ValueError` for a role or team that doesn't exist; IntegrityError for a taken login."""
    if role not in ROLES:
        raise ValueError(f"there is no role {role!r}; there are: {', '.join(ROLES)}")
    unknown = [team for team in teams if team not in TEAMS]
    if unknown:
        raise ValueError(f"there is no team {unknown[0]!r}; there are: {', '.join(TEAMS)}")
    row = {
        "login": login, "name": name, "role": role, "teams": " ".join(teams), "region": region,
        "password_hash": password_hash, "created_at": at,
    }  # fmt: skip
    return int(conn.execute(insert(Staff).returning(Staff.id), row).scalar_one())


def by_login(conn: Connection, login: str) -> Row[Any] | None:
    """An account that may log in, or None."""
    return conn.execute(select(Staff.__table__).where(Staff.login == login, Staff.disabled_at.is_(None))).first()


def get(conn: Connection, staff_id: int) -> Row[Any] | None:
    """An account that may log in, or None."""
    return conn.execute(select(Staff.__table__).where(Staff.id == staff_id, Staff.disabled_at.is_(None))).first()
