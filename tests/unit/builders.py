"""A small school as files, in either vendor's headings, with defaults that a test overrides."""

from __future__ import annotations

import zipfile
from pathlib import Path

import xlsxwriter
from sqlalchemy import select

from data.db import reading
from data.models import Base
from data.rosters.importing import import_files

COURSE = "113999301H11101A1000010"
STAFF = [
    ["T001", "王一", "教務處教學組", "t001@school.example"],
    ["T002", "李二", "教務處註冊組", "t002@school.example"],
]
CLASSES = [["113", "101", "1", "普通科", "T001"], ["113", "102", "1", "普通科", "T002"]]
STUDENTS = [
    ["1130001", "甲生", "A100000000", "1", "101", "1", "101", "普通科", "日間部", "在學"],
    ["1130002", "乙生", "A100000001", "1", "101", "2", "101", "普通科", "日間部", "在學"],
    ["1130003", "丙生", "A100000002", "1", "102", "1", "101", "普通科", "日間部", "在學"],
]
SECTIONS = [["113", "1", COURSE, "數學", "101", "T001", "王一"], ["113", "1", COURSE, "數學", "102", "T002", "李二"]]
WINDOWS = [
    ["113", "1", "1", "學生上傳及送出學習成果認證", "2024/08/30 08:00:00", "2025/02/03 23:59:59", "教務處教學組"],
    ["113", "1", "1", "老師認證學生學習成果", "2024/08/30 08:00:00", "2025/02/10 23:59:59", "教務處教學組"],
]
DEPUTIES = [["T001", "王一", "T002", "李二", "1", "2025/01/17", "2025/02/14", "公假"]]
PERFORMANCES = [["113", "1", "1130001", "甲生", "101", "作品成果紀錄", "2024/11/21 05:19:00"]]
SELECTIONS = [["113", "0", "101", "1130001", "甲生", "1", "4"], ["113", "0", "101", "1130002", "乙生", "0", "11"]]
RECEIPTS = [
    ["113", "101", "1130001", "甲生", "已確認", "2025/09/24 06:50:00"],
    ["113", "101", "1130002", "乙生", "待確認", ""],
]
HEADINGS = {
    "staff": ["教師代碼", "姓名", "處室", "電子郵件"],
    "classes": ["學年", "班級名稱", "年級", "科別", "導師代碼"],
    "students": ["學號", "姓名", "身分證號", "年級", "班級名稱", "座號", "科班學程別代碼", "科別", "部別", "學籍狀態"],
    "sections": ["學年", "學期", "課程代碼", "科目名稱", "上課班級", "教師代碼", "教師名稱"],
    "windows": ["學年", "學期", "年級", "項目", "開始時間", "結束時間", "負責單位"],
    "delegations": ["教師代碼", "教師姓名", "代理人代碼", "代理人姓名", "順位", "起日", "迄日", "事由"],
    "outcomes": [
        "學年", "學期", "上課班級", "科目名稱", "課程代碼", "學號", "學生姓名", "序號", "上傳時間", "送出認證時間", "認證日期",
        "認證狀態", "發佈狀態", "未通過原因", "教師代碼", "教師名稱", "認證教師代碼",
    ],
    "performances": ["學年", "序號", "學號", "姓名", "班級", "類別", "上傳時間"],
    "selections": ["學年", "學期", "班級", "學號", "姓名", "學習成果勾選數量", "多元學習勾選數量"],
    "receipts": ["學年", "班級", "學號", "姓名", "確認狀態", "確認時間"],
}  # fmt: skip
OTHER_VENDOR = {
    "學年": "學年度", "上課班級": "修課班級", "學生姓名": "姓名", "上傳時間": "上傳日期", "送出認證時間": "送出時間", "認證日期": "認證時間",
    "認證狀態": "認證結果", "發佈狀態": "是否發佈", "教師代碼": "任課教師代碼", "教師名稱": "任課教師", "班級名稱": "班級",
}  # fmt: skip


def item(
    student="1130001", number="1", *, uploaded="2024/11/01 10:00:00", sent="2024/11/01 12:00:00", decided="", status="認證中",
    released="未發佈", reason="", teacher="T001", certifier="", class_name="101", subject="數學",
):  # fmt: skip
    """Return a row of 認證清單: sent and waiting unless said otherwise."""
    return [
        "113",
        "1",
        class_name,
        subject,
        COURSE,
        student,
        "某生",
        number,
        uploaded,
        sent,
        decided,
        status,
        released,
        reason,
        teacher,
        "王一",
        certifier,
    ]


