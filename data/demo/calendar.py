"""The school's calendar: terms, and the windows of each term and grade as 作業期程 announces them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

DAY = 86_400
UPLOAD = "學生上傳及送出學習成果認證"
CERTIFY = "老師認證學生學習成果"
SELECT_OUTCOME = "學生勾選學習成果"
SELECT_PERFORMANCE = "學生勾選多元表現"
CONFIRM = "收訖明細確認"
REGISTER_ENROLMENT = "登錄學籍資料"
REGISTER_GRADES = "登錄學期成績"
REGISTER_POSITION = "登錄校內幹部經歷"
REGISTER_COUNSELLING = "登錄課程諮詢紀錄"
SUBMIT_ACADEMIC = "提交學籍及學業成績名冊"
SUBMIT_OUTCOMES = "提交課程學習成果名冊"
SUBMIT_POSITIONS = "提交校內幹部經歷名冊"
SUBMIT_PERFORMANCES = "提交多元表現名冊"
BATCHES = {1: "（第一梯次）", 2: "（第二梯次）"}  # of 高三, behind the name of a 提交
UNITS = {
    UPLOAD: "教務處教學組",
    CERTIFY: "教務處教學組",
    SELECT_OUTCOME: "教務處註冊組",
    SELECT_PERFORMANCE: "學務處訓育組",
    CONFIRM: "教務處註冊組",
    REGISTER_ENROLMENT: "教務處註冊組",
    REGISTER_GRADES: "教務處註冊組",
    REGISTER_POSITION: "學務處訓育組",
    REGISTER_COUNSELLING: "輔導處輔導組",
    SUBMIT_ACADEMIC: "教務處註冊組",
    SUBMIT_OUTCOMES: "教務處註冊組",
    SUBMIT_POSITIONS: "學務處訓育組",
    SUBMIT_PERFORMANCES: "學務處訓育組",
}
EXTENDED_GRADE = 1  # the grade whose teachers got a few days more once
EXTENSION_DAYS = 4
LONGER_SUBMISSION_DAYS = 7  # a 提交 that was given a week more
ROC_OFFSET = 1911


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """A term of a school year in ROC years."""

    year: int
    semester: int

    @property
    def code(self) -> str:
        """Return the joined form, 1131."""
        return f"{self.year}{self.semester}"


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end) in clock seconds; original_end is the end first announced; checks are days of self-check."""

    term: Term
    grade: int
    task: str
    start: int
    end: int
    original_end: int
    check_from: int
    check_to: int


Windows = dict[tuple[Term, int, str], Window]


def clock(day: date, hour: int = 0) -> int:
    """Return the school's own clock (Taipei, naive) as whole seconds since 1970-01-01 00:00."""
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY + hour * 3600


def term_of(today: date) -> Term:
    """Return the term running on a day: term 1 is August to January, term 2 February to July."""
    if today.month >= 8:
        return Term(today.year - ROC_OFFSET, 1)
    return Term(today.year - ROC_OFFSET - 1, 1 if today.month == 1 else 2)


