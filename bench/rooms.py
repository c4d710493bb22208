"""How long a scan takes while 50 declarations a second are being filed: `python -m bench.rooms [--rate 50] [--seconds 20]`.

Starts a service of its own (two workers) on an empty SQLite database, or on the one `--database` names, puts a few
thousand rooms into it, and acts as phones: each scans a code, reads the form's token and files it. Prints p50 and p95
of the scans and of the filings as the phone sees them, and how many were filed.
"""

import argparse
import asyncio
import csv
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

import clock
import redis_server
from records import consent, crypto, migrate, room_import, rooms
from records.base import engine_for, read
from records.demo_rooms import checked
from settings import Settings

ROOMS = 4000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=int, default=50)
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--database")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        env = {"DATA_DIR": folder, "PORT": str(port)} | ({"DATABASE_URL": chosen.database} if chosen.database else {})
        tokens = _fill(Settings.from_env(env), Path(folder))
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "bench.rooms:phones_only",
                   "--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--blocking-threads", "4",
                   "--log-level", "warning"]  # fmt: skip
        children = [redis_server.start(Path(folder)), subprocess.Popen(command, env={**os.environ, **env})]
        try:
            asyncio.run(_measure(f"http://127.0.0.1:{port}", tokens, chosen.rate, chosen.seconds))
        finally:
            for child in reversed(children):
                child.terminate()
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()


def phones_only() -> object:
    """The application without the classifier: rooms need none, and it would have to be trained first."""
    from app import create_app

    return create_app(understander=object())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fill(settings: Settings, folder: Path) -> list[str]:
    crypto.configure(settings.data_key)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    path = folder / "rooms.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(room_import.COLUMNS)
        for number in range(ROOMS):
            out.writerow(["宁波市", "奉化区", "街道", f"{number // 400}村", "第1网格", f"{number // 20}号楼", number,
                          f"房东{number // 20}", "", "自建房", 20, 4])  # fmt: skip
    room_import.load(engine, path, clock.now())
    with read(engine) as conn:
        tokens = [row.token for row in conn.execute(rooms.selection(""))]
    engine.dispose()
    return tokens


async def _measure(base: str, tokens: list[str], rate: int, seconds: int) -> None:
    scans: list[float] = []
    filings: list[float] = []
    failed: list[str] = []
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=20, trust_env=False) as client:
        await _ready(client)
        started = time.perf_counter()
        tasks = []
        for number in range(rate * seconds):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(_phone(client, tokens[number % ROOMS], number, scans, filings, failed)))
        await asyncio.gather(*tasks)
        took = time.perf_counter() - started
    for name, times in (("scan", scans), ("file", filings)):
        cuts = statistics.quantiles(times, n=100)
        print(f"{name}: p50 {cuts[49] * 1000:.0f} ms, p95 {cuts[94] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms")
    print(f"filed={len(filings)} failed={len(failed)} per_second={len(filings) / took:.1f} {failed[:3]}")


async def _ready(client: httpx.AsyncClient) -> None:
    until = time.monotonic() + 180  # a machine that is busy with other things starts slowly
    while time.monotonic() < until:
        try:
            if (await client.get("/healthz")).status_code == 200:
                return
        except httpx.HTTPError:
            await asyncio.sleep(0.2)
    raise SystemExit("the service did not come up")


async def _phone(
    client: httpx.AsyncClient, token: str, number: int, scans: list[float], filings: list[float], failed: list[str]
) -> None:
    begun = time.perf_counter()
    page = await client.get(f"/r/{token}", headers={"Cookie": ""})
    scans.append(time.perf_counter() - begun)
    cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    form = {
        "csrf_token": re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0],
        "key": re.findall(r'name="key" value="([^"]+)"', page.text)[0],
        "p0-relation": "self", "p0-name": "吴晓", "p0-paper": "id", "agree": consent.VERSION, "alone": "no",
        "p0-number": checked(f"990101{1950 + number // 1000 % 50}0101{number % 1000:03d}"),
        "p0-phone": f"139{number:08d}",
    }  # fmt: skip
    begun = time.perf_counter()
    headers = {"Cookie": cookie, "Accept": "application/json"}
    answer = await client.post(f"/r/{token}/declare", data=form, headers=headers)
    if answer.status_code == 200:
        filings.append(time.perf_counter() - begun)
    else:
        failed.append(f"{answer.status_code} {answer.text[:80]}")


if __name__ == "__main__":
    main()
