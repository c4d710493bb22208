"""Bring a database's tables to the version this code needs, or back.

`python -m records.migrate` upgrades the database of the environment's settings;
`python -m records.migrate new "why"` writes a new migration from what the models say.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect, text

from records.base import engine_for
from settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic is imported where it is used: the processes that serve never need its 12 MB.
_FOLDER = Path(__file__).parent / "migrations"
LOCK_WAIT = "5s"
"""Waiting for a busy table queues everybody behind us: a migration gives up after so long, the operator tries again."""
STATEMENT_LIMIT = "15min"
_LOCK = 0x0C17  # one migration at a time on PostgreSQL


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the migrations up to `revision`. Safe to call from several processes at once."""
    if revision == "head" and _stands_at(engine) == _last_file():
        return  # an ordinary start, which needs no Alembic
    from alembic import command

    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SET statement_timeout = '{STATEMENT_LIMIT}'"))
            connection.execute(text("SET lock_timeout = 0"))  # another migration may take its time
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT}'"))
            connection.commit()
        try:
            command.upgrade(_config(connection), revision)
            connection.commit()
        finally:
            if engine.dialect.name == "postgresql":
                connection.rollback()
                connection.invalidate()  # our time limits and the lock must not go back into the pool


def _stands_at(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _last_file() -> str:
    """The newest revision by the files' names, which start with their number."""
    return max(path.name for path in (_FOLDER / "versions").glob("[0-9]*_*.py")).split("_")[0]


def downgrade(engine: Engine, revision: str) -> None:
    """Run the migrations back to `revision` (`base` for none)."""
    from alembic import command

    with engine.connect() as connection:
        command.downgrade(_config(connection), revision)
        connection.commit()


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision this code needs."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(None)).get_current_head()


def _config(connection: object) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _main(arguments: list[str]) -> None:
    settings = Settings.from_env(os.environ)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    from alembic import command

    engine = engine_for(settings.database_url)
    if arguments[:1] == ["new"]:
        with engine.connect() as connection:
            command.revision(_config(connection), message=" ".join(arguments[1:]), autogenerate=True)
    else:
        upgrade(engine)
    print(f"database at {current(engine)}")


if __name__ == "__main__":
    _main(sys.argv[1:])
