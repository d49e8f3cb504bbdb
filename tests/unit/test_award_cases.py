"""The way of an award case: no path lets one person propose and approve, decide on oneself, skip the hearing or alter evidence."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dashboard.services import awards
from dashboard.services.awards import Actor, AwardError
from dashboard.services.store import Store
from data.audit import find_faults, key_of, read_entries
from data.awards.cases import DECISIONS, OWN_STEPS, STEPS, end_of_hearing
from data.db import reading, writing
from data.instants import TAIPEI, parse_as_of, to_us
from data.minutes import add_meeting, add_resolution, set_state
from data.regulation.calendar import working_calendar
from tests.unit.builders import passed, take_in, write_small_school

START = parse_as_of("2025-03-03T09:00")  # a Monday; nothing later is a fact of the school below
STAFF = [[f"T00{n}", f"師{n}", "教務處", f"t{n}@school.example"] for n in range(1, 7)]
SECRETARY, CONVENER = "executive_secretary", "convener"
# Two secretaries, two conveners; one person with an account for each; an account that changes its role; accounts of nobody known.
ACTORS = [
    Actor("secretary", "T001", SECRETARY), Actor("secretary2", "T002", SECRETARY), Actor("principal", "T003", CONVENER),
    Actor("principal2", "T004", CONVENER), Actor("both-as-secretary", "T005", SECRETARY), Actor("both-as-convener", "T005", CONVENER),
    Actor("changes", "T002", SECRETARY), Actor("changes", "T002", CONVENER), Actor("unknown", "", SECRETARY), Actor("unknown", "", CONVENER),
    Actor("teacher", "T006", "teacher"), Actor("homeroom", "T001", "homeroom"), Actor("admin", "", "admin"), Actor("member", "T004", "member"),
]  # fmt: skip
CRITERION = {
    "name": "認證及時", "audience": "certifier", "minimum": "1", "period": "term", "grade": "嘉獎一次", "valid_from": "2024-08-01",
    "stage-1": "certify", "measure-1": "timeliness", "threshold-1": "90",
}  # fmt: skip
BY_HAND = {"term": "1131", "grade": "嘉獎一次", "facts": "協助系統轉換", "reason": "具體貢獻"}


def open_store(folder: Path) -> Store:
    return Store(f"sqlite:///{folder / 'school.sqlite'}", id_key=b"a key for tests", instance_dir=folder)


def found_school(store):
    """A small school, a meeting held before START with a resolution, and a criterion that it adopted."""
    with tempfile.TemporaryDirectory() as folder:
        # T001 and T006 decided in time, so that a secretary could profit herself as well.
        outcomes = [passed("1130001"), passed("1130003", teacher="T006", certifier="T006", class_name="102")]
        plan = take_in(store.engine, write_small_school(Path(folder), staff=STAFF, outcomes=outcomes, delegations=[]))
    assert plan.committed, plan.problems
    resolution = meet(store, START - timedelta(days=30))
    made = awards.add_criterion(store, CRITERION, by="secretary", at=START - timedelta(days=20))
    awards.adopt(store, made, resolution, by="secretary", at=START - timedelta(days=10))


def meet(store, held_at):
    with writing(store.engine) as connection:
        meeting = add_meeting(connection, term=1131, held_at=held_at, place="會議室", convener="校長", quorum=1, note="", members=[], agenda=[], at=held_at, by="s")  # fmt: skip
        set_state(connection, meeting, "held")
        resolution, _ = add_resolution(
            connection, meeting, term=1131, text="敘獎", responsible="教務處", due_on=None, at=held_at, by="s"
        )
    return resolution


@cache
def prepared() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="licheng-awards-"))
    store = open_store(folder)
    store.migrate()
    found_school(store)
    store.engine.dispose()
    return folder


def rows(store, table):
    with reading(store.engine) as connection:
        return connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3")).mappings().all()


def check_history(store, evidence):
    """Hold every step in the database against the rules, in words of its own; evidence: the hashes seen before."""
    cases = {row["id"]: row for row in rows(store, "award_cases")}
    held = {}
    with reading(store.engine) as connection:
        for row in connection.execute(
            text("SELECT r.id, m.held_at, m.state FROM resolutions r JOIN meetings m ON m.id = r.meeting_id")
        ):
            held[row.id] = row.held_at if row.state == "held" else None
    frozen = {row["case_id"]: (row["sha256"], row["content"]) for row in rows(store, "award_evidence")}
    for number, before in evidence.items():
        assert frozen[number] == before
    evidence |= frozen
    for number, case in cases.items():
        steps = sorted(
            (row for row in rows(store, "award_steps") if row["case_id"] == number), key=lambda row: row["position"]
        )
        assert [row["position"] for row in steps] == list(range(1, len(steps) + 1))
        by_kind = {row["kind"]: row for row in steps}
        proposed, assessed = by_kind.get("proposed"), by_kind.get("assessed")
        for row in steps:
            own = row["kind"] in OWN_STEPS
            assert (
                row["staff_code"] == case["staff_code"]
            ) == own  # nobody acts on oneself; nobody else speaks for one
            assert row["staff_code"] != ""
            assert row["role"] == CONVENER if row["kind"] in DECISIONS else own or row["role"] == SECRETARY
        assert (proposed is not None) == (number in frozen)
        if assessed:
            agreed = by_kind.get("agreed")
            heard = min([proposed["until_at"], *([agreed["happened_at"]] if agreed else [])])
            assert proposed["until_at"] >= proposed["happened_at"] + 5 * 86_400_000_000
            assert assessed["happened_at"] >= heard
            assert held[assessed["resolution_id"]] is not None
            assert heard <= held[assessed["resolution_id"]] <= assessed["happened_at"]
        decisions = [row for row in steps if row["kind"] in DECISIONS]
        assert len(decisions) <= 1
        for decision in decisions:
            assert assessed["position"] < decision["position"] == len(steps)
            assert decision["made_by"] != proposed["made_by"]
            assert decision["staff_code"] != proposed["staff_code"]
        if "withdrawn" in by_kind:
            assert steps[-1]["kind"] == "withdrawn"


TAMPERING = (
    "UPDATE award_evidence SET content = '{}'", "DELETE FROM award_evidence", "UPDATE award_steps SET staff_code = 'T009', made_by = 'x'",
    "DELETE FROM award_steps", "UPDATE award_steps SET until_at = 0", "UPDATE award_cases SET staff_code = 'T009'",
    "INSERT OR REPLACE INTO award_evidence SELECT case_id, 0, 'x', '{}' FROM award_evidence",
    "INSERT INTO award_steps (case_id, position, kind, happened_at, made_by, staff_code, role, reason) "
    "SELECT id, 99, 'approved', 0, 'x', 'T009', 'convener', 'x' FROM award_cases WHERE id NOT IN "
    "(SELECT case_id FROM award_steps WHERE kind = 'assessed')",
    "INSERT INTO award_steps (case_id, position, kind, happened_at, made_by, staff_code, role, reason) "
    "SELECT id, 99, 'agreed', 0, 'x', 'T009', 'teacher', 'x' FROM award_cases",
)  # fmt: skip


class CaseMachine(RuleBasedStateMachine):
    """Anybody tries anything at any time, over the real service and a database of its own."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="licheng-case-"))
        shutil.copytree(prepared(), self.folder, dirs_exist_ok=True)
        self.store = open_store(self.folder)
        self.at = START
        self.evidence = {}
        self.cases = 0
        self.resolutions = [row["id"] for row in rows(self.store, "resolutions")]

    def teardown(self):
        self.store.engine.dispose()
        shutil.rmtree(self.folder)

    @rule(actor=st.sampled_from(ACTORS[:6]), staff=st.sampled_from([row[0] for row in STAFF]))
    def draft_by_hand(self, actor, staff):
        self._draft(BY_HAND | {"staff": staff}, actor)

    @rule(actor=st.sampled_from(ACTORS), subject=st.sampled_from(["T001", "T006"]))
    def draft_under_the_criterion(self, actor, subject):
        asof = START.isoformat()
        self._draft({"criterion": "1", "term": "1131", "asof": asof, "subject": subject, "reason": "準時"}, actor)

    def _draft(self, values, actor):
        try:
            awards.draft(self.store, values, actor=actor, at=self.at)
            self.cases += 1
        except AwardError:
            pass

    @precondition(lambda self: self.cases)
    @rule(
        data=st.data(),
        kind=st.sampled_from([step for step in STEPS if step != "drafted"]),
        actor=st.sampled_from(ACTORS),
    )
    def take_any_step(self, data, kind, actor):
        case = data.draw(st.integers(1, self.cases))
        self._take(case, kind, actor, data.draw(st.sampled_from(self.resolutions)))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), agrees=st.booleans())
    def go_on_as_one_should(self, data, agrees):
        """So that the way to the end is walked, and what is tried is tried in every state."""
        case = data.draw(st.integers(1, self.cases))
        kinds = [row["kind"] for row in rows(self.store, "award_steps") if row["case_id"] == case]
        person = next(row["staff_code"] for row in rows(self.store, "award_cases") if row["id"] == case)
        if "proposed" not in kinds:
            kind, actors = "proposed", ACTORS
        elif "assessed" not in kinds:
            if agrees:
                self._take(case, "agreed", Actor("person", person, "teacher"), 0)
            else:
                self.at += timedelta(days=12)
            self.resolutions.append(meet(self.store, self.at))
            kind, actors = "assessed", ACTORS
        else:
            kind, actors = data.draw(st.sampled_from(DECISIONS)), ACTORS
        any(self._take(case, kind, actor, self.resolutions[-1]) for actor in data.draw(st.permutations(actors)))

    def _take(self, case, kind, actor, resolution):
        try:
            awards.take(
                self.store, case, kind, {"reason": "理由", "resolution": str(resolution)}, actor=actor, at=self.at
            )
        except AwardError:
            return False
        return True

    @rule(hours=st.sampled_from([1, 30, 24 * 8]))
    def wait(self, hours):
        self.at += timedelta(hours=hours)

    @rule(ago=st.sampled_from([0, 1, 48]))
    def hold_a_meeting(self, ago):
        self.resolutions.append(meet(self.store, self.at - timedelta(hours=ago)))

    @precondition(lambda self: self.cases)
    @rule(statement=st.sampled_from(TAMPERING))
    def tamper(self, statement):
        try:
            with writing(self.store.engine) as connection:
                connection.execute(text(statement))
        except DBAPIError:
            pass

    @invariant()
    def every_history_keeps_the_rules(self):
        check_history(self.store, self.evidence)