def last_terms(today: date, count: int) -> list[Term]:
    """Return the count terms up to the one running today, oldest first."""
    newest = term_of(today)
    numbers = range(newest.year * 2 + newest.semester - count, newest.year * 2 + newest.semester)
    return [Term(number // 2, number % 2 + 1) for number in numbers]


def school_year_start(year: int) -> int:
    """Return the clock second at which a school year begins."""
    return clock(date(year + ROC_OFFSET, 8, 1))


def assessment_days(term: Term) -> list[date]:
    """Return the days on which the big assignments of a term are handed in, around the midterms."""
    ad = term.year + ROC_OFFSET
    if term.semester == 1:
        return [date(ad, 10, 19), date(ad, 11, 15)]
    return [date(ad + 1, 3, 26), date(ad + 1, 5, 19)]


def plan_windows(terms: list[Term]) -> Windows:
    """Lay out the windows of the terms; the tasks of the year are filed under term 2.

    Two windows were once extended, in the latest past first term (else the latest past term): the certification of one
    grade, and the 提交 of 校內幹部經歷.
    """
    past = terms[:-1]
    extended = max([t for t in past if t.semester == 1] or past, default=None)
    windows = [
        window for term in terms for grade in (1, 2, 3) for window in _plan_term(term, grade, extended=term == extended)
    ]
    return {(window.term, window.grade, window.task): window for window in windows}


def _plan_term(term: Term, grade: int, *, extended: bool) -> list[Window]:
    ad = term.year + ROC_OFFSET
    if term.semester == 1:
        opens, closes = date(ad, 8, 30), date(ad + 1, 2, 3)
    else:
        opens, closes = date(ad + 1, 2, 11), date(ad + 1, 4, 15) if grade == 3 else date(ad + 1, 7, 14)
    start, upload_end = clock(opens, 8), clock(closes) + DAY
    certify_end = upload_end + 7 * DAY
    longer = EXTENSION_DAYS * DAY if extended and grade == EXTENDED_GRADE else 0
    spans = [(UPLOAD, start, upload_end, upload_end), (CERTIFY, start, certify_end + longer, certify_end)]
    if term.semester == 2:
        confirm = clock(date(ad + 1, 6, 21) if grade == 3 else date(ad + 1, 9, 19), 8)
        spans += [
            (task, certify_end, certify_end + 14 * DAY, certify_end + 14 * DAY)
            for task in (SELECT_OUTCOME, SELECT_PERFORMANCE)
        ]
        confirm_end = confirm - 8 * 3600 + 7 * DAY
        spans.append((CONFIRM, confirm, confirm_end, confirm_end))
    spans += _plan_registering(term, grade) + _plan_submitting(term, grade, extended=extended)
    return [Window(term, grade, *span, *_plan_check(span[1], span[3])) for span in spans]


Span = tuple[str, int, int, int]


def _span(task: str, opens: date, closes: date, *, longer: int = 0) -> Span:
    end = clock(closes) + DAY
    return task, clock(opens, 8), end + longer, end


def _plan_registering(term: Term, grade: int) -> list[Span]:
    """登錄 of a term: 學籍 in its first weeks, 課程諮詢 all along, 幹部 in its last two months, 成績 when it is over.

    Whoever graduates is registered earlier.
    """
    ad = term.year + ROC_OFFSET
    if term.semester == 1:
        return [
            _span(REGISTER_ENROLMENT, date(ad, 8, 30), date(ad, 10, 11)),
            _span(REGISTER_COUNSELLING, date(ad, 8, 30), date(ad + 1, 1, 20)),
            _span(REGISTER_POSITION, date(ad, 11, 20), date(ad + 1, 1, 20)),
            _span(REGISTER_GRADES, date(ad + 1, 1, 20), date(ad + 1, 2, 15)),
        ]
    leaving = grade == 3
    return [
        _span(REGISTER_ENROLMENT, date(ad + 1, 2, 11), date(ad + 1, 3, 25)),
        _span(REGISTER_COUNSELLING, date(ad + 1, 2, 11), date(ad + 1, 5, 31) if leaving else date(ad + 1, 6, 30)),
        _span(REGISTER_POSITION, *((date(ad + 1, 3, 1), date(ad + 1, 4, 30)) if leaving else (date(ad + 1, 5, 1), date(ad + 1, 6, 30)))),
        _span(REGISTER_GRADES, *((date(ad + 1, 6, 1), date(ad + 1, 6, 20)) if leaving else (date(ad + 1, 7, 1), date(ad + 1, 7, 31)))),
    ]  # fmt: skip


def _plan_submitting(term: Term, grade: int, *, extended: bool) -> list[Span]:
    """提交 comes between what it rests on, the students' selection, and what rests on it, 收訖明細確認.

    高三 hands in what belongs to the year in two 梯次, and with them the positions of its last term.
    """
    ad = term.year + ROC_OFFSET
    longer = LONGER_SUBMISSION_DAYS * DAY if extended else 0
    if term.semester == 1:
        opens, closes = date(ad + 1, 2, 15), date(ad + 1, 3, 15)
        return [
            _span(SUBMIT_ACADEMIC, opens, closes),
            _span(SUBMIT_POSITIONS, opens, closes, longer=longer),
        ]
    opens, closes = date(ad + 1, 8, 20), date(ad + 1, 9, 12)
    of_term = [_span(SUBMIT_ACADEMIC, opens, closes)]
    if grade == 3:
        days = {1: (date(ad + 1, 5, 8), date(ad + 1, 5, 15)), 2: (date(ad + 1, 6, 1), date(ad + 1, 6, 10))}
        return of_term + [
            _span(f"{task}{words}", *days[batch])
            for batch, words in BATCHES.items()
            for task in (SUBMIT_OUTCOMES, SUBMIT_PERFORMANCES, SUBMIT_POSITIONS)
        ]
    return [
        *of_term,
        _span(SUBMIT_POSITIONS, opens, closes, longer=longer),
        _span(SUBMIT_OUTCOMES, opens, closes),
        _span(SUBMIT_PERFORMANCES, opens, closes),
    ]


def read_batch(task: str) -> tuple[str, int]:
    """Part the name of a task from the 高三 batch behind it; 0: of no batch."""
    batch = next((number for number, words in BATCHES.items() if task.endswith(words)), 0)
    return task.removesuffix(BATCHES.get(batch, "")), batch


def _plan_check(start: int, end: int) -> tuple[int, int]:
    """Self-check in the last third of a window, a week of it at most."""
    days = min(7, (end - start) // DAY // 3)
    return end - (days + 1) * DAY, end - DAY


def format_day(second: int) -> str:
    """Write the day of a clock second as 2025/02/03."""
    return date.fromordinal(second // DAY + date(1970, 1, 1).toordinal()).strftime("%Y/%m/%d")


def format_second(second: int) -> str:
    """Write a clock second as 2025/02/03 23:59:59."""
    rest = second % DAY
    return f"{format_day(second)} {rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"


def list_windows(windows: Windows) -> pd.DataFrame:
    """Write 作業期程; an end is the last second inside the window."""
    ordered = sorted(windows.values(), key=lambda w: (w.term, w.grade))
    return pd.DataFrame(
        [
            (
                str(w.term.year), str(w.term.semester), str(w.grade), w.task, format_second(w.start), format_second(w.end - 1),
                "" if w.end == w.original_end else format_second(w.original_end - 1),
                format_day(w.check_from), format_day(w.check_to), UNITS[read_batch(w.task)[0]],
            )
            for w in ordered
        ],
        columns=["學年", "學期", "年級", "項目", "開始時間", "結束時間", "原結束時間", "自我檢核開始", "自我檢核結束", "負責單位"],
    )  # fmt: skip
