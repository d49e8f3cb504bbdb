"""Two imports at once: one waits for the other, and neither is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from data.db import open_engine, reading, writing
from data.models import Outcome, Performance, Round
from data.rosters.importing import BUSY
from tests.unit.builders import HEADINGS, PERFORMANCES, item, passed, take_in, write_small_school, write_xlsx


def beside(engine):
    """Open the same database as another process would: an engine of its own."""
    return open_engine(engine.url.render_as_string(hide_password=False))


def at_once(engine, *paths):
    engines = [beside(engine) for _ in paths]
    with ThreadPoolExecutor(len(paths)) as pool:
        plans = list(pool.map(take_in, engines, paths))
    for each in engines:
        each.dispose()
    return plans


def count_of(engine, model):
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(model)).scalar_one()


def test_two_lists_handed_in_at_once_are_both_taken(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a", outcomes=[], performances=[]))
    outcomes = write_xlsx(tmp_path / "o.xlsx", HEADINGS["outcomes"], [passed(), item("1130002", "2")])
    performances = write_xlsx(tmp_path / "p.xlsx", HEADINGS["performances"], PERFORMANCES)
    plans = at_once(engine, outcomes, performances)
    assert [plan.committed for plan in plans] == [True, True]
    assert (count_of(engine, Outcome), count_of(engine, Performance)) == (2, 1)


def test_the_same_list_four_times_at_once_is_in_once(engine, tmp_path):
    take_in(engine, write_small_school(tmp_path / "a", outcomes=[]))
    path = write_xlsx(tmp_path / "o.xlsx", HEADINGS["outcomes"], [passed(), item("1130002", "2")])
    plans = at_once(engine, path, path, path, path)
    assert all(plan.committed for plan in plans)
    assert sorted(plan.reports[0].new for plan in plans) == [0, 0, 0, 2]
    assert (count_of(engine, Outcome), count_of(engine, Round)) == (2, 2)


def test_an_import_that_waited_too_long_is_told_and_nothing_is_written(tmp_path, migrated_file):
    url = f"sqlite:///{tmp_path / 'school.sqlite'}"
    (tmp_path / "school.sqlite").write_bytes(migrated_file.read_bytes())
    holder, other = open_engine(url), open_engine(url)
    with other.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA busy_timeout=50")
    with writing(holder):
        plan = take_in(other, write_small_school(tmp_path / "a"))
    assert not plan.committed
    assert plan.problems[-1].message == BUSY
    for each in (holder, other):
        each.dispose()
