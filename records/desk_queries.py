"""What the console's lists are made of. Every query here takes a `Scope` and keeps to it: what somebody may not see
never leaves the database (promise 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
)

from records.conversations import Message
from records.handoffs import Alarm, Handoff
from records.people import Person
from records.staff import Staff

PSYCHOLOGY = "psychology"
MIND = ("psych_support", "psych_crisis")


@dataclass(frozen=True, slots=True)
class Scope:
    """What one member of staff may see. `teams` and `regions`: None means all."""

    staff_id: int
    psychology: bool
    teams: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None


def of_the_mind() -> ColumnElement[bool]:
    """Chats that are a counsellor's: by team, by what they are about, or because somebody was in danger."""
    return or_(
        Handoff.team == PSYCHOLOGY,
        Handoff.reason == "crisis",
        and_(Handoff.intent.is_not(None), Handoff.intent.in_(MIND)),
    )


@lru_cache(maxsize=2048)  # each page asks every few seconds, and composing it costs more than running it
def visible(scope: Scope) -> ColumnElement[bool]:
    """Which handoffs a member of staff may see: those of the own queues and region, and the own ones.

    A chat that turns into a crisis under somebody's hands stays with them until a counsellor takes over: nobody in
    danger is cut off in the middle of a sentence.
    """
    mine = Handoff.claimed_by == scope.staff_id
    rest: ColumnElement[bool] = true()
    if scope.teams is not None:
        rest = and_(rest, Handoff.team.in_(scope.teams) if scope.teams else false())
    if scope.regions is not None:
        rest = and_(rest, or_(Handoff.region.is_(None), Handoff.region.in_(scope.regions), Handoff.urgent.is_(True)))
    if not scope.psychology:
        rest = and_(rest, ~of_the_mind())
    return or_(and_(mine, Handoff.state == "claimed"), rest)


