"""What the official rosters share: telling them by 封面, codes and headings, and keeping what was handed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sqlalchemy import select

from data.db import raise_data_version
from data.models import Enrolment, Import, ImportRows, Student, Submission, SubmissionSheet, SubmittedItem
from data.rosters import cells
from data.rosters.kinds import CHANGED, NEW, UNCHANGED, Column, Context, Counts, Rows, join_key
from data.rosters.problems import Problem, RefusedError
from data.rosters.reading import Table
from data.rosters.registrations import keep_registrations
from data.rosters.store import load, table_of, upsert_rows
from data.rosters.undo import unpack_ids
from data.school import read_settings

STUDENTS, GRADES, OUTCOMES, POSITIONS, PERFORMANCES = "students", "grades", "outcomes", "positions", "performances"
EVENING = "進修部"
WHOLE_YEAR = {OUTCOMES, PERFORMANCES}  # their books say 學期 0; where nothing is said, that is meant
# 名冊別: the first digit is the batch of 高三 (2: none), the second the roster.
CODES: Mapping[str, tuple[str, int, str]] = {
    f"{tens}{units}": (roster, batch, division)
    for tens, batch in (("2", 0), ("3", 1), ("7", 2))
    for units, roster, division in (("4", POSITIONS, ""), ("5", PERFORMANCES, ""), ("6", OUTCOMES, ""), ("8", OUTCOMES, EVENING))
}  # fmt: skip
_WORDS = {"學生資料": STUDENTS, "學生成績": GRADES, "學習成果": OUTCOMES, "校內幹部": POSITIONS, "多元": PERFORMANCES}
# Each sheet with the headings that tell it, 身分證號 apart; of two that fit the upper one is meant.
SHEETS: Mapping[str, Mapping[str, tuple[frozenset[str], ...]]] = {
    STUDENTS: {
        "學生借讀資料": (frozenset({"借讀學校代碼", "申請開始日期", "申請結束日期"}),),
        "學生資料": (frozenset({"所屬學校代碼", "班級座號代碼"}), frozenset({"部別代碼", "班別", "年級"})),
    },
    GRADES: {"學期成績": (frozenset({"學期學業成績"}), frozenset({"原始成績", "補考成績"}))},
    OUTCOMES: {
        "轉學轉科課程學習成果": (frozenset({"原修課學校代碼", "原修課課程代碼", "成果簡述"}),),
        "借讀課程學習成果": (frozenset({"借讀校課程代碼", "成果簡述"}),),
        "重讀課程學習成果": (),  # its headings are not known; it goes by its name
        "重修課程學習成果": (frozenset({"原修課學年度", "原修課學期", "實際修課學期", "成果簡述"}),),
        "補修課程學習成果": (frozenset({"應修課學年度", "應修課學期", "成果簡述"}),),
        "學期課程學習成果": (frozenset({"課程代碼", "科目名稱", "成果簡述"}),),
    },
    PERFORMANCES: {
        "競賽參與紀錄": (frozenset({"競賽名稱", "獎項"}),),
        "檢定證照紀錄": (frozenset({"證照代碼"}),),
        "服務學習紀錄": (frozenset({"服務名稱", "服務單位"}),),
        "彈性學習時間紀錄": (frozenset({"彈性學習時間類別種類代碼"}),),
        "團體活動時間紀錄": (frozenset({"團體活動時間類別代碼"}),),
        "職場學習紀錄": (frozenset({"職場學習類別代碼"}),),
        "大學及技專校院先修課程紀錄": (frozenset({"計畫專案", "課程名稱", "學分數"}),),
        "幹部經歷暨事蹟紀錄": (frozenset({"單位名稱", "擔任職務", "內容簡述"}),),
        "其他多元表現紀錄": (frozenset({"名稱", "主辦單位", "內容簡述"}),),
        "作品成果紀錄": (frozenset({"名稱", "日期", "內容簡述"}),),
    },
    POSITIONS: {"幹部經歷紀錄": (frozenset({"單位名稱", "擔任職務", "幹部等級"}),)},
}

ID_NUMBER = Column(
    "id_number", ("身分證號", "身分證字號", "身分證統一編號", "身份證號", "身份證字號"), blank=True, personal=True
)
# Every roster has these; a book's come from its 封面, so the columns themselves need not be there.
SHARED = (
    Column("school_year", ("學年度", "學年", "sch_year"), cells.read_year, required=False, expects="學年度（例：113）"),
    Column("semester", ("學期", "semester"), cells.read_semester, required=False, expects="學期（1、2，全學年為 0）"),
    ID_NUMBER,
)
IGNORED = ("book", "book_nm", "sheet_nm", "sch_cd", "sch_nm", "出生日期")
_COVER_TERM = (("學年度", ("學年度", "學年"), cells.read_year), ("學期", ("學期",), cells.read_semester))
_NUMBERS = {"學號", "學生學號"}  # a list by 學號 is the school's own, unless it has the official 班級座號代碼 as well
# The central database's own trial schools (測試高中, 國教署, 進修部, 資科司), in every national dump.
TRIAL_SCHOOLS = frozenset({"000000", "000001", "000B00", "000005"})

SUBMISSION_KEY = ("school_year", "semester", "roster", "batch", "division", "source", "round_number")
ITEM_KEY = ("submission_id", "sheet", "student_id", "course_code", "subject", "semester", "ordinal")


# --- which roster it is -----------------------------------------------------------------------------------------------


def claims_for(roster: str, columns: tuple[Column, ...]) -> Callable[[Table], dict[str, str] | None]:
    """Return the claim of a roster's kind: the headings of its columns where a table is that roster, else None."""

    def claims(table: Table) -> dict[str, str] | None:
        if roster_of(table) != roster:
            return None
        _take_over_cover(table)
        found = {c.name: next((h for h in c.headings if h in table.frame.columns), "") for c in columns}
        return {name: heading for name, heading in found.items() if heading}

    return claims