def test_no_path_leads_around_the_rules():
    run_state_machine_as_test(CaseMachine)


# --- one way through, on both databases -------------------------------------------------------------------------------


@pytest.fixture
def store(engine, tmp_path):
    opened = Store(engine.url.render_as_string(hide_password=False), id_key=b"a key for tests", instance_dir=tmp_path)
    found_school(opened)
    yield opened
    opened.engine.dispose()


def who(name, role=None):
    return next(each for each in ACTORS if each.username == name and role in (None, each.role))


def drafted(store, **changes):
    values = {
        "criterion": "1",
        "term": "1131",
        "asof": START.isoformat(),
        "subject": "T006",
        "reason": "準時",
    } | changes
    return awards.draft(store, values, actor=who("secretary"), at=START)


def test_a_case_goes_from_draft_to_approval_and_its_evidence_stays_what_it_was(store, tmp_path):
    case = drafted(store)
    awards.take(store, case, "proposed", {"reason": "請評核"}, actor=who("secretary"), at=START)
    before = awards.evidence_of(store, awards.read_awards(store).case(case))
    evidence = before[1]
    assert evidence["finding"]["facts"]["certify"]["on_time"] == 1
    assert evidence["criterion"]["resolution"] == "113-1-01"
    assert evidence["imports"]
    assert "師6" not in str(evidence)
    own = awards.read_own(store, "T006")
    assert [each.id for each in own.cases] == [case]
    assert awards.read_own(store, "T001").cases == []
    assert awards.read_own(store, "").cases == []
    awards.take(
        store, case, "commented", {"reason": "謝謝同仁協助"}, actor=who("teacher"), at=START + timedelta(hours=3)
    )
    until = awards.heard_until(awards.read_awards(store).case(case).steps)
    assert until == parse_as_of("2025-03-11")  # five school days after Monday the 3rd, to the end of Monday the 10th
    with pytest.raises(AwardError, match="還沒有結束"):
        awards.take(
            store,
            case,
            "assessed",
            {"reason": "同意", "resolution": "1"},
            actor=who("secretary"),
            at=until - timedelta(seconds=1),
        )
    with pytest.raises(AwardError, match="期間結束之後召開"):
        awards.take(store, case, "assessed", {"reason": "同意", "resolution": "1"}, actor=who("secretary"), at=until)
    meeting = meet(store, until + timedelta(hours=4))
    at = until + timedelta(hours=6)
    awards.take(store, case, "assessed", {"reason": "同意", "resolution": str(meeting)}, actor=who("secretary"), at=at)
    with pytest.raises(AwardError, match="提案的人不能決定"):
        awards.take(store, case, "approved", {"reason": "同意"}, actor=Actor("secretary", "T004", CONVENER), at=at)
    with pytest.raises(AwardError, match="提案的人不能決定"):
        awards.take(store, case, "approved", {"reason": "同意"}, actor=Actor("other", "T001", CONVENER), at=at)
    awards.take(store, case, "approved", {"reason": "同意"}, actor=who("principal"), at=at)
    kept = awards.read_awards(store).case(case)
    assert awards.state_of(kept.steps) == "approved"
    assert awards.evidence_of(store, kept) == before
    check_history(store, {})
    actions = [row["action"] for row in rows(store, "audit_events") if row["action"].startswith("award")]
    assert actions == [
        "award_criterion_added",
        "award_adopted",
        "award_drafted",
        "award_proposed",
        "award_said",
        "award_assessed",
        "award_decided",
    ]
    with reading(store.engine) as connection:
        assert find_faults(read_entries(connection), key=key_of(connection)).faults == ()


