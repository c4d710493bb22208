"""Puts right what belongs together and has come apart: people and their chats, forms nobody will finish.

None of it should happen, for each pair is written in one transaction; a hand in the database, a restore to a moment, or
a fault of ours may do it all the same. Every function is safe at any moment, any number of times.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from records import handoffs
from records.handoffs import Handoff
from records.people import Person

ABANDONED = timedelta(days=30)
"""How long what somebody began to fill in is kept for him to go on with."""


def chats(conn: Connection, at: datetime, limit: int = 200) -> int:
    """Open chats and their people say the same; chats of people who were erased are closed. Returns how many."""
    apart = (
        select(Handoff.id, Handoff.person_id, Person.external)
        .join(Person, Person.id == Handoff.person_id)
        .where(Handoff.state != "closed", or_(Person.external.is_(None), Person.line.is_distinct_from(Handoff.state)))
        .order_by(Handoff.id)
        .limit(limit)
    )
    rows = conn.execute(apart).all()
    for row in rows:
        if row.external is None:
            handoffs.close(conn, row.id, "withdrawn", at)
            handoffs.log(conn, row.id, "job:reconcile", "closed", at, "本人的资料已删除")
    _line_up(conn, [row.person_id for row in rows])
    return len(rows)


def people(
    conn: Connection, at: datetime, forms: Collection[str], after: int = 0, limit: int = 500
) -> tuple[int, int]:  # fmt: skip
    """Look at `limit` people with ids above `after`: nobody stands in a line without a chat, and forms that don't exist
    any more (not in `forms`), can't be read, or were left for `ABANDONED` are taken out of what is remembered.

    Returns (how many were put right, the last id; 0 after the last person).
    """
    columns = (Person.id, Person.line, Person.state, Person.seen_at)
    look = select(*columns).where(Person.id > after).order_by(Person.id).limit(limit)
    rows = conn.execute(look).all()
    held = {row.id for row in rows if row.line is not None}
    chatting = select(Handoff.person_id).where(Handoff.person_id.in_(held), Handoff.state != "closed")
    lost = held - set(conn.execute(chatting).scalars()) if held else set()
    done = _line_up(conn, sorted(lost))
    for row in rows:
        if row.state and _cleaned(row, at, forms) != row.state:
            done += _clean(conn, row.id, at, forms)
    return done, int(rows[-1].id) if len(rows) == limit else 0


def _line_up(conn: Connection, persons: list[int]) -> int:
    """Set each person's line by the open chat as it is once the row is ours."""
    if not persons:
        return 0
    conn.execute(select(Person.id).where(Person.id.in_(persons)).with_for_update())
    state = select(Handoff.state).where(Handoff.person_id == Person.id, Handoff.state != "closed").scalar_subquery()
    apart = Person.line.is_distinct_from(state)
    found = update(Person).where(Person.id.in_(persons), apart).values(line=state)
    return conn.execute(found).rowcount


def _clean(conn: Connection, person_id: int, at: datetime, forms: Collection[str]) -> int:
    columns = (Person.id, Person.state, Person.seen_at)
    row = conn.execute(select(*columns).where(Person.id == person_id).with_for_update()).one()
    state = _cleaned(row, at, forms) if row.state else row.state
    if state == row.state:
        return 0
    return conn.execute(update(Person).where(Person.id == person_id).values(state=state)).rowcount


def _cleaned(row: Row[Any], at: datetime, forms: Collection[str]) -> dict[str, Any]:
    """The state without the forms that nobody can go on with."""
    state = dict(row.state)
    old = row.seen_at is None or row.seen_at < at - ABANDONED

    def dead(form: Any) -> bool:
        return old or not (isinstance(form, list | tuple) and form and form[0] in forms)

    if "form" in state and dead(state["form"]):
        del state["form"]
    if "parked" in state:
        kept = [form for form in state["parked"] if not dead(form)]
        state["parked"] = kept
        if not kept:
            del state["parked"]
    return state
