"""Phone services, rule values and synonyms live as articles do; messages are found by their day"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("articles", sa.Column("kind", sa.String(length=10), nullable=False, server_default="article"))
    op.create_index("ix_articles_kind", "articles", ["kind"], unique=False)
    op.create_index("ix_messages_created_at", "messages", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_messages_created_at", "messages")
    op.execute("DELETE FROM article_periods WHERE article_id IN (SELECT id FROM articles WHERE kind <> 'article')")
    op.execute("DELETE FROM article_events WHERE article_id IN (SELECT id FROM articles WHERE kind <> 'article')")
    op.execute("DELETE FROM article_notices WHERE article_id IN (SELECT id FROM articles WHERE kind <> 'article')")
    op.execute("DELETE FROM article_revisions WHERE article_id IN (SELECT id FROM articles WHERE kind <> 'article')")
    op.execute("DELETE FROM articles WHERE kind <> 'article'")
    op.drop_index("ix_articles_kind", "articles")
    with op.batch_alter_table("articles", schema=None) as batch_op:
        batch_op.drop_column("kind")
