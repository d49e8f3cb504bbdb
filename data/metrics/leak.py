"""How far items come: how many 課程學習成果 of a school year are uploaded, certified, selected, handed in, received and confirmed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.instants import to_us
from data.ledger import Ledger
from data.metrics import Metric, Question, ReportError
from data.metrics.groups import codes_of, groups_of
from data.metrics.receipts import ALL_KINDS, STANDINGS, rounds_at, standing

STEPS = ("uploaded", "sent", "certified", "selected", "submitted", "received", "confirmed")
COLUMNS = ("key", "name", *STEPS, "submitted_by", "received_by")
ROSTER, KIND = "outcomes", "課程學習成果"  # as 提交 and as 收訖 call them
BY_ITEM, BY_COUNT, UNKNOWN = "item", "count", ""
ITEM = ["enrolment", "term", "course"]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def answer(ledger: Ledger, question: Question) -> pd.DataFrame:
    """Return one row a group of the school year's rosters: how many items have come how far."""
    return count(ledger, question, rounds=rounds_at(ledger, question.term // 10, to_us(question.as_of)))


def count(ledger: Ledger, question: Question, *, rounds: pd.DataFrame) -> pd.DataFrame:
    """Return one row a group, sorted by key, with the items of both terms at each step, and how two of them were counted.

    Counted are the items of students 在學 at as_of, as in participation. uploaded; sent: sent for certification at least
    once; certified: passed, and the result released; selected: the counts of 勾選情形; submitted: in a book handed in or in
    the national database's dump, an item in both once; received: in the latest round of 收訖明細; confirmed: those received
    (submitted, as long as no 收訖明細 is known) of students who have confirmed in the round that counts (receipts.rounds_at).

    submitted_by, received_by: item where the items find uploads of the same student, term and course; then as many as both
    sides have count. count where none does, and only their number is known. Empty where nothing is known of the group;
    that number, like selected and confirmed, is then NA and not 0. Uploading and selecting are the student's choice: a small
    number is nobody's fault. No step is forced below the one before: a larger number is a finding about the lists.
    """
    if question.kind != "outcome":
        raise ReportError("這張報表只計課程學習成果，種類請寫成 outcome")
    if question.term % 10:
        raise ReportError(f"這一項以學年計，學期請寫成 {question.term // 10}0")
    year, as_of_us = question.term // 10, to_us(question.as_of)
    here = _in_school(ledger, year, as_of_us)
    items, known, how = _items(ledger, year, as_of_us, here, rounds)
    students = ledger.enrolments[here]
    codes = codes_of(ledger, students, question.by, as_of_us)
    groups = groups_of(ledger, question.term, question.by, codes, as_of_us)
    row, size = groups.row_of[codes], len(groups.keys)
    table: dict[str, Any] = {"key": groups.keys, "name": groups.names}
    for step in STEPS:
        total = pd.Series(np.bincount(row, weights=items[step][here], minlength=size).astype(np.int64), dtype="Int64")
        is_known = np.bincount(row[known[step][here]], minlength=size) > 0 if step in known else np.ones(size, bool)
        table[step] = total.where(is_known)
        if step in how:
            table[f"{step}_by"] = np.where(is_known, how[step], UNKNOWN).astype(object)
    return pd.DataFrame(table)[list(COLUMNS)]


def _in_school(ledger: Ledger, year: int, as_of_us: int) -> Bools:
    students = ledger.enrolments
    left_at = students["left_at"].to_numpy()
    here = (left_at > as_of_us) | ((students["back_at"].to_numpy() <= as_of_us) & (left_at >= 0))
    here &= (students["school_year"].to_numpy() == year) & (students["came_at"].to_numpy() <= as_of_us)
    return np.asarray(here & students["visible"].to_numpy(dtype=bool))


def _items(
    ledger: Ledger, year: int, as_of_us: int, here: Bools, rounds: pd.DataFrame
) -> tuple[dict[str, Ints], dict[str, Bools], dict[str, str]]:
    """Return, by enrolment, the items at each step, whether they are known where that can be unknown, and how they were counted."""
    size = len(here)
    uploads = ledger.uploads
    uploaded = (uploads["term"].to_numpy() // 10 == year) & uploads["is_outcome"].to_numpy()
    uploads = uploads[uploaded & (uploads["uploaded_at"].to_numpy() <= as_of_us)]
    uploads = uploads[np.append(here, False)[uploads["enrolment"].to_numpy()]]
    columns = ["item", "enrolment", "opened_at", "done_at", "passed"]
    duties = pd.concat([ledger.of_term(year * 10 + semester)[columns] for semester in (1, 2)])
    sent = duties[duties["opened_at"].to_numpy() <= as_of_us]
    certified = sent[sent["passed"].to_numpy() & (sent["done_at"].to_numpy() <= as_of_us)]
    items = {"uploaded": _per_student(uploads, size)}
    for step, rows in (("sent", sent), ("certified", certified)):
        items[step] = _per_student(rows.drop_duplicates("item"), size)
    known: dict[str, Bools] = {}
    items["selected"], known["selected"] = _selected(ledger, year, as_of_us, size)
    how: dict[str, str] = {}
    books = _books(ledger, year, as_of_us)
    for step, is_receipt in (("submitted", False), ("received", True)):
        rows = _listed(ledger, books[(books["source"] == "receipt") == is_receipt])
        rows = rows[np.append(here, False)[rows["enrolment"].to_numpy()]]
        found = _matched(rows, uploads)
        how[step] = BY_ITEM if found.any() else BY_COUNT
        items[step] = _per_student(rows, size, weights=found if found.any() else rows["item_count"].to_numpy())
        known[step] = _per_student(rows, size) > 0
    held = "received" if (books["source"] == "receipt").any() else "submitted"
    confirmed, asked = _confirmed(ledger, year, as_of_us, rounds)
    items["confirmed"] = np.where(confirmed, items[held], 0)
    known["confirmed"] = asked & known[held]
    return items, known, how


def _per_student(rows: pd.DataFrame, size: int, *, weights: Ints | None = None) -> Ints:
    of = rows["enrolment"].to_numpy()
    somebody = of >= 0
    weights = weights if weights is None else weights[somebody]
    return np.bincount(of[somebody], weights=weights, minlength=size).astype(np.int64)


def _selected(ledger: Ledger, year: int, as_of_us: int, size: int) -> tuple[Ints, Bools]:
    rows = ledger.selections
    rows = rows[(rows["school_year"].to_numpy() == year) & (rows["known_at"].to_numpy() <= as_of_us)]
    latest = rows.drop_duplicates("enrolment", keep="last")
    latest = latest[latest["outcome_count"].notna()]
    counts = latest["outcome_count"].to_numpy().astype(np.int64)
    return _per_student(latest, size, weights=counts), _per_student(latest, size) > 0


def _books(ledger: Ledger, year: int, as_of_us: int) -> pd.DataFrame:
    """Return the books of outcomes known by then; of 收訖明細 only the latest round of each term it was made for."""
    books = ledger.submissions
    books = books[(books["school_year"] == year) & (books["roster"] == ROSTER) & (books["submitted_at"] <= as_of_us)]
    latest = books.groupby(["source", "semester"])["round_number"].transform("max")
    return books[(books["source"] != "receipt") | (books["round_number"] == latest)]


def _listed(ledger: Ledger, books: pd.DataFrame) -> pd.DataFrame:
    """Count the items of a student in a course and term; what the school and the database both list is listed once."""
    source = books.set_index("submission_id")["source"]
    rows = ledger.submitted[ledger.submitted["submission_id"].isin(source.index)]
    rows = rows.assign(source=source.reindex(rows["submission_id"]).to_numpy())
    by_source = rows.groupby([*ITEM, "source"], as_index=False)["item_count"].sum()
    return by_source.groupby(ITEM, as_index=False)["item_count"].max()


def _matched(rows: pd.DataFrame, uploads: pd.DataFrame) -> Ints:
    """Return of each row how many of its items find an upload of the same student, term and course."""
    sizes = uploads[uploads["course"].to_numpy() >= 0].groupby(ITEM).size().rename("uploads").reset_index()
    found = rows.merge(sizes, on=ITEM, how="left")["uploads"].fillna(0).to_numpy().astype(np.int64)
    result: Ints = np.minimum(found, rows["item_count"].to_numpy())
    return result


def _confirmed(ledger: Ledger, year: int, as_of_us: int, rounds: pd.DataFrame) -> tuple[Bools, Bools]:
    """Tell which enrolments have confirmed, and which are in the round: that of the outcomes, else that of all kinds."""
    said = standing(ledger, year, as_of_us, rounds=rounds)
    said = said[said["kind"].isin([KIND, ALL_KINDS]) & (said["enrolment"] >= 0)]
    said = said.assign(is_general=said["kind"] != KIND).sort_values("is_general", kind="stable")
    said = said.drop_duplicates("enrolment")
    position, state = said["enrolment"].to_numpy(), said["state"].to_numpy()
    confirmed, asked = np.zeros((2, len(ledger.enrolments)), dtype=bool)
    asked[position] = True
    confirmed[position[state == STANDINGS.index("confirmed")]] = True
    return confirmed, asked


METRIC = Metric(
    key="leak",
    title="各階段的件數（學年度的課程學習成果，學生自主的階段不作評量）：上傳、送出、認證通過、勾選、提交、收訖明細、學生確認，以及提交與收訖是逐件比對或以件數計",
    columns=COLUMNS,
    stages=("upload",),
    groupings=("school", "grade", "department", "class"),
    answer=answer,
)
