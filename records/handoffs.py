"""Handoffs: a person's chat that waits for, or belongs to, a member of staff; and the alarms of people in danger.

One open handoff a person (a partial unique index says so). The database decides who claims it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Row,
    String,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, aliased, mapped_column

from records.base import Base, BigId, Instant
from records.people import Person
from records.prepared import Prepared

MOVES = {"waiting": {"claimed", "closed"}, "claimed": {"waiting", "closed"}, "closed": set()}
"""Allowed moves: `claimed → waiting` when it is transferred or comes back unanswered."""
REASONS = {
    "asked": "要求人工",
    "not_understood": "没听懂",
    "crisis": "心理危机",
    "emergency": "紧急情况",
    "bot_off": "机器人停用",
    "broken": "系统出错",
    "no_article": "没有答案",
    "unsafe": "答案存疑",
    "angry": "着急生气",
    "unapproved": "答案未通过",
}
"""Why somebody was handed to staff, and what they read of it. (Rows of earlier versions hold `not_understood`,
`no_article` and `unsafe`; nothing writes them now.)"""
_OPEN = text("state <> 'closed'")


class Handoff(Base):
    """A request for a person, from the moment it is made until it is closed."""

    __tablename__ = "handoffs"
    __table_args__ = (
        Index("uq_handoffs_open_person", "person_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_handoffs_state_team", "state", "team"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    team: Mapped[str] = mapped_column(String(24))
    region: Mapped[str | None] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(24))
    """A key of `REASONS`."""
    intent: Mapped[str | None] = mapped_column(String(32))
    urgent: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    opened_at: Mapped[datetime] = mapped_column(Instant)
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    claimed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[str | None] = mapped_column(String(40))
    first_reply_at: Mapped[datetime | None] = mapped_column(Instant)
    """When a member of staff first said something."""
    read_id: Mapped[int] = mapped_column(BigId, default=0, server_default="0")
    """The last message of the person that the owner has seen."""
    labels: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Words staff put on the chat, separated by spaces."""


class HandoffEvent(Base):
    """One step of a handoff's history; rows are only added."""

    __tablename__ = "handoff_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(60))
    action: Mapped[str] = mapped_column(String(24))
    """`claimed`, `assigned`, `transferred`, `returned`, `unanswered`, `closed`, `labelled`, `safety`."""
    detail: Mapped[str | None] = mapped_column(String(200))


class Alarm(Base):
    """A person in danger. It stays until a member of staff takes it, whatever happens to the handoff."""

    __tablename__ = "alarms"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    turn_id: Mapped[str] = mapped_column(String(32))
    score: Mapped[float]
    reason: Mapped[str] = mapped_column(String(80))
    """The detector's family of signs, never the person's words."""
    level: Mapped[int] = mapped_column(default=0)
    """How far it has climbed: 0 counsellors, 1 supervisors, 2 the outside notice."""
    raised_at: Mapped[datetime] = mapped_column(Instant)
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    taken_at: Mapped[datetime | None] = mapped_column(Instant)


def ask(
    conn: Connection, person_id: int, *, team: str, reason: str, at: datetime, region: str | None = None,
    intent: str | None = None, urgent: bool = False,
) -> bool:  # fmt: skip
    """Ask for a member of staff. Returns False when one was already asked for (it only becomes more urgent).

    An urgent request moves an open, not yet claimed handoff to its own team; danger to life by one's own hand (`crisis`)
    does so even where it was urgent for another reason.
    """
    wish = {
        "person": person_id, "team": team, "region": region, "reason": reason, "intent": intent, "urgent": urgent,
        "state": "waiting", "opened_at": at, "read_id": 0, "labels": "",
    }  # fmt: skip
    made = bool(_ASK[conn.dialect.name].run(conn, wish))
    if made:
        _WAITS.run(conn, {"person": person_id})
    elif urgent:
        _HURRY.run(conn, {"person": person_id, "team": team, "reason": reason})
    return made


_ASKED = {
    name: Handoff.__table__.c[name].type
    for name in (
        "person_id", "team", "region", "reason", "intent", "urgent", "state", "opened_at", "read_id", "labels",
    )
}  # fmt: skip
# Built once: composing a statement costs more than running it, and one message in six asks for a person.
_ASK = {
    dialect.dialect.name: Prepared(
        dialect.insert(Handoff)
        .on_conflict_do_nothing(index_elements=["person_id"], index_where=_OPEN)
        .values(
            {name: bindparam("person" if name == "person_id" else name, type_=kind) for name, kind in _ASKED.items()}
        )
    )
    for dialect in (postgresql, sqlite)
}
_WAITS = Prepared(update(Person).where(Person.id == bindparam("person")).values(line="waiting"))
_HURRY = Prepared(
    update(Handoff)
    .where(
        Handoff.person_id == bindparam("person"),
        Handoff.state != "closed",
        Handoff.urgent.is_(False) | ((bindparam("reason", type_=String) == "crisis") & (Handoff.reason != "crisis")),
    )
    .values(
        urgent=True,
        reason=bindparam("reason", type_=String),
        team=case((Handoff.state == "waiting", bindparam("team")), else_=Handoff.team),
    )
)


