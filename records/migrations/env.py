"""Alembic's entry: runs the migrations on the connection that `records.migrate` hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy.types import TypeDecorator

from records.schema import TABLES


def _plain_types(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Write our column types as what they are in the database, so that migrations never import our code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=TABLES,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_plain_types,
    compare_type=False,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
