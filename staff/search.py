"""Finding a chat or a case by words, a number, a phone."""

import re
from typing import Any

from flask import render_template, request
from sqlalchemy import and_, exists, not_, select

import clock
from records import audit, cases, desk_queries, message_terms
from records.base import read, write
from records.conversations import Message
from records.handoffs import Handoff
from staff.blueprint import blueprint
from staff.cases import reach
from staff.house import house, me, scope
from staff.permissions import needs

_CASE = re.compile(r"[A-Za-z]{2}-?\d{8}-?\d{4}")
_PHONE = re.compile(r"1[3-9]\d{9}")


@blueprint.get("/search")
@needs("chat.search")
def search_page() -> str:
    """Results for `q`: cases by number or phone, chats by what was said in them."""
    query = request.args.get("q", "").strip()[:60]
    found: dict[str, Any] = {"messages": [], "cases": [], "chats": {}}
    if query:
        found = _find(query)
        with write(house().engine) as conn:
            audit.note(conn, me().actor, "search", "messages", clock.now())
    return render_template("staff/search.html", query=query, **found)


def _find(query: str) -> dict[str, Any]:
    with read(house().engine) as conn:
        messages = message_terms.find(conn, query, where=_readable())
        chats = {row.id: _chat_of(conn, row) for row in messages}
        filed: list[Any] = []
        if me().may("cases.see"):
            number, phone = _CASE.fullmatch(query), _PHONE.fullmatch(query)
            if number:
                row = cases.by_number(conn, query)
                filed = [row] if row is not None else []
            elif phone:
                filed = cases.of_phone(conn, query)
    allowed = reach()
    filed = [row for row in filed if (allowed.psychology or row.team != "psychology") and (allowed.teams is None or row.team in allowed.teams)
             and (allowed.regions is None or row.region in allowed.regions)]  # fmt: skip
    return {"messages": [row for row in messages if chats[row.id]], "chats": chats, "cases": filed}


def _readable() -> list[Any]:
    """Only messages of people whose chats one may see, and nothing said to a counsellor (promise 12)."""
    mine = exists().where(Handoff.person_id == Message.person_id, desk_queries.visible(scope()))
    if me().may("psychology.see"):
        return [mine]
    minds = and_(Message.intent.is_not(None), Message.intent.in_(desk_queries.MIND))
    danger = and_(Message.owner.is_not(None), Message.owner == "crisis")
    theirs = exists().where(
        Handoff.person_id == Message.person_id, desk_queries.of_the_mind(), Message.created_at >= Handoff.opened_at,
        Handoff.closed_at.is_(None) | (Message.created_at <= Handoff.closed_at),
    )  # fmt: skip
    return [mine, not_(minds), not_(danger), not_(theirs)]


def _chat_of(conn: Any, message: Any) -> int:
    """The chat that a message leads to: the newest of its person that one may see."""

    mine = (Handoff.person_id == message.person_id, desk_queries.visible(scope()))
    return conn.execute(select(Handoff.id).where(*mine).order_by(Handoff.id.desc()).limit(1)).scalar() or 0
