"""Turn, form, handoff and outbox against a small model: any order of words, pushes, claims and sendings (hypothesis)."""

import itertools
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, func, select

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from bot.wechat.delivery import Outcome
from jobs import delivery
from records import handoffs, outbox, people, staff
from records.base import read, write
from records.cases import Case, CaseEvent
from records.conversations import Message
from records.handoffs import Alarm, Handoff
from records.outbox import Outgoing
from records.people import Person
from tests.faults.people import DANGER, FORM, QUESTIONS

SENDERS = ("oModel-anna", "oModel-bert")
NUMBER = re.compile(r"编号 ([A-Z]{2}-\d{8}-\d{4,})")
START = datetime(2026, 11, 23, 10, 0, tzinfo=clock.CHINA)
_runs = itertools.count()


class City(RuleBasedStateMachine):
    """What one process may do to two people, and what must be true after every step."""

    service: Service

    def __init__(self) -> None:
        super().__init__()
        run = next(_runs)
        self.now = START
        self.senders = [f"{name}-{run}" for name in SENDERS]
        self.keys = itertools.count()
        self.inbounds: list[Inbound] = []
        self.said: dict[tuple[str, str], list[dict[str, Any]]] = {}
        """What each message was answered, the first time."""
        self.filed: Counter[str] = Counter()
        self.owner: dict[int, int] = {}
        """Handoff → who was told that it is theirs."""
        self.sent: Counter[int] = Counter()
        """Outbox payload's text by person: how often the platform took it."""
        with write(self.service.engine) as conn:
            self.desk = [staff.create(conn, f"m{run}-{n}", "员工", "supervisor", "-", START) for n in (1, 2)]

    def teardown(self) -> None:
        """Leave nothing behind: the next run has the same database, and would look through what this one left open."""
        with write(self.service.engine) as conn:
            conn.execute(delete(CaseEvent))
            conn.execute(delete(Case))
            conn.execute(delete(Person))

    # --- what can happen

    @rule(
        who=st.sampled_from((0, 1)),
        text=st.sampled_from((*QUESTIONS[:5], *FORM, *FORM, "取消", "转人工", "上一步", "1", "2")),
    )
    def says(self, who: int, text: str) -> None:
        self._take(self._inbound(who, text))

    @rule(who=st.sampled_from((0, 1)), steps=st.integers(4, len(FORM)))
    def fills_a_form(self, who: int, steps: int) -> None:
        for text in FORM[:steps]:
            self._take(self._inbound(who, text))

    @rule(who=st.sampled_from((0, 1)), text=st.sampled_from(DANGER))
    def is_in_danger(self, who: int, text: str) -> None:
        inbound = self._inbound(who, text)
        taken = self._take(inbound)
        assert any("12356" in reply.text for reply in taken.replies), "somebody in danger got no number to call"
        with read(self.service.engine) as conn:
            raised = select(func.count()).where(Alarm.person_id == taken.person_id, Alarm.taken_at.is_(None))
            assert conn.execute(raised).scalar_one() == 1

    @precondition(lambda self: self.inbounds)
    @rule(data=st.data(), late=st.booleans())
    def is_pushed_again(self, data: st.DataObject, late: bool) -> None:
        inbound = data.draw(st.sampled_from(self.inbounds))
        again = self._taken(inbound, late=late)
        assert again.duplicate
        assert [reply.stored() for reply in again.replies] == self.said[(inbound.sender, inbound.key)]

    @rule(by=st.sampled_from((0, 1)))
    def is_claimed(self, by: int) -> None:
        with write(self.service.engine) as conn:
            mine = set(self._people(conn))
            waiting = [row for row in handoffs.open_handoffs(conn) if row.person_id in mine]
            for row in waiting[:1]:
                won = handoffs.claim(conn, row.id, self.desk[by], self.now)
                assert won == (row.id not in self.owner), "two owners of one chat, or none"
                if won:
                    self.owner[row.id] = by

    @rule()
    def is_closed(self) -> None:
        with write(self.service.engine) as conn:
            for one in list(self.owner):
                handoffs.close(conn, one, "answered", self.now)

    @rule(outcome=st.sampled_from(("delivered", "delivered", "retry", "wait", "drop", "alert")))
    def the_worker_looks(self, outcome: str) -> None:
        def send(person: Any, payload: Any) -> Outcome:
            if outcome == "delivered":
                self.sent[person.id] += 1
            return Outcome(outcome)  # type: ignore[arg-type]

        with clock.frozen(self.now):
            delivery.deliver_due(self.service.engine, {"wechat": send})

    @rule(minutes=st.sampled_from((1, 30, 3000)))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # --- what must be true

    @invariant()
    def everything_is_stored_once(self) -> None:
        with read(self.service.engine) as conn:
            for row in self._rows(conn):
                inbound = [
                    one for one in self.inbounds if people.external_hash("wechat", one.sender) == row.external_hash
                ]
                mine = select(Message).where(Message.person_id == row.id, Message.author == "person")
                assert len(conn.execute(mine).all()) == len(inbound)

    @invariant()
    def every_case_was_confirmed_once(self) -> None:
        with read(self.service.engine) as conn:
            numbers = set(conn.execute(select(Case.number)).scalars())
        assert set(self.filed) <= numbers and all(times == 1 for times in self.filed.values())

    @invariant()
    def one_open_handoff_and_the_line_says_so(self) -> None:
        with read(self.service.engine) as conn:
            for row in self._rows(conn):
                states = conn.execute(
                    select(Handoff.state).where(Handoff.person_id == row.id, Handoff.state != "closed")
                ).scalars().all()  # fmt: skip
                assert len(states) <= 1
                assert row.line == (states[0] if states else None)

    @invariant()
    def what_the_platform_took_is_settled(self) -> None:
        with read(self.service.engine) as conn:
            for person in self._people(conn):
                rows = conn.execute(select(Outgoing.state).where(Outgoing.person_id == person)).scalars().all()
                assert Counter(rows)["delivered"] == self.sent[person]
                assert set(rows) <= set(outbox.MOVES)

    # --- helpers

    def _inbound(self, who: int, text: str) -> Inbound:
        key = f"m:{next(self.keys)}"
        return Inbound("wechat", self.senders[who], key, "text", self.now, text=text, window="message")

    def _taken(self, inbound: Inbound, *, late: bool = False) -> turn.Taken:
        with clock.frozen(self.now):
            return turn.take(self.service, inbound, late=late)

    def _take(self, inbound: Inbound) -> turn.Taken:
        taken = self._taken(inbound)
        assert not taken.duplicate
        self.inbounds.append(inbound)
        self.said[(inbound.sender, inbound.key)] = [reply.stored() for reply in taken.replies]
        if taken.owner == "form":
            self.filed.update(number for reply in taken.replies for number in NUMBER.findall(reply.text))
        return taken

    def _rows(self, conn: Any) -> list[Any]:
        hashes = [people.external_hash("wechat", sender) for sender in self.senders]
        return list(conn.execute(select(Person.__table__).where(Person.external_hash.in_(hashes))))

    def _people(self, conn: Any) -> list[int]:
        return [row.id for row in self._rows(conn)]


def run(service: Service, examples: int, steps: int, phases: tuple[Phase, ...] = (Phase.generate,)) -> None:
    """`phases`: without shrinking, which takes minutes, a failure is told as it was found."""
    City.service = service
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        City,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks,
            derandomize=True, database=None, phases=phases,
        ),
    )  # fmt: skip


def test_any_order_of_events_keeps_the_promises(service: Service) -> None:
    run(service, examples=12, steps=25)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_more_orders(service: Service) -> None:
    run(service, examples=600, steps=60, phases=(Phase.generate, Phase.shrink))
