"""Somebody's points on `/me`: what the office entered for him, and beside it what the calculator said in the chat.

Shown only once a member of staff has seen his paper and tied the account to the number (`records.points.link`).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from knowledge_base import Knowledge
from records import points


def shown(
    conn: Connection, person_id: int, messages: Sequence[Row[Any]], knowledge: Knowledge
) -> dict[str, Any] | None:
    """`rows` (kind, why, day, points, state, reason, giver), `balance`, `official` (the newest result of the office) and
    `estimate` (when, and the words); None where nobody has confirmed yet who he is."""
    rows = points.of_person(conn, person_id)
    if rows is None:
        return None
    told = [_told(row) for row in rows]
    official = next((one for one in told if one["kind"] == "official" and one["state"] == "approved"), None)
    return {
        "rows": [one for one in told if one["kind"] != "official"], "balance": str(points.balance(rows)),
        "official": official, "estimate": _estimate(messages, knowledge),
    }  # fmt: skip


def exported(conn: Connection, person_id: int) -> list[dict[str, Any]]:
    """The same rows for the export; empty where nobody has confirmed who he is."""
    return [_told(row) for row in points.of_person(conn, person_id) or ()]


def _told(row: Row[Any]) -> dict[str, Any]:
    return {
        "kind": row.kind, "title": points.KINDS.get(row.kind, "官方结果"), "why": row.why, "day": row.day.isoformat(),
        "points": str(points.points_of(row.hundredths)), "state": row.state, "state_name": points.STATES[row.state],
        "giver": row.giver or "", "reason": row.reason or "",
    }  # fmt: skip


def _estimate(messages: Sequence[Row[Any]], knowledge: Knowledge) -> dict[str, str] | None:
    """The newest answer of the points calculator among some messages."""
    found = (knowledge.rules.find("points_estimate", region) for region in knowledge.regions.regions)
    titles = tuple({f"{rule.title}\n" for rule in found if rule is not None})
    for row in reversed(messages):
        if row.author != "bot" or not isinstance(row.body, list):
            continue
        for reply in row.body:
            text = str(reply.get("text", ""))
            if titles and text.startswith(titles):
                return {"day": f"{row.created_at:%Y-%m-%d}", "text": text.split("\n")[1]}
    return None
