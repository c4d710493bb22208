"""All tables in one import, for migrations and tests."""

from records import (
    audit,
    canned,
    cases,
    conversations,
    declarations,
    employers,
    handoffs,
    inspections,
    links,
    notes,
    outbox,
    people,
    places,
    presence,
    ratings,
    reminders,
    room_codes,
    rooms,
    sessions,
    staff,
    switches,
)
from records.base import Base

TABLES = Base.metadata
MODULES = (
    audit, canned, cases, conversations, declarations, employers, handoffs, inspections, links, notes, outbox,
    people, places, presence, ratings, reminders, room_codes, rooms, sessions, staff, switches,
)  # fmt: skip
