"""The tables of the knowledge desk come and go with their migration, on both databases."""

from sqlalchemy import inspect

from records import migrate
from records.base import engine_for

TABLES = {"articles", "article_revisions", "article_periods", "article_events", "article_notices", "knowledge_version",
          "training_proposals", "points_givers", "points_awards", "points_links", "service_points"}  # fmt: skip


def test_the_desks_tables_can_be_made_taken_away_and_made_again(database_url):
    engine = engine_for(database_url)
    migrate.upgrade(engine)
    assert set(inspect(engine).get_table_names()) >= TABLES
    migrate.downgrade(engine, "0005")
    assert not set(inspect(engine).get_table_names()) & TABLES
    migrate.upgrade(engine)
    assert set(inspect(engine).get_table_names()) >= TABLES
    engine.dispose()