def passed(student="1130001", number="1", *, decided="2024/11/05 09:00:00", **rest):
    return item(
        student,
        number,
        decided=decided,
        status="通過",
        released="已發佈",
        certifier=rest.pop("certifier", "T001"),
        **rest,
    )


def write_xlsx(path: Path, headings: list[str], rows: list[list[str]]) -> Path:
    book = xlsxwriter.Workbook(path, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, row in enumerate([headings, *rows]):
        for column, cell in enumerate(row):
            sheet.write_string(number, column, cell)
    book.close()
    return path


def resave(path: Path) -> Path:
    """Change the bytes of a workbook and none of its cells, so that it must be read again."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment += b"x"
    return path


OTHER_VENDOR_BY_KIND = {
    "staff": {"教師代碼": "職員代碼", "姓名": "教職員姓名", "處室": "單位", "電子郵件": "電子信箱"},
    "classes": {"學年": "學年度", "班級名稱": "班級", "科別": "科班學程", "導師代碼": "導師教師代碼"},
    "students": {"學號": "學生學號", "姓名": "學生姓名", "身分證號": "身分證字號", "班級名稱": "班級", "科別": "科班學程別"},
    "sections": {"學年": "學年度", "科目名稱": "科目", "上課班級": "開課班級", "教師代碼": "授課教師代碼", "教師名稱": "授課教師"},
    "windows": {"學年": "學年度", "項目": "作業項目", "開始時間": "起始時間", "結束時間": "截止時間", "負責單位": "單位"},
    "delegations": {"教師代碼": "被代理人代碼", "代理人代碼": "代理教師代碼", "順位": "代理順位", "起日": "開始日期", "迄日": "結束日期"},
    "outcomes": OTHER_VENDOR,
    "performances": {"學年": "學年度", "序號": "編號", "學號": "學生學號", "班級": "班級名稱", "類別": "多元表現類別", "上傳時間": "上傳日期"},
    "selections": {"學年": "學年度", "班級": "班級名稱", "學習成果勾選數量": "學習成果勾選", "多元學習勾選數量": "多元表現勾選"},
    "receipts": {"學年": "學年度", "學號": "學生學號", "班級": "班級名稱", "確認狀態": "狀態", "確認時間": "回報時間"},
}  # fmt: skip


def headings_of(kind: str, vendor: str = "a") -> list[str]:
    renamed = OTHER_VENDOR_BY_KIND[kind] if vendor == "b" else {}
    return [renamed.get(name, name) for name in HEADINGS[kind]]


def write_small_school(folder: Path, *, vendor: str = "a", **tables: list[list[str]]) -> Path:
    """Write every roster of the small school in a vendor's headings (a or b).

    A table given by kind replaces the default, an empty one is left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = {
        "staff": STAFF, "classes": CLASSES, "students": STUDENTS, "sections": SECTIONS, "windows": WINDOWS, "delegations": DEPUTIES,
        "outcomes": [item()], "performances": PERFORMANCES, "selections": SELECTIONS, "receipts": RECEIPTS,
    } | tables  # fmt: skip
    for number, (kind, table) in enumerate(rows.items()):
        if table:
            write_xlsx(
                folder / f"{number}.xlsx", headings_of(kind, vendor), table
            )  # the name says nothing about the kind
    return folder


def write_school(folder: Path, **tables: list[list[str]]) -> Path:
    """Write every roster of the small school in the first vendor's headings."""
    return write_small_school(folder, **tables)


def contents_of(engine, *, audit: bool = False) -> dict[str, list[str]]:
    """Return every row of every table as text; the tables of what happened (audit_*) only when asked for."""
    with reading(engine) as connection:
        tables = [t for t in Base.metadata.sorted_tables if audit or not t.name.startswith("audit")]
        return {t.name: sorted(map(str, connection.execute(select(t)).all())) for t in tables}


def take_in(engine, *paths: Path, **options):
    return import_files(engine, list(paths), id_key=b"a key for tests", by="test", **options)
