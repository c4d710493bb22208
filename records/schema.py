"""All tables in one import, for migrations and tests."""

from records import (
    audit,
    canned,
    cases,
    conversations,
    handoffs,
    notes,
    outbox,
    people,
    presence,
    ratings,
    sessions,
    staff,
    switches,
)
from records.base import Base

TABLES = Base.metadata
MODULES = (
    audit, canned, cases, conversations, handoffs, notes, outbox, people, presence, ratings, sessions, staff, switches,
)  # fmt: skip
