"""All tables in one import, for migrations and tests."""

from records import (
    articles,
    audit,
    canned,
    cases,
    conversations,
    declarations,
    employers,
    handoffs,
    hours,
    inspections,
    links,
    message_terms,
    notes,
    outbox,
    people,
    places,
    points,
    presence,
    proposals,
    ratings,
    reminders,
    reviews,
    room_codes,
    rooms,
    service_points,
    sessions,
    staff,
    subscriptions,
    switches,
)
from records.base import Base

TABLES = Base.metadata
MODULES = (
    articles, audit, canned, cases, conversations, declarations, employers, handoffs, hours, inspections,
    links, message_terms, notes, outbox, people, places, points, presence, proposals, ratings, reminders,
    reviews, room_codes, rooms, service_points, sessions, staff, subscriptions,
    switches,
)  # fmt: skip