def roster_of(table: Table) -> str | None:
    """Tell which official roster a table is, None for a list that is not official.

    A book goes by the 名冊別 on its 封面, a central dump by its sheet_nm; where these are absent or unknown, by the
    headings that only that roster has beside 身分證號, and last by the name of the sheet of a book with a 封面.
    """
    headings = set(table.frame.columns)
    by_headings = _sheet_by_headings(headings) if headings & set(ID_NUMBER.headings) else None
    if is_central(table):
        names = [_first(table.frame["sheet_nm"]), _first(table.frame.get("book_nm"))]
        return _roster_by_sheet(names[0]) or (by_headings and by_headings[0]) or read_book(names[1])[0]
    if table.cover:
        roster = read_book(table.cover.get("名冊別", ""))[0]
        if roster:
            return roster
    if by_headings is None and table.cover and not headings & _NUMBERS:
        return _roster_by_sheet(table.sheet)
    if by_headings is None or (headings & _NUMBERS and "班級座號代碼" not in headings):
        return None
    return by_headings[0]


def is_central(table: Table) -> bool:
    """Tell a dump of the central database: every sheet of it begins with sch_year, semester, book, book_nm, sheet_nm."""
    return {"sch_year", "sheet_nm"} <= set(table.frame.columns)


def read_book(text: str) -> tuple[str | None, int, str]:
    """Read 名冊別: roster (None where unknown), 高三 batch (0: not of a batch) and division, by code or else by words."""
    code = re.match(r"\d+", text)
    if code and code[0] in CODES:
        return CODES[code[0]]
    roster = next((roster for word, roster in _WORDS.items() if word in text), None)
    batch = 1 if "第一梯次" in text else 2 if "第二梯次" in text else 0
    return roster, batch, EVENING if "進修" in text else ""


def _first(column: pd.Series[str] | None) -> str:
    return next((text for text in column.unique() if text), "") if column is not None else ""


def _bare(sheet: str) -> str:
    return "".join(sheet.split()).rsplit("_", 1)[-1]  # 學生資料名冊_學生資料, as the dumps' files are named


def _roster_by_sheet(sheet: str) -> str | None:
    return next((roster for roster, sheets in SHEETS.items() if _bare(sheet) in sheets), None)


def _sheet_by_headings(headings: set[str], roster: str | None = None) -> tuple[str, str] | None:
    for of_roster, sheets in SHEETS.items():
        if roster in (None, of_roster):
            for sheet, told_by in sheets.items():
                if any(told <= headings for told in told_by):
                    return of_roster, sheet
    return None


