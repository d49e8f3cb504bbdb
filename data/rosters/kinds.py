"""What a roster kind is, how a table is recognised by its headings, and how its cells become typed columns."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

import data.rosters
from data.models import Enrolment, SchoolClass, Section, Staff, Student
from data.rosters import cells
from data.rosters.drift import Rename, suggest_renames
from data.rosters.problems import Problem, RefusedError
from data.rosters.reading import Table

UNCHANGED, CHANGED, NEW = 0, 1, 2  # what became of a row; the greater wins where a row is kept in several places
LEAST_SHARE = 0.6  # of the required columns, for a table to be taken for a kind at all


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a kind. read: text, class, int, instant, or a function of one cell that may raise ValueError."""

    name: str
    headings: tuple[str, ...]
    read: str | Callable[[str], Any] = "text"
    required: bool = True  # the heading must be there
    blank: bool = False  # its cells may be empty
    expects: str = "值"  # what a good cell looks like, for the message
    allowed: tuple[str, ...] = ()  # the values a template offers, where they are few
    personal: bool = False  # never kept with a refused row: 身分證號, birth date


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of roster: its columns by synonym, and how its rows are taken in."""

    key: str
    title: str
    order: int
    columns: tuple[Column, ...]
    take: Callable[[Rows, Context], Counts]
    any_of: tuple[str, ...] = ()  # at least one of these columns must be there
    ignored: tuple[str, ...] = ()  # headings its platforms are known to carry and that mean nothing here
    # Recognises a table by more than its headings (a book's 封面, a dump's leading columns); None: not of this kind.
    claims: Callable[[Table], dict[str, str] | None] | None = None
    by_hand: bool = False  # a school keeps it by hand: a blank template can be downloaded
    take_empty: bool = False  # headings without a row say something as well: that there was nothing to hand in


@dataclass(slots=True)
class Counts:
    """What became of the rows read: new + changed + unchanged + rejected = rows."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    @classmethod
    def of(cls, fates: pd.Series[int]) -> Counts:
        """Count rows by what became of them: UNCHANGED, CHANGED or NEW."""
        return cls(int((fates == NEW).sum()), int((fates == CHANGED).sum()), int((fates == UNCHANGED).sum()))


@dataclass(slots=True)
class Rows:
    """The typed rows of one table, indexed by row number, with what was wrong and worth saying so far."""

    table: Table
    kind: Kind
    frame: pd.DataFrame
    heading: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # worth saying, nothing to do about
    warnings: list[str] = field(default_factory=list)  # somebody should look
    alarms: list[str] = field(default_factory=list)  # not committed until a person has acknowledged it
    rejected: set[int] = field(default_factory=set)

    def reject(self, bad: np.ndarray[Any, Any] | pd.Series[bool], column: str | None, message: str) -> None:
        """Refuse the rows where bad is true and drop them from frame; say row, column and value of each."""
        mask = np.asarray(bad, dtype=bool)
        if not mask.any():
            return
        shown = self.heading.get(column, column) if column else None
        for row in self.frame.index[mask]:
            self.rejected.add(int(row))
            value = self.table.frame.at[row, shown] if shown in self.table.frame.columns else None
            self.problems.append(Problem(self.table.file_name, int(row), shown, value, message))
        self.frame = self.frame[~mask]

    def refuse_file(self, message: str) -> None:
        """Refuse every row with one line for the whole file."""
        raise RefusedError([Problem(self.table.file_name, message=message)])


