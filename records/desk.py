"""What a handler may look up of the person in front of it: its own cases, or one named by number or phone."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from records import cases


@dataclass(frozen=True, slots=True)
class Desk:
    """Reads, inside the turn's transaction, for one person."""

    conn: Connection
    person_id: int

    def my_cases(self) -> list[Row[Any]]:
        """The person's cases, the newest first."""
        return cases.of_person(self.conn, self.person_id, 5)

    def case(self, number: str) -> Row[Any] | None:
        """A case by its number."""
        return cases.by_number(self.conn, number)

    def cases_by_phone(self, phone: str) -> list[Row[Any]]:
        """Cases filed with a phone number."""
        return cases.of_phone(self.conn, phone, 5)
