"""Several roles an account, each a grant with its days; a login acts in one of them. The one role of before becomes a grant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.instants import from_us

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OLD = "SELECT id, role, unit, created_at FROM users ORDER BY id"
_NEW = sa.text(
    "INSERT INTO grants (id, user_id, role, unit, starts_on, reason, granted_by, granted_at, revoked_by) "
    "VALUES (:id, :id, :role, :unit, :starts_on, '', 'system', :created_at, '')"
).bindparams(sa.bindparam("starts_on", type_=sa.Date()))


def upgrade() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("delegated_from_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_by", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id_users"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["delegated_from_id"], ["grants.id"], name=op.f("fk_grants_delegated_from_id_grants"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_user_id"), "grants", ["user_id"])
    op.create_table(
        "grant_classes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("grant_id", sa.Integer(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=True),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_grant_classes_grant_id_grants"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_classes")),
        sa.UniqueConstraint(
            "grant_id", "school_year", "class_name", name=op.f("uq_grant_classes_grant_id_school_year_class_name")
        ),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.text(_OLD)).mappings().all():
        connection.execute(_NEW, {**row, "starts_on": from_us(row["created_at"]).date()})
    if connection.dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('grants', 'id'), max(id)) FROM grants HAVING max(id) > 0")
    op.execute(
        "INSERT INTO grant_classes (grant_id, school_year, class_name) "
        "SELECT user_id, school_year, class_name FROM user_classes ORDER BY id"
    )
    op.drop_table("user_classes")
    with op.batch_alter_table("user_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("grant_id", sa.Integer(), nullable=True))
    op.execute("UPDATE user_sessions SET grant_id = user_id")
    with op.batch_alter_table("user_sessions", schema=None) as batch_op:
        batch_op.alter_column("grant_id", existing_type=sa.Integer(), nullable=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_user_sessions_grant_id_grants"), "grants", ["grant_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.create_index(batch_op.f("ix_user_sessions_grant_id"), ["grant_id"], unique=False)
    # Not as a batch: on SQLite that makes the table anew, and dropping the old one empties what hangs on it.
    op.execute("ALTER TABLE users DROP COLUMN role")
    op.execute("ALTER TABLE users DROP COLUMN unit")