@dataclass(slots=True)
class Context:
    """The transaction an import runs in, and what is known so far, rows of earlier files included."""

    connection: Connection
    imported_us: int
    import_id: int
    hash_id_number: Callable[[str], str]
    stated: dict[str, list[Any]] = field(
        default_factory=dict
    )  # ids by table: rows already there that the file spoke of
    relied: dict[str, list[Any]] = field(default_factory=dict)  # and rows whose being there it counted on
    changes: dict[tuple[str, str], tuple[int, str | None, str | None]] = field(default_factory=dict)
    kept: dict[Any, Any] = field(default_factory=dict)  # what was looked up once for this file

    def state(self, table_name: str, ids: Iterable[int]) -> None:
        """Note rows of earlier imports that this file says something about, even the same: undo must respect them."""
        self.stated.setdefault(table_name, []).append(np.asarray(ids, dtype=np.int64))

    def rely(self, table_name: str, ids: Iterable[int]) -> None:
        """Note rows of earlier imports whose being there this file counts on."""
        self.relied.setdefault(table_name, []).append(np.asarray(ids, dtype=np.int64))

    def note_change(self, table_name: str, column: str, count: int, old: str | None, new: str | None) -> None:
        """Add to what changed in a column: how many cells, and one example."""
        before, first_old, first_new = self.changes.get((table_name, column), (0, old, new))
        self.changes[table_name, column] = (before + count, first_old, first_new)

    def student_ids(self) -> pd.Series[int]:
        """Return student ids by student number."""
        rows = self.connection.execute(select(Student.student_number, Student.id)).all()
        return pd.Series([r[1] for r in rows], index=[r[0] for r in rows], dtype="int64")

    def classes(self, school_year: int) -> Mapping[str, int]:
        """Return the classes of a school year: their ids by name."""
        statement = select(SchoolClass.name, SchoolClass.id).where(SchoolClass.school_year == school_year)
        return dict(self.connection.execute(statement).all())

    def course_classes(self, school_year: int, semester: int) -> Mapping[str, int]:
        """Return the cross-class groups that have lessons in a term: the id of the first section by name."""
        where = (Section.school_year == school_year) & (Section.semester == semester)
        statement = select(Section.class_name, func.min(Section.id)).where(where).group_by(Section.class_name)
        return dict(self.connection.execute(statement).all())

    def enrolled(self, school_year: int) -> Mapping[int, int]:
        """Return the students on the roster of a school year: the id of their enrolment by student id."""
        statement = select(Enrolment.student_id, Enrolment.id).where(Enrolment.school_year == school_year)
        return dict(self.connection.execute(statement).all())

    def staff_codes(self) -> set[str]:
        """Return all staff codes."""
        return set(self.connection.execute(select(Staff.staff_code)).scalars())


class UnmatchedError(RefusedError):
    """A table of a kind that lacks columns, with the headings that may be those columns under another name."""

    def __init__(self, problems: list[Problem], kind: Kind, renames: list[Rename]) -> None:
        super().__init__(problems)
        self.kind = kind
        self.renames = renames


YEAR = Column("school_year", ("學年", "學年度"), cells.read_year, expects="學年度（例：113）")
SEMESTER = Column("semester", ("學期",), cells.read_semester, expects="學期（1、2，全學年為 0）")
STUDENT = Column("student_number", ("學號", "學生學號"), expects="學號")
STUDENT_NAME = Column("student_name", ("學生姓名", "姓名", "學生"), required=False, blank=True)
_JOINED_TERMS = ("學年期", "學年學期", "學期別")


@cache
def all_kinds() -> tuple[Kind, ...]:
    """Find every module of data.rosters that holds a KIND; dropping a file in the folder adds a kind."""
    found = []
    for info in pkgutil.iter_modules(data.rosters.__path__):
        kind = getattr(importlib.import_module(f"data.rosters.{info.name}"), "KIND", None)
        if isinstance(kind, Kind):
            found.append(kind)
    return tuple(sorted(found, key=lambda kind: (kind.order, kind.key)))


@cache
def known_headings() -> frozenset[str]:
    """Return every heading that some kind knows: what a heading row is told by."""
    return frozenset(
        [*_JOINED_TERMS, *(h for kind in all_kinds() for h in kind.ignored)]
        + [heading for kind in all_kinds() for column in kind.columns for heading in column.headings]
    )


