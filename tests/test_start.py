"""The processes of one machine: what they share is made once, and each holds connections of its own."""

from pathlib import Path

import app
from records import migrate
from records.base import engine_for


def open_files() -> list[str]:
    """What this process has open, by name."""
    found = []
    for number in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(number.readlink()))
        except FileNotFoundError:  # the one that lists them
            continue
    return found


def test_no_connection_to_the_database_is_carried_over_a_fork(settings, understander, monkeypatch):
    monkeypatch.setattr(app, "understander_of", lambda _settings: understander)
    engine = engine_for(settings.database_url)
    migrate.upgrade(engine)
    engine.dispose()
    before = open_files()
    parts = app.shared(settings)
    assert sorted(open_files()) == sorted(before)
    assert parts["articles"].current.articles
    parts["articles"].close()


def test_two_processes_are_handed_the_same_model_and_articles(settings, understander, monkeypatch):
    monkeypatch.setattr(app, "understander_of", lambda _settings: understander)
    parts = app.shared(settings)
    one, other = (app.build_service(settings, **parts) for _ in range(2))
    assert one.understander is other.understander is understander
    assert one.knowledge is other.knowledge
    for service in (one, other):
        service.articles.close()
        service.engine.dispose()
        service.redis.close()
