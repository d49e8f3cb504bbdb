"""A second step at login, and identities of the school's single sign-on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _of_user(table: str, *columns: sa.Column[object], **unique: list[str]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *[sa.UniqueConstraint(*names, name=op.f(f"uq_{table}_{key}")) for key, names in unique.items()],
    )


def upgrade() -> None:
    _of_user(
        "second_factors",
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        user_id=["user_id"],
    )
    _of_user(
        "recovery_codes",
        sa.Column("code_hash", sa.String(), nullable=False),
        user_id_code_hash=["user_id", "code_hash"],
    )
    _of_user(
        "pending_logins",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("password_mark", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        token_hash=["token_hash"],
    )
    _of_user(
        "identities",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        issuer_subject=["issuer", "subject"],
        user_id_issuer=["user_id", "issuer"],
    )
    with op.batch_alter_table("pending_logins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pending_logins_user_id"), ["user_id"], unique=False)
    with op.batch_alter_table("user_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("by_provider", sa.Boolean(), server_default=sa.false(), nullable=False))