def test_a_later_correction_is_a_difference_beside_the_frozen_figures(store, tmp_path):
    case = drafted(store)
    awards.take(store, case, "proposed", {"reason": "請評核"}, actor=who("secretary"), at=START)
    found = awards.read_awards(store)
    known, criterion = found.case(case), found.criterion(1)
    _sha256, evidence = awards.evidence_of(store, known)
    assert awards.moved_since(store, known, criterion, evidence) == []
    more = [passed("1130002", teacher="T006", certifier="T006", decided="2025/02/28 09:00:00")]
    take_in(store.engine, write_small_school(tmp_path / "more", staff=STAFF, outcomes=more, delegations=[]))
    moved = {
        (each.stage, each.name): (each.then, each.now) for each in awards.moved_since(store, known, criterion, evidence)
    }
    assert moved["certify", "late"] == (0, 1)
    assert moved["", "outcome"] == ("met", "near")
    assert awards.evidence_of(store, known)[1] == evidence


REFUSED = [({"stage-1": "upload"}, "自主選擇"), ({"stage-1": "select"}, "自主選擇"), ({"measure-1": "pass_rate"}, "通過率"),
     ({"stage-1": "submit"}, "不負責這個階段"), ({"threshold-1": "101"}, "超出範圍"), ({"threshold-1": "-1"}, "請填數字"),
     ({"threshold-1": "９０"}, "請填數字"), ({"minimum": "0"}, "最少件數"), ({"grade": "獎金"}, "建議的獎勵"), ({"name": " "}, "名稱"),
     ({"stage-1": "", "measure-1": "", "threshold-1": ""}, "至少寫一個條件"), ({"valid_until": "2020-01-01"}, "迄日不能早於"),
     ({"valid_from": "x"}, "日期"), ({"quota": "x"}, "名額"), ({"series": "99"}, "沒有這項標準"),
     ({"stage-2": "certify", "measure-2": "timeliness", "threshold-2": "80"}, "只能寫一個")]  # fmt: skip


