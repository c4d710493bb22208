"""How somebody can still be reached who can't be written to: the phone numbers that he gave us."""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, select

from records.cases import Case
from records.crypto import cipher
from records.declarations import Declaration

NUMBER = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])")
"""A mobile phone's number."""


def phones(conn: Connection, person_ids: Sequence[int], limit: int = 5) -> dict[str, str]:
    """The numbers that people left with what they filed, the newest first, each with where it stands.

    What was reported without a name is left out: who wished to stay unknown isn't rung up.
    """
    found: dict[str, str] = {}
    filed = select(Case.number, Case.title, Case.data, Case.phone_hash).where(
        Case.person_id.in_(person_ids), Case.phone_hash.is_not(None), Case.anonymous.is_(False)
    )
    for case in conn.execute(filed.order_by(Case.id.desc()).limit(limit)):
        for value in (str(value) for _, value in case.data or []):
            if NUMBER.fullmatch(value) and case.phone_hash in cipher().lookups("phone", value):
                found.setdefault(value, f"{case.title}（{case.number}）")
    lived = select(Declaration.who).where(
        Declaration.person_id.in_(person_ids), Declaration.who.is_not(None), Declaration.relation == "self"
    )
    for who in conn.execute(lived.order_by(Declaration.id.desc()).limit(limit)).scalars():
        if number := str(who.get("phone") or ""):
            found.setdefault(number, "居住申报")
    return found


def said(texts: Sequence[str]) -> dict[str, str]:
    """The numbers in what somebody said, the newest first."""
    return dict.fromkeys((number for text in reversed(texts) for number in NUMBER.findall(text)), "聊天里说过")
