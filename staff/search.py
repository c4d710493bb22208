"""Finding a chat or a case by words, a number, a phone."""

import re
from typing import Any

from flask import render_template, request
from sqlalchemy import Connection, Row, and_, exists, not_, or_, select

import clock
from records import audit, cases, declarations, desk_queries, message_terms, same_person
from records.base import read, write
from records.conversations import Message
from records.declarations import Declaration
from records.handoffs import Handoff
from records.keyed import among
from staff.blueprint import blueprint
from staff.cases import reach
from staff.house import house, me, scope
from staff.permissions import needs

_CASE = re.compile(r"[A-Za-z]{2}-?\d{8}-?\d{4}")
_NUMBER = re.compile(r"(?:新市民)?\s*0*(\d{1,6})")
_NAME = re.compile(r"[\u3400-\u9fff·]{2,12}")
_PHONE = re.compile(r"1[3-9]\d{9}")


@blueprint.get("/search")
@needs("chat.search")
def search_page() -> str:
    """Results for `q`: cases by number or phone, chats by what was said in them."""
    query = request.args.get("q", "").strip()[:60]
    found: dict[str, Any] = {"messages": [], "cases": [], "chats": {}, "people": [], "homes": []}
    if query:
        found = _find(query)
        with write(house().engine) as conn:
            audit.note(conn, me().actor, "search", "messages", clock.now())
    return render_template(
        "staff/search.html", query=query, states=declarations.STATES, address_of=declarations.address_of, **found
    )


def _find(query: str) -> dict[str, Any]:
    with read(house().engine) as conn:
        people, homes = _people(conn, query), _homes(conn, query)
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
    return {"messages": [row for row in messages if chats[row.id]], "chats": chats, "cases": filed,
            "people": people, "homes": homes}  # fmt: skip


def _people(conn: Connection, query: str) -> list[Row[Any]]:
    """The chats of the person whom the console calls by a number (新市民 0012)."""
    found = _NUMBER.fullmatch(query)
    return same_person.chats(conn, scope(), [int(found[1])], 5) if found else []


def _homes(conn: Connection, query: str) -> list[Row[Any]]:
    """Who is registered under a whole name or a mobile number: where, and as what. For those who may see rooms."""
    if not me().may("rooms.see"):
        return []
    hashes = []
    if _NAME.fullmatch(query):
        hashes.append(among(Declaration.name_hash, "name", query))
    if _PHONE.fullmatch(query):
        hashes.append(among(Declaration.phone_hash, "phone", query))
    if not hashes:
        return []
    wanted = declarations.listing().where(or_(*hashes), Declaration.state != "superseded")
    regions = scope().regions
    rows = list(conn.execute(wanted.order_by(Declaration.id.desc()).limit(10)))
    if regions is None:
        return rows
    return [row for row in rows if _inside(row.path, regions)]


def _inside(path: str, regions: tuple[str, ...]) -> bool:
    """Whether an address lies in one of the regions."""
    tree = house().knowledge.regions
    return any(tree.name(key) in path for key in regions if key in tree)


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
