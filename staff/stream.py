"""Live updates: server-sent events from a process of their own, since a stream would hold a thread of the web server.

One Redis subscription for the process, fanned out to every open console. What goes over the stream is only *that*
something changed; the page then asks for it with its own session, so nothing here can show what somebody may not see.

    signal  kind:person  (records nothing; published by `Service.signal` on `city:live`)
    event   alarm        to consoles of counsellors and supervisors, at once
            message      to consoles that have this person's chat open, at once
            typing       to the same: the person's hands are on the keys
            mine         to the console that has this person's chat in hand, but another one open
            tick         to all consoles: something in the lists changed; bundled, the more consoles the slower
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import redis.asyncio
from redis.exceptions import RedisError

from settings import Settings
from staff import tickets
from staff.tickets import Ticket

log = logging.getLogger(__name__)

CHANNEL = "city:live"
HEARTBEAT = 15.0
"""Seconds between signs of life, so that proxies don't close a quiet stream."""
LONGEST = 300.0
"""Seconds of one stream: then the page fetches a new ticket, which a shut account doesn't get."""
AT_LEAST, PER_CONSOLE = 0.3, 0.008
"""Seconds between two ticks of one console: `AT_LEAST`, and `PER_CONSOLE` for each console that is open."""
MOST = 5_000
"""Streams of one process."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Console:
    """One open page: what it has still to be told."""

    __slots__ = ("pending", "ready_at", "ticket", "wake")

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.wake = asyncio.Event()
        self.pending: set[str] = set()
        self.ready_at = 0.0

    def tell(self, event: str) -> None:
        """Have an event sent soon."""
        self.pending.add(event)
        self.wake.set()


class Hub:
    """All open consoles of this process, and the subscription that feeds them."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.consoles: set[Console] = set()
        self.connected = False

    async def listen(self) -> None:
        """Subscribe for ever; while Redis is away every stream is ended, so that the pages ask by themselves."""
        while True:
            try:
                client = redis.asyncio.Redis.from_url(self.redis_url, socket_connect_timeout=1)
                async with client, client.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    self.connected = True
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            self.spread(message["data"].decode())
            except (RedisError, OSError) as error:
                log.warning("no live updates, Redis is away (%s)", type(error).__name__)
            self.connected = False
            for console in self.consoles:
                console.tell("end")
            await asyncio.sleep(1)

    def spread(self, signal: str) -> None:
        """Tell the consoles that a signal concerns."""
        kind, _, person = signal.partition(":")
        number = int(person) if person.isdecimal() else 0
        for console in self.consoles:
            if kind == "alarm" and console.ticket.alarms:
                console.tell("alarm")
            if number and console.ticket.person == number:
                console.tell("typing" if kind == "typing" else "message")
            elif kind == "message" and number in console.ticket.own:
                console.tell("mine")
            if kind in ("alarm", "handoff", "case", "draft", "note"):
                self._tick(console)

    def _tick(self, console: Console) -> None:
        """A tick now, or bundled with others a little later."""
        loop = asyncio.get_running_loop()
        if loop.time() >= console.ready_at:
            console.tell("tick")
        elif "later" not in console.pending:
            console.pending.add("later")
            loop.call_at(console.ready_at, self._late, console)
            return
        console.ready_at = loop.time() + AT_LEAST + PER_CONSOLE * len(self.consoles)

    def _late(self, console: Console) -> None:
        console.pending.discard("later")
        console.ready_at = 0.0
        self._tick(console)


def create(settings: Settings, redis_url: str) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """The ASGI application: `/stream?ticket=…` and `/healthz`."""
    hub = Hub(redis_url)
    tasks: list[asyncio.Task[None]] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(hub, tasks, receive, send)
        elif scope["type"] == "http":
            await _answer(settings, hub, scope, receive, send)

    return application


async def _live(hub: Hub, tasks: list["asyncio.Task[None]"], receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            tasks.append(asyncio.create_task(hub.listen()))
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            for task in tasks:
                task.cancel()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _answer(settings: Settings, hub: Hub, scope: Message, receive: Receive, send: Send) -> None:
    if scope["path"] == "/healthz":
        await _plain(send, 200, f"ok consoles={len(hub.consoles)}")
        return
    if scope["path"] not in ("/stream", "/staff/stream") or scope["method"] != "GET":
        await _plain(send, 404, "no such page")
        return
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("ticket", [""])[0]
    ticket = tickets.read(settings.secret_key, given)
    if ticket is None:
        await _plain(send, 403, "the ticket is forged or too old; ask the console for a new one")
    elif not hub.connected or len(hub.consoles) >= MOST:
        await _plain(send, 503, "no live updates just now; the console asks by itself")
    else:
        await _stream(hub, Console(ticket), receive, send)


async def _plain(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"access-control-allow-origin", b"*")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"), (b"access-control-allow-origin", b"*"),
]  # fmt: skip


async def _stream(hub: Hub, console: Console, receive: Receive, send: Send) -> None:
    """Send events until the page goes, Redis goes, or the stream is old."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"retry: 5000\n\n: open\n\n", "more_body": True})
    hub.consoles.add(console)
    gone = asyncio.create_task(_gone(receive, console))
    end = asyncio.get_running_loop().time() + LONGEST
    try:
        while "end" not in console.pending and asyncio.get_running_loop().time() < end:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(console.wake.wait(), HEARTBEAT)
            console.wake.clear()
            events = console.pending - {"later", "end"}
            console.pending -= events
            lines = "".join(f"event: {event}\ndata: 1\n\n" for event in sorted(events)) or ": still here\n\n"
            await send({"type": "http.response.body", "body": lines.encode(), "more_body": True})
    finally:
        hub.consoles.discard(console)
        gone.cancel()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive, console: Console) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    console.tell("end")
