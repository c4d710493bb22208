"""Pushing messages and events to the service's callback: signed, cut off after 5 s, three times in all.

Source: platform document "接收普通消息": no answer within five seconds cuts the connection and the message is sent
again, three times in all; a repeated push carries the same MsgId. A status other than 200 is no answer either: it is
pushed again at once (access log in tb.rustfisher.com, 2021-08-03, of a server that answered 201). Every push runs in a thread of its own (see the
package's docstring), so nothing waits for it but who wants to.
"""

import contextlib
import http.client
import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import redis

import clock
from bot.sandbox import answers
from bot.sandbox.platform import Impossible, Person, Platform, new_id
from bot.sandbox.wire import Push, pack, pretty

log = logging.getLogger(__name__)

ATTEMPTS = 3
PAUSE = 0.3
"""Seconds before a push is repeated when the time was not yet up."""
BIGGEST = 64 * 1024
"""Bytes of an answer the platform is willing to read."""


@dataclass
class Delivery:
    """A push under way. `done` is set when the platform has finished with it; `state` then says how."""

    id: str
    state: str = "pushing"
    attempts: int = 0
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back of one attempt: a status and body, or `lost` with the reason in Chinese."""

    status: int = 0
    body: bytes = b""
    lost: str = ""
    ms: int = 0


def start(platform: Platform, person: Person, fields: dict[str, Any], title: str, *, answerable: bool) -> Delivery:
    """Begin to push `fields` to the callback and come back at once.

    `title` names the message in the wire log; `answerable` says whether the platform would show an answer (it does
    not for LOCATION or unsubscribe). Raises `Impossible` when too many pushes are under way.
    """
    if not platform.room.acquire(blocking=False):
        raise Impossible("正在推送的消息太多，请等几秒再试")
    delivery = Delivery(new_id(9))
    keep(platform, delivery)
    job = threading.Thread(
        target=_run, args=(platform, person, fields, title, answerable, delivery), name="sandbox-push", daemon=True
    )
    job.start()
    return delivery


def keep(platform: Platform, delivery: Delivery) -> None:
    """Write down how far a push is, for other processes."""
    platform.store.put(f"push:{delivery.id}", {"state": delivery.state, "attempts": delivery.attempts}, keep=3600)


def _run(
    platform: Platform, person: Person, fields: dict[str, Any], title: str, answerable: bool, delivery: Delivery
) -> None:
    try:
        delivery.state = _push(platform, person, fields, title, answerable, delivery)
        keep(platform, delivery)
    except redis.RedisError as error:
        delivery.state = "failed"
        log.warning("a push broke off, the sandbox's Redis is away (%s)", type(error).__name__)
    finally:
        platform.room.release()
        delivery.done.set()


def _push(
    platform: Platform, person: Person, fields: dict[str, Any], title: str, answerable: bool, delivery: Delivery
) -> str:
    for attempt in range(1, ATTEMPTS + 1):
        delivery.attempts = attempt
        mode = platform.switches()["mode"]
        heard = _attempt(platform, person, fields, title, mode, delivery)
        if not heard.lost:
            about = _about(heard, delivery)
            return answers.receive(platform, person, heard.body, mode, answerable, about)
        what = f"第 {attempt} 次推送没有回答：{heard.lost}"
        platform.log("in", what, phone=person.key, bad=True, **_about(heard, delivery))
    if answerable:
        answers.apologise(platform, person)
    platform.log("note", f"推送 {ATTEMPTS} 次都没有回答，平台放弃", phone=person.key, bad=True, push=delivery.id)
    return "failed"


def _about(heard: Heard, delivery: Delivery) -> dict[str, Any]:
    return {"push": delivery.id, "attempt": delivery.attempts, "ms": heard.ms}


def _attempt(
    platform: Platform, person: Person, fields: dict[str, Any], title: str, mode: str, delivery: Delivery
) -> Heard:
    packed = pack(platform.account, fields, mode, int(clock.now().timestamp()))
    url = urlsplit(platform.callback)
    switches = platform.switches()
    platform.log(
        "out",
        title,
        phone=person.key,
        line=f"POST {url.path}?{packed.query}",
        text=pretty(packed.plain),
        raw=pretty(packed.body.decode()) if mode != "plain" else "",
        mode=mode,
        push=delivery.id,
        attempt=delivery.attempts,
    )
    began = time.monotonic()
    heard = _post(platform.callback, packed, switches["patience"], switches["slow"])
    ms = round((time.monotonic() - began) * 1000)
    lost = heard.lost
    if not lost and heard.status != 200:
        lost = f"HTTP {heard.status}"
    elif not lost and _lose_one(platform):
        lost = "回答在路上丢失（演练开关）"
    if lost:
        time.sleep(PAUSE if ms < switches["patience"] * 1000 else 0)
        return Heard(heard.status, lost=lost, ms=ms)
    return Heard(heard.status, heard.body, ms=ms)


def _lose_one(platform: Platform) -> bool:
    lost: list[bool] = []

    def change(switches: dict[str, Any]) -> None:
        if switches["lost_answers"] > 0:
            switches["lost_answers"] -= 1
            lost.append(True)

    if platform.switches()["lost_answers"]:
        platform.turn(change)
    return bool(lost)


def _post(url: str, packed: Push, patience: float, slow: float) -> Heard:
    """One POST, cut off `patience` seconds after it began; `slow` seconds of that are lost on the way."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=patience)
    cut = threading.Event()
    began = time.monotonic()
    timer = threading.Timer(patience, _hang_up, (connection, cut))
    timer.daemon = True
    timer.start()
    try:
        time.sleep(min(slow / 2, patience))
        connection.connect()
        # http.client forgets its socket once the headers are in; the timer must still reach it.
        setattr(connection, "line", connection.sock)  # noqa: B010
        connection.request(
            "POST",
            f"{parts.path}?{packed.query}",
            packed.body,
            {"Content-Type": packed.content_type, "User-Agent": "Mozilla/4.0", "Connection": "close"},
        )
        response = connection.getresponse()
        answer = response.read(BIGGEST + 1)
        time.sleep(min(slow / 2, patience))
        if cut.is_set() or time.monotonic() - began >= patience:
            return Heard(lost=_late(patience))
        return Heard(response.status, answer)
    except (OSError, http.client.HTTPException) as error:
        late = cut.is_set() or isinstance(error, TimeoutError)
        return Heard(lost=_late(patience) if late else f"连接失败（{type(error).__name__}）")
    finally:
        timer.cancel()
        connection.close()


def _hang_up(connection: http.client.HTTPConnection, cut: threading.Event) -> None:
    cut.set()
    line = getattr(connection, "line", None)
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _late(patience: float) -> str:
    return f"{patience:g} 秒内没有收到，平台断开了"
