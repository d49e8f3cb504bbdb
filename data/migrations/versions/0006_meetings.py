"""Meetings of the working group: members, agenda, resolutions, and the history of each that only grows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SAID = "'the history of a resolution only grows'"
_SQLITE = (
    f"CREATE TRIGGER resolution_events_no_update BEFORE UPDATE ON resolution_events BEGIN SELECT RAISE(ABORT, {_SAID}); END",
    f"CREATE TRIGGER resolution_events_no_delete BEFORE DELETE ON resolution_events BEGIN SELECT RAISE(ABORT, {_SAID}); END",
    # INSERT OR REPLACE removes a row without asking the trigger above.
    "CREATE TRIGGER resolution_events_no_replace BEFORE INSERT ON resolution_events "
    "WHEN EXISTS (SELECT 1 FROM resolution_events WHERE id = NEW.id) "
    "BEGIN SELECT RAISE(ABORT, 'the history of a resolution only grows'); END",
)
_POSTGRESQL = (
    f"CREATE FUNCTION resolution_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION {_SAID}; END $$",
    "CREATE TRIGGER resolution_events_no_change BEFORE UPDATE OR DELETE ON resolution_events "
    "FOR EACH ROW EXECUTE FUNCTION resolution_events_refuse()",
    "CREATE TRIGGER resolution_events_no_truncate BEFORE TRUNCATE ON resolution_events "
    "FOR EACH STATEMENT EXECUTE FUNCTION resolution_events_refuse()",
)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), nullable=False)


def _of(table: str, name: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    """A column that names a row of another table, and the constraint that it is there."""
    return sa.Column(name, sa.Integer(), nullable=False), sa.ForeignKeyConstraint([name], [f"{table}.id"])


def upgrade() -> None:
    op.create_table(
        "meetings",
        _id(),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        *_texts("place", "state", "convener"),
        sa.Column("quorum", sa.Integer(), nullable=False),
        *_texts("note"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *_texts("created_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meetings")),
    )
    op.create_index(op.f("ix_meetings_term"), "meetings", ["term"])
    meeting, there = _of("meetings", "meeting_id")
    there.name = op.f("fk_meeting_members_meeting_id_meetings")
    op.create_table(
        "meeting_members", _id(), meeting, *_texts("kind", "title", "username", "attendance"), there,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_members")),
    )  # fmt: skip
    op.create_index(op.f("ix_meeting_members_meeting_id"), "meeting_members", ["meeting_id"])
    meeting, there = _of("meetings", "meeting_id")
    there.name = op.f("fk_agenda_items_meeting_id_meetings")
    op.create_table(
        "agenda_items", _id(), meeting, sa.Column("position", sa.Integer(), nullable=False), sa.Column("matter", sa.Integer(), nullable=False),
        *_texts("title", "note"), there, sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_items")),
    )  # fmt: skip
    op.create_index(op.f("ix_agenda_items_meeting_id"), "agenda_items", ["meeting_id"])
    meeting, there = _of("meetings", "meeting_id")
    there.name = op.f("fk_resolutions_meeting_id_meetings")
    op.create_table(
        "resolutions", _id(), meeting, *_texts("number", "text", "responsible"), sa.Column("due_on", sa.Date(), nullable=True), there,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resolutions")), sa.UniqueConstraint("number", name=op.f("uq_resolutions_number")),
    )  # fmt: skip
    op.create_index(op.f("ix_resolutions_meeting_id"), "resolutions", ["meeting_id"])
    resolution, there = _of("resolutions", "resolution_id")
    there.name = op.f("fk_resolution_events_resolution_id_resolutions")
    op.create_table(
        "resolution_events", _id(), resolution, sa.Column("happened_at", sa.BigInteger(), nullable=False),
        *_texts("made_by", "from_state", "to_state", "reason"), there, sa.PrimaryKeyConstraint("id", name=op.f("pk_resolution_events")),
    )  # fmt: skip
    op.create_index(op.f("ix_resolution_events_resolution_id"), "resolution_events", ["resolution_id"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement))