def ahead(conn: Connection, person_id: int) -> int:
    """How many people wait before this one in the same queue; 0 for who doesn't wait."""
    found = _AHEAD.first(conn, {"person": person_id})
    return int(found[0]) if found else 0


_mine = aliased(Handoff)
_AHEAD = Prepared(
    select(func.count()).where(
        _mine.person_id == bindparam("person"),
        _mine.state != "closed",
        Handoff.state == "waiting",
        Handoff.team == _mine.team,
        Handoff.opened_at < _mine.opened_at,
    )
)


def raise_alarm(conn: Connection, person_id: int, turn_id: str, score: float, reason: str, at: datetime) -> int:
    """Record a person in danger. Returns the alarm's id."""
    row = {
        "person_id": person_id, "turn_id": turn_id, "score": score, "reason": reason[:80], "level": 0, "raised_at": at,
    }  # fmt: skip
    return int(conn.execute(insert(Alarm).returning(Alarm.id), row).scalar_one())


def open_handoffs(conn: Connection, *, teams: tuple[str, ...] | None = None, limit: int = 200) -> list[Row[Any]]:
    """Open handoffs, urgent ones first, then the longest waiting. `teams`: only those queues."""
    statement = select(Handoff.__table__).where(Handoff.state != "closed")
    if teams is not None:
        statement = statement.where(Handoff.team.in_(teams))
    return list(conn.execute(statement.order_by(Handoff.urgent.desc(), Handoff.opened_at, Handoff.id).limit(limit)))


def open_of(conn: Connection, person_id: int) -> Row[Any] | None:
    """The person's open handoff, or None."""
    table = Handoff.__table__
    return conn.execute(select(table).where(Handoff.person_id == person_id, Handoff.state != "closed")).first()


def get(conn: Connection, handoff_id: int) -> Row[Any] | None:
    """One handoff's row, or None."""
    return conn.execute(select(Handoff.__table__).where(Handoff.id == handoff_id)).first()


def open_alarms(conn: Connection) -> list[Row[Any]]:
    """Alarms nobody has taken, the oldest first."""
    return list(conn.execute(select(Alarm.__table__).where(Alarm.taken_at.is_(None)).order_by(Alarm.raised_at)))


def alarm(conn: Connection, alarm_id: int) -> Row[Any] | None:
    """One alarm's row, or None."""
    return conn.execute(select(Alarm.__table__).where(Alarm.id == alarm_id)).first()


def claim(conn: Connection, handoff_id: int, staff_id: int, at: datetime) -> bool:
    """Take a waiting handoff. True for exactly one of any number of simultaneous claims."""
    person_id = _taken(conn, handoff_id, staff_id, at)
    if person_id is not None:
        take_alarms(conn, person_id, staff_id, at)
    return person_id is not None


def assign(conn: Connection, handoff_id: int, staff_id: int, at: datetime) -> bool:
    """Give a waiting handoff to somebody. As `claim`, but an alarm stays: only a person's own hand takes it."""
    return _taken(conn, handoff_id, staff_id, at) is not None


def _taken(conn: Connection, handoff_id: int, staff_id: int, at: datetime) -> int | None:
    statement = (
        update(Handoff)
        .where(Handoff.id == handoff_id, Handoff.state == "waiting")
        .values(state="claimed", claimed_by=staff_id, claimed_at=at)
        .returning(Handoff.person_id)
    )
    person_id = conn.execute(statement).scalar()
    if person_id is not None:
        conn.execute(update(Person).where(Person.id == person_id).values(line="claimed"))
    return person_id


def take_alarms(conn: Connection, person_id: int, staff_id: int, at: datetime) -> int:
    """A member of staff takes a person's open alarms. Returns how many."""
    statement = (
        update(Alarm)
        .where(Alarm.person_id == person_id, Alarm.taken_at.is_(None))
        .values(taken_by=staff_id, taken_at=at)
    )
    return conn.execute(statement).rowcount


def give_back(
    conn: Connection, handoff_id: int, *, team: str | None = None, owner: int | None = None, since: datetime | None = None
) -> bool:  # fmt: skip
    """Return a claimed handoff to a queue (its own, or `team`'s). False when it was not claimed; with `owner` and
    `since`, when it is no longer that member of staff's claim of that moment. Who is in danger goes to the counsellors
    whatever `team` says: others may not read the chat, and in their queue it would be seen by nobody."""
    queue = case((Handoff.reason == "crisis", "psychology"), else_=literal(team) if team else Handoff.team)
    values: dict[str, Any] = {"state": "waiting", "claimed_by": None, "claimed_at": None, "team": queue}
    held = () if owner is None else (Handoff.claimed_by == owner, Handoff.claimed_at == since)
    return _move(conn, handoff_id, ("claimed",), values, *held, line="waiting")


