"""Notices to those who asked to be told: written by one person, approved by another, sent through the outbox at a rate.

    draft ──► review ──► sending ──► sent
                 │           └─────► stopped
                 └──► draft (sent back with a reason)

Every person gets a notice once, and the wish for it is spent (订阅通知, one-time). What became of each is counted.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, UniqueConstraint, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records import notices
from records.base import Base, BigId, Instant
from records.outbox import Outgoing
from records.people import Person
from records.subscriptions import Subscription

MOVES = {
    "draft": {"review"}, "review": {"sending", "draft"}, "sending": {"sent", "stopped"}, "sent": set(),
    "stopped": set(),
}  # fmt: skip
STATES = {"draft": "草稿", "review": "待审核", "sending": "正在发", "sent": "发完了", "stopped": "已停发"}
FATES = {"queued": "在路上", "waiting": "等对方说话", "delivered": "送达", "refused": "拒收", "failed": "失败"}
LONGEST = 300
FASTEST = 600
"""People a minute: a town's counter must still be able to answer those who call back."""


class IllegalMove(ValueError):
    """A notice can't go from its state to that one. The message is for whoever pressed the button."""


class Bulletin(Base):
    """One notice."""

    __tablename__ = "bulletins"

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(40))
    regions: Mapped[str] = mapped_column(String(400))
    """Region keys, separated by spaces: whose wishes are meant."""
    title: Mapped[str] = mapped_column(String(40))
    words: Mapped[str] = mapped_column(String(LONGEST))
    path: Mapped[str] = mapped_column(String(120), default="/chat")
    rate: Mapped[int] = mapped_column(default=60)
    """People a minute."""
    state: Mapped[str] = mapped_column(String(12), default="draft", index=True)
    written_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str] = mapped_column(String(120), default="")
    """Why it was sent back or stopped."""
    made_at: Mapped[datetime] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class BulletinSend(Base):
    """One notice to one person."""

    __tablename__ = "bulletin_sends"
    __table_args__ = (UniqueConstraint("bulletin_id", "person_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletins.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    fate: Mapped[str] = mapped_column(String(12), index=True)
    """One of `FATES`."""
    at: Mapped[datetime] = mapped_column(Instant)


def write(
    conn: Connection, *, topic: str, regions: list[str], title: str, words: str, path: str, rate: int, by: int,
    at: datetime, bulletin_id: int = 0,
) -> int:  # fmt: skip
    """Keep a notice as a draft (with `bulletin_id`: change one's draft). Returns its id. Raises `ValueError`."""
    if not regions or not 1 <= len(title) <= 40 or not 1 <= len(words) <= LONGEST:
        raise ValueError(f"要选地区；标题1–40字，内容1–{LONGEST}字。")
    if not path.startswith("/") or path.startswith("//") or len(path) > 120:
        raise ValueError("链接只能是本站的页面，以“/”开头。")
    if not 1 <= rate <= FASTEST:
        raise ValueError(f"每分钟1到{FASTEST}人。")
    row = {"topic": topic, "regions": " ".join(regions), "title": title, "words": words, "path": path, "rate": rate}
    if bulletin_id:
        mine = (Bulletin.id == bulletin_id, Bulletin.state == "draft")
        if not conn.execute(update(Bulletin).where(*mine).values(written_by=by, **row)).rowcount:
            raise ValueError("只有草稿能改。")
        return bulletin_id
    made = row | {"state": "draft", "written_by": by, "made_at": at, "reason": ""}
    return int(conn.execute(insert(Bulletin).returning(Bulletin.id), made).scalar_one())


def move(conn: Connection, bulletin_id: int, state: str, by: int, at: datetime, reason: str = "") -> None:
    """Move a notice on. Raises `IllegalMove`: from a wrong state, or when one would approve one's own words."""
    row = get(conn, bulletin_id)
    if row is None or state not in MOVES[row.state]:
        raise IllegalMove("这条通知刚刚有变化，请刷新看看。")
    if state == "sending" and row.written_by == by:
        raise IllegalMove("自己写的通知要由另一个人审核。")
    values: dict[str, Any] = {"state": state, "reason": reason[:120]}
    if state == "sending":
        values |= {"approved_by": by, "started_at": at}
    if state in ("sent", "stopped"):
        values["ended_at"] = at
    changed = conn.execute(
        update(Bulletin).where(Bulletin.id == bulletin_id, Bulletin.state == row.state).values(values)
    )
    if not changed.rowcount:
        raise IllegalMove("别人刚刚处理过这条通知，请刷新看看。")


def get(conn: Connection, bulletin_id: int) -> Row[Any] | None:
    """One notice, or None."""
    return conn.execute(select(Bulletin.__table__).where(Bulletin.id == bulletin_id)).first()


def listed(conn: Connection, limit: int = 60) -> list[Row[Any]]:
    """All notices, the newest first."""
    return list(conn.execute(select(Bulletin.__table__).order_by(Bulletin.id.desc()).limit(limit)))


def audience(conn: Connection, topic: str, regions: list[str]) -> int:
    """How many people asked to be told of a topic in one of the regions, and are still there."""
    return int(conn.execute(select(func.count()).select_from(_wishes(topic, regions).subquery())).scalar_one())


def _wishes(topic: str, regions: list[str]) -> Any:
    return (
        select(Subscription.person_id, func.min(Subscription.id).label("first"))
        .join(Person, Person.id == Subscription.person_id)
        .where(Subscription.topic == topic, Subscription.region.in_(regions), Subscription.state == "open",
               Person.external.is_not(None))
        .group_by(Subscription.person_id)
    )  # fmt: skip


def step(conn: Connection, bulletin: Row[Any], count: int, at: datetime) -> int:
    """Tell the next `count` people. Returns how many; none left ends the notice. Safe to run twice: once a person."""
    regions = bulletin.regions.split()
    done = select(BulletinSend.person_id).where(BulletinSend.bulletin_id == bulletin.id)
    wishes = _wishes(bulletin.topic, regions)
    rows = conn.execute(
        wishes.where(Subscription.person_id.not_in(done), Subscription.created_at <= bulletin.started_at)
        .order_by("first").limit(count)
    ).all()  # fmt: skip
    for row in rows:
        key = _key(bulletin.id, row.person_id)
        told = notices.tell(
            conn, row.person_id, bulletin.title, bulletin.words, bulletin.path, key=key, at=at, asked=True
        )
        pushed = told and conn.execute(select(Outgoing.id).where(Outgoing.key == f"{key}:0")).first() is not None
        fate = "queued" if pushed else "delivered" if told else "refused"
        conn.execute(
            insert(BulletinSend), {"bulletin_id": bulletin.id, "person_id": row.person_id, "fate": fate, "at": at}
        )
        spent = (
            Subscription.person_id == row.person_id, Subscription.topic == bulletin.topic,
            Subscription.region.in_(regions), Subscription.state == "open",
        )  # fmt: skip
        conn.execute(update(Subscription).where(*spent).values(state="spent", closed_at=at))
    if len(rows) < count:
        move(conn, bulletin.id, "sent", 0, at)
    return len(rows)


def _key(bulletin_id: int, person_id: int) -> str:
    return f"bulletin-{bulletin_id}-{person_id}"


_BECAME = {"pending": "queued", "sending": "queued", "accepted": "queued"}


def look(conn: Connection, limit: int = 400) -> int:
    """Learn from the outbox what became of notices on their way. Returns how many were settled."""
    table = BulletinSend.__table__
    still = select(table).where(BulletinSend.fate.in_(("queued", "waiting"))).order_by(BulletinSend.id).limit(limit)
    mine = {f"{_key(row.bulletin_id, row.person_id)}:0": row for row in conn.execute(still)}
    found = conn.execute(select(Outgoing.key, Outgoing.state).where(Outgoing.key.in_(list(mine)))).all()
    changed = 0
    for row in found:
        fate, send = _BECAME.get(row.state, row.state), mine[row.key]
        if fate != send.fate:
            changed += conn.execute(update(BulletinSend).where(BulletinSend.id == send.id).values(fate=fate)).rowcount
    return changed


def counts(conn: Connection, bulletin_ids: list[int]) -> dict[int, Counter[str]]:
    """What became of notices: by notice, how many of each fate."""
    found: dict[int, Counter[str]] = {id: Counter() for id in bulletin_ids}
    statement = (
        select(BulletinSend.bulletin_id, BulletinSend.fate, func.count().label("n"))
        .where(BulletinSend.bulletin_id.in_(bulletin_ids))
        .group_by(BulletinSend.bulletin_id, BulletinSend.fate)
    )
    for row in conn.execute(statement):
        found[row.bulletin_id][row.fate] = row.n
    return found


def sending(conn: Connection) -> list[Row[Any]]:
    """The notices that are going out."""
    return list(conn.execute(select(Bulletin.__table__).where(Bulletin.state == "sending").order_by(Bulletin.id)))