def _take_over_cover(table: Table) -> None:
    """Give every row the 學年度 and 學期 of the 封面. Raises RefusedError where they cannot be read."""
    for position, (name, called, read) in enumerate(_COVER_TERM):
        said = next((table.cover[key] for key in called if table.cover.get(key)), "")
        if not said or name in table.frame.columns:
            continue
        try:
            read(said)
        except ValueError:
            message = f"封面的{name}「{said}」看不懂，請改正封面後再匯入（例：學年度 113，學期 1、2，全學年為 0）"
            raise RefusedError([Problem(table.file_name, message=message)]) from None
        table.frame.insert(position, name, pd.Series(said, index=table.frame.index, dtype="str"))


# --- what was handed in -----------------------------------------------------------------------------------------------


def submit(
    rows: Rows, context: Context, roster: str, *, registers: str = "", registers_what: tuple[str, ...] = ()
) -> Counts:
    """Keep that a roster was handed in: how many rows each sheet has, and which students' they are.

    submitted_at is the first import that carried it. A row is matched by the hash of its 身分證號; one that matches
    nobody is only counted. Equal rows of a student are told apart by their running number. Items are never taken away: a
    later, shorter book changes the counts alone. A row is new with its item (unmatched: with its sheet), changed where
    the sheet's counts changed. registers: the kind of Registration that a matched row also is, named by the columns
    registers_what.
    """
    if not _is_of_roster(rows.table, roster):
        rows.notes.append(f"工作表「{rows.table.sheet}」沒有身分證號，不是名冊的內容，略過")
        return Counts(unchanged=len(rows.frame))
    _refuse_without(rows)
    counts = Counts()
    if is_central(rows.table):
        _keep_own_school(rows, context, counts)
    else:
        _check_cover_school(rows, context)
    _know_semester(rows, roster)
    if rows.table.frame.empty:
        _keep(rows, context, rows.frame, _empty_sheet(rows, roster))
    if rows.frame.empty:
        return counts
    frame = _place(rows, roster)
    frame["student_id"] = _match(frame, context)
    _warn_unmatched(rows, frame)
    fates = _keep(rows, context, frame, _sheets_of(frame))
    if registers:
        registered = _register(rows, context, frame, registers, registers_what)
        fates = fates.where(registered == UNCHANGED, fates.clip(lower=CHANGED))
    taken = Counts.of(fates)
    taken.unchanged += counts.unchanged
    return taken


def _is_of_roster(table: Table, roster: str) -> bool:
    """Tell a sheet of the roster from what else its book holds: an explanation, a list of codes."""
    headings = set(table.frame.columns)
    named = _bare(table.sheet) in SHEETS[roster]
    return named or bool(headings & set(ID_NUMBER.headings)) or _sheet_by_headings(headings, roster) is not None


def _refuse_without(rows: Rows) -> None:
    lacking = [c.headings for c in rows.kind.columns if c.required and c.name not in rows.heading]
    if lacking:
        said = "；".join("、".join(headings) for headings in lacking)
        rows.refuse_file(f"看起來是「{rows.kind.title}」，但缺少這些欄，請補上後再匯入；可用欄名：{said}")


def _keep_own_school(rows: Rows, context: Context, counts: Counts) -> None:
    """Leave out the rows of trial schools and of other schools; they count as unchanged."""
    if "sch_cd" not in rows.table.frame:
        return
    own = read_settings(context.connection).school_code.upper()
    codes = rows.table.frame["sch_cd"].loc[rows.frame.index].str.upper()
    trial = codes.isin(TRIAL_SCHOOLS - {own})
    others = set(codes[~trial])
    if not own and len(others) > 1:
        rows.refuse_file(f"檔案裡有 {len(others)} 所學校的資料，不知道哪一所是本校；請先在設定填入本校的學校代碼")
    foreign = ~trial & (codes != own) & (own != "")
    for left_out, whose in ((trial, "測試學校"), (foreign, "其他學校")):
        if left_out.any():
            rows.notes.append(f"{whose}的 {int(left_out.sum())} 列略過")
    counts.unchanged += int((trial | foreign).sum())
    rows.frame = rows.frame[~(trial | foreign)]
    if len(codes) and rows.frame.empty:
        rows.warnings.append(f"檔案裡沒有本校{f'（{own}）' if own else ''}的資料")