def recognise(table: Table, mappings: Mapping[str, Mapping[str, str]] | None = None) -> tuple[Kind, dict[str, str]]:
    """Tell the kind by the headings; the file name plays no part. Raises RefusedError naming what is missing.

    mappings: headings that a person confirmed, by kind: {kind key: {heading: column name}}.
    """
    _split_joined_term(table)
    headings = list(table.frame.columns)
    for kind in all_kinds():
        claimed = kind.claims(table) if kind.claims else None
        if claimed is not None:
            return kind, claimed
    best: tuple[int, float, Kind, dict[str, str], list[Column]] | None = None
    for kind in all_kinds():
        if kind.claims:
            continue
        match = {c.name: next((h for h in c.headings if h in headings), "") for c in kind.columns}
        for heading, name in (mappings or {}).get(kind.key, {}).items():
            if heading in headings and not match.get(name):
                match[name] = heading
        match = {name: heading for name, heading in match.items() if heading}
        required = [c for c in kind.columns if c.required]
        missing = [c for c in required if c.name not in match]
        if kind.any_of and not any(name in match for name in kind.any_of):
            missing.append(next(c for c in kind.columns if c.name == kind.any_of[0]))
        # What most of the headings speak for; a kind that lacks a column but explains the rest beats a smaller one.
        explained = len(match) + sum(heading in kind.ignored for heading in headings)
        rank = (explained - 2 * len(missing), 1 - len(missing) / len(required))
        if best is None or rank > best[:2]:
            best = (*rank, kind, match, missing)
    if best is None or best[1] < LEAST_SHARE:
        titles = "、".join(kind.title for kind in all_kinds())
        shown = "、".join(headings[:8]) or "（沒有欄名）"
        raise RefusedError(
            [Problem(table.file_name, message=f"認不出這是哪一種名冊，欄名是：{shown}。可匯入：{titles}")]
        )
    _, _, kind, match, missing = best
    if missing:
        message = f"看起來是「{kind.title}」，但缺少這一欄，請補上後再匯入；可用欄名："
        renames = suggest_renames(table, kind, match, missing)
        asked = {r.column: f"。新欄位「{r.heading}」，舊欄位「{r.title}」不見了；是否改名？" for r in renames}
        raise UnmatchedError(
            [
                Problem(table.file_name, table.heading_row, c.headings[0], None, message + "、".join(c.headings) + asked.get(c.name, ""))
                for c in missing
            ],
            kind, renames,
        )  # fmt: skip
    return kind, match


def _split_joined_term(table: Table) -> None:
    frame = table.frame
    for name in _JOINED_TERMS:
        if name in frame.columns and "學年" not in frame.columns and "學年度" not in frame.columns:
            frame.insert(0, "學期", frame[name].str.replace(r"\D", "", regex=True).str[3:])
            frame.insert(0, "學年", frame[name].str.replace(r"\D", "", regex=True).str[:3])


def type_rows(table: Table, kind: Kind, heading: dict[str, str]) -> Rows:
    """Read every column of the kind; rows with an unreadable or empty required cell are rejected, with the reason."""
    rows = Rows(table, kind, pd.DataFrame(index=table.frame.index), heading)
    typed: dict[str, Any] = {}
    bad: list[tuple[Column, np.ndarray[Any, Any], str]] = []
    for column in kind.columns:
        if column.name not in heading:
            continue
        text = table.frame[heading[column.name]]
        if not column.blank:
            bad.append((column, (text == "").to_numpy(), "這一格是空的，請補上" + column.expects))
        if column.read == "text":
            typed[column.name] = text
        elif column.read == "class":
            typed[column.name] = text.str.replace("ㄧ", "一") if text.str.contains("ㄧ").any() else text
        elif column.read == "instant":
            instants, unit, wrong = cells.parse_instants(text)
            typed[column.name] = instants
            typed[column.name + "_unit"] = unit
            bad.append((column, wrong, "不是看得懂的日期時間（例：113/10/25 14:30 或 2024/10/25 14:30）"))
        else:
            read = cells.read_int if column.read == "int" else column.read
            assert callable(read)  # nosec B101 # noqa: S101 - narrows the type; the other words are handled above
            filled = text[text != ""]
            values, wrong_filled = cells.map_unique(filled, read)
            wrong = np.zeros(len(text), dtype=bool)
            wrong[(text != "").to_numpy()] = wrong_filled
            typed[column.name] = values.reindex(text.index)
            bad.append((column, wrong, f"看不懂，請改成{column.expects}"))
    rows.frame = pd.DataFrame(typed, index=table.frame.index)
    for column, mask, message in bad:
        remaining = pd.Series(mask, index=table.frame.index)[rows.frame.index]
        rows.reject(remaining, column.name, message)
    for name in rows.frame.columns:  # a gap among whole numbers makes them floats, which PostgreSQL refuses as integers
        if pd.api.types.is_float_dtype(rows.frame[name].dtype):
            whole = rows.frame[name].astype("Int64")
            gaps = bool(whole.isna().any())
            rows.frame[name] = whole.astype(object).where(whole.notna(), None) if gaps else whole.astype("int64")
    for column in kind.columns:
        if column.name in rows.frame and not column.blank and column.read in _INT_READERS:
            rows.frame[column.name] = rows.frame[column.name].astype("int64")
    return rows


