"""Members of staff: who may log in to the console, and what they may see."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import BigInteger, Connection, ForeignKey, LargeBinary, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant, SealedText

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
INVITATION_LASTS = timedelta(days=7)


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
    """The place this person works for; None: everywhere."""
    password_hash: Mapped[str] = mapped_column(String(160))
    totp: Mapped[str | None] = mapped_column(SealedText)
    """The secret of the second factor (base32); None while it isn't set up."""
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    """The last 30-second step whose code was used: a code is good once."""
    capacity: Mapped[int] = mapped_column(default=5, server_default="5")
    """How many chats may be given to this person at a time."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


class Invitation(Base):
    """A way in for somebody new: good once, for a week. Only the hash of its token is kept."""

    __tablename__ = "staff_invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(24))
    teams: Mapped[str] = mapped_column(String(120))
    region: Mapped[str | None] = mapped_column(String(24))
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


def create(
    conn: Connection, login: str, name: str, role: str, password_hash: str, at: datetime, *,
    teams: tuple[str, ...] = ("general",), region: str | None = None,
) -> int:  # fmt: skip
    """Make an account. Raises `ValueError` for a role or team that doesn't exist; IntegrityError for a taken login."""
    _check(role, teams)
    row = {
        "login": login, "name": name, "role": role, "teams": " ".join(teams), "region": region,
        "password_hash": password_hash, "created_at": at,
    }  # fmt: skip
    return int(conn.execute(insert(Staff).returning(Staff.id), row).scalar_one())


def _check(role: str, teams: Sequence[str]) -> None:
    if role not in ROLES:
        raise ValueError(f"there is no role {role!r}; there are: {', '.join(ROLES)}")
    unknown = [team for team in teams if team not in TEAMS]
    if unknown:
        raise ValueError(f"there is no team {unknown[0]!r}; there are: {', '.join(TEAMS)}")


def by_login(conn: Connection, login: str) -> Row[Any] | None:
    """An account that may log in, or None."""
    return conn.execute(select(Staff.__table__).where(Staff.login == login, Staff.disabled_at.is_(None))).first()


def get(conn: Connection, staff_id: int) -> Row[Any] | None:
    """An account that may log in, or None."""
    return conn.execute(select(Staff.__table__).where(Staff.id == staff_id, Staff.disabled_at.is_(None))).first()


def everybody(conn: Connection) -> list[Row[Any]]:
    """All accounts, the disabled ones last."""
    order = (Staff.disabled_at.is_not(None), Staff.role, Staff.login)
    return list(conn.execute(select(Staff.__table__).order_by(*order)))


def names(conn: Connection, ids: Collection[int] | None = None) -> dict[int, str]:
    """Everybody's name by id (or only of `ids`), for those who left too: their words stay in the transcript."""
    if ids is not None and not ids:
        return {}
    statement = select(Staff.id, Staff.name)
    return {row.id: row.name for row in conn.execute(statement if ids is None else statement.where(Staff.id.in_(ids)))}


def change(
    conn: Connection, staff_id: int, *, role: str, teams: Sequence[str], region: str | None, capacity: int
) -> None:
    """Give an account another role, queues, region or number of chats. Raises `ValueError` for what doesn't exist."""
    _check(role, teams)
    if not 0 <= capacity <= 50:
        raise ValueError(f"a capacity of {capacity} makes no sense; give 0 to 50")
    values = {"role": role, "teams": " ".join(teams), "region": region, "capacity": capacity}
    conn.execute(update(Staff).where(Staff.id == staff_id).values(**values))


def set_password(conn: Connection, staff_id: int, password_hash: str) -> None:
    """Replace an account's password."""
    conn.execute(update(Staff).where(Staff.id == staff_id).values(password_hash=password_hash))


def set_totp(conn: Connection, staff_id: int, secret: str | None) -> None:
    """Set up the second factor, or take it away (None)."""
    conn.execute(update(Staff).where(Staff.id == staff_id).values(totp=secret, totp_step=None))


def use_totp_step(conn: Connection, staff_id: int, step: int) -> bool:
    """Use up the code of a step. False when it, or a later one, was used before: a code seen by others is worthless."""
    unused = Staff.totp_step.is_(None) | (Staff.totp_step < step)
    return bool(conn.execute(update(Staff).where(Staff.id == staff_id, unused).values(totp_step=step)).rowcount)


def disable(conn: Connection, staff_id: int, at: datetime) -> bool:
    """Shut an account; all its sessions end with the next request. False when it was shut already."""
    statement = update(Staff).where(Staff.id == staff_id, Staff.disabled_at.is_(None)).values(disabled_at=at)
    return bool(conn.execute(statement).rowcount)


def enable(conn: Connection, staff_id: int) -> None:
    """Open an account again."""
    conn.execute(update(Staff).where(Staff.id == staff_id).values(disabled_at=None))


def invite(
    conn: Connection, name: str, role: str, teams: Sequence[str], region: str | None, by: int, at: datetime
) -> str:  # fmt: skip
    """Invite somebody new. Returns the token of the link; it is shown once and kept nowhere."""
    _check(role, teams)
    token = token_urlsafe(32)
    row = {
        "token_hash": _hash(token), "name": name, "role": role, "teams": " ".join(teams), "region": region,
        "made_by": by, "made_at": at, "expires_at": at + INVITATION_LASTS,
    }  # fmt: skip
    conn.execute(insert(Invitation), row)
    return token


def invitation(conn: Connection, token: str, at: datetime) -> Row[Any] | None:
    """The invitation of a link; None when it was used, has run out or never was."""
    open_now = (Invitation.token_hash == _hash(token), Invitation.used_at.is_(None), Invitation.expires_at > at)
    return conn.execute(select(Invitation.__table__).where(*open_now)).first()


def accept(conn: Connection, token: str, login: str, password_hash: str, at: datetime) -> int | None:
    """Use an invitation: makes the account. None when the link is no longer good; IntegrityError for a taken login."""
    mine = (Invitation.token_hash == _hash(token), Invitation.used_at.is_(None), Invitation.expires_at > at)
    row = conn.execute(update(Invitation).where(*mine).values(used_at=at).returning(Invitation.__table__)).first()
    if row is None:
        return None
    return create(conn, login, row.name, row.role, password_hash, at, teams=tuple(row.teams.split()), region=row.region)


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
