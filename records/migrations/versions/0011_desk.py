"""Answers seen first, notices, public answers, merged people, files of cases, mentions that were seen"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulletins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("regions", sa.String(length=400), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("written_by", sa.Integer(), nullable=False),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["approved_by"], ["staff.id"], name=op.f("fk_bulletins_approved_by")),
        sa.ForeignKeyConstraint(["written_by"], ["staff.id"], name=op.f("fk_bulletins_written_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletins")),
    )
    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletins_state"), ["state"], unique=False)

    op.create_table(
        "drafts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("turn_id", sa.String(length=32), nullable=False),
        sa.Column("intent", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=24), nullable=False),
        sa.Column("region", sa.String(length=24), nullable=True),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("payloads", sa.LargeBinary(), nullable=False),
        sa.Column("articles", sa.String(length=400), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_drafts_decided_by")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_drafts_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    with op.batch_alter_table("drafts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_drafts_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_drafts_state_created_at", ["state", "created_at"], unique=False)

    op.create_table(
        "note_reads",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_note_reads_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_note_reads")),
    )
    op.create_table(
        "public_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=24), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("question", sa.String(length=1500), nullable=False),
        sa.Column("answer", sa.String(length=1500), nullable=False),
        sa.Column("office", sa.String(length=60), nullable=False),
        sa.Column("case_number", sa.String(length=24), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("written_by", sa.Integer(), nullable=False),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["approved_by"], ["staff.id"], name=op.f("fk_public_answers_approved_by")),
        sa.ForeignKeyConstraint(["written_by"], ["staff.id"], name=op.f("fk_public_answers_written_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_answers")),
    )
    with op.batch_alter_table("public_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_public_answers_region"), ["region"], unique=False)
        batch_op.create_index(batch_op.f("ix_public_answers_state"), ["state"], unique=False)

    op.create_table(
        "same_people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("merged_by", sa.Integer(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["merged_by"], ["staff.id"], name=op.f("fk_same_people_merged_by")),
        sa.ForeignKeyConstraint(["other_id"], ["people.id"], name=op.f("fk_same_people_other_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_same_people_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_same_people")),
    )
    with op.batch_alter_table("same_people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_same_people_other_id"), ["other_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_same_people_person_id"), ["person_id"], unique=False)

    op.create_table(
        "bulletin_sends",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bulletin_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("fate", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_sends_bulletin_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_bulletin_sends_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_sends")),
        sa.UniqueConstraint("bulletin_id", "person_id", name=op.f("uq_bulletin_sends_bulletin_id_person_id")),
    )
    with op.batch_alter_table("bulletin_sends", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletin_sends_fate"), ["fate"], unique=False)
        batch_op.create_index(batch_op.f("ix_bulletin_sends_person_id"), ["person_id"], unique=False)

    op.create_table(
        "case_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("upload", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("title", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["staff.id"], name=op.f("fk_case_files_added_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_files_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_files")),
    )
    with op.batch_alter_table("case_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_files_case_id"), ["case_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("case_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_files_case_id"))

    op.drop_table("case_files")
    with op.batch_alter_table("bulletin_sends", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletin_sends_person_id"))
        batch_op.drop_index(batch_op.f("ix_bulletin_sends_fate"))

    op.drop_table("bulletin_sends")
    with op.batch_alter_table("same_people", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_same_people_person_id"))
        batch_op.drop_index(batch_op.f("ix_same_people_other_id"))

    op.drop_table("same_people")
    with op.batch_alter_table("public_answers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_public_answers_state"))
        batch_op.drop_index(batch_op.f("ix_public_answers_region"))

    op.drop_table("public_answers")
    op.drop_table("note_reads")
    with op.batch_alter_table("drafts", schema=None) as batch_op:
        batch_op.drop_index("ix_drafts_state_created_at")
        batch_op.drop_index(batch_op.f("ix_drafts_person_id"))

    op.drop_table("drafts")
    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletins_state"))

    op.drop_table("bulletins")
