"""The referee's tables: undo, jobs, corrections by hand, and every further kind of roster."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_rejected_rows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sheet", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("cells", sa.String(), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_rejected_rows")),
    )
    with op.batch_alter_table("audit_rejected_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_rejected_rows_batch_id"), ["batch_id"], unique=False)

    op.create_table(
        "heading_mappings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("heading", sa.String(), nullable=False),
        sa.Column("column_name", sa.String(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heading_mappings")),
        sa.UniqueConstraint("kind", "heading", name=op.f("uq_heading_mappings_kind_heading")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("options", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("token", name=op.f("uq_jobs_token")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jobs_state"), ["state"], unique=False)

    op.create_table(
        "cross_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("semester", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("stated_count", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_cross_checks_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cross_checks")),
    )
    with op.batch_alter_table("cross_checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cross_checks_import_id"), ["import_id"], unique=False)
        batch_op.create_index("ix_cross_checks_what_school_year", ["what", "school_year"], unique=False)

    op.create_table(
        "import_rows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("relied", sa.Boolean(), nullable=False),
        sa.Column("row_ids", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_import_rows_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_rows")),
    )
    with op.batch_alter_table("import_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_rows_import_id"), ["import_id"], unique=False)

    op.create_table(
        "school_days",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_school_day", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_school_days_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_days")),
        sa.UniqueConstraint("day", name=op.f("uq_school_days_day")),
    )
    with op.batch_alter_table("school_days", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_school_days_import_id"), ["import_id"], unique=False)

    op.create_table(
        "staff_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_code", sa.String(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_staff_changes_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_changes")),
        sa.UniqueConstraint("staff_code", "change", "from_on", name=op.f("uq_staff_changes_staff_code_change_from_on")),
    )
    with op.batch_alter_table("staff_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_changes_import_id"), ["import_id"], unique=False)

    op.create_table(
        "staff_units",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_code", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_staff_units_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_units")),
    )
    with op.batch_alter_table("staff_units", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_units_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_units_staff_code"), ["staff_code"], unique=False)

    op.create_table(
        "submissions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("semester", sa.Integer(), nullable=False),
        sa.Column("roster", sa.String(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("division", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_submissions_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint(
            "school_year",
            "semester",
            "roster",
            "batch",
            "division",
            "source",
            "round_number",
            "by_hand",
            name="uq_submissions_natural_key",
        ),
    )
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submissions_import_id"), ["import_id"], unique=False)

    op.create_table(
        "training_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("attendee_count", sa.Integer(), nullable=True),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_training_sessions_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_sessions")),
        sa.UniqueConstraint(
            "school_year",
            "kind",
            "audience",
            "held_at",
            "title",
            "by_hand",
            name=op.f("uq_training_sessions_school_year_kind_audience_held_at_title_by_hand"),
        ),
    )
    with op.batch_alter_table("training_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_sessions_import_id"), ["import_id"], unique=False)

    op.create_table(
        "disputes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=True),
        sa.Column("error_kind", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_disputes_import_id_imports")),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name=op.f("fk_disputes_student_id_students")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("school_year", "number", name=op.f("uq_disputes_school_year_number")),
    )
    with op.batch_alter_table("disputes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_disputes_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_disputes_student_id"), ["student_id"], unique=False)

    op.create_table(
        "enrolment_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_enrolment_changes_import_id_imports")),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name=op.f("fk_enrolment_changes_student_id_students")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_changes")),
        sa.UniqueConstraint(
            "school_year",
            "student_id",
            "change",
            "effective_at",
            name=op.f("uq_enrolment_changes_school_year_student_id_change_effective_at"),
        ),
    )
    with op.batch_alter_table("enrolment_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enrolment_changes_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_enrolment_changes_student_id"), ["student_id"], unique=False)

    op.create_table(
        "external_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("item_key", sa.String(), nullable=False),
        sa.Column("school_code", sa.String(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("semester", sa.Integer(), nullable=False),
        sa.Column("course_code", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_external_items_import_id_imports")),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name=op.f("fk_external_items_student_id_students")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_items")),
        sa.UniqueConstraint("student_id", "item_key", name=op.f("uq_external_items_student_id_item_key")),
    )
    with op.batch_alter_table("external_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_external_items_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_external_items_student_id"), ["student_id"], unique=False)

    op.create_table(
        "registrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("semester", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=True),
        sa.Column("item_key", sa.String(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_registrations_import_id_imports")),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name=op.f("fk_registrations_student_id_students")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
        sa.UniqueConstraint(
            "school_year",
            "semester",
            "kind",
            "class_name",
            "student_id",
            "item_key",
            "by_hand",
            name="uq_registrations_natural_key",
        ),
    )
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registrations_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_registrations_student_id"), ["student_id"], unique=False)

    op.create_table(
        "submission_sheets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("matched_count", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_submission_sheets_import_id_imports")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_submission_sheets_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_sheets")),
        sa.UniqueConstraint("submission_id", "sheet", name=op.f("uq_submission_sheets_submission_id_sheet")),
    )
    with op.batch_alter_table("submission_sheets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_sheets_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_sheets_submission_id"), ["submission_id"], unique=False)

    op.create_table(
        "submitted_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.String(), nullable=False),
        sa.Column("student_id", sa.Integer(), nullable=False),
        sa.Column("course_code", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("semester", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_submitted_items_import_id_imports")),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name=op.f("fk_submitted_items_student_id_students")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_submitted_items_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submitted_items")),
        sa.UniqueConstraint(
            "submission_id",
            "sheet",
            "student_id",
            "course_code",
            "subject",
            "semester",
            "ordinal",
            name="uq_submitted_items_natural_key",
        ),
    )
    with op.batch_alter_table("submitted_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submitted_items_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_submitted_items_student_id"), ["student_id"], unique=False)

    op.create_table(
        "exemptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_exemptions_import_id_imports")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["certification_rounds.id"], name=op.f("fk_exemptions_round_id_certification_rounds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemptions")),
    )
    with op.batch_alter_table("exemptions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exemptions_import_id"), ["import_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exemptions_round_id"), ["round_id"], unique=False)

    with op.batch_alter_table("delegations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.drop_constraint(
            batch_op.f("uq_delegations_principal_code_deputy_code_deputy_order_from_on"), type_="unique"
        )
        batch_op.create_unique_constraint(
            "uq_delegations_natural_key", ["principal_code", "deputy_code", "deputy_order", "from_on", "by_hand"]
        )

    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sheet", sa.String(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("headings", sa.String(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("data_version", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("state", sa.String(), server_default="kept", nullable=False))
        batch_op.add_column(sa.Column("undone_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("undone_by", sa.String(), server_default=sa.text("''"), nullable=False))

    with op.batch_alter_table("reassignments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("item_count", sa.Integer(), nullable=True))

    with op.batch_alter_table("windows", schema=None) as batch_op:
        batch_op.add_column(sa.Column("self_check_from_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("self_check_to_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("published_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("published_where", sa.String(), server_default=sa.text("''"), nullable=False))
