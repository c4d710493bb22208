"""People as a channel knows them: one row for each (channel, openid or visitor id), with the dialogue state beside it.

A row holds no name and no number. Who somebody really is belongs to declarations and cases.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    LargeBinary,
    Row,
    String,
    UniqueConstraint,
    Update,
    bindparam,
    column,
    exists,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant, SealedJson, SealedText
from records.crypto import cipher
from records.keyed import adopt, among
from records.prepared import Prepared

# Platform quotas (customer messages, since 2023-06-12): 5 within 48 h of a message, 3 within 1 minute of a click,
# follow or scan.
WINDOWS = {"message": (timedelta(hours=48), 5), "click": (timedelta(minutes=1), 3)}


class Person(Base):
    """One identity in one channel."""

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("channel", "external_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    external_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    external: Mapped[str | None] = mapped_column(SealedText)
    """The openid or visitor id; None after erasure."""
    following: Mapped[bool] = mapped_column(default=True)
    region: Mapped[str | None] = mapped_column(String(24))
    line: Mapped[str | None] = mapped_column(String(8))
    """None: the bot answers; `waiting`: a handoff waits for staff; `claimed`: a member of staff owns the chat."""
    state: Mapped[Any] = mapped_column(SealedJson, nullable=True)
    """What the dialogue remembers; see `bot.state`."""
    message_until: Mapped[datetime | None] = mapped_column(Instant)
    message_left: Mapped[int] = mapped_column(default=0)
    click_until: Mapped[datetime | None] = mapped_column(Instant)
    click_left: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    erase_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    """Set when the person stops following: when everything identifying is to be gone."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What may still be sent to somebody: `left` customer messages until `until` (None: nothing, wait for contact)."""

    left: int
    until: datetime | None


def external_hash(channel: str, external: str) -> bytes:
    """The keyed hash under which a person is found."""
    return cipher().lookup(channel, external)


_NEW = ("channel", "external_hash", "external", "following", "message_left", "click_left", "created_at", "seen_at")
_ADD = {
    name: Prepared(
        dialect.insert(Person)
        .values({column: bindparam(column) for column in _NEW})
        .on_conflict_do_nothing(index_elements=["channel", "external_hash"])
        .returning(Person.__table__.c.id)
    )
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}


def add(conn: Connection, channel: str, external: str, at: datetime) -> int | None:
    """Make sure the person has a row. Harmless when somebody else makes it at the same moment.

    Returns the new row's id; None for a person who was known before.
    """
    if adopt(conn, "person", channel, external):
        return None
    row = {
        "channel": channel, "external_hash": external_hash(channel, external), "external": external,
        "following": True, "message_left": 0, "click_left": 0, "created_at": at, "seen_at": at,
    }  # fmt: skip
    made = _ADD[conn.dialect.name].first(conn, row)
    return made[0] if made else None


def get(conn: Connection, person_id: int) -> Row[Any] | None:
    """A person's row, or None."""
    return conn.execute(select(Person.__table__).where(Person.id == person_id)).first()


def find(conn: Connection, channel: str, external: str) -> Row[Any] | None:
    """A person's row by channel and openid or visitor id, or None."""
    mine = (Person.channel == channel, among(Person.external_hash, "person", channel, external))
    return conn.execute(select(Person.__table__).where(*mine)).first()


def opened_window(kind: str, at: datetime) -> dict[str, Any]:
    """The columns to set when a contact of `kind` (`message`, `click` or empty) opens a sending window."""
    if kind not in WINDOWS:
        return {}
    length, count = WINDOWS[kind]
    return {f"{kind}_until": at + length, f"{kind}_left": count}


_people = Person.__table__.c
_messages = table("messages", column("person_id"), column("dedup"))  # the transcript's table; its file imports this one
# Built once: composing a statement costs more than running it.
_LOOK_FOR = select(
    _people.id,
    _people.line,
    _people.region,
    _people.state,
    exists().where(_messages.c.person_id == _people.id, _messages.c.dedup == bindparam("key")).label("seen_before"),
).where(_people.channel == bindparam("channel"))