def test_the_service_says_why_a_criterion_cannot_be(store):
    before = rows(store, "award_criteria")
    for changes, said in REFUSED:
        with pytest.raises(AwardError, match=said):
            awards.add_criterion(store, CRITERION | changes, by="secretary", at=START)
    assert rows(store, "award_criteria") == before


def test_no_case_rests_on_an_example_or_on_what_no_meeting_adopted(store):
    awards.load_examples(store, by="secretary", at=START)
    for each in awards.read_awards(store).criteria:
        if each.is_example:
            with pytest.raises(AwardError, match="範例"):
                drafted(store, criterion=str(each.id))
            with pytest.raises(AwardError, match="範例"):
                awards.adopt(store, each.id, 1, by="secretary", at=START)
    with pytest.raises(AwardError, match="已經載入"):
        awards.load_examples(store, by="secretary", at=START)
    series = str(awards.read_awards(store).criterion(1).series)
    newer = awards.add_criterion(store, CRITERION | {"series": series, "threshold-1": "95"}, by="secretary", at=START)
    with pytest.raises(AwardError, match="還沒有由會議決議採用"):
        drafted(store, criterion=str(newer))
    with pytest.raises(AwardError, match="已召開會議"):
        awards.adopt(store, newer, 999, by="secretary", at=START)
    awards.adopt(store, newer, 1, by="secretary", at=START)
    with pytest.raises(AwardError, match="停止使用"):
        drafted(store)
    drafted(store, criterion=str(newer))