def _check_cover_school(rows: Rows, context: Context) -> None:
    code = rows.table.cover.get("學校代碼", "").upper()
    own = read_settings(context.connection).school_code.upper()
    if code and own and code != own:
        rows.alarms.append(f"封面的學校代碼是「{code}」，本校是「{own}」；請確認這是本校的名冊")
    elif code in TRIAL_SCHOOLS - {own}:
        rows.alarms.append(f"封面的學校代碼「{code}」是測試學校；請確認這是本校的名冊")


def _know_semester(rows: Rows, roster: str) -> None:
    """Take 學期 0 for a year's roster that names no term; refuse a term's roster that does not say its own."""
    if "semester" not in rows.frame:
        if roster not in WHOLE_YEAR:
            rows.refuse_file("不知道這是哪一個學期的名冊，請加上封面工作表（學校代碼、學年度、學期、名冊別）再匯入")
        rows.frame = rows.frame.assign(semester=0)
    if "course_semester" in rows.frame:  # read here, as other schools' rows need not be readable
        values, wrong = cells.map_unique(
            rows.frame["course_semester"], lambda text: cells.read_semester(text) if text else -1
        )
        rows.frame = rows.frame.assign(course_semester=values)
        rows.reject(wrong, "course_semester", "看不懂，請改成學期（1、2）")


def _place(rows: Rows, roster: str) -> pd.DataFrame:
    """Say to which submission and sheet each row belongs, and what is kept of it: course, subject and the course's 學期."""
    frame = rows.frame[["school_year", "semester", "id_number"]].copy()
    if is_central(rows.table):
        raw = rows.table.frame.loc[frame.index]
        said = [raw[name] if name in raw else [""] * len(raw) for name in ("sheet_nm", "book", "book_nm")]
        keys = list(zip(*said, strict=True))
    else:
        keys = [(rows.table.sheet, rows.table.cover.get("名冊別", ""), "")] * len(frame)
    places = {key: _place_of(rows, roster, *key) for key in set(keys)}
    for position, name in enumerate(("sheet", "batch", "division")):
        frame[name] = pd.Series(
            [places[key][position] for key in keys], index=frame.index, dtype="int64" if name == "batch" else "str"
        )
    for name in ("course_code", "subject"):
        frame[name] = rows.frame.get(name, "")
    course_semester = rows.frame.get("course_semester", pd.Series(-1, index=frame.index)).astype("int64")
    frame["item_semester"] = course_semester.where(course_semester >= 0, frame["semester"])
    return frame.assign(roster=roster, source="central" if is_central(rows.table) else "school", round_number=0)


def _place_of(rows: Rows, roster: str, sheet: str, code: str, book: str) -> tuple[str, int, str]:
    """Return the sheet's official name, the batch and the division. Raises RefusedError for another roster's sheet."""
    headings = set(rows.table.frame.columns)
    title = _bare(sheet)
    if title not in SHEETS[roster]:
        told, other = _sheet_by_headings(headings, roster), _sheet_by_headings(headings)
        if told is None and other is not None:
            rows.refuse_file(
                f"封面的名冊別「{code}」是「{rows.kind.title}」，工作表「{sheet}」卻是「{other[1]}」的欄名，請改正封面"
            )
        title = told[1] if told else title
    said = next((place for place in map(read_book, (code, book)) if place[0] == roster), (roster, 0, ""))
    periods = roster == OUTCOMES and any(heading.endswith("修課節數") for heading in headings)
    return title, said[1], EVENING if periods and code[:2] not in CODES else said[2]


