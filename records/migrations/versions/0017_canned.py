"""Canned replies in categories, with a file"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("canned", sa.Column("category", sa.String(length=20), nullable=False, server_default=""))
    op.add_column("canned", sa.Column("media", sa.String(length=32), nullable=True))
    op.add_column("canned", sa.Column("media_kind", sa.String(length=20), nullable=True))
    op.add_column("canned", sa.Column("media_title", sa.String(length=60), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("canned") as table:
        for name in ("media_title", "media_kind", "media", "category"):
            table.drop_column(name)