def test_a_case_that_is_there_is_not_opened_twice_and_who_falls_short_has_none(store):
    drafted(store)
    with pytest.raises(AwardError, match="已經有案子"):
        drafted(store)
    for subject in ("T002", "T999", ""):
        with pytest.raises(AwardError):
            drafted(store, subject=subject)
    with pytest.raises(AwardError, match="不能處理自己"):
        drafted(store, subject="T001")
    with pytest.raises(AwardError, match="沒有教師代碼"):
        awards.draft(store, BY_HAND | {"staff": "T006"}, actor=who("unknown", SECRETARY), at=START)
    with pytest.raises(AwardError, match="沒有這個教師代碼"):
        awards.draft(store, BY_HAND | {"staff": "T998"}, actor=who("secretary"), at=START)


def test_nothing_goes_on_with_evidence_that_somebody_got_at(store):
    case = drafted(store)
    awards.take(store, case, "proposed", {"reason": "請評核"}, actor=who("secretary"), at=START)
    with writing(store.engine) as connection:  # as the owner of the database could
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER award_evidence_no_update"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE award_evidence SET content = replace(content, 'T006', 'T005')"))
    known = awards.read_awards(store).case(case)
    with pytest.raises(AwardError, match="雜湊不符"):
        awards.evidence_of(store, known)
    with pytest.raises(AwardError, match="雜湊不符"):
        awards.take(store, case, "agreed", {}, actor=who("teacher"), at=START + timedelta(hours=1))
    awards.take(
        store, case, "withdrawn", {"reason": "依據被動過"}, actor=who("secretary"), at=START + timedelta(hours=1)
    )


@given(st.datetimes(datetime(2024, 9, 1), datetime(2025, 6, 30)), st.integers(1, 10))
def test_the_time_to_object_ends_after_so_many_school_days_counted_one_by_one(moment, days):
    calendar = working_calendar()
    proposed_at = moment.replace(tzinfo=TAIPEI)
    until = end_of_hearing(proposed_at, school_days=days, calendar=calendar)
    day, left = proposed_at.date(), days
    while left:
        day += timedelta(days=1)
        left -= int(np.is_busday(np.datetime64(day), busdaycal=calendar))
    assert until == datetime(day.year, day.month, day.day, tzinfo=TAIPEI) + timedelta(days=1)
    assert to_us(until) > to_us(proposed_at)
