"""All tables in one import, for migrations and tests."""

from records import (
    api_sessions,
    articles,
    audit,
    bulletins,
    canned,
    case_files,
    cases,
    conversations,
    declarations,
    drafts,
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
    public_answers,
    ratings,
    reminders,
    reviews,
    room_codes,
    rooms,
    same_person,
    service_points,
    sessions,
    staff,
    subscriptions,
    switches,
    vacancies,
)
from records.base import Base

TABLES = Base.metadata
MODULES = (
    api_sessions, articles, audit, bulletins, canned, case_files, cases, conversations, declarations, drafts, employers, handoffs, hours, inspections,
    links, message_terms, notes, outbox, people, places, points, presence, proposals, public_answers, ratings, reminders,
    reviews, room_codes, rooms, same_person, service_points, sessions, staff, subscriptions,
    switches, vacancies,
)  # fmt: skip
