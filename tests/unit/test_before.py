"""What was known before an import: asked without leaving a trace, and explained to the last item."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard.services.before import ledger_before
from dashboard.services.hand_ins import ServiceError
from dashboard.services.reports import ReportError, report
from dashboard.services.store import Store
from data.instants import parse_as_of
from data.metrics import Question, completion
from data.metrics.change import CAUSES, COUNTS
from tests.unit.builders import (  # fmt: skip
    HEADINGS,
    WINDOWS,
    contents_of,
    item,
    passed,
    take_in,
    write_small_school,
    write_xlsx,
)

FIRST, SECOND, THIRD = map(parse_as_of, ("2025-01-20T08:00", "2025-02-12T08:00", "2025-02-13T08:00"))
AS_OF = "2025-02-12T09:00"


@pytest.fixture
def store(engine, tmp_path):
    made = Store(engine.url.render_as_string(hide_password=False), id_key=b"a key for tests", instance_dir=tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def history(engine, tmp_path):
    """Two items sent; then one is seen decided, another sent, and the window extended; then a third list."""
    write_small_school(tmp_path / "first", outcomes=[item(number="1"), item(number="2")])
    assert take_in(engine, tmp_path / "first", at=FIRST).committed
    lists = [
        write_xlsx(
            tmp_path / "list.xlsx",
            HEADINGS["outcomes"],
            [passed(number="1", decided="2025/01/10 08:00:00"), item(number="2"), item(number="3", sent="2025/01/22 08:00:00")],
        ),
        write_xlsx(tmp_path / "windows.xlsx", HEADINGS["windows"], [WINDOWS[0], [*WINDOWS[1][:5], "2025/02/28 23:59:59", WINDOWS[1][6]]]),
    ]  # fmt: skip
    second = take_in(engine, *lists, at=SECOND)
    assert second.committed
    third = take_in(engine, write_xlsx(tmp_path / "more.xlsx", HEADINGS["outcomes"], [item(number="9")]), at=THIRD)
    assert third.committed
    return second.batch_id


def levels(ledger):
    return completion.answer(ledger, Question(1131, parse_as_of("2025-02-12"), stage="certify"))


def test_what_was_known_before_is_what_the_school_was_then_and_nothing_is_written(store, engine, tmp_path, history):
    before = contents_of(engine, audit=True)
    ledger, at = ledger_before(store, history)
    assert contents_of(engine, audit=True) == before
    assert at == SECOND
    row = levels(ledger).iloc[0]
    assert (row["expected"], row["on_time"], row["overdue"]) == (2, 0, 2)


def test_the_change_since_before_an_import_is_told_by_cause_and_sums_up(store, history):
    table = report(store, "change", term="1131", stage="", by="school", as_of=AS_OF, since_import=history).set_index(
        "cause"
    )
    told = {
        cause: {name: row[name] for name in COUNTS if row[name]} for cause, row in table.loc[list(CAUSES)].iterrows()
    }
    # The third list is known as well; what was not known before never had another deadline.
    assert told["reimport"] == {"expected": 2, "done": 1, "on_time": 1, "open": 2, "overdue": -1}
    assert told["rule"] == {"open": 1, "overdue": -1}
    assert {cause for cause, counts in told.items() if counts} == {"reimport", "rule"}
    summed = table.loc[["before", *CAUSES], list(COUNTS)].sum()
    pd.testing.assert_series_equal(summed, table.loc["after", list(COUNTS)], check_names=False, check_dtype=False)


def test_an_import_that_is_not_there_is_said_and_so_is_a_wrong_report(store, history):
    with pytest.raises(ServiceError, match="找不到"):
        ledger_before(store, "nothing")
    with pytest.raises(ReportError, match="找不到"):
        report(store, "change", term="1131", stage="", by="school", since_import="nothing")
    with pytest.raises(ReportError, match="--since-import"):
        report(store, "completion", term="1131", stage="", by="school", since_import=history)