def _match(frame: pd.DataFrame, context: Context) -> pd.Series[int]:
    """Return each row's student by the hash of 身分證號, -1 for nobody; of two who share one, the one of that year."""
    hashes, _ = cells.map_unique(frame["id_number"], lambda text: context.hash_id_number(text) if text else "")
    known = load(context.connection, table_of(Student), ["id", "id_number_hash"], Student.id_number_hash.is_not(None))
    ids = pd.Series(-1, index=frame.index, dtype="int64")
    for year in frame["school_year"].unique():
        here = known["id"].isin(set(context.enrolled(int(year))))
        ranked = known.assign(here=here).sort_values(["here", "id"]).drop_duplicates("id_number_hash", keep="last")
        of_year = frame["school_year"] == year
        found = ranked.set_index("id_number_hash")["id"].reindex(hashes[of_year])
        ids[of_year] = found.fillna(-1).astype("int64").to_numpy()
    context.state("students", ids[ids >= 0].unique())  # whose 身分證號 it is decides
    return ids


def _warn_unmatched(rows: Rows, frame: pd.DataFrame) -> None:
    unmatched = int((frame["student_id"] < 0).sum())
    if unmatched and unmatched == len(frame):
        text = (
            f"{unmatched} 列的身分證號沒有一列對得到學生，只記下件數；請先匯入有身分證號的學生資料名冊，再匯入這份名冊"
        )
        rows.warnings.append(text)
    elif unmatched:
        text = f"有 {unmatched} 列的身分證號對不到學生，只記下件數（共 {len(frame)} 列）；請查對學生資料名冊的身分證號"
        rows.warnings.append(text)


def _sheets_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per submission and sheet, with its counts."""
    return (
        frame.assign(matched=frame["student_id"] >= 0)
        .groupby([*SUBMISSION_KEY, "sheet"], as_index=False)
        .agg(row_count=("matched", "size"), matched_count=("matched", "sum"))
    )


def _empty_sheet(rows: Rows, roster: str) -> pd.DataFrame:
    """Return the sheet of headings alone that a book has where there is nothing to hand in: 0 rows, in the 封面's term."""
    cover = rows.table.cover
    year = cover.get("學年度") or cover.get("學年") or ""
    if not year:
        rows.refuse_file("工作表沒有資料列，封面也沒有學年度，不知道是哪一學年的名冊，請補上封面")
    sheet, batch, division = _place_of(rows, roster, rows.table.sheet, cover.get("名冊別", ""), "")
    semester = cells.read_semester(cover.get("學期") or "0")
    place = (cells.read_year(year), semester, roster, batch, division, "school", 0, sheet, 0, 0)
    return pd.DataFrame([place], columns=[*SUBMISSION_KEY, "sheet", "row_count", "matched_count"])


def _keep(rows: Rows, context: Context, frame: pd.DataFrame, sheets: pd.DataFrame) -> pd.Series[int]:
    """Write submissions, sheets and items; return what became of each row of frame."""
    sheets = sheets.assign(submission_id=_keep_submissions(context, sheets))
    of_books = [int(book) for book in sheets["submission_id"].unique()]
    counted = sheets[["submission_id", "sheet", "row_count", "matched_count"]]
    key, where = ("submission_id", "sheet"), SubmissionSheet.submission_id.in_(of_books)
    sheet_fates = upsert_rows(context, SubmissionSheet, counted, key=key, where=where)
    if frame.empty:
        _refuse_contradiction(rows, context, sheets[sheet_fates != UNCHANGED])
        if (sheet_fates != UNCHANGED).any():  # no row speaks for it, and yet the facts are others now
            raise_data_version(context.connection)
        return pd.Series(dtype="int64")
    place = join_key(frame, (*SUBMISSION_KEY, "sheet"))
    known = sheets.assign(fate=sheet_fates).set_index(join_key(sheets, (*SUBMISSION_KEY, "sheet"))).reindex(place)
    frame = frame.assign(submission_id=known["submission_id"].to_numpy(), semester=frame["item_semester"])
    fates = pd.Series(known["fate"].to_numpy(), index=frame.index)
    matched = frame["student_id"] >= 0
    items = frame[matched]
    items = items.assign(ordinal=items.groupby(list(ITEM_KEY[:-1])).cumcount() + 1)[[*ITEM_KEY]]
    of_books_items = SubmittedItem.submission_id.in_(of_books)
    item_fates = upsert_rows(context, SubmittedItem, items, key=ITEM_KEY, where=of_books_items)
    fates[matched] = np.where(item_fates == NEW, NEW, np.minimum(fates[matched], CHANGED))
    _refuse_contradiction(rows, context, frame[fates != UNCHANGED].drop_duplicates(list(key)))
    return fates