_SAID = (
    select(func.max(Message.id))
    .where(Message.person_id == Handoff.person_id, Message.author.in_(("person", "staff")), Message.kind != "event")
    .correlate(Handoff)
)
_LAST = func.coalesce(
    # 转人工 says nothing about the matter; what was said before it does.
    _SAID.where(or_(Message.intent.is_(None), Message.intent != "human_agent")).scalar_subquery(),
    _SAID.scalar_subquery(),
)
_UNREAD = (
    select(func.count())
    .where(Message.person_id == Handoff.person_id, Message.author == "person", Message.id > Handoff.read_id,
           Message.created_at >= Handoff.opened_at)
    .correlate(Handoff)
    .scalar_subquery()
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the inbox: `view` is `waiting`, `mine`, `team` (all open) or `closed`."""

    view: str = "waiting"
    team: str = ""
    region: str = ""
    label: str = ""
    before: int = 0
    """Only handoffs with a smaller id: the next page of the closed ones."""


def inbox(conn: Connection, scope: Scope, wanted: Wanted, limit: int = 60) -> list[Row[Any]]:
    """Handoffs of one view with their person, owner, last message and unread count; urgent ones first, then those
    who have waited longest (closed ones: the newest first)."""
    ids = [row.id for row in conn.execute(_page(scope, wanted, limit))]
    if not ids:
        return []
    found = (
        select(
            Handoff.__table__, Person.channel, Person.message_until, Person.message_left,
            Staff.name.label("owner"), Message.body.label("last_body"), Message.author.label("last_author"),
            Message.kind.label("last_kind"), Message.intent.label("last_intent"), Message.created_at.label("last_at"),
            Message.owner.label("last_owner"), _UNREAD.label("unread"),
        )
        .join(Person, Person.id == Handoff.person_id)
        .outerjoin(Staff, Staff.id == Handoff.claimed_by)
        .outerjoin(Message, Message.id == _LAST)
        .where(Handoff.id.in_(ids))
    )  # fmt: skip
    by_id = {row.id: row for row in conn.execute(found)}
    return [by_id[id] for id in ids if id in by_id]


def _page(scope: Scope, wanted: Wanted, limit: int) -> Any:
    statement = select(Handoff.id).where(visible(scope))
    if wanted.view == "closed":
        statement = statement.where(Handoff.state == "closed").order_by(Handoff.id.desc())
    else:
        statement = statement.where(Handoff.state != "closed")
        statement = statement.order_by(Handoff.urgent.desc(), Handoff.opened_at, Handoff.id)
    if wanted.view == "waiting":
        statement = statement.where(Handoff.state == "waiting")
    if wanted.view == "mine":
        statement = statement.where(Handoff.claimed_by == scope.staff_id)
    for column, value in ((Handoff.team, wanted.team), (Handoff.region, wanted.region)):
        if value:
            statement = statement.where(column == value)
    if wanted.label:
        statement = statement.where((" " + Handoff.labels + " ").contains(f" {wanted.label} ", autoescape=True))
    if wanted.before:
        statement = statement.where(Handoff.id < wanted.before)
    return statement.limit(limit)


def counts(conn: Connection, scope: Scope) -> dict[str, Any]:
    """How many wait in each queue and since when, and how many chats are one's own."""
    waiting, mine = _counts(scope)
    teams = {row.team: {"n": row.n, "oldest": row.oldest} for row in conn.execute(waiting)}
    own = conn.execute(mine).one()
    return {
        "teams": teams,
        "waiting": sum(team["n"] for team in teams.values()),
        "mine": int(own.mine),
        "unread": int(own.unread or 0),
    }


@lru_cache(maxsize=2048)
def _counts(scope: Scope) -> tuple[Any, Any]:
    waiting = (
        select(Handoff.team, func.count().label("n"), func.min(Handoff.opened_at).label("oldest"))
        .where(visible(scope), Handoff.state == "waiting")
        .group_by(Handoff.team)
    )
    unread = func.sum(case((_unread_exists(), 1), else_=0)).label("unread")
    mine = select(func.count().label("mine"), unread).where(
        Handoff.claimed_by == scope.staff_id, Handoff.state == "claimed"
    )
    return waiting, mine


def _unread_exists() -> ColumnElement[bool]:
    return exists().where(
        Message.person_id == Handoff.person_id, Message.author == "person", Message.id > Handoff.read_id,
        Message.created_at >= Handoff.opened_at,
    )  # fmt: skip


def chat(conn: Connection, scope: Scope, handoff_id: int) -> Row[Any] | None:
    """One handoff with its person and owner; None when there is none that this member of staff may see."""
    return conn.execute(_chat(scope), {"handoff_id": handoff_id}).first()


@lru_cache(maxsize=2048)
def _chat(scope: Scope) -> Select[Any]:
    return (
        select(
            Handoff.__table__, Person.channel, Person.following, Person.region.label("person_region"),
            Person.message_until, Person.message_left, Person.click_until, Person.click_left, Person.seen_at,
            Person.created_at.label("person_since"), Staff.name.label("owner"), Staff.login.label("owner_login"),
        )
        .join(Person, Person.id == Handoff.person_id)
        .outerjoin(Staff, Staff.id == Handoff.claimed_by)
        .where(Handoff.id == bindparam("handoff_id"), visible(scope))
    )  # fmt: skip


def own_people(conn: Connection, staff_id: int, limit: int = 100) -> list[int]:
    """The people whose chats a member of staff has in hand."""
    mine = select(Handoff.person_id).where(Handoff.claimed_by == staff_id, Handoff.state == "claimed")
    return list(conn.execute(mine.order_by(Handoff.id.desc()).limit(limit)).scalars())


def earlier(conn: Connection, scope: Scope, person_id: int, but: int, limit: int = 10) -> list[Row[Any]]:
    """A person's other handoffs that this member of staff may see, the newest first."""
    statement = select(Handoff.__table__).where(Handoff.person_id == person_id, Handoff.id != but, visible(scope))
    return list(conn.execute(statement.order_by(Handoff.id.desc()).limit(limit)))


def transcript(
    conn: Connection, scope: Scope, handoff: Row[Any], *, after: int = 0, before: int = 0, limit: int = 80
) -> list[Row[Any]]:  # fmt: skip
    """The last messages of a handoff's person, oldest first, as far as this member of staff may read them.

    What was said about the mind, or in a counsellor's chat, is left out for everybody else; what is said in the chat
    that one owns oneself is not.
    """
    own = _own(scope, handoff)
    values: dict[str, Any] = {"person": handoff.person_id, "after": after, "before": before or _NEVER, "most": limit}
    if own:
        values["since"] = handoff.claimed_at
    return list(conn.execute(_transcript(scope.psychology, own), values))[::-1]


_NEVER = 2**62
"""More than any message's id."""


@cache
def _transcript(psychology: bool, own: bool) -> Select[Any]:
    statement = select(Message.__table__).where(
        Message.person_id == bindparam("person"),
        Message.id > bindparam("after"),
        Message.id < bindparam("before", type_=BigInteger),
    )
    if not psychology:
        statement = statement.where(_readable(own))
    return statement.order_by(Message.id.desc()).limit(bindparam("most"))


def _own(scope: Scope, handoff: Row[Any]) -> bool:
    """Whether the chat is in this member of staff's own hands."""
    return handoff.claimed_by == scope.staff_id and handoff.claimed_at is not None and handoff.state == "claimed"


def _readable(own: bool) -> ColumnElement[bool]:
    """What those may read who aren't counsellors; with `own`, whatever was said after `since` too."""
    about_mind = or_(
        and_(Message.intent.is_not(None), Message.intent.in_(MIND)),
        and_(Message.owner.is_not(None), Message.owner == "crisis"),
    )
    theirs = exists().where(
        Handoff.person_id == Message.person_id, of_the_mind(), Message.created_at >= Handoff.opened_at,
        or_(Handoff.closed_at.is_(None), Message.created_at <= Handoff.closed_at),
    )  # fmt: skip
    readable = ~or_(about_mind, theirs)
    return or_(readable, Message.created_at >= bindparam("since", type_=Message.created_at.type)) if own else readable


def hidden_before(conn: Connection, scope: Scope, handoff: Row[Any]) -> bool:
    """Whether something of this person is kept from this member of staff."""
    if scope.psychology:
        return False
    own = _own(scope, handoff)
    kept = select(Message.id).where(Message.person_id == handoff.person_id, ~_readable(own)).limit(1)
    return conn.execute(kept, {"since": handoff.claimed_at} if own else {}).first() is not None


def alarms(conn: Connection, scope: Scope) -> list[Row[Any]]:
    """Alarms that nobody has taken, the oldest first, with the open handoff of their person; only for those who look
    after people in danger."""
    if not scope.psychology:
        return []
    statement = (
        select(Alarm.__table__, Handoff.id.label("handoff_id"), Handoff.region, Staff.name.label("owner"),
               Person.region.label("person_region"))
        .join(Person, Person.id == Alarm.person_id)
        .outerjoin(Handoff, and_(Handoff.person_id == Alarm.person_id, Handoff.state != "closed"))
        .outerjoin(Staff, Staff.id == Handoff.claimed_by)
        .where(Alarm.taken_at.is_(None))
        .order_by(Alarm.raised_at)
    )  # fmt: skip
    return list(conn.execute(statement))


def labels_in_use(conn: Connection, scope: Scope) -> Sequence[str]:
    """The labels on open chats, in order."""
    rows = conn.execute(select(Handoff.labels).where(visible(scope), Handoff.state != "closed", Handoff.labels != ""))
    return sorted({label for row in rows for label in row.labels.split()})


def in_care(conn: Connection, limit: int = 50) -> list[Row[Any]]:
    """Open chats with people in danger, with their owner, the oldest first. Only for the crisis desk."""
    statement = (
        select(Handoff.__table__, Staff.name.label("owner"), Person.region.label("person_region"))
        .join(Person, Person.id == Handoff.person_id)
        .outerjoin(Staff, Staff.id == Handoff.claimed_by)
        .where(Handoff.state != "closed", Handoff.reason == "crisis")
        .order_by(Handoff.opened_at)
        .limit(limit)
    )
    return list(conn.execute(statement))
