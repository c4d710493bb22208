"""All tables in one import, for migrations and tests."""

from records import audit, cases, conversations, handoffs, outbox, people, staff, switches
from records.base import Base

TABLES = Base.metadata
MODULES = (audit, cases, conversations, handoffs, outbox, people, staff, switches)
