"""One turn against the clock: the platform gives five seconds, we take four (wx-cb-07).

The turn runs in a thread of a small pool. When it isn't done in time, or the database can't be had, the message is
written to the spool before the platform gets its acknowledgement, and the replies follow as customer messages: from
the late thread itself as soon as it is done, or from the spool's replay.
"""

import logging
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep

from bot import turn
from bot.message import Inbound
from bot.service import Service
from bot.turn import Taken
from bot.wechat import spool
from bot.wechat.crew import Crew
from bot.wechat.faults import where
from intents import crisis
from records.base import Busy

log = logging.getLogger(__name__)

EMERGENCY = (
    "我很担心您的安全。请马上打电话：\n"
    "心理援助热线 12356（没接通就打下面两个，都是24小时）\n"
    "有人受伤或生病 120\n"
    "有人伤害您或您有危险 110\n"
    "身边有人的话，请现在就告诉他。您的话已经收到，工作人员会尽快联系您。"
)
"""What somebody in danger gets at once when nothing else of ours works."""
EMERGENCY_LOST = EMERGENCY.rsplit("您的话", 1)[0]
"""The same where not even the spool took the message: it promises nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the race ended. `taken`: in time. Otherwise `kept` says whether the message is safe on disk, and
    `emergency` holds the text to answer with when somebody may be in danger."""

    taken: Taken | None = None
    kept: bool = False
    emergency: str = ""


def answer(service: Service, inbound: Inbound, arrived: float) -> Outcome:
    """Take the turn within `settings.reply_budget` seconds of `arrived` (monotonic), or keep the message for later."""
    race = _Race(service, inbound)
    _pool(service).submit(race.run)
    race.finished.acquire(timeout=max(0.0, arrived + service.settings.reply_budget - monotonic()))
    taken = race.settle()
    if taken is not None:
        return Outcome(taken)
    if not race.begun:
        log.warning("no thread was free for a turn within its budget")
    return Outcome(kept=race.kept, emergency=_emergency(inbound, race.kept))


def keep(service: Service, inbound: Inbound) -> Outcome:
    """Keep a message whose answer can't go out now, as if its turn had been late."""
    try:
        spool.keep(service, inbound)
    except OSError as fault:
        log.critical("the spool takes nothing (%s): messages are being lost", where(fault))
        emergency = _emergency(inbound, False)
        if emergency:
            threading.Thread(target=_insist, args=(service, inbound), name="insist", daemon=True).start()
        return Outcome(emergency=emergency)
    return Outcome(kept=True, emergency=_emergency(inbound, True))


def _emergency(inbound: Inbound, kept: bool) -> str:
    if not inbound.text or not crisis.detect(inbound.text).danger:
        return ""
    return EMERGENCY if kept else EMERGENCY_LOST


def _insist(service: Service, inbound: Inbound) -> None:
    """The last resort for somebody in danger: this process remembers until database or disk take the words again.

    The person has been told whom to call and that nobody knows yet; the alarm follows when the turn can be taken.
    """
    for pause in PAUSES:
        sleep(pause)
        try:
            turn.take(service, inbound, late=True)
            return
        except Exception as fault:  # noqa: BLE001 - the boundary of the thread: whatever fails, the words must be kept
            log.warning("the words of somebody in danger are still not stored: %s", where(fault))
        with suppress(OSError):
            spool.keep(service, inbound)
            return
    log.critical("the words of somebody in danger could not be stored")


PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, *(30.0,) * 20)
"""Seconds between two tries of `_insist`; ten minutes in all."""


class _Race:
    """One message's turn and the decision, made once, whether it was in time."""

    def __init__(self, service: Service, inbound: Inbound) -> None:
        self.service = service
        self.inbound = inbound
        self.finished = threading.Lock()
        self.finished.acquire()  # released by the thread that has run
        self.decision = threading.Lock()
        self.taken: Taken | None = None
        self.begun = False
        self.kept = False

    def run(self) -> None:
        """In the pool's thread: take the turn; when the callback has given up on it, deliver it ourselves."""
        taken: Taken | None = None
        with self.decision:
            if self.kept:
                return  # nobody waits any more; the spool's replay takes it
            self.begun = True
        try:
            taken = turn.take(self.service, self.inbound)
        except Busy as fault:
            log.warning("the database can't be had for a turn: %s", fault)
        except Exception as fault:  # noqa: BLE001 - the boundary: whatever a turn does, the platform gets an answer
            log.error("a turn failed: %s", where(fault))
        with self.decision:
            self.taken = taken
            late = self.kept
        self.finished.release()
        if late and taken is not None:
            self._deliver()

    def _deliver(self) -> None:
        try:
            turn.take(self.service, self.inbound, late=True)
            spool.drop(spool.path_of(self.service.settings, self.inbound))
        except (Busy, OSError) as fault:
            log.warning("late replies stay in the spool: %s", where(fault))

    def settle(self) -> Taken | None:
        """The turn when it is done; otherwise the message is on disk before this returns (`kept`), or can't be."""
        with self.decision:
            if self.taken is None:
                self.kept = keep(self.service, self.inbound).kept
            return self.taken


_pools: dict[int, Crew] = {}
_making = threading.Lock()


def _pool(service: Service) -> Crew:
    """The process's own crew: a few threads more than the server has, so that stuck turns don't block good ones."""
    pid = os.getpid()
    crew = _pools.get(pid)
    if crew is None:
        with _making:
            crew = _pools.get(pid) or Crew(service.settings.threads + 4)
            _pools[pid] = crew
    return crew
