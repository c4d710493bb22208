"""The platform's id of a push, so that its later word finds the row"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_reports",
        sa.Column("platform_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform_id", name=op.f("pk_push_reports")),
    )
    op.create_index(op.f("ix_push_reports_heard_at"), "push_reports", ["heard_at"], unique=False)
    op.add_column("outbox", sa.Column("platform_id", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_outbox_platform_id"), "outbox", ["platform_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_platform_id"), "outbox")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("platform_id")
    op.drop_table("push_reports")
