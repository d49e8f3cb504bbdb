"""Awards: criteria with their conditions and adoption, cases with their steps and frozen evidence, none of which may be changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Each table with the other key that INSERT OR REPLACE could take a row away by.
_FROZEN = {
    "award_criteria": "series = NEW.series AND version = NEW.version",
    "award_conditions": "criterion_id = NEW.criterion_id AND stage = NEW.stage AND measure = NEW.measure",
    "award_adoptions": "criterion_id = NEW.criterion_id AND ruling = NEW.ruling",
    "award_cases": "0",
    "award_steps": "case_id = NEW.case_id AND position = NEW.position",
    "award_evidence": "case_id = NEW.case_id",
}
_SAID = "'what an award rests on only grows'"
# Beside the rules of data.awards.cases, those that no path into the database may get around.
_REFUSED = {
    "award_conditions": (
        "full",
        "(SELECT count(*) FROM award_conditions WHERE criterion_id = NEW.criterion_id)"
        " >= (SELECT condition_count FROM award_criteria WHERE id = NEW.criterion_id)",
        "'a criterion has the conditions it was written with'",
    ),
    "award_steps": (
        "self",
        "(NEW.kind IN ('drafted', 'proposed', 'assessed', 'approved', 'declined', 'withdrawn') AND (NEW.staff_code = '' OR EXISTS"
        " (SELECT 1 FROM award_cases WHERE id = NEW.case_id AND staff_code = NEW.staff_code)))"
        " OR (NEW.kind IN ('approved', 'declined') AND (NOT EXISTS"
        " (SELECT 1 FROM award_steps WHERE case_id = NEW.case_id AND kind = 'assessed') OR EXISTS"
        " (SELECT 1 FROM award_steps WHERE case_id = NEW.case_id AND kind = 'proposed'"
        " AND (made_by = NEW.made_by OR staff_code = NEW.staff_code))))"
        " OR (NEW.kind = 'assessed' AND NOT EXISTS (SELECT 1 FROM award_steps WHERE case_id = NEW.case_id"
        " AND (kind = 'agreed' OR (kind = 'proposed' AND until_at <= NEW.happened_at))))"
        " OR (NEW.kind IN ('commented', 'objected', 'agreed') AND NOT EXISTS"
        " (SELECT 1 FROM award_cases WHERE id = NEW.case_id AND staff_code = NEW.staff_code))"
        " OR (NEW.kind = 'proposed' AND NOT EXISTS (SELECT 1 FROM award_evidence WHERE case_id = NEW.case_id))",
        "'nobody decides on oneself or on the own proposal, nor before the person was heard'",
    ),
}


def _sqlite() -> list[str]:
    made = []
    for table, other in _FROZEN.items():
        key = "case_id" if table == "award_evidence" else "id"
        made += [
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, {_SAID}); END"
            for event in ("UPDATE", "DELETE")
        ]
        # INSERT OR REPLACE removes a row without asking the trigger above.
        made.append(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # nosec B608 # noqa: S608 - names from above
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key} OR ({other})) BEGIN SELECT RAISE(ABORT, {_SAID}); END"
        )
    for table, (name, condition, said) in _REFUSED.items():
        made.append(
            f"CREATE TRIGGER {table}_{name} BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, {said}); END"
        )
    return made


def _postgresql() -> list[str]:
    made = [
        f"CREATE FUNCTION awards_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION {_SAID}; END $$"
    ]
    for table in _FROZEN:
        made.append(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION awards_refuse()"
        )
        made.append(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION awards_refuse()"
        )
    for table, (name, condition, said) in _REFUSED.items():
        made.append(
            f"CREATE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {condition} THEN RAISE EXCEPTION {said}; END IF; RETURN NEW; END $$"
        )
        made.append(
            f"CREATE TRIGGER {table}_{name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_{name}()"
        )
    return made


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _instant(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _of(table: str, name: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{parent}.id"], name=op.f(f"fk_{table}_{name}_{parent}"))


def _index(table: str, *names: str) -> None:
    for name in names:
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name])


def upgrade() -> None:
    op.create_table(
        "award_criteria", *_numbers("id", "series", "version"), *_texts("name", "audience"), *_numbers("minimum_count", "condition_count"),
        *_texts("period", "grade"), sa.Column("quota", sa.Integer(), nullable=True), sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True), sa.Column("is_example", sa.Boolean(), nullable=False), _instant("created_at"),
        *_texts("created_by"), sa.PrimaryKeyConstraint("id", name=op.f("pk_award_criteria")),
        sa.UniqueConstraint("series", "version", name=op.f("uq_award_criteria_series_version")),
        sa.CheckConstraint("audience IN ('certifier', 'deputy', 'unit')", name=op.f("ck_award_criteria_audience")),
        sa.CheckConstraint("period IN ('term', 'school_year')", name=op.f("ck_award_criteria_period")),
        sa.CheckConstraint("minimum_count >= 1 AND condition_count >= 1", name=op.f("ck_award_criteria_counts")),
    )  # fmt: skip
    op.create_table(
        "award_conditions", *_numbers("id", "criterion_id"), *_texts("stage", "measure", "comparator"), *_numbers("threshold"),
        _of("award_conditions", "criterion_id", "award_criteria"), sa.PrimaryKeyConstraint("id", name=op.f("pk_award_conditions")),
        sa.UniqueConstraint("criterion_id", "stage", "measure", name=op.f("uq_award_conditions_criterion_id_stage_measure")),
        sa.CheckConstraint("stage IN ('certify', 'submit', 'register', 'confirm')", name=op.f("ck_award_conditions_stage")),
        sa.CheckConstraint(
            "(measure IN ('timeliness', 'completion', 'due_so_far') AND comparator = 'ge' AND threshold BETWEEN 0 AND 1000)"
            " OR (measure IN ('wait_median_days', 'wait_p90_days', 'overdue') AND comparator = 'le' AND threshold >= 0)",
            name=op.f("ck_award_conditions_measure"),
        ),
    )  # fmt: skip
    _index("award_conditions", "criterion_id")
    op.create_table(
        "award_adoptions", *_numbers("id", "criterion_id"), *_texts("ruling"), *_numbers("resolution_id"), _instant("happened_at"), *_texts("made_by"),
        _of("award_adoptions", "criterion_id", "award_criteria"), _of("award_adoptions", "resolution_id", "resolutions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_adoptions")),
        sa.UniqueConstraint("criterion_id", "ruling", name=op.f("uq_award_adoptions_criterion_id_ruling")),
        sa.CheckConstraint("ruling IN ('adopted', 'ended')", name=op.f("ck_award_adoptions_ruling")),
    )  # fmt: skip
    _index("award_adoptions", "criterion_id", "resolution_id")
    op.create_table(
        "award_cases", *_numbers("id"), sa.Column("criterion_id", sa.Integer(), nullable=True), *_texts("subject", "staff_code"), *_numbers("term"),
        _instant("as_of", nullable=True), *_texts("grade", "facts"), _of("award_cases", "criterion_id", "award_criteria"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_cases")),
    )  # fmt: skip
    _index("award_cases", "criterion_id", "staff_code", "term")
    op.create_table(
        "award_steps", *_numbers("id", "case_id", "position"), *_texts("kind"), _instant("happened_at"), *_texts("made_by", "staff_code", "role", "reason"),
        sa.Column("resolution_id", sa.Integer(), nullable=True), _instant("until_at", nullable=True),
        _of("award_steps", "case_id", "award_cases"), _of("award_steps", "resolution_id", "resolutions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_steps")),
        sa.UniqueConstraint("case_id", "position", name=op.f("uq_award_steps_case_id_position")),
        sa.CheckConstraint(
            "kind IN ('drafted', 'proposed', 'commented', 'objected', 'agreed', 'assessed', 'approved', 'declined', 'withdrawn')",
            name=op.f("ck_award_steps_kind"),
        ),
    )  # fmt: skip
    _index("award_steps", "case_id", "resolution_id")
    op.create_table(
        "award_evidence", *_numbers("case_id"), _instant("frozen_at"), *_texts("sha256", "content"), _of("award_evidence", "case_id", "award_cases"),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_award_evidence")),
    )  # fmt: skip
    for statement in _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.execute(sa.text(statement))
