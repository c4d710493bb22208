"""All tables in one import, for migrations and tests."""

from records import audit, conversations, handoffs, outbox, people, staff, switches
from records.base import Base

TABLES = Base.metadata
MODULES = (audit, conversations, handoffs, outbox, people, staff, switches)
