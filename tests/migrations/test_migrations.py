"""The database's versions: one chain, up and down on both databases, and what is migrated is what the code says."""

import itertools
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import OperationalError

from records import migrate, schema
from records.base import engine_for

SCRIPTS = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
CHAIN = list(SCRIPTS.walk_revisions())[::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        engine = engine_for(f"sqlite:///{tmp_path / 'city.db'}")
        yield engine
        engine.dispose()
        return
    base = request.getfixturevalue("postgres_url")
    name = f"migrate_{secrets.token_hex(6)}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    head, _, query = base.partition("?")
    engine = engine_for(f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else ""))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_the_chain_is_linear_and_numbered() -> None:
    assert SCRIPTS.get_heads() == [CHAIN[-1].revision], "two migrations stand at the end; renumber one"
    assert [script.revision for script in CHAIN] == [f"{number:04d}" for number in range(1, len(CHAIN) + 1)]
    for before, script in itertools.pairwise(CHAIN):
        assert script.down_revision == before.revision
    for script in CHAIN:
        assert Path(script.path).name.startswith(f"{script.revision}_"), script.path


def test_what_is_migrated_is_what_the_models_say(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False, "render_as_batch": True})
        differing = compare_metadata(context, schema.TABLES)
    assert differing == [], "a model changed without its migration"


def test_every_step_goes_down_and_up_again(empty: Engine) -> None:
    migrate.upgrade(empty)
    whole = tables(empty)
    for script in reversed(CHAIN):
        migrate.downgrade(empty, str(script.down_revision or "base"))
        assert migrate.current(empty) == script.down_revision
    assert tables(empty) == set(), "a table stayed behind"
    for script in CHAIN:
        migrate.upgrade(empty, script.revision)
        assert migrate.current(empty) == script.revision
    assert tables(empty) == whole


def test_no_migration_takes_a_column_away_that_the_running_code_still_reads() -> None:
    """Zero downtime: old and new code run side by side, so an upgrade only adds (docs/operations.md says how to drop)."""
    for script in CHAIN[1:]:
        source = Path(script.path).read_text(encoding="utf-8")
        up = source.partition("def upgrade")[2].partition("def downgrade")[0]
        for risky in ("drop_column", "drop_table", "rename_table", "new_column_name"):
            assert risky not in up or "# contract:" in up, f"{script.path} uses {risky} in upgrade()"


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_a_migration_gives_up_on_a_busy_table_instead_of_queueing_everybody_behind_it(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long transaction holds the table a migration wants: the migration ends soon, and turns go on meanwhile."""
    migrate.upgrade(empty, "0009")
    monkeypatch.setattr(migrate, "LOCK_WAIT", "500ms")
    with empty.connect() as report, report.begin():
        report.execute(text("SELECT count(*) FROM outbox"))  # reads, and so holds off a change of the table
        started = time.monotonic()
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.upgrade(empty, "0010")
        waited = time.monotonic() - started
        assert waited < 5, f"waited {waited:.1f} s with everybody else behind it"
        with empty.connect() as other, other.begin():
            other.execute(text("SET LOCAL lock_timeout = '1s'"))
            other.execute(text("DELETE FROM outbox"))  # nobody is queued any more
    assert migrate.current(empty) == "0009", "half a migration stayed behind"
    migrate.upgrade(empty, "0010")
    assert migrate.current(empty) == "0010"


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_a_statement_of_a_migration_that_runs_for_ever_is_ended(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.upgrade(empty, "0009")
    monkeypatch.setattr(migrate, "STATEMENT_LIMIT", "300ms")
    monkeypatch.setattr("alembic.command.upgrade", lambda config, _: config.attributes["connection"].execute(text("SELECT pg_sleep(30)")))  # fmt: skip
    with pytest.raises(OperationalError, match="statement timeout"):
        migrate.upgrade(empty, "0010")
    monkeypatch.undo()
    migrate.upgrade(empty, "0010")  # the lock that keeps a second migration out went with it


def test_an_ordinary_start_has_nothing_to_migrate_and_asks_no_alembic(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.newest() == migrate._last_file()
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("asked Alembic"))
    migrate.upgrade(empty)
    monkeypatch.undo()
    migrate.downgrade(empty, "-1")
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.newest()


def test_old_code_goes_on_while_the_new_tables_are_there(empty: Engine) -> None:
    """Between the migration and the last restart: rows as code of the version before writes them are taken."""
    migrate.upgrade(empty, "0009")
    before = {name: {c["name"] for c in inspect(empty).get_columns(name)} for name in tables(empty)}
    migrate.upgrade(empty)
    found = inspect(empty)
    for name, old in before.items():
        demanded = [
            c["name"] for c in found.get_columns(name)
            if c["name"] not in old and not c["nullable"] and c["default"] is None
        ]  # fmt: skip
        assert demanded == [], (
            f"{name}: code that runs now doesn't know {demanded}; give them a default in the database"
        )


def test_processes_that_start_together_migrate_once(empty: Engine) -> None:
    with ThreadPoolExecutor(3) as pool:
        for done in [
            pool.submit(migrate.upgrade, empty) for _ in range(3 if empty.dialect.name == "postgresql" else 1)
        ]:
            done.result(60)
    assert migrate.current(empty) == migrate.newest()