def pass_to(conn: Connection, handoff_id: int, staff_id: int, at: datetime, *, owner: int | None = None) -> bool:
    """Give a claimed chat to another member of staff. False when nobody has it, or no longer `owner`: of any number
    who take it over at once, one does."""
    statement = update(Handoff).where(Handoff.id == handoff_id, Handoff.state == "claimed")
    if owner is not None:
        statement = statement.where(Handoff.claimed_by == owner)
    return bool(conn.execute(statement.values(claimed_by=staff_id, claimed_at=at)).rowcount)


def close(conn: Connection, handoff_id: int, outcome: str, at: datetime, *, owner: int | None = None) -> bool:
    """End a handoff; the bot answers again. False when it was closed already, or isn't `owner`'s."""
    values = {"state": "closed", "outcome": outcome, "closed_at": at}
    held = () if owner is None else (Handoff.claimed_by == owner,)
    return _move(conn, handoff_id, ("waiting", "claimed"), values, *held, line=None)


def _move(
    conn: Connection, handoff_id: int, before: tuple[str, ...], values: dict[str, Any], *held: ColumnElement[bool],
    line: str | None,
) -> bool:  # fmt: skip
    statement = (
        update(Handoff)
        .where(Handoff.id == handoff_id, Handoff.state.in_(before), *held)
        .values(**values)
        .returning(Handoff.person_id)
    )
    person_id = conn.execute(statement).scalar()
    if person_id is None:
        return False
    conn.execute(update(Person).where(Person.id == person_id).values(line=line))
    return True


def log(conn: Connection, handoff_id: int, actor: str, action: str, at: datetime, detail: str | None = None) -> None:
    """Add a line to a handoff's history. `detail` is read by staff and holds no words of the person."""
    row = {"handoff_id": handoff_id, "at": at, "actor": actor, "action": action, "detail": detail and detail[:200]}
    conn.execute(insert(HandoffEvent), row)


def history(conn: Connection, handoff_id: int) -> list[Row[Any]]:
    """A handoff's steps, the oldest first."""
    table = HandoffEvent.__table__
    return list(conn.execute(select(table).where(HandoffEvent.handoff_id == handoff_id).order_by(HandoffEvent.id)))


def done(conn: Connection, handoff_id: int, action: str) -> bool:
    """Whether a step was taken in a handoff's history."""
    steps = select(HandoffEvent.id).where(HandoffEvent.handoff_id == handoff_id, HandoffEvent.action == action)
    return conn.execute(steps.limit(1)).first() is not None


def of_person(conn: Connection, person_id: int, limit: int = 20) -> list[Row[Any]]:
    """How often a person was handed to staff, the newest first."""
    table = Handoff.__table__
    return list(
        conn.execute(select(table).where(Handoff.person_id == person_id).order_by(Handoff.id.desc()).limit(limit))
    )


def read_up_to(conn: Connection, handoff_id: int, message_id: int) -> None:
    """The owner has seen everything up to a message."""
    later = (Handoff.id == handoff_id, Handoff.read_id < message_id)
    conn.execute(update(Handoff).where(*later).values(read_id=message_id))


def label(conn: Connection, handoff_id: int, labels: str) -> None:
    """Replace a chat's labels (separated by spaces)."""
    conn.execute(update(Handoff).where(Handoff.id == handoff_id).values(labels=labels[:200]))


def replied(conn: Connection, handoff_id: int, at: datetime) -> None:
    """Staff said something: remember when it was for the first time."""
    first = (Handoff.id == handoff_id, Handoff.first_reply_at.is_(None))
    conn.execute(update(Handoff).where(*first).values(first_reply_at=at))


def last_steps(conn: Connection, handoff_ids: Sequence[int], action: str) -> dict[int, Row[Any]]:
    """The newest step of one kind of several chats, by chat: what the next shift reads first."""
    if not handoff_ids:
        return {}
    mine = (HandoffEvent.handoff_id.in_(handoff_ids), HandoffEvent.action == action)
    newest = select(func.max(HandoffEvent.id)).where(*mine).group_by(HandoffEvent.handoff_id)
    rows = conn.execute(select(HandoffEvent.__table__).where(HandoffEvent.id.in_(newest)))
    return {row.handoff_id: row for row in rows}


def taken_alarms(conn: Connection, since: datetime, limit: int = 30) -> list[Row[Any]]:
    """Alarms raised since a moment that somebody took, the newest first."""
    table = Alarm.__table__
    taken = select(table).where(Alarm.raised_at >= since, Alarm.taken_at.is_not(None))
    return list(conn.execute(taken.order_by(Alarm.id.desc()).limit(limit)))
