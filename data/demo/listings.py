"""The lists as a platform exports them: its headings, its words, its ways of writing a time."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from data.demo.calendar import DAY, ROC_OFFSET, Term
from data.demo.certifying import REASONS, Rounds
from data.demo.chance import FAR, Array
from data.demo.people import DEPARTMENTS
from data.demo.uploads import Uploads
from data.demo.yearly import CATEGORIES, Performances

AD, ROC_MINUTES, HALF_DAYS = 0, 1, 2  # 2025/01/12 17:04:30, 114/01/12 17:04, 2025/1/12 下午 05:04:30


def write_times(seconds: Array, style: Array | int = AD) -> Array:
    """Write clock seconds as text, FAR as nothing; style may differ from row to row, as it does in real exports."""
    days, rest = np.divmod(np.where(seconds >= FAR, 0, seconds), DAY)
    styles = np.broadcast_to(np.asarray(style), seconds.shape)
    first = int(days.min(initial=0))
    dates = [pd.Timestamp(int(day) * DAY, unit="s") for day in np.unique(days)]
    text = np.full(len(seconds), "", dtype=object)
    for which in (AD, ROC_MINUTES, HALF_DAYS):
        here = np.flatnonzero((styles == which) & (seconds < FAR))
        if not len(here):
            continue
        names = np.full(int(days.max()) - first + 1, "", dtype=object)
        names[np.unique(days) - first] = [_write_day(day, which) for day in dates]
        text[here] = names[days[here] - first] + _name_seconds(which)[rest[here]]
    return text


@cache
def _name_seconds(style: int) -> Array:
    """Every second of a day as text: writing each row on its own would take most of the time of a big school."""
    return np.array([_write_clock(second, style) for second in range(DAY)], dtype=object)


def _write_day(day: pd.Timestamp, style: int) -> str:
    if style == AD:
        return f"{day.year}/{day.month:02d}/{day.day:02d} "
    if style == ROC_MINUTES:
        return f"{day.year - ROC_OFFSET}/{day.month:02d}/{day.day:02d} "
    return f"{day.year}/{day.month}/{day.day} "


def _write_clock(second: int, style: int) -> str:
    hour, minute, second = second // 3600, second % 3600 // 60, second % 60
    if style == AD:
        return f"{hour:02d}:{minute:02d}:{second:02d}"
    if style == ROC_MINUTES:
        return f"{hour:02d}:{minute:02d}"
    return f"{'上午' if hour < 12 else '下午'} {(hour + 11) % 12 + 1:02d}:{minute:02d}:{second:02d}"


def list_students(enrolled: pd.DataFrame, students: pd.DataFrame, classes: pd.DataFrame, *, year: int) -> pd.DataFrame:
    """Write 學生資料名冊 of a school year."""
    person, class_ = students.iloc[enrolled["student"]], classes.loc[enrolled["class_row"]]
    return pd.DataFrame(
        {
            "學年": str(year),
            "學號": person["student_number"].to_numpy(),
            "姓名": person["name"].to_numpy(),
            "身分證號": person["id_number"].to_numpy(),
            "年級": enrolled["grade"].astype("str").to_numpy(),
            "班級名稱": class_["class_name"].to_numpy(),
            "座號": person["seat"].astype("str").to_numpy(),
            "科班學程別代碼": _departments(class_, "code"),
            "科別": _departments(class_, "name"),
            "部別": "日間部",
            "學籍狀態": enrolled["status"].to_numpy(),
        }
    )


def _departments(classes: pd.DataFrame, name: str) -> Array:
    values = np.array([getattr(department, name) for department in DEPARTMENTS], dtype=object)
    return np.asarray(values[classes["department"].to_numpy()])


def list_classes(classes: pd.DataFrame, leaders: Array, staff: pd.DataFrame, *, year: int) -> pd.DataFrame:
    """Write 班級導師名冊 of a school year. leaders: row of staff for each row of classes."""
    here = (classes["school_year"] == year).to_numpy()
    of_year = classes[here]
    return pd.DataFrame(
        {
            "學年": str(year),
            "班級名稱": of_year["class_name"].to_numpy(),
            "年級": of_year["grade"].astype("str").to_numpy(),
            "科別": _departments(of_year, "name"),
            "導師代碼": staff["code"].to_numpy()[leaders[here]],
        }
    )


def list_staff(staff: pd.DataFrame) -> pd.DataFrame:
    """Write 教職員名冊."""
    return pd.DataFrame(
        {"教師代碼": staff["code"], "姓名": staff["name"], "處室": staff["unit"], "電子郵件": staff["email"]}
    )


def list_sections(sections: pd.DataFrame, staff: pd.DataFrame) -> pd.DataFrame:
    """Write 授課名冊 of a school year."""
    return pd.DataFrame(
        {
            "學年": [str(term.year) for term in sections["term"]],
            "學期": [str(term.semester) for term in sections["term"]],
            "課程代碼": sections["course_code"],
            "科目名稱": sections["subject"],
            "上課班級": sections["class_name"],
            "教師代碼": staff["code"].to_numpy()[sections["teacher"]],
            "教師名稱": staff["name"].to_numpy()[sections["teacher"]],
        }
    )


def list_outcomes(
    uploads: Uploads, rounds: Rounds, enrolled: pd.DataFrame, students: pd.DataFrame, sections: pd.DataFrame, staff: pd.DataFrame, *,
    term: Term, today: int, style: int | Array = AD,
) -> pd.DataFrame:  # fmt: skip
    """Write 認證清單 as it stands at the beginning of today: what comes later is not in it.

    style: how times are written, for all rows or for each row of rounds (before the cut).
    """
    again = np.diff(rounds.item, prepend=-1) == 0
    listed = (uploads.uploaded_at[rounds.item] < today) & ~(again & (rounds.sent_at >= today))
    item = rounds.item[listed]
    styles = np.broadcast_to(np.asarray(style), rounds.item.shape)[listed]
    sent_at, decided_at = rounds.sent_at[listed], rounds.decided_at[listed]
    sent, decided = sent_at < today, decided_at < today
    passed, released = rounds.passed[listed], rounds.released[listed]
    person = enrolled["student"].to_numpy()[uploads.enrolled[item]]
    section = uploads.section[item]
    teacher = sections["teacher"].to_numpy()[section]
    code = staff["code"].to_numpy()
    columns = {
        "學年": np.full(len(item), str(term.year), dtype=object),
        "學期": np.full(len(item), str(term.semester), dtype=object),
        "上課班級": _take(sections["class_name"], section),
        "科目名稱": _take(sections["subject"], section),
        "課程代碼": _take(sections["course_code"], section),
        "學號": _take(students["student_number"], person),
        "學生姓名": _take(students["name"], person),
        "序號": uploads.number[item].astype(str).astype(object),
        "上傳時間": write_times(uploads.uploaded_at[item], styles),
        "送出認證時間": write_times(np.where(sent, sent_at, FAR), styles),
        "認證日期": write_times(np.where(decided, decided_at, FAR), styles),
        "認證狀態": np.select([~sent, ~decided, passed], ["未送出", "認證中", "通過"], "未通過").astype(object),
        "發佈狀態": np.where(decided, np.where(released, "已發佈", "未發佈"), "").astype(object),
        "未通過原因": np.where(decided & ~passed, np.array(REASONS, dtype=object)[rounds.reason[listed]], ""),
        "教師代碼": code[teacher],
        "教師名稱": _take(staff["name"], teacher),
        "認證教師代碼": np.where(decided, code[rounds.certifier[listed]], ""),
    }
    return pd.DataFrame(columns, dtype=object)


def _take(column: pd.Series[str], rows: Array) -> Array:
    return np.asarray(column.to_numpy(dtype=object)[rows])


def list_performances(
    performances: Performances,
    enrolled: pd.DataFrame,
    students: pd.DataFrame,
    classes: pd.DataFrame,
    *,
    year: int,
    today: int,
) -> pd.DataFrame:
    """Write 多元表現清單 of a school year as it stands at the beginning of today."""
    listed = performances.uploaded_at < today
    owner = enrolled.iloc[performances.enrolled[listed]]
    person = students.iloc[owner["student"]]
    return pd.DataFrame(
        {
            "學年": str(year),
            "序號": performances.number[listed].astype(str),
            "學號": person["student_number"].to_numpy(),
            "姓名": person["name"].to_numpy(),
            "班級": classes.loc[owner["class_row"], "class_name"].to_numpy(),
            "類別": np.array(CATEGORIES, dtype=object)[performances.category[listed]],
            "上傳時間": write_times(performances.uploaded_at[listed]),
        }
    )


def list_selections(
    selections: pd.DataFrame, enrolled: pd.DataFrame, students: pd.DataFrame, classes: pd.DataFrame, *, year: int
) -> pd.DataFrame:
    """Write 勾選情形 of a school year; 學期 0 is the whole year."""
    return pd.DataFrame(
        {
            "學年": str(year),
            "學期": "0",
            **_name_owners(selections, enrolled, students, classes),
            "學習成果勾選數量": selections["outcomes"].astype("str").to_numpy(),
            "多元學習勾選數量": selections["performances"].astype("str").to_numpy(),
        }
    )


def list_receipts(
    receipts: pd.DataFrame, enrolled: pd.DataFrame, students: pd.DataFrame, classes: pd.DataFrame, *, year: int
) -> pd.DataFrame:
    """Write 收訖明細確認 of a school year."""
    return pd.DataFrame(
        {
            "學年": str(year),
            **_name_owners(receipts, enrolled, students, classes),
            "確認狀態": receipts["status"].to_numpy(),
            "確認時間": write_times(receipts["acted_at"].to_numpy()),
        }
    )


def _name_owners(
    rows: pd.DataFrame, enrolled: pd.DataFrame, students: pd.DataFrame, classes: pd.DataFrame
) -> dict[str, Array]:
    owner = enrolled.iloc[rows["enrolled"]]
    person = students.iloc[owner["student"]]
    return {
        "班級": classes.loc[owner["class_row"], "class_name"].to_numpy(),
        "學號": person["student_number"].to_numpy(),
        "姓名": person["name"].to_numpy(),
    }
