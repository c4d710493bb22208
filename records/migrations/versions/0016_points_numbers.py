"""The number that an account was bound to is kept, sealed: without it its hash couldn't be made with another key"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("points_links", sa.Column("number", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("points_links") as table:
        table.drop_column("number")
