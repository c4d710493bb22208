"""The database's versions: one chain, up and down on both databases, and what is migrated is what the code says."""

import itertools
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

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
