"""What the console has done by itself: chats are given out, come back, and alarms climb until somebody takes them.

The worker calls `every_second` and `now_and_then`; both are safe at any moment, any number of times, in any number of
processes.
"""

from datetime import timedelta
from typing import Any

import clock
from records import handoffs, hours, message_terms, presence, queues, staff, switches
from records.base import read, write
from staff import approvals, notices, outside
from staff.house import House

LEVELS = {0: "咨询师", 1: "值班长", 2: "对外通知"}


def every_second(house: House) -> None:
    """Give waiting chats to whoever is free, and let alarms climb."""
    assign(house)
    climb(house)


def now_and_then(house: House) -> None:
    """Return what nobody answers, tell the outside, send notices, make new messages findable."""
    put_back(house)
    tell_outside(house)
    approvals.lapse(house)
    notices.send(house)
    while index(house) == 500:
        continue


MOST = 1000
"""Waiting chats looked at in one go."""


def assign(house: House) -> int:
    """Give waiting chats out. Returns how many."""
    now = clock.now()
    with read(house.engine) as conn:
        if not switches.load(conn).auto_assign:
            return 0
        waiting = queues.waiting(conn, MOST)
        if not waiting:
            return 0
        roster, off = presence.roster(conn, now), hours.off_shift(conn, now)
        # Only what somebody could take is looked at closer: a queue without staff must not stand before the others.
        wishes = [
            (chat, queues.who_should(conn, chat, roster, off, now))
            for chat in waiting
            if presence.free_for(roster, chat.team)
        ]
    given: dict[int, int] = {}
    done = 0
    for chat, who in wishes:
        if who is None or who.load + given.get(who.id, 0) >= who.capacity or not _in_region(house, who, chat):
            continue
        with write(house.engine) as conn:
            if not handoffs.assign(conn, chat.id, who.id, now):
                continue
            handoffs.log(conn, chat.id, "job:assign", "assigned", now, f"给{who.name}")
        given[who.id] = given.get(who.id, 0) + 1
        done += 1
        house.signal("handoff", chat.person_id)
    return done


def _in_region(house: House, who: Any, chat: Any) -> bool:
    tree = house.knowledge.regions
    if not who.region or not chat.region or chat.urgent or who.region not in tree:
        return True
    return chat.region in tree.inside(who.region)


def put_back(house: House) -> int:
    """Return chats that nobody answers or whose owner has gone. Returns how many."""
    now = clock.now()
    with read(house.engine) as conn:
        minutes = switches.load(conn).unanswered_minutes
        gone = [("offshift", chat) for chat in queues.left_behind(conn, now, hours.off_shift(conn, now))]
        late = [("unanswered", chat) for chat in queues.unanswered(conn, now - timedelta(minutes=minutes))]
    done: set[int] = set()
    for why, chat in gone + late:
        if chat.id in done:
            continue
        with write(house.engine) as conn:
            if queues.put_back(conn, chat, why, now):
                done.add(chat.id)
        house.signal("handoff", chat.person_id)
    return len(done)


def climb(house: House) -> int:
    """Let alarms that nobody takes climb to the supervisors. Returns how many climbed."""
    now = clock.now()
    with read(house.engine) as conn:
        limit = switches.load(conn).alarm_supervisor_seconds
        late = queues.climbing(conn, 1, now - timedelta(seconds=limit))
    done = 0
    for alarm in late:
        with write(house.engine) as conn:
            if queues.climb(conn, alarm.id, 1):
                done += 1
                house.signal("alarm", alarm.person_id)
    return done


def tell_outside(house: House) -> int:
    """Tell the outside of alarms that still nobody took. Returns how many notices went out.

    The notice goes first and is noted after: killed in between, it goes twice rather than never.
    """
    now = clock.now()
    with read(house.engine) as conn:
        limit = switches.load(conn).alarm_outside_seconds
        late = queues.climbing(conn, 2, now - timedelta(seconds=limit))
        called = [name for id, name in staff.names(conn).items() if id in hours.on_call(conn, now)]
    done = 0
    for alarm in late:
        if outside.tell(house.settings, _notice(house, alarm, called, now)):
            with write(house.engine) as conn:
                done += queues.climb(conn, alarm.id, 2)
            house.signal("alarm", alarm.person_id)
    return done


def _notice(house: House, alarm: Any, called: list[str], now: Any) -> str:
    minutes = int((now - alarm.raised_at).total_seconds() // 60)
    tree = house.knowledge.regions
    place = tree.name(alarm.region) if alarm.region and alarm.region in tree else "地区未知"
    who = f"值班：{'、'.join(called)}。" if called else ""
    return (
        f"【危机警报】有一位市民可能有生命危险，已经等了{minutes}分钟，还没有人接。{place}。{who}\n"
        f"请马上打开工作台接警：{house.settings.public_url}/staff/crisis"
    )


def index(house: House) -> int:
    """Make new messages findable. Returns how many were looked at."""
    with write(house.engine) as conn:
        return message_terms.take_in(conn, clock.now())
