"""Who writes while things break: seeded people, each with a talk of their own, and staff who claim and answer.

What they did is written down here, on the platform's side: the books are balanced against it.
"""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

import clock
from bot.sandbox import phone
from bot.sandbox.platform import Impossible, message_id
from records import handoffs, outbox
from records.base import Busy, read, write
from tests.faults.city import City

QUESTIONS = (
    "居住证快到期了怎么签注", "居住证丢了怎么补办", "刚租了房子怎么登记", "孩子上小学怎么报名", "老板拖欠工资三个月了怎么办",
    "上班摔伤了算工伤吗", "社保怎么转到宁波", "异地怎么换身份证", "积分入学怎么申请", "房东不退押金怎么办", "你好", "谢谢", "怎么办护照",
)  # fmt: skip
DANGER = ("我不想活了", "我想从楼上跳下去", "活着没意思，想死了算了")
FORM = ("举报隐患", "消防", "海曙区测试村1幢", "楼道里堆满电瓶车", "是", "确认")
"""Steps of the form `hazard_report`; the last one files it."""


@dataclass
class Said:
    """One message as the platform knows it."""

    phone: str
    text: str
    key: str
    state: str = ""
    """How the push ended: answered, quiet, failed."""


@dataclass
class Ledger:
    """What the outside knows to be true."""

    said: list[Said] = field(default_factory=list)
    claims: dict[int, list[int]] = field(default_factory=dict)
    """Handoff → the members of staff who were told that it is theirs."""
    replies: list[tuple[int, str]] = field(default_factory=list)
    """(person, text): staff replies whose commit was acknowledged."""
    lock: threading.Lock = field(default_factory=threading.Lock)


def talk(chance: random.Random) -> Iterator[str]:
    """One person's words for ever."""
    while True:
        kind = chance.random()
        if kind < 0.04:
            yield chance.choice(DANGER)
        elif kind < 0.14:
            yield "转人工"
        elif kind < 0.4:
            yield from FORM[: chance.choice((2, 4, 6, 6, 6))]
            if chance.random() < 0.3:
                yield "取消"
        else:
            yield chance.choice(QUESTIONS)


class Person(threading.Thread):
    """Writes, waits for the platform to be done, thinks, writes again."""

    def __init__(self, city: City, ledger: Ledger, number: int, rest: float, stop: threading.Event) -> None:
        super().__init__(name=f"person-{number}", daemon=True)
        self.city, self.ledger, self.rest, self.stopped = city, ledger, rest, stop
        self.key = f"p{number}"
        self.chance = random.Random(f"{city.chance.getstate()[1][0]}-{number}")
        self.words = talk(self.chance)

    def run(self) -> None:
        phone.follow(self.city.platform, self.key).done.wait(30)
        while not self.stopped.is_set():
            msg_id = message_id()
            said = Said(self.key, next(self.words), f"m:{msg_id}")
            try:
                delivery = phone.say(self.city.platform, self.key, said.text, msg_id)
            except Impossible:
                time.sleep(1)
                continue
            with self.ledger.lock:
                self.ledger.said.append(said)
            delivery.done.wait(60)
            said.state = delivery.state
            self.stopped.wait(self.chance.expovariate(1 / self.rest))


class Staff(threading.Thread):
    """Two members of staff who reach for the same chats, answer, and close."""

    def __init__(self, city: City, ledger: Ledger, staff_id: int, stop: threading.Event) -> None:
        super().__init__(name=f"staff-{staff_id}", daemon=True)
        self.city, self.ledger, self.id, self.stopped = city, ledger, staff_id, stop

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            try:
                self._work()
            except (Busy, SQLAlchemyError):
                time.sleep(0.3)

    def _work(self) -> None:
        engine = self.city.engine
        with read(engine) as conn:
            waiting = [row for row in handoffs.open_handoffs(conn) if row.state == "waiting"]
        for row in waiting[:3]:
            with write(engine) as conn:
                mine = handoffs.claim(conn, row.id, self.id, clock.now())
            if not mine:
                continue
            with self.ledger.lock:
                self.ledger.claims.setdefault(row.id, []).append(self.id)
            text = f"工作人员{self.id}为您服务，单号{row.id}"
            with write(engine) as conn:
                held = handoffs.get(conn, row.id)
                if held is None or held.claimed_by != self.id:
                    continue  # the sweep took it back: a clock that jumped said that nobody had answered for hours
                outbox.put(
                    conn,
                    row.person_id,
                    "wechat",
                    [{"kind": "text", "text": text}],
                    key=f"staff-{row.id}",
                    at=clock.now(),
                )
                handoffs.close(conn, row.id, "answered", clock.now())
            with self.ledger.lock:
                self.ledger.replies.append((row.person_id, text))
