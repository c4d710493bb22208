"""What a handler may look up of the person in front of it: its own cases, or one named by number or phone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row

from records import cases, declarations, handoffs, hours, ratings, rooms, subscriptions, vacancies
from records.keyed import among


@dataclass(frozen=True, slots=True)
class Desk:
    """Reads, inside the turn's transaction, for one person. `week`: when the desks are open, Monday to Sunday."""

    conn: Connection
    person_id: int
    week: tuple[str, ...]

    def opens(self, at: datetime) -> str:
        """When somebody is at the desks again (明天（周一）8:30); empty while somebody is, or when it isn't known."""
        moment = hours.next_opening(self.conn, at, self.week)
        if moment is None or moment == at:
            return ""
        clocked = f"{moment.hour}:{moment.minute:02d}"
        days = (moment.date() - at.astimezone(moment.tzinfo).date()).days
        weekday = f"周{hours.WEEKDAYS[moment.weekday()]}"
        day = ("今天", f"明天（{weekday}）")[days] if days < 2 else f"{weekday}（{moment.month}月{moment.day}日）"
        return f"{day}{clocked}"

    def ahead(self) -> int:
        """How many people wait before this one in the same queue."""
        return handoffs.ahead(self.conn, self.person_id)

    def subscriptions(self) -> list[Row[Any]]:
        """The topics the person asked to be told about."""
        return subscriptions.of_person(self.conn, self.person_id)

    def my_cases(self) -> list[Row[Any]]:
        """The person's cases, the newest first."""
        return cases.of_person(self.conn, self.person_id, 5)

    def case(self, number: str) -> Row[Any] | None:
        """A case by its number."""
        return cases.by_number(self.conn, number)

    def cases_by_phone(self, phone: str) -> list[Row[Any]]:
        """The person's own cases filed with a phone number: whose number it is, anybody may know."""
        return [row for row in cases.of_phone(self.conn, phone) if row.person_id == self.person_id][:5]

    def rating_asked(self, at: datetime) -> Row[Any] | None:
        """The question how satisfied the person was, while its answer is still awaited (`handoff_id`, `asked_at`)."""
        return ratings.open_question(self.conn, self.person_id, at)

    def declared(self) -> list[Row[Any]]:
        """What the person declared about where he lives, the newest first; see `declarations.of_person`."""
        return declarations.of_person(self.conn, self.person_id, 10)

    def declared_as(self, number: str) -> list[Row[Any]]:
        """The declarations of one form by its number."""
        return declarations.by_number(self.conn, number)

    def declared_by_phone(self, phone: str) -> list[Row[Any]]:
        """The person's own declarations in force that name a phone number, the newest first."""
        table = declarations.Declaration
        open_ = table.state.in_((*declarations.LIVING, "returned", "waiting"))
        mine = table.person_id == self.person_id
        named = declarations.listing().where(among(table.phone_hash, "phone", phone), open_, mine)
        return list(self.conn.execute(named.order_by(table.id.desc()).limit(5)))

    def room(self, code: str) -> rooms.Found | None:
        """The room that a typed or scanned code names."""
        return rooms.find(self.conn, code)

    def vacancies(self, words: str, regions: Collection[str], on: date, pay: int, limit: int) -> list[Row[Any]]:
        """Open posts in some places; see `vacancies.search`."""
        return vacancies.search(self.conn, words, regions, on, pay=pay, limit=limit)