_INT_READERS = {cells.read_year, cells.read_semester, cells.read_grade, cells.read_int}


def join_key(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series[str]:
    """Return one text per row that is equal where all the columns are equal."""
    key = frame[columns[0]].astype("str")
    for name in columns[1:]:
        key = key + "\x1f" + frame[name].astype("str")
    return key


def drop_repeats(rows: Rows, key: tuple[str, ...], counts: Counts) -> None:
    """Count identical repeats as unchanged, with a note; reject rows that contradict an earlier row of the same key."""
    frame = rows.frame
    values = [name for name in frame.columns if not name.endswith("_unit")]
    repeated = frame.duplicated(values).to_numpy()
    if repeated.any():
        counts.unchanged += int(repeated.sum())
        shown = "、".join(str(row) for row in frame.index[repeated][:10])
        rows.notes.append(f"有 {int(repeated.sum())} 列與前面的列完全相同，只算一次（第 {shown} 列）")
        rows.frame = frame = frame[~repeated]
    rows.reject(frame.duplicated(list(key)), key[-1], "同一筆資料在檔案裡出現兩次而內容不同，請留下正確的一列")


def check_students(rows: Rows, context: Context) -> None:
    """Turn student_number into student_id; reject students whom the year's roster lacks."""
    if rows.frame.empty:
        rows.frame["student_id"] = pd.Series(dtype="int64")
        return
    ids = context.student_ids()
    rows.frame = rows.frame.assign(
        student_id=ids.reindex(rows.frame["student_number"]).fillna(-1).astype("int64").to_numpy()
    )
    for year in rows.frame["school_year"].unique():
        enrolled = context.enrolled(int(year))
        in_year = rows.frame["school_year"] == year
        if not enrolled:
            rows.refuse_file(f"{year} 學年度還沒有學生資料名冊，請先匯入（或一起匯入）學生資料名冊")
        named = [enrolled[s] for s in set(rows.frame["student_id"][in_year]) if s in enrolled]
        # Even where all its students are unknown, a list is taken (without them) only as the year has a roster.
        context.rely("enrolments", named or [min(enrolled.values())])
        bad = in_year & ~rows.frame["student_id"].isin(set(enrolled))
        rows.reject(bad, "student_number", f"{year} 學年度的學生資料名冊沒有這個學號，請查對學號或先更新名冊")


def check_class(rows: Rows, context: Context, *, column: str = "class_name") -> None:
    """Reject rows whose class the year's 班級導師名冊 lacks."""
    if column not in rows.frame:
        return
    for year in rows.frame["school_year"].unique():
        known = context.classes(int(year))
        if not known:
            rows.refuse_file(f"{year} 學年度還沒有班級導師名冊，請先匯入（或一起匯入）班級導師名冊")
        named = rows.frame[column].where(rows.frame["school_year"] == year, "")
        # A list that names no class is still refused where the year has none: the first one known stands for all.
        context.rely("classes", [known[name] for name in set(named) if name in known] or [min(known.values())])
        bad = (named != "") & ~named.isin(set(known))
        rows.reject(bad, column, f"{year} 學年度沒有這個班級，請改成班級導師名冊上的班級名稱")


def warn_unknown_staff(rows: Rows, context: Context, column: str) -> None:
    """Say which teacher codes nobody has; the rows are taken, as the duty exists all the same."""
    unknown = sorted(set(rows.frame[column]) - context.staff_codes() - {""})
    if unknown:
        rows.warnings.append(f"教職員名冊沒有這些教師代碼：{'、'.join(unknown[:10])}")
