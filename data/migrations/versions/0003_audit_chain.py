"""The audit log as a chain that only grows: place, seal and the seal before; the rows there are become its beginning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.audit import GENESIS, Entry, key_of, seal

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events "
    "BEGIN SELECT RAISE(ABORT, 'audit_events only grows'); END",
    "CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events "
    "BEGIN SELECT RAISE(ABORT, 'audit_events only grows'); END",
    # INSERT OR REPLACE removes a row without asking the trigger above.
    "CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events "
    "WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id OR sequence = NEW.sequence) "
    "BEGIN SELECT RAISE(ABORT, 'audit_events only grows'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'audit_events only grows'; END $$",
    "CREATE TRIGGER audit_events_no_change BEFORE UPDATE OR DELETE ON audit_events "
    "FOR EACH ROW EXECUTE FUNCTION audit_events_refuse()",
    "CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()",
)


def upgrade() -> None:
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sequence", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("about", sa.String(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("previous_hash", sa.String(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("hash", sa.String(), server_default=sa.text("''"), nullable=False))

    _chain_what_is_there()

    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.alter_column("sequence", existing_type=sa.Integer(), nullable=False)
        batch_op.create_unique_constraint(batch_op.f("uq_audit_events_sequence"), ["sequence"])
        batch_op.create_index(batch_op.f("ix_audit_events_happened_at"), ["happened_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_about"), ["about"], unique=False)

    # Last, and anew after every later migration that rebuilds the table: SQLite drops triggers with the old table.
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement))


def _chain_what_is_there() -> None:
    connection = op.get_bind()
    key, previous = key_of(connection), GENESIS
    rows = connection.execute(
        sa.text("SELECT id, happened_at, actor, action, detail FROM audit_events ORDER BY id")
    ).all()
    for sequence, row in enumerate(rows, start=1):
        entry = Entry(sequence, row.happened_at, row.actor, row.action, "", row.detail, previous)
        values = {"id": row.id, "sequence": sequence, "previous_hash": previous, "hash": seal(entry, key=key)}
        connection.execute(
            sa.text(
                "UPDATE audit_events SET sequence = :sequence, previous_hash = :previous_hash, hash = :hash WHERE id = :id"
            ),
            values,
        )
        previous = values["hash"]
