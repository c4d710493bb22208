"""Looking after the queues: who should get a waiting chat, which chats go back, which alarms climb."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, update

from records import handoffs, presence
from records.conversations import Message
from records.desk_queries import of_the_mind
from records.handoffs import Alarm, Handoff, HandoffEvent
from records.presence import Presence
from records.staff import Staff

DESK_ROLES = frozenset({"grid_worker", "front_desk", "officer", "counsellor", "supervisor"})
CARE_ROLES = frozenset({"counsellor", "supervisor"})
GONE = timedelta(minutes=5)
"""How long a console may be closed before its chats go back."""
SAME = timedelta(hours=24)
"""How soon somebody who comes back is given to the same member of staff, if that one is on."""


def waiting(conn: Connection, limit: int = 50) -> list[Row[Any]]:
    """Waiting handoffs, urgent ones first; `mind` says that only counsellors and supervisors may see one."""
    statement = select(Handoff.__table__, of_the_mind().label("mind")).where(Handoff.state == "waiting")
    return list(conn.execute(statement.order_by(Handoff.urgent.desc(), Handoff.opened_at, Handoff.id).limit(limit)))


def who_should(
    conn: Connection, chat: Row[Any], roster: list[Row[Any]], off: Collection[int], at: datetime
) -> Row[Any] | None:  # fmt: skip
    """Who of a roster should get a waiting chat: whoever had this person lately, else the least busy; None for nobody.

    Not who is off, not who has just let it go unanswered, not who may not see it.
    """
    roles = CARE_ROLES if chat.mind else DESK_ROLES
    if not chat.urgent:
        roles = roles - {"supervisor"}  # they look after the queues; only what is urgent is given to them
    tired = _let_go(conn, chat.id, at - timedelta(minutes=30))
    fit = [
        row
        for row in presence.free_for(roster, chat.team)
        if row.role in roles and row.id not in off and row.id not in tired
    ]
    before = _had(conn, chat.person_id, at - SAME)
    return next((row for row in fit if row.id == before), fit[0] if fit else None)


def _let_go(conn: Connection, handoff_id: int, since: datetime) -> set[int]:
    lost = (HandoffEvent.action.in_(("unanswered", "offshift", "returned")), HandoffEvent.at >= since)
    rows = conn.execute(select(HandoffEvent.actor).where(HandoffEvent.handoff_id == handoff_id, *lost)).scalars()
    return {int(actor.removeprefix("staff:")) for actor in rows if actor.removeprefix("staff:").isdecimal()}


def _had(conn: Connection, person_id: int, since: datetime) -> int | None:
    mine = (Handoff.person_id == person_id, Handoff.state == "closed", Handoff.closed_at >= since)
    return conn.execute(select(Handoff.claimed_by).where(*mine).order_by(Handoff.id.desc()).limit(1)).scalar()


def unanswered(conn: Connection, before: datetime) -> list[Row[Any]]:
    """Claimed chats whose person has waited for an answer since a moment, or longer."""
    spoken = (
        select(func.max(Message.created_at))
        .where(
            Message.person_id == Handoff.person_id, Message.author == "staff", Message.created_at >= Handoff.claimed_at
        )
        .correlate(Handoff)
        .scalar_subquery()
    )
    asked = exists().where(
        Message.person_id == Handoff.person_id, Message.author == "person", Message.created_at < before,
        Message.created_at > spoken,
    )  # fmt: skip
    silent = and_(spoken.is_(None), Handoff.claimed_at < before)
    return list(
        conn.execute(select(Handoff.__table__).where(Handoff.state == "claimed", or_(silent, asked)).limit(200))
    )


def left_behind(conn: Connection, at: datetime, off: Collection[int]) -> list[Row[Any]]:
    """Claimed chats whose owner has gone: said so, closed the console, ended the shift, or lost the account."""
    gone: ColumnElement[bool] = or_(
        Presence.staff_id.is_(None) & (Handoff.claimed_at < at - GONE),
        Presence.state == "off",
        and_(Presence.seen_at < at - GONE, Handoff.claimed_at < at - GONE),
        Staff.disabled_at.is_not(None),
    )
    if off:
        gone = or_(gone, Handoff.claimed_by.in_(off))
    statement = (
        select(Handoff.__table__)
        .join(Staff, Staff.id == Handoff.claimed_by)
        .outerjoin(Presence, Presence.staff_id == Handoff.claimed_by)
        .where(Handoff.state == "claimed", gone)
        .limit(200)
    )
    return list(conn.execute(statement))


def put_back(conn: Connection, chat: Row[Any], why: str, at: datetime) -> bool:
    """Return a chat to its queue, and note in whose hands it was left. `why`: `unanswered` or `offshift`."""
    # One statement decides: a colleague who took the chat over since it was looked at keeps it.
    if not handoffs.give_back(conn, chat.id, owner=chat.claimed_by, since=chat.claimed_at):
        return False
    handoffs.log(conn, chat.id, f"staff:{chat.claimed_by}", why, at)
    return True


def climbing(conn: Connection, level: int, before: datetime) -> list[Row[Any]]:
    """Alarms that nobody took, raised before a moment, that haven't reached a level yet; with the person's region."""
    statement = select(Alarm.__table__, Handoff.region).outerjoin(
        Handoff, and_(Handoff.person_id == Alarm.person_id, Handoff.state != "closed")
    )
    late = (Alarm.taken_at.is_(None), Alarm.level < level, Alarm.raised_at < before)
    return list(conn.execute(statement.where(*late).order_by(Alarm.raised_at).limit(50)))


def climb(conn: Connection, alarm_id: int, level: int) -> bool:
    """Lift an alarm to a level. True for one of any number of processes that try at once."""
    lower = (Alarm.id == alarm_id, Alarm.level < level, Alarm.taken_at.is_(None))
    return bool(conn.execute(update(Alarm).where(*lower).values(level=level)).rowcount)
