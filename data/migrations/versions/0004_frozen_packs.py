"""Frozen packs: a meeting's evidence, of which no row may be changed or removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE TRIGGER frozen_packs_no_update BEFORE UPDATE ON frozen_packs BEGIN SELECT RAISE(ABORT, 'a pack is frozen'); END",
    "CREATE TRIGGER frozen_packs_no_delete BEFORE DELETE ON frozen_packs BEGIN SELECT RAISE(ABORT, 'a pack is frozen'); END",
    # INSERT OR REPLACE removes a row without asking the trigger above.
    "CREATE TRIGGER frozen_packs_no_replace BEFORE INSERT ON frozen_packs WHEN EXISTS (SELECT 1 FROM frozen_packs WHERE id = NEW.id) "
    "BEGIN SELECT RAISE(ABORT, 'a pack is frozen'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION frozen_packs_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a pack is frozen'; END $$",
    "CREATE TRIGGER frozen_packs_no_change BEFORE UPDATE OR DELETE ON frozen_packs "
    "FOR EACH ROW EXECUTE FUNCTION frozen_packs_refuse()",
    "CREATE TRIGGER frozen_packs_no_truncate BEFORE TRUNCATE ON frozen_packs "
    "FOR EACH STATEMENT EXECUTE FUNCTION frozen_packs_refuse()",
)


def upgrade() -> None:
    op.create_table(
        "frozen_packs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen_packs")),
    )
    with op.batch_alter_table("frozen_packs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_frozen_packs_term"), ["term"], unique=False)
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement))