@cache
def _look(keys: int, lock: bool) -> Prepared:
    """The statement of `look` for so many keys of hashes: one, but while they rotate."""
    one = _LOOK_FOR.where(or_(*(_people.external_hash == bindparam(f"hashed{n}") for n in range(keys))))
    return Prepared(one.with_for_update(of=Person.__table__) if lock else one)


class Known(NamedTuple):
    """What a turn needs of a person; see `Person`. `seen_before`: this very message was taken before."""

    id: int
    line: str | None
    region: str | None
    state: Any
    seen_before: bool


def look(conn: Connection, channel: str, external: str, key: str) -> Known | None:
    """What a turn needs of a person, and whether the message `key` was taken before.

    On PostgreSQL the row stays ours until the transaction ends; SQLite has one writer anyway.
    """
    hashes = cipher().lookups(channel, external)
    values: dict[str, Any] = {f"hashed{number}": one for number, one in enumerate(hashes)}
    prepared = _look(len(hashes), conn.dialect.name == "postgresql")
    found = prepared.first(conn, values | {"channel": channel, "key": key})
    return Known(*found) if found else None


def remembering(kind: str) -> Update:
    """The update that keeps what a turn leaves behind with the person, for each kind of window it opens; its values
    come from `memory`."""
    names = ("state", "region", "following", "seen_at", "erase_at")
    opened = (f"{kind}_until", f"{kind}_left") if kind else ()
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*names, *opened)}
    return update(Person).where(Person.id == bindparam("person")).values(values)


def memory(
    person_id: int, window: str, at: datetime, *, state: Any, region: str | None, following: bool,
    erase_at: datetime | None,
) -> dict[str, Any]:  # fmt: skip
    """The values for `remembering(window)`."""
    values = {"state": state, "region": region, "following": following, "seen_at": at, "erase_at": erase_at}
    values |= opened_window(window, at)
    return {"person": person_id} | {f"new_{name}": value for name, value in values.items()}


def open_window(conn: Connection, person_id: int, kind: str, at: datetime) -> None:
    """Note a contact that lets us send customer messages; see `WINDOWS`."""
    columns = opened_window(kind, at)
    if columns:
        conn.execute(update(Person).where(Person.id == person_id).values(**columns))


def spend(conn: Connection, person_id: int, at: datetime) -> str | None:
    """Take one customer message from the person's quota.

    Returns the window it came from (to be given back with `give_back`), or None when nothing is left. The short
    window is spent first. Atomic: two senders can't spend the same message.
    """
    for kind, until, left in (
        ("click", Person.click_until, Person.click_left),
        ("message", Person.message_until, Person.message_left),
    ):
        statement = update(Person).where(Person.id == person_id, until > at, left > 0).values({left: left - 1})
        if conn.execute(statement).rowcount:
            return kind
    return None


def give_back(conn: Connection, person_id: int, kind: str) -> None:
    """Return a spent message to its window, after the platform said that it was not sent."""
    column = Person.click_left if kind == "click" else Person.message_left
    conn.execute(update(Person).where(Person.id == person_id).values({column: column + 1}))


def exhaust(conn: Connection, person_id: int) -> None:
    """The platform says that the window is over or used up (45015, 45047): believe it."""
    conn.execute(update(Person).where(Person.id == person_id).values(message_left=0, click_left=0))


def left(conn: Connection, person_id: int, at: datetime) -> Quota:
    """How many customer messages may still be sent, and until when."""
    row = get(conn, person_id)
    if row is None:
        return Quota(0, None)
    open_now = [
        (count, until)
        for count, until in ((row.click_left, row.click_until), (row.message_left, row.message_until))
        if until is not None and until > at and count > 0
    ]
    if not open_now:
        return Quota(0, None)
    return Quota(sum(count for count, _ in open_now), max(until for _, until in open_now))
