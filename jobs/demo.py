"""What `make run` prepares and prints: the database, the model, the demo logins (rehearsal only)."""

import argparse
import os
import sys
import time

from argon2 import PasswordHasher
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

import clock
from intents import train
from jobs.announce import ACCOUNTS, ALL_TEAMS, PASSWORD
from knowledge_base import transfer
from records import crypto, demo_posts, demo_rooms, migrate, staff
from records.base import engine_for, write
from settings import Settings

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's least for argon2id: 19 MiB, two passes; 27 ms here."""


def prepare(settings: Settings) -> None:
    """Make everything ready that a start needs: folder, tables, model, and in rehearsal the demo accounts."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    crypto.configure(settings.data_key, settings.lookup_key)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    _articles(engine, settings)
    if settings.rehearsal:
        seed(settings)
    engine.dispose()
    if not train.made(settings.model_dir):
        started = time.monotonic()
        train.ensure(settings.model_dir, progress=_show)
        print(f"  classifier ready after {time.monotonic() - started:.0f} s", file=sys.stderr)


def _articles(engine: Engine, settings: Settings) -> None:
    """Fill an empty database with the articles of the files; a rehearsal takes in what changed in them since."""
    with write(engine) as conn:
        if settings.rehearsal:
            transfer.import_folder(conn, None, actor="job:start", at=clock.now())
        else:
            transfer.seed(conn, at=clock.now())


def _show(step: str) -> None:
    print(f"  training: {step}", file=sys.stderr, flush=True)


def seed(settings: Settings) -> int:
    """Make the demo accounts that aren't there yet. Returns how many were made. Refused in production."""
    if not settings.rehearsal:
        raise RuntimeError("demo accounts are for rehearsals; production has none (APP_MODE=production)")
    engine = engine_for(settings.database_url)
    hashed = ""
    made = 0
    every = tuple(staff.TEAMS)
    for login, name, role, teams in ACCOUNTS:
        try:
            with write(engine) as conn:
                if staff.by_login(conn, login) is None:
                    hashed = hashed or HASHER.hash(PASSWORD)  # slow on purpose, and one for all is enough
                    staff.create(
                        conn, login, name, role, hashed, clock.now(), teams=every if teams is ALL_TEAMS else teams
                    )
                    made += 1
        except IntegrityError:
            continue  # another process made it at the same moment
    with write(engine) as conn:
        demo_rooms.seed(conn, clock.now())
        demo_posts.seed(conn, clock.now())
    engine.dispose()
    return made


def main(arguments: list[str] | None = None) -> int:
    """`python -m jobs.demo`: the demo accounts, a village and a few vacancies; with `--people N` a whole city around them."""
    parser = argparse.ArgumentParser(prog="python -m jobs.demo", description="An invented city for rehearsals.")
    parser.add_argument(
        "--people", type=int, default=0, help="so many people with sixty days of talks, cases and rooms"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same number makes the same city")
    given = parser.parse_args(arguments)
    from jobs import demo_city  # a start needs none of it
    from knowledge_base import store

    settings = Settings.from_env(os.environ)
    crypto.configure(settings.data_key, settings.lookup_key)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    made = {"accounts": seed(settings)}
    if given.people:
        made |= demo_city.make(engine, store.load(regions=settings.regions), given.people, given.seed)
    engine.dispose()
    print(" ".join(f"{name}={count}" for name, count in made.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
