"""The knowledge desk: articles with their history, proposals, the points ledger, service points"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "articles",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("file", sa.String(length=80), nullable=False),
        sa.Column("region", sa.String(length=24), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=True),
        sa.Column("shown_until", sa.Date(), nullable=True),
        sa.Column("stopped", sa.String(length=8), nullable=True),
        sa.Column("seed_hash", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
    )
    with op.batch_alter_table("articles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_articles_region"), ["region"], unique=False)
        batch_op.create_index(batch_op.f("ix_articles_shown_until"), ["shown_until"], unique=False)
        batch_op.create_index(batch_op.f("ix_articles_state"), ["state"], unique=False)

    op.create_table(
        "knowledge_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_version")),
    )
    op.create_table(
        "article_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article_id", sa.String(length=60), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_article_events_article_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_events")),
    )
    with op.batch_alter_table("article_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_article_events_article_id"), ["article_id"], unique=False)

    op.create_table(
        "article_notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.String(length=60), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_by", sa.Integer(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_article_notices_article_id")),
        sa.ForeignKeyConstraint(["seen_by"], ["staff.id"], name=op.f("fk_article_notices_seen_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_notices")),
    )
    op.create_table(
        "article_periods",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article_id", sa.String(length=60), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("begins", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_article_periods_article_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_periods")),
    )
    with op.batch_alter_table("article_periods", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_article_periods_article_id"), ["article_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_article_periods_begins"), ["begins"], unique=False)

    op.create_table(
        "article_revisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article_id", sa.String(length=60), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=40), nullable=False),
        sa.Column("approved_by", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_article_revisions_article_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_revisions")),
        sa.UniqueConstraint("article_id", "number", name=op.f("uq_article_revisions_article_id_number")),
    )
    op.create_table(
        "points_givers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("region", sa.String(length=24), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("allotment", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_points_givers_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_givers")),
        sa.UniqueConstraint("kind", "name", "region", "year", name=op.f("uq_points_givers_kind_name_region_year")),
    )
    op.create_table(
        "points_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("confirmed_by", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["confirmed_by"], ["staff.id"], name=op.f("fk_points_links_confirmed_by")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_points_links_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_links")),
    )
    with op.batch_alter_table("points_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_points_links_person_id"), ["person_id"], unique=False)

    op.create_table(
        "service_points",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("region", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("hours", sa.String(length=120), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("entered_by", sa.String(length=60), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_service_points_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_points")),
        sa.UniqueConstraint("key", name=op.f("uq_service_points_key")),
    )
    with op.batch_alter_table("service_points", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_points_region"), ["region"], unique=False)

    op.create_table(
        "points_awards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("giver_id", sa.Integer(), nullable=True),
        sa.Column("region", sa.String(length=24), nullable=False),
        sa.Column("hundredths", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("why", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("batch", sa.String(length=40), nullable=True),
        sa.Column("entered_by", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_points_awards_decided_by")),
        sa.ForeignKeyConstraint(["entered_by"], ["staff.id"], name=op.f("fk_points_awards_entered_by")),
        sa.ForeignKeyConstraint(["giver_id"], ["points_givers.id"], name=op.f("fk_points_awards_giver_id")),
        sa.ForeignKeyConstraint(["revoked_by"], ["staff.id"], name=op.f("fk_points_awards_revoked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_awards")),
    )
    with op.batch_alter_table("points_awards", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_points_awards_batch"), ["batch"], unique=False)
        batch_op.create_index(batch_op.f("ix_points_awards_giver_id"), ["giver_id"], unique=False)
        batch_op.create_index("ix_points_awards_number_hash_state", ["number_hash", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_points_awards_state"), ["state"], unique=False)

    op.create_table(
        "training_proposals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("target", sa.String(length=60), nullable=False),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_training_proposals_decided_by")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_training_proposals_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["proposed_by"], ["staff.id"], name=op.f("fk_training_proposals_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_proposals")),
    )
    with op.batch_alter_table("training_proposals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_proposals_message_id"), ["message_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("training_proposals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_proposals_message_id"))

    op.drop_table("training_proposals")
    with op.batch_alter_table("points_awards", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_points_awards_state"))
        batch_op.drop_index("ix_points_awards_number_hash_state")
        batch_op.drop_index(batch_op.f("ix_points_awards_giver_id"))
        batch_op.drop_index(batch_op.f("ix_points_awards_batch"))

    op.drop_table("points_awards")
    with op.batch_alter_table("service_points", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_points_region"))

    op.drop_table("service_points")
    with op.batch_alter_table("points_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_points_links_person_id"))

    op.drop_table("points_links")
    op.drop_table("points_givers")
    op.drop_table("article_revisions")
    with op.batch_alter_table("article_periods", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_article_periods_begins"))
        batch_op.drop_index(batch_op.f("ix_article_periods_article_id"))

    op.drop_table("article_periods")
    op.drop_table("article_notices")
    with op.batch_alter_table("article_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_article_events_article_id"))

    op.drop_table("article_events")
    op.drop_table("knowledge_version")
    with op.batch_alter_table("articles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_articles_state"))
        batch_op.drop_index(batch_op.f("ix_articles_shown_until"))
        batch_op.drop_index(batch_op.f("ix_articles_region"))

    op.drop_table("articles")
