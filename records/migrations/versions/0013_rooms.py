"""Dormitories that firms register, and what staff said about doubts"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "doubt_words",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doubt_words")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_doubt_words_fingerprint")),
    )
    op.create_table(
        "dormitory_claims",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("employer_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=260), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("beds", sa.Integer(), nullable=True),
        sa.Column("area_m2", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_dormitory_claims_decided_by")),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_dormitory_claims_employer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dormitory_claims")),
    )
    with op.batch_alter_table("dormitory_claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dormitory_claims_employer_id"), ["employer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dormitory_claims_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_dormitory_claims_waiting", ["employer_id", "path", "number"], unique=True,
            sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"),
        )  # fmt: skip


def downgrade() -> None:
    with op.batch_alter_table("dormitory_claims", schema=None) as batch_op:
        batch_op.drop_index("uq_dormitory_claims_waiting")
        batch_op.drop_index(batch_op.f("ix_dormitory_claims_state"))
        batch_op.drop_index(batch_op.f("ix_dormitory_claims_employer_id"))
    op.drop_table("dormitory_claims")
    op.drop_table("doubt_words")
