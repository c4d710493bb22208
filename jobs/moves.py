"""Rooms as time passes: landlords and firms are reminded of moves to report, people are asked again after a year, and
what is no longer needed is taken out."""

from collections import defaultdict
from datetime import timedelta

from sqlalchemy import Engine

import clock
from records import declarations, employers, notices, room_rules
from records.base import write

_DUTY = "有{count}个租客（员工）的变动要报，最早的截止{due}。点开看看，确认一下就算报了。"
_AGAIN = "您登记的住处满一年了：{address}。还住着不用做什么；资料变了请更正，搬走了请点“搬走了”。"


def remind_of_duties(engine: Engine) -> int:
    """Remind landlords and firms of the moves that must be reported by tomorrow. Returns how many people were told.

    The term: three working days (浙江省流动人口居住登记条例 art. 8, 9). One message each, however many moves.
    """
    now = clock.now()
    with write(engine) as conn:
        due = employers.due(conn, now.date() + timedelta(days=1))
        whom = defaultdict(list)
        for row in due:
            person, path = (
                (row.employer_person, "/employer")
                if row.employer_id is not None
                else (row.landlord_person, "/landlord")
            )
            if person is not None:
                whom[person, path].append(row)
        for (person, path), rows in whom.items():
            words = _DUTY.format(count=len(rows), due=min(row.due_on for row in rows))
            notices.tell(conn, person, "要报的变动", words, path, key=f"duties:{rows[0].id}", at=now)
        employers.reminded(conn, [row.id for row in due], now)
    return len(whom)


def ask_again(engine: Engine) -> int:
    """Ask people whose declaration is a year old whether it still holds. Returns how many were asked."""
    now = clock.now()
    asked, last = 0, 0
    while True:  # a batch is one transaction; who was asked before is told nothing twice, by the key
        with write(engine) as conn:
            rows = declarations.expired(conn, now.date(), after=last)
            for row in rows:
                words = _AGAIN.format(address=declarations.address_of(row))
                key = f"again:{row.id}:{row.until}"
                asked += notices.tell(conn, row.person_id, "您的住处登记", words, "/rooms/mine", key=key, at=now)
        if not rows:
            return asked
        last = rows[-1].id


def retire(engine: Engine) -> int:
    """Take out what identifies people where it is no longer needed (`keep_days`, `wait_days` of `room_rules.yml`)."""
    terms = room_rules.rules()
    with write(engine) as conn:
        return declarations.retire(conn, clock.now(), keep_days=terms["keep_days"], wait_days=terms["wait_days"])