def _keep_submissions(context: Context, sheets: pd.DataFrame) -> pd.Series[int]:
    """Write the submission of each sheet where it is new; return its id. The first time known never moves later."""
    listed = Submission.by_hand.is_(False) & Submission.school_year.in_(
        [int(y) for y in sheets["school_year"].unique()]
    )
    columns = ["id", *SUBMISSION_KEY, "submitted_at"]
    known = load(context.connection, table_of(Submission), columns, listed)
    handed_in = sheets[[*SUBMISSION_KEY]].drop_duplicates()
    first = pd.Series(known["submitted_at"].to_numpy(), index=join_key(known, SUBMISSION_KEY), dtype="object")
    earlier = first.reindex(join_key(handed_in, SUBMISSION_KEY)).to_numpy()
    submitted_at = [context.imported_us if said != said else min(said, context.imported_us) for said in earlier]
    books = handed_in.assign(submitted_at=submitted_at, unit="")
    upsert_rows(context, Submission, books, key=SUBMISSION_KEY, where=listed)
    known = load(context.connection, table_of(Submission), columns, listed)
    ids = pd.Series(known["id"].to_numpy(), index=join_key(known, SUBMISSION_KEY), dtype="int64")
    return pd.Series(ids.reindex(join_key(sheets, SUBMISSION_KEY)).to_numpy(), index=sheets.index)


def _refuse_contradiction(rows: Rows, context: Context, differing: pd.DataFrame) -> None:
    """Refuse sheets of which another table of the same run said something else: which was handed in is not ours to say."""
    run = select(Import.batch_id).where(Import.id == context.import_id).scalar_subquery()
    earlier = select(Import.id).where(Import.batch_id == run, Import.id < context.import_id)
    files = list(context.connection.execute(earlier).scalars())
    if differing.empty or not files:
        return
    of_sheets = ImportRows.table_name == SubmissionSheet.__tablename__
    packed = context.connection.execute(select(ImportRows.row_ids).where(ImportRows.import_id.in_(files), of_sheets))
    spoken_of = {int(row) for ids in packed.scalars() for row in unpack_ids(ids)}
    of_books = SubmissionSheet.submission_id.in_([int(book) for book in differing["submission_id"].unique()])
    columns = ["id", "submission_id", "sheet", "import_id"]
    known = load(context.connection, table_of(SubmissionSheet), columns, of_books)
    known = known[known["import_id"].isin(files) | known["id"].isin(spoken_of)]
    key = ("submission_id", "sheet")
    twice = known["sheet"][join_key(known, key).isin(join_key(differing, key))]
    if len(twice):
        names = "、".join(f"「{sheet}」" for sheet in twice)
        text = f"工作表{names}在這次匯入的檔案裡出現兩次而內容不同，不知道提交的是哪一份；請合成一個檔案（總庫的匯出可只留本校的列），或只留下實際提交的那一份"
        rows.refuse_file(text)


def _register(rows: Rows, context: Context, frame: pd.DataFrame, kind: str, what: tuple[str, ...]) -> pd.Series[int]:
    """Keep that the matched rows' records exist, once per student, term and thing, in the student's class of that year."""
    item_key = pd.Series("", index=frame.index, dtype="str")
    for name in what:
        item_key = (item_key + " " + rows.frame[name]).str.strip()
    records = frame[["school_year", "semester", "student_id"]].assign(kind=kind, item_key=item_key)
    records = records[records["student_id"] >= 0].drop_duplicates()
    table = table_of(Enrolment)
    for year in records["school_year"].unique():
        enrolled = load(
            context.connection, table, ["id", "student_id", "class_name"], Enrolment.school_year == int(year)
        )
        place = enrolled.set_index("student_id").reindex(records["student_id"][records["school_year"] == year])
        context.state(table.name, place["id"].dropna())
        records.loc[records["school_year"] == year, "class_name"] = place["class_name"].fillna("").to_numpy()
    if records.empty:
        return pd.Series(UNCHANGED, index=frame.index)
    return keep_registrations(context, records).reindex(frame.index, fill_value=UNCHANGED)
