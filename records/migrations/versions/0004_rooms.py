"""Places, rooms, their codes, and who declared to live in them"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "places",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("path", sa.String(length=260), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["places.id"], name=op.f("fk_places_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_places")),
        sa.UniqueConstraint("path", name=op.f("uq_places_path")),
    )
    with op.batch_alter_table("places", schema=None) as batch_op:
        batch_op.create_index("ix_places_kind_path", ["kind", "path"], unique=False)
        batch_op.create_index(batch_op.f("ix_places_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "room_short_codes",
        sa.Column("letters", sa.String(length=6), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("letters", name=op.f("pk_room_short_codes")),
    )
    op.create_table(
        "employers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("region", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_employers_person_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employers")),
        sa.UniqueConstraint("key", name=op.f("uq_employers_key")),
    )
    with op.batch_alter_table("employers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_employers_person_id"), ["person_id"], unique=False)

    op.create_table(
        "landlords",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_landlords_person_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_landlords")),
        sa.UniqueConstraint("key", name=op.f("uq_landlords_key")),
    )
    with op.batch_alter_table("landlords", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_landlords_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_landlords_phone_hash"), ["phone_hash"], unique=False)

    op.create_table(
        "one_time_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hashed", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=60), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.Integer(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["used_by"], ["people.id"], name=op.f("fk_one_time_links_used_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_links")),
        sa.UniqueConstraint("hashed", name=op.f("uq_one_time_links_hashed")),
    )
    op.create_table(
        "rooms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("building_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("short", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("area_m2", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("beds", sa.Integer(), nullable=True),
        sa.Column("landlord_id", sa.Integer(), nullable=True),
        sa.Column("employer_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("colour", sa.String(length=8), nullable=True),
        sa.Column("colour_reason", sa.String(length=120), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["building_id"], ["places.id"], name=op.f("fk_rooms_building_id")),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_rooms_employer_id")),
        sa.ForeignKeyConstraint(["landlord_id"], ["landlords.id"], name=op.f("fk_rooms_landlord_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rooms")),
        sa.UniqueConstraint("building_id", "number", name=op.f("uq_rooms_building_id_number")),
        sa.UniqueConstraint("short", name=op.f("uq_rooms_short")),
    )
    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rooms_employer_id"), ["employer_id"], unique=False)
        batch_op.create_index("ix_rooms_landlord_id", ["landlord_id"], unique=False)

    op.create_table(
        "filings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("flags", sa.String(length=80), nullable=False),
        sa.Column("consent", sa.String(length=12), nullable=False),
        sa.Column("consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_filings_person_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_filings_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filings")),
        sa.UniqueConstraint("key", name=op.f("uq_filings_key")),
        sa.UniqueConstraint("number", name=op.f("uq_filings_number")),
    )
    with op.batch_alter_table("filings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_filings_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_filings_room_id"), ["room_id"], unique=False)

    op.create_table(
        "room_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=24), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_room_codes_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_codes")),
        sa.UniqueConstraint("token", name=op.f("uq_room_codes_token")),
    )
    with op.batch_alter_table("room_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_room_codes_room_id"), ["room_id"], unique=False)
        batch_op.create_index(
            "uq_room_codes_in_force",
            ["room_id"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "room_inspections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.String(length=8), nullable=False),
        sa.Column("findings", sa.LargeBinary(), nullable=False),
        sa.Column("again_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_room_inspections_room_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_room_inspections_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_inspections")),
    )
    with op.batch_alter_table("room_inspections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_room_inspections_room_id"), ["room_id"], unique=False)

    op.create_table(
        "room_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("case_number", sa.String(length=24), nullable=False),
        sa.Column("photos", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_room_reports_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_reports")),
        sa.UniqueConstraint("case_number", name=op.f("uq_room_reports_case_number")),
    )
    with op.batch_alter_table("room_reports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_room_reports_room_id"), ["room_id"], unique=False)

    op.create_table(
        "declarations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("filing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("employer_id", sa.Integer(), nullable=True),
        sa.Column("relation", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("who", sa.LargeBinary(), nullable=True),
        sa.Column("number_hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("last4_hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("name_hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("adult_from", sa.Date(), nullable=True),
        sa.Column("moved_in", sa.Date(), nullable=False),
        sa.Column("moved_out", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("landlord_says", sa.String(length=8), nullable=True),
        sa.Column("replaces", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_declarations_employer_id")),
        sa.ForeignKeyConstraint(["filing_id"], ["filings.id"], name=op.f("fk_declarations_filing_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_declarations_person_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_declarations_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declarations")),
    )
    with op.batch_alter_table("declarations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_declarations_employer_id"), ["employer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_filing_id"), ["filing_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_last4_hash"), ["last4_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_name_hash"), ["name_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_number_hash"), ["number_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_phone_hash"), ["phone_hash"], unique=False)
        batch_op.create_index("ix_declarations_room_id_state", ["room_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_declarations_until"), ["until"], unique=False)

    op.create_table(
        "declaration_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("declaration_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["declaration_id"],
            ["declarations.id"],
            name=op.f("fk_declaration_events_declaration_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration_events")),
    )
    with op.batch_alter_table("declaration_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_declaration_events_declaration_id"), ["declaration_id"], unique=False)

    op.create_table(
        "move_duties",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("declaration_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("employer_id", sa.Integer(), nullable=True),
        sa.Column("landlord_id", sa.Integer(), nullable=True),
        sa.Column("move", sa.String(length=4), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["declaration_id"], ["declarations.id"], name=op.f("fk_move_duties_declaration_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_move_duties_employer_id")),
        sa.ForeignKeyConstraint(["landlord_id"], ["landlords.id"], name=op.f("fk_move_duties_landlord_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move_duties")),
    )
    with op.batch_alter_table("move_duties", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_move_duties_declaration_id"), ["declaration_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_move_duties_employer_id"), ["employer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_move_duties_landlord_id"), ["landlord_id"], unique=False)

    op.create_table(
        "move_questions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("declaration_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("because_filing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["because_filing_id"], ["filings.id"], name=op.f("fk_move_questions_because_filing_id")
        ),
        sa.ForeignKeyConstraint(
            ["declaration_id"], ["declarations.id"], name=op.f("fk_move_questions_declaration_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move_questions")),
    )
    with op.batch_alter_table("move_questions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_move_questions_declaration_id"), ["declaration_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("move_questions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_move_questions_declaration_id"))

    op.drop_table("move_questions")
    with op.batch_alter_table("move_duties", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_move_duties_landlord_id"))
        batch_op.drop_index(batch_op.f("ix_move_duties_employer_id"))
        batch_op.drop_index(batch_op.f("ix_move_duties_declaration_id"))

    op.drop_table("move_duties")
    with op.batch_alter_table("declaration_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_declaration_events_declaration_id"))

    op.drop_table("declaration_events")
    with op.batch_alter_table("declarations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_declarations_until"))
        batch_op.drop_index(batch_op.f("ix_declarations_state"))
        batch_op.drop_index("ix_declarations_room_id_state")
        batch_op.drop_index(batch_op.f("ix_declarations_phone_hash"))
        batch_op.drop_index(batch_op.f("ix_declarations_person_id"))
        batch_op.drop_index(batch_op.f("ix_declarations_number_hash"))
        batch_op.drop_index(batch_op.f("ix_declarations_name_hash"))
        batch_op.drop_index(batch_op.f("ix_declarations_last4_hash"))
        batch_op.drop_index(batch_op.f("ix_declarations_filing_id"))
        batch_op.drop_index(batch_op.f("ix_declarations_employer_id"))

    op.drop_table("declarations")
    with op.batch_alter_table("room_reports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_room_reports_room_id"))

    op.drop_table("room_reports")
    with op.batch_alter_table("room_inspections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_room_inspections_room_id"))

    op.drop_table("room_inspections")
    with op.batch_alter_table("room_codes", schema=None) as batch_op:
        batch_op.drop_index("uq_room_codes_in_force")
        batch_op.drop_index(batch_op.f("ix_room_codes_room_id"))

    op.drop_table("room_codes")
    with op.batch_alter_table("filings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_filings_room_id"))
        batch_op.drop_index(batch_op.f("ix_filings_person_id"))

    op.drop_table("filings")
    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.drop_index("ix_rooms_landlord_id")
        batch_op.drop_index(batch_op.f("ix_rooms_employer_id"))

    op.drop_table("rooms")
    op.drop_table("one_time_links")
    with op.batch_alter_table("landlords", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_landlords_phone_hash"))
        batch_op.drop_index(batch_op.f("ix_landlords_person_id"))

    op.drop_table("landlords")
    with op.batch_alter_table("employers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_employers_person_id"))

    op.drop_table("employers")
    op.drop_table("room_short_codes")
    with op.batch_alter_table("places", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_places_parent_id"))
        batch_op.drop_index("ix_places_kind_path")

    op.drop_table("places")
