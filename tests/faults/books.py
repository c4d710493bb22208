"""The balance after the storm: what the platform saw against what the database holds."""

import re
from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import select

from bot.message import Reply
from bot.wechat import budget
from bot.wechat import replies as rendering
from intents import crisis
from records.base import read
from records.cases import Case
from records.conversations import Message
from records.handoffs import Alarm, Handoff, HandoffEvent
from records.outbox import MOVES, Outgoing
from records.people import Person
from tests.faults.city import City
from tests.faults.people import Ledger, Said

NUMBER = re.compile(r"编号 ([A-Z]{2}-\d{8}-\d{4,})")


class Books:
    """Everything, read once."""

    def __init__(self, city: City, ledger: Ledger) -> None:
        self.city, self.ledger = city, ledger
        with read(city.engine) as conn:
            keys = {city.platform.openid(said.phone): said.phone for said in ledger.said}
            self.people = {
                row.id: keys[row.external] for row in conn.execute(select(Person.__table__)) if row.external in keys
            }
            self.messages = list(conn.execute(select(Message.__table__).order_by(Message.id)))
            self.outbox = list(conn.execute(select(Outgoing.__table__)))
            self.cases = list(conn.execute(select(Case.__table__)))
            self.alarms = list(conn.execute(select(Alarm.__table__)))
            self.handoffs = list(conn.execute(select(Handoff.__table__)))
            back = select(HandoffEvent.handoff_id).where(HandoffEvent.action.in_(("unanswered", "offshift")))
            self.returned = set(conn.execute(back).scalars())
        self.phones = {phone: person for person, phone in self.people.items()}
        self.screens = {phone: city.platform.store.since(f"chat:{phone}", 0) for phone in self.phones}

    def faults(self) -> list[str]:
        """Every broken promise in words; none is what we want."""
        return [*self._stored(), *self._shown(), *self._filed(), *self._owned(), *self._alarmed(), *self._ended()]

    def _stored(self) -> list[str]:
        times = Counter((row.person_id, row.dedup) for row in self.messages if row.dedup)
        found = [f"message {key} of {person} is stored {n} times" for (person, key), n in times.items() if n > 1]
        for said in self.ledger.said:
            acknowledged = said.state in ("answered", "quiet") and not self._told_so(said)
            if acknowledged and times[(self.phones.get(said.phone), said.key)] != 1:
                found.append(f"acknowledged message {said.key} of {said.phone} ({said.text}) is not in the database")
        return found

    def _told_so(self, said: Said) -> bool:
        """Whether somebody in danger was given numbers to call when neither database nor disk took the words.

        The answer says nothing of their having been received. They are kept in memory until they can be stored, which
        a kill just then undoes.
        """
        screen = self.screens.get(said.phone, [])
        return crisis.detect(said.text).danger and any(one.get("text") == budget.EMERGENCY_LOST for one in screen)

    def _expected(self) -> tuple[dict[tuple[int, str], int], dict[tuple[int, str], int]]:
        """By person and text: how often a turn or staff said it, and how often a sending of it was tried again."""
        told: dict[tuple[int, str], int] = defaultdict(int)
        again: dict[tuple[int, str], int] = defaultdict(int)
        for row in self.messages:
            if row.author == "bot":
                stored = [Reply.from_stored(one) for one in row.body]
                for text in self._forms(stored):
                    told[(row.person_id, text)] += 1
        for row in self.outbox:
            text = _text(row.payload)
            if row.key.startswith("staff-"):
                told[(row.person_id, text)] += 1
            if row.attempts > 1:
                again[(row.person_id, text)] += row.attempts - 1
        return told, again

    def _forms(self, stored: list[Reply]) -> set[str]:
        """Every text that these replies may appear as, passive or as customer messages."""
        settings = self.city.settings
        first, rest = rendering.first_and_rest(settings, stored)
        return {first, *map(_text, rest), *map(_text, rendering.payloads(settings, stored))} - {""}

    def _shown(self) -> list[str]:
        """Nothing on a screen that nobody said, nothing more often than it was said."""
        told, again = self._expected()
        found = []
        for phone, screen in self.screens.items():
            person = self.phones[phone]
            seen = Counter(str(entry.get("text", "")) for entry in screen if entry["who"] == "account")
            for text, times in seen.items():
                if text in (budget.EMERGENCY, budget.EMERGENCY_LOST):
                    continue  # said at once, whatever becomes of the turn
                said = told.get((person, text), 0)
                # The platform has no key for customer messages: one whose sender was killed may come twice (decision 0003).
                if times > said + again.get((person, text), 0):
                    found.append(f"{phone} saw {times} times what was said {said} times: {text[:40]!r}")
        return [*found, *self._unsaid()]

    def _unsaid(self) -> list[str]:
        """Every acknowledged message's answer is on the screen, or in the outbox in a state with a name."""
        by_turn: dict[str, list[Any]] = defaultdict(list)
        for row in self.outbox:
            by_turn[row.key.split(":")[0]].append(row)
        inbound = {(row.person_id, row.dedup): row.turn_id for row in self.messages if row.dedup}
        answers = {row.turn_id: row for row in self.messages if row.author == "bot"}
        found = []
        for said in self.ledger.said:
            person = self.phones.get(said.phone)
            turn = inbound.get((person, said.key))
            if said.state not in ("answered", "quiet") or turn not in answers:
                continue
            if said.state == "quiet" and not any(":late" in row.key for row in by_turn[turn]):
                found.append(f"the answer to {said.key} of {said.phone} ({said.text}) went nowhere")
        seen = {
            (self.phones[phone], str(entry.get("text", "")))
            for phone, screen in self.screens.items()
            for entry in screen
        }
        for row in self.outbox:
            if row.state == "delivered" and (row.person_id, _text(row.payload)) not in seen:
                found.append(f"outbox row {row.id} says delivered, its screen says no")
        kept = Counter(row.key for row in self.outbox if row.key.startswith("staff-"))
        found += [f"staff reply {text!r} is gone" for person, text in self.ledger.replies
                  if not any(row.person_id == person and _text(row.payload) == text for row in self.outbox)]  # fmt: skip
        return found + [f"{key} is there twice" for key, n in kept.items() if n > 1]

    def _filed(self) -> list[str]:
        receipts = Counter(
            number
            for row in self.messages
            if row.author == "bot" and row.owner == "form"
            for one in row.body
            for number in NUMBER.findall(one.get("text", ""))
        )
        numbers = Counter(row.number for row in self.cases)
        found = [f"case {number} has {receipts[number]} receipts" for number in numbers if receipts[number] != 1]
        found += [f"receipt {number} has no case" for number in receipts if number not in numbers]
        confirmed = sum(said.text == "确认" for said in self.ledger.said)
        if len(self.cases) > confirmed:
            found.append(f"{len(self.cases)} cases for {confirmed} confirmations")
        return found

    def _owned(self) -> list[str]:
        # With the worker's clock ahead, a chat looks unanswered for hours and goes back to its queue: said in its history.
        once = {one: owners for one, owners in self.ledger.claims.items() if one not in self.returned}
        found = [f"handoff {one} was given to {owners}" for one, owners in once.items() if len(owners) > 1]
        held = {row.id: row.claimed_by for row in self.handoffs}
        for one, owners in once.items():
            if held.get(one) not in owners:
                found.append(f"handoff {one}: {owners} was told it is theirs, the database says {held.get(one)}")
        open_ones = Counter(row.person_id for row in self.handoffs if row.state != "closed")
        return found + [f"person {person} has {n} open handoffs" for person, n in open_ones.items() if n > 1]

    def _alarmed(self) -> list[str]:
        raised = {row.person_id for row in self.alarms}
        found = []
        for said in self.ledger.said:
            if (
                said.state in ("answered", "quiet")
                and crisis.detect(said.text).danger
                and self.phones.get(said.phone) not in raised
                and not self._told_so(said)
            ):
                found.append(f"{said.phone} said {said.text!r} and nobody was alarmed")
        return found

    def _ended(self) -> list[str]:
        found = [f"outbox row {row.id} is {row.state}" for row in self.outbox if row.state not in MOVES]
        spooled, on_their_way = self.city.left()
        if spooled or on_their_way:
            found.append(f"{spooled} messages still in the spool, {on_their_way} rows still on their way")
        return found


def _text(payload: Any) -> str:
    if payload.get("kind") == "menu":
        return str(payload.get("head", ""))
    return str(payload.get("text", ""))
