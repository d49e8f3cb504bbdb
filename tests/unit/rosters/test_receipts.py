"""收訖明細, its counts and its disputes: what opens a round, what a password may do, and what is refused of an archive."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import random
import struct
import zipfile
import zlib
from datetime import datetime, timedelta

import pytest
import pyzipper
from sqlalchemy import select

from data.db import reading, writing
from data.instants import TAIPEI
from data.models import CrossCheck, Dispute, Import, Receipt, Student, Submission, SubmissionSheet, SubmittedItem
from data.rosters import archives
from data.rosters.archives import NEEDS_PASSWORD, archive_reader
from data.rosters.kinds import recognise, type_rows
from data.rosters.problems import RefusedError
from data.rosters.reading import read_tables
from data.rosters.undo import undo_batch
from data.school import write_setting
from tests.unit.builders import COURSE, HEADINGS, STUDENTS, contents_of, take_in, write_school, write_xlsx

FIRST, SECOND, THIRD, STRANGER = "A100000000", "A100000001", "A100000002", "B200000009"
PASSWORD = "收訖-Pa55word-of-a-test"
BORN = "0970203"
MONDAY = datetime(2025, 9, 22, 8, tzinfo=TAIPEI)
ITEM = {
    "開課年級": "1",
    "課程代碼": COURSE,
    "科目名稱": "數學",
    "修課學分": "4",
    "實際修課學年度": "113",
    "實際修課學期": "1",
    "成果簡述": "簡述一",
}
COVER = {"學校代碼": "999301", "學年度": "113", "學期": "0"}


def person(id_number, **sheets):
    return {"身分證號": id_number, "出生日期": BORN, **sheets}


def book(kind, *people, cover=COVER):
    return json.dumps({"名冊資訊": cover, kind: list(people)}, ensure_ascii=False).encode("utf-8-sig")


OUTCOMES = book(
    "課程學習成果", person(FIRST, 學期課程學習成果=[ITEM, ITEM], 重修課程學習成果=[ITEM]), person(SECOND), person(STRANGER, 學期課程學習成果=[ITEM])
)  # fmt: skip
PERFORMANCES = book("多元表現", person(FIRST, 作品成果紀錄=[{"名稱": "作品"}], 競賽參與紀錄=None), person(SECOND))
POSITIONS = book("校內幹部經歷", person(FIRST, 幹部經歷紀錄=[{"單位名稱": "101", "擔任職務": "班長"}]))
GRADES = book(
    "修課紀錄",
    person(FIRST, 學期成績=[{"課程代碼": COURSE, "科目名稱": "數學", "學期學業成績": "87.3"}]),
    person(SECOND),
)
FILES = {
    "999301_113_課程學習成果.json": OUTCOMES, "999301_113_多元表現.json": PERFORMANCES, "999301_113_校內幹部經歷.json": POSITIONS,
    "999301_113_修課紀錄.json": GRADES,
}  # fmt: skip


def sha_list(files, encoding="utf-8"):
    return "".join(f"{name},{hashlib.sha256(data).hexdigest()}\r\n" for name, data in files.items()).encode(encoding)


def aes_zip(files, password=PASSWORD, *, listed=None, compression=pyzipper.ZIP_DEFLATED):
    """Return an archive as the national database makes it, its list first; without a password, a plain one."""
    out = io.BytesIO()
    kind = {"encryption": pyzipper.WZ_AES} if password else {}
    with pyzipper.AESZipFile(out, "w", compression=compression, **kind) as archive:
        archive.setpassword(password.encode() if password else None)
        members = files if listed is False else {"SHA.txt": listed or sha_list(files), **files}
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


_CRC = [0] * 256
for _number in range(256):
    _value = _number
    for _ in range(8):
        _value = (_value >> 1) ^ 0xEDB88320 if _value & 1 else _value >> 1
    _CRC[_number] = _value


def classic_encrypt(data, password, check):
    """The classic encryption of PKWARE's APPNOTE 6.1, which the standard library can undo but not do."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte):
        keys[0] = (keys[0] >> 8) ^ _CRC[(keys[0] ^ byte) & 255]
        keys[1] = ((keys[1] + (keys[0] & 255)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ _CRC[(keys[2] ^ (keys[1] >> 24)) & 255]

    for byte in password:
        update(byte)
    out = bytearray()
    for byte in os.urandom(11) + bytes([check]) + data:
        key = keys[2] | 2
        out.append(byte ^ ((key * (key ^ 1) >> 8) & 255))
        update(byte)
    return bytes(out)


def classic_zip(members, password=PASSWORD, *, encoding="utf-8", declared=None, method=8):
    """Return a zip in the classic encryption ("" for none); declared: a size that the directory is to lie about."""
    body, directory = b"", b""
    for name, data in members.items():
        raw, crc = name.encode(encoding), zlib.crc32(data)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
        if password:
            packed = classic_encrypt(packed, password.encode(), crc >> 24)
        flags = (1 if password else 0) | (0x800 if encoding == "utf-8" else 0)
        size = (declared or {}).get(name, len(data))
        common = struct.pack("<HHHHHIIIHH", 20, flags, method, 0, 33, crc, len(packed), size, len(raw), 0)
        directory += b"PK\x01\x02\x14\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw
        body += b"PK\x03\x04" + common + raw + packed
    count = len(members)
    return body + directory + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)


def read(content, *passwords, name="收訖明細.zip"):
    return archive_reader(passwords or (PASSWORD,))(name, content)


def refusal(content, *passwords, **options):
    with pytest.raises(RefusedError) as caught:
        read(content, *passwords, **options)
    (problem,) = caught.value.problems
    assert problem.message
    assert "\n" not in str(problem)
    return problem.message


def hand_in(engine, content, *passwords, folder, name="收訖明細.zip", year=None, at=MONDAY):
    (folder / name).write_bytes(content)
    return take_in(engine, folder / name, passwords=passwords or (PASSWORD,), school_year=year, at=at)


def values_of(engine, *columns, where=None):
    with reading(engine) as connection:
        statement = select(*columns) if where is None else select(*columns).where(where)
        return sorted(tuple(row) for row in connection.execute(statement))


def rounds_of(engine, kind="課程學習成果"):
    columns = (Receipt.round_number, Student.student_number, Receipt.status, Receipt.item_count)
    with reading(engine) as connection:
        statement = select(*columns).join(Student, Student.id == Receipt.student_id).where(Receipt.kind == kind)
        return sorted(tuple(row) for row in connection.execute(statement))


def figures_of(plan):
    return [(r.kind, r.rows, r.new, r.changed, r.unchanged, r.rejected) for r in plan.reports]


def facts_of(engine):
    return {
        name: list(rows) for name, rows in contents_of(engine).items() if not name.startswith(("import", "data_"))
    }  # fmt: skip


@pytest.fixture
def school(engine, tmp_path):
    assert take_in(engine, write_school(tmp_path / "school", receipts=[])).committed
    return engine


# --- what an archive may look like ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encrypt", [aes_zip, lambda f: classic_zip({"SHA.txt": sha_list(f), **f})], ids=["AES", "classic"]
)
def test_each_file_of_an_encrypted_archive_is_a_table_of_persons_and_items(encrypt):
    tables = {table.sheet: table for table in read(encrypt(FILES))}
    assert set(tables) == {"校內幹部經歷", "修課紀錄", "課程學習成果", "多元表現"}
    frame = tables["課程學習成果"].frame
    assert list(frame["身分證號"]) == [FIRST] * 4 + [SECOND] + [STRANGER] * 2
    assert list(frame["工作表"][:4]) == ["", "學期課程學習成果", "學期課程學習成果", "重修課程學習成果"]
    assert list(frame.loc[2, ["課程代碼", "科目名稱", "實際修課學期", "學年度"]]) == [COURSE, "數學", "1", "113"]


def test_the_table_carries_the_archives_hash_and_what_the_roster_says_of_itself():
    content = aes_zip(FILES)
    table = read(content)[0]
    assert table.sha256 == hashlib.sha256(content).hexdigest()
    assert {"學校代碼": "999301", "學年度": "113"}.items() <= table.cover.items()


def test_marks_descriptions_and_birth_dates_are_left_behind_when_reading():
    shown = "".join(table.frame.to_csv() + str(table.cover) for table in read(aes_zip(FILES)))
    assert not [text for text in ("87.3", "簡述一", BORN) if text in shown]


def test_names_in_big5_without_a_mark_are_understood():
    files = {name.replace("999301", "高中"): data for name, data in FILES.items()}
    content = classic_zip({"SHA.txt": sha_list(files, "cp950"), **files}, encoding="cp950")
    assert {table.sheet for table in read(content)} == {"校內幹部經歷", "修課紀錄", "課程學習成果", "多元表現"}


def test_an_archive_without_a_password_needs_none():
    assert len(archive_reader([])("收訖明細.zip", aes_zip(FILES, password=""))) == 4


def test_the_key_of_the_list_may_be_called_otherwise():
    (table,) = read(
        aes_zip(
            {"課程學習成果.json": OUTCOMES.replace('課程學習成果": [{"身'.encode(), '學生清單": [{"身'.encode(), 1)}
        )
    )
    assert len(table.frame) == 7


def test_headings_of_a_json_may_be_wide_spaced_and_in_any_order():
    odd = {" 成果簡述 ": "x", "實際修課　學期": "１", "科目 名稱": "　數學 ", "課程代碼": COURSE}
    content = json.dumps(
        {
            "課程學習成果": [{"學期課程學習成果": [odd], "出生日期": BORN, "身分 證號": "Ａ100000000"}],
            "名冊 資訊": COVER,
        }
    )
    frame = read(aes_zip({"課程學習成果.json": content.encode()}))[0].frame
    assert list(frame.loc[2, ["身分證號", "課程代碼", "科目名稱", "實際修課學期"]]) == [FIRST, COURSE, "數學", "1"]


def test_a_file_of_no_use_is_said_to_be_left_out():
    (table, *_) = read(aes_zip({**FILES, "說明.txt": "給學校的說明".encode()}))
    assert any("說明.txt" in note for note in table.notes)


def test_a_single_json_is_taken_with_a_note_that_nothing_vouches_for_it():
    (table,) = read(OUTCOMES, name="課程學習成果.json")
    assert table.sheet == "課程學習成果"
    assert any("SHA.txt" in note for note in table.notes)


# --- passwords --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encrypt", [aes_zip, lambda f: classic_zip({"SHA.txt": sha_list(f), **f})], ids=["AES", "classic"]
)
def test_a_password_that_lacks_or_is_wrong_is_asked_for(encrypt):
    content = encrypt(FILES)
    with pytest.raises(RefusedError, match=NEEDS_PASSWORD):
        archive_reader([])("收訖明細.zip", content)
    assert NEEDS_PASSWORD in refusal(content, "wrong", "錯的密碼")
    assert "不對" in refusal(content, "wrong")


def test_the_passwords_are_tried_in_turn():
    assert len(read(aes_zip(FILES), "wrong", "", PASSWORD)) == 4


def test_the_password_is_nowhere_in_the_database_the_plan_or_the_log(school, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    plan = hand_in(school, aes_zip(FILES), folder=tmp_path)
    assert refusal(aes_zip(FILES), "another-Secret-1")
    shown = json.dumps(plan.as_dict(), default=str) + str(contents_of(school, audit=True)) + caplog.text
    assert PASSWORD not in shown
    assert "another-Secret-1" not in shown + refusal(aes_zip(FILES), "another-Secret-1")


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_json_that_was_changed_after_it_was_hashed_is_named():
    changed = {**FILES, "999301_113_多元表現.json": PERFORMANCES + b" "}
    message = refusal(aes_zip(changed, listed=sha_list(FILES)))
    assert "999301_113_多元表現.json" in message
    assert "SHA-256" in message


def test_a_byte_flipped_inside_the_encrypted_archive_is_refused():
    content = bytearray(aes_zip(FILES))
    place = content.index("多元表現".encode()) + 80
    content[place] ^= 1
    assert "999301_113_多元表現.json" in refusal(bytes(content))


def test_a_file_that_the_list_lacks_is_named():
    listed = sha_list({name: data for name, data in FILES.items() if "修課" not in name})
    assert "999301_113_修課紀錄.json" in refusal(aes_zip(FILES, listed=listed))


def test_a_file_that_the_archive_lacks_is_named():
    files = {name: data for name, data in FILES.items() if "修課" not in name}
    assert "999301_113_修課紀錄.json" in refusal(aes_zip(files, listed=sha_list(FILES)))


def test_a_list_that_says_two_things_of_a_file_is_refused():
    twice = sha_list(FILES) + f"999301_113_修課紀錄.json,{'0' * 64}\n".encode()
    assert "兩次" in refusal(aes_zip(FILES, listed=twice))


def test_an_archive_without_its_list_is_refused():
    assert "SHA.txt" in refusal(aes_zip(FILES, listed=False))


@pytest.mark.parametrize(
    "name", ["../課程學習成果.json", "/課程學習成果.json", "C:課程學習成果.json", "a\\..\\課程學習成果.json"]
)
def test_a_name_that_is_a_path_elsewhere_is_refused(name):
    files = {name: OUTCOMES}
    assert "檔名" in refusal(classic_zip({"SHA.txt": sha_list(files), **files}))


def test_an_archive_within_is_refused_by_name_and_by_content():
    assert "壓縮檔" in refusal(aes_zip({"課程學習成果.zip": OUTCOMES}))
    assert "壓縮檔" in refusal(aes_zip({"課程學習成果.json": aes_zip(FILES)}))


def test_bombs_are_refused_before_they_are_expanded(monkeypatch):
    monkeypatch.setattr(archives, "_read_member", lambda *_: pytest.fail("expanded"))
    assert "不合常理" in refusal(aes_zip({"多元表現.json": b"0" * 4 * 2**20}, password=""))
    assert "MB" in refusal(classic_zip({"多元表現.json": b"{}"}, "", declared={"多元表現.json": 2**31}))
    assert "MB" in refusal(
        classic_zip(
            {f"{n}.json": b"{}" for n in range(9)},
            "",
            declared={f"{n}.json": 900_000 for n in range(9)} | {"1.json": 65 * 2**20},
        )
    )
    assert "檔案" in refusal(aes_zip({f"{n}.json": b"{}" for n in range(100)}))


def test_a_size_that_is_a_lie_is_refused():
    for size in (1, 500_000):
        files = {"SHA.txt": sha_list(FILES), **FILES}
        assert "損壞" in refusal(classic_zip(files, "", declared={"999301_113_修課紀錄.json": size}))


def test_a_big_archive_in_the_classic_encryption_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(archives, "MAX_CLASSIC_BYTES", 1000)
    message = refusal(classic_zip({"SHA.txt": sha_list(FILES), **FILES}))
    assert "AES" in message
    assert "JSON" in message
    assert len(read(aes_zip(FILES))) == 4


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "層"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "層"),
        (b"[" + b"{}," * 700_000 + b"{}]", "太多"),
        (b"[" + b"1," * 4_100_000 + b"1]", "太多"),
        (b"{", "完整"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"{}", "看不出"),
        (b"[]", "看不出"),
        (b"null", "看不出"),
        (b'{"\xe5\xa4\x9a\xe5\x85\x83\xe8\xa1\xa8\xe7\x8f\xbe": [1, 2]}', "看不出"),
        (b"NaN", "看不出"),
    ],
)
def test_a_json_that_is_a_bomb_or_broken_is_refused(content, word):
    assert word in refusal(aes_zip({"多元表現.json": content}, password="", compression=pyzipper.ZIP_STORED))


def test_oddities_of_a_json_are_harmless():
    odd = (
        b'{"\xe5\xa4\x9a\xe5\x85\x83\xe8\xa1\xa8\xe7\x8f\xbe": [{"ID": "A100000000", "ID": "A100000001", "x": NaN, "y": 1e999, "z": %s, "S": [{"a": "\\ud800\\u0000"}, 3, null], "\\ud83d": [{}]}]}'
        % (b"9" * 9000)
    )
    odd = odd.replace(b"ID", "身分證號".encode())
    (table,) = read(aes_zip({"多元表現.json": odd}))
    assert list(table.frame["身分證號"]) == [SECOND] * 3


@pytest.mark.parametrize(
    "make", [aes_zip, lambda f: classic_zip({"SHA.txt": sha_list(f), **f}), lambda f: aes_zip(f, password="")]
)
def test_broken_bytes_are_refused_in_one_line_and_never_read_as_something_else(make):
    content, chance = make(FILES), random.Random(7)  # noqa: S311 - a seeded generator is the point
    whole = [table.frame.to_csv() for table in read(content)]
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(chance.choice([1, 2, 20])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        if chance.random() < 0.2:
            del broken[chance.randrange(len(broken)) :]
        told, found = 1, whole
        try:
            found = [table.frame.to_csv() for table in read(bytes(broken))]
        except RefusedError as refused:
            told = len(refused.problems)
        assert (told, found) == (1, whole)


def test_a_workbook_called_zip_is_refused(tmp_path):
    path = write_xlsx(tmp_path / "x.xlsx", ["學號"], [["1"]])
    assert refusal(path.read_bytes())
    assert refusal(b"hello")
    assert refusal(b"hello", name="x.json")


# --- rounds -----------------------------------------------------------------------------------------------------------


def test_each_kind_opens_a_round_with_every_known_student_unseen(school, tmp_path):
    plan = hand_in(school, aes_zip(FILES), folder=tmp_path)
    assert not plan.problems, plan.problems
    assert rounds_of(school) == [(1, "1130001", "unseen", 3), (1, "1130002", "unseen", 0)]
    assert rounds_of(school, "修課紀錄") == [(1, "1130001", "unseen", 1), (1, "1130002", "unseen", 0)]
    assert {r.kind for r in plan.reports} == {"receipt_details"}
    assert all(r.new == r.rows and r.term == "1130" for r in plan.reports)


def test_what_the_national_database_holds_is_a_submission_with_its_sheets_and_items(school, tmp_path):
    hand_in(school, aes_zip(FILES), folder=tmp_path)
    columns = (Submission.roster, Submission.semester, Submission.source, Submission.round_number)
    assert values_of(school, *columns) == [
        (r, 0, "receipt", 1) for r in ("grades", "outcomes", "performances", "positions")
    ]
    sheets = values_of(school, SubmissionSheet.sheet, SubmissionSheet.row_count, SubmissionSheet.matched_count)
    assert ("學期課程學習成果", 3, 2) in sheets
    items = values_of(
        school,
        SubmittedItem.sheet,
        SubmittedItem.course_code,
        SubmittedItem.subject,
        SubmittedItem.semester,
        SubmittedItem.ordinal,
    )
    assert items == [
        ("作品成果紀錄", "", "", 0, 1), ("學期課程學習成果", COURSE, "數學", 1, 1), ("學期課程學習成果", COURSE, "數學", 1, 2),
        ("幹部經歷紀錄", "", "", 0, 1), ("重修課程學習成果", COURSE, "數學", 1, 1),
    ]  # fmt: skip


def test_persons_nobody_knows_are_counted_and_never_named(school, tmp_path):
    plan = hand_in(school, aes_zip({"課程學習成果.json": OUTCOMES}), folder=tmp_path)
    (warning,) = plan.reports[0].warnings
    assert "3 人裡有 1 人" in warning
    shown = json.dumps(plan.as_dict(), default=str, ensure_ascii=False) + str(contents_of(school, audit=True))
    assert not [number for number in (FIRST, SECOND, THIRD, STRANGER, BORN) if number in shown]


def test_the_same_archive_again_changes_nothing(school, tmp_path):
    hand_in(school, aes_zip(FILES), folder=tmp_path)
    before = facts_of(school)
    shuffled = json.loads(OUTCOMES.decode("utf-8-sig"))
    shuffled["課程學習成果"] = [dict(reversed(each.items())) for each in reversed(shuffled["課程學習成果"])]
    files = {**FILES, "999301_113_課程學習成果.json": json.dumps(shuffled).encode()}
    for content in (aes_zip(FILES), aes_zip(FILES, "another"), aes_zip(files)):
        plan = hand_in(school, content, PASSWORD, "another", folder=tmp_path, at=MONDAY + timedelta(days=1))
        assert sum(r.new + r.changed + r.rejected for r in plan.reports) == 0
        assert all(r.unchanged == r.rows for r in plan.reports)
    assert facts_of(school) == before


def test_a_corrected_file_opens_the_next_round_of_its_kind_alone(school, tmp_path):
    hand_in(school, aes_zip(FILES), folder=tmp_path)
    corrected = {**FILES, "999301_113_修課紀錄.json": GRADES.replace(b"87.3", b"88.0")}
    plan = hand_in(school, aes_zip(corrected), folder=tmp_path, at=MONDAY + timedelta(days=9))
    assert {r.sheet for r in plan.reports if r.new} == {"修課紀錄"}
    assert [row[0] for row in rounds_of(school, "修課紀錄")] == [1, 1, 2, 2]
    assert {row[0] for row in rounds_of(school)} == {1}


def test_a_list_of_answers_is_a_round_after_the_archives_and_the_archive_stays_known(school, tmp_path):
    content = aes_zip({"課程學習成果.json": OUTCOMES})
    hand_in(school, content, folder=tmp_path)
    headings = ["學年", "學號", "項目", "確認狀態", "確認時間"]
    answers = [
        ["113", "1130001", "課程學習成果", "已確認", "2025/09/24 06:50"],
        ["113", "1130002", "課程學習成果", "待確認", ""],
    ]
    assert take_in(school, write_xlsx(tmp_path / "a.xlsx", headings, answers)).committed
    assert rounds_of(school)[2:] == [(2, "1130001", "confirmed", None), (2, "1130002", "unseen", None)]
    assert (
        sum(r.new + r.changed for r in hand_in(school, content, folder=tmp_path, at=MONDAY + timedelta(1)).reports) == 0
    )


def test_who_became_known_since_joins_the_round_of_the_same_archive(school, tmp_path):
    content = aes_zip({"課程學習成果.json": OUTCOMES})
    hand_in(school, content, folder=tmp_path)
    newcomer = [["1130009", "新生", STRANGER, "1", "102", "9", "101", "普通科", "日間部", "在學"]]
    assert take_in(school, write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], newcomer), school_year=113).committed
    plan = hand_in(school, content, folder=tmp_path, at=MONDAY + timedelta(days=1))
    assert figures_of(plan) == [("receipt_details", 7, 2, 0, 5, 0)]
    assert rounds_of(school)[-1] == (1, "1130009", "unseen", 1)
    assert ("學期課程學習成果", 3, 3) in values_of(
        school, SubmissionSheet.sheet, SubmissionSheet.row_count, SubmissionSheet.matched_count
    )
    assert len(values_of(school, SubmittedItem.id)) == 4


def test_nobody_matched_is_said_and_taken_once_the_roster_is_there(school, tmp_path):
    content = aes_zip({"多元表現.json": book("多元表現", person(STRANGER, 作品成果紀錄=[{"名稱": "x"}]))})
    plan = hand_in(school, content, folder=tmp_path)
    assert plan.reports[0].warnings
    assert rounds_of(school, "多元表現") == []


def test_a_student_who_came_back_is_found_under_this_years_number(school, tmp_path):
    back = [["1100001", "甲生", FIRST, "1", "101", "1", "101", "普通科", "日間部", "在學"]]
    classes = [["110", "101", "1", "普通科", "T001"]]
    paths = [
        write_xlsx(tmp_path / "c.xlsx", HEADINGS["classes"], classes),
        write_xlsx(tmp_path / "s.xlsx", HEADINGS["students"], back),
    ]
    assert take_in(school, *paths).committed
    hand_in(school, aes_zip({"課程學習成果.json": OUTCOMES}), folder=tmp_path)
    assert [row[1] for row in rounds_of(school)] == ["1130001", "1130002"]


def test_a_file_without_a_year_takes_the_one_that_is_said(school, tmp_path):
    content = aes_zip({"多元表現.json": book("多元表現", person(FIRST), cover={})})
    assert "請指定學年度" in hand_in(school, content, folder=tmp_path).problems[0].message
    assert not hand_in(school, content, folder=tmp_path, year=113, at=MONDAY + timedelta(1)).problems
    assert values_of(school, Receipt.school_year) == [(113,)]


def test_another_schools_file_must_be_acknowledged(school, tmp_path):
    with writing(school) as connection:
        write_setting(connection, "school_code", "210305")
    assert "999301" in hand_in(school, aes_zip({"多元表現.json": PERFORMANCES}), folder=tmp_path).alarms[0]


def test_undo_takes_a_round_back_and_refuses_where_the_next_rests_on_it(school, tmp_path):
    before = facts_of(school)
    first = hand_in(school, aes_zip(FILES), folder=tmp_path)
    after_first = facts_of(school)
    corrected = {name: data.replace("數學".encode(), "國文".encode()) for name, data in FILES.items()}
    second = hand_in(school, aes_zip(corrected), folder=tmp_path, at=MONDAY + timedelta(days=1))
    with pytest.raises(RefusedError):
        undo_batch(school, first.batch_id, by="test")
    undo_batch(school, second.batch_id, by="test")
    assert facts_of(school) == after_first
    undo_batch(school, first.batch_id, by="test")
    assert facts_of(school) == before


def test_the_roster_that_a_round_was_matched_by_cannot_be_taken_back(school, tmp_path):
    hand_in(school, aes_zip(FILES), folder=tmp_path)
    (roster,) = values_of(school, Import.batch_id, where=Import.kind == "students")
    with pytest.raises(RefusedError, match="收訖明細"):
        undo_batch(school, roster[0], by="test")


# --- 收訖統計 ---------------------------------------------------------------------------------------------------------

COUNT_HEADINGS = ["班級", "課程學習成果_確認人數", "課程學習成果_回報人數", "多元表現_確認人數", "多元表現_回報人數"]
COUNT_ROWS = [["101", "30", "1", "29", "0"], ["102", "12人", "0", "", "0"]]


def counts_file(folder, rows=None, headings=None, name="counts.xlsx"):
    return write_xlsx(folder / name, headings or COUNT_HEADINGS, rows or COUNT_ROWS)


def stated(engine):
    return values_of(engine, CrossCheck.about, CrossCheck.measure, CrossCheck.stated_count)


def test_the_platforms_counts_are_kept_as_a_cross_check(school, tmp_path):
    plan = take_in(school, counts_file(tmp_path), school_year=113)
    assert figures_of(plan) == [("receipt_counts", 2, 2, 0, 0, 0)], plan.problems
    assert stated(school) == [
        ("101", "多元表現_confirmed", 29), ("101", "多元表現_disputed", 0), ("101", "課程學習成果_confirmed", 30),
        ("101", "課程學習成果_disputed", 1), ("102", "多元表現_disputed", 0), ("102", "課程學習成果_confirmed", 12),
        ("102", "課程學習成果_disputed", 0),
    ]  # fmt: skip
    assert values_of(school, CrossCheck.what, CrossCheck.school_year)[0] == ("receipt_counts", 113)


def test_counts_that_moved_are_added_and_the_others_write_nothing(school, tmp_path):
    take_in(school, counts_file(tmp_path), school_year=113)
    again = take_in(school, counts_file(tmp_path, name="again.xlsx"), school_year=113)
    assert figures_of(again) == [("receipt_counts", 2, 0, 0, 2, 0)]
    moved = take_in(school, counts_file(tmp_path, [["101", "31", "1", "29", "0"], COUNT_ROWS[1]]), school_year=113)
    assert figures_of(moved) == [("receipt_counts", 2, 0, 1, 1, 0)]
    assert len(stated(school)) == 8
    undo_batch(school, moved.batch_id, by="test")
    assert len(stated(school)) == 7


@pytest.mark.parametrize(
    "headings",
    [
        ["班 級", "課程學習成果＿確認人數", "課程學習成果＿回報人數", "多元表現 _確認人數", "多元表現_回報人數"],
        ["班級名稱", "學習成果確認人數", "學習成果回報人數", "多元確認人數", "多元回報人數"],
        [
            "班級",
            "999301_課程學習成果_已確認人數",
            "999301_課程學習成果_回報人數",
            "多元學習表現_確認人數",
            "多元學習表現_回報人數",
        ],
    ],
)
def test_the_headings_of_counts_may_be_wide_spaced_or_other_words(school, tmp_path, headings):
    take_in(school, counts_file(tmp_path), school_year=113)
    plan = take_in(school, counts_file(tmp_path, headings=headings), school_year=113)
    assert figures_of(plan) == [("receipt_counts", 2, 0, 0, 2, 0)], plan.problems
    order = [3, 0, 4, 2, 1]
    rows = [["113", *(row[n] for n in order)] for row in COUNT_ROWS]
    plan = take_in(school, counts_file(tmp_path, rows, ["學年度", *(headings[n] for n in order)]))
    assert figures_of(plan) == [("receipt_counts", 2, 0, 0, 2, 0)], plan.problems


def test_a_platform_may_have_kinds_of_its_own(school, tmp_path):
    plan = take_in(school, counts_file(tmp_path, [["101", "5"]], ["班級", "自主學習_確認人數"]), school_year=113)
    assert plan.committed, plan.problems
    assert stated(school) == [("101", "自主學習_confirmed", 5)]


def test_a_count_that_is_none_and_a_class_that_is_not_there_are_refused(school, tmp_path):
    rows = [["101", "三十", "0", "0", "0"], ["999", "1", "0", "0", "0"], ["102", "1", "0", "0", "0"]]
    plan = take_in(school, counts_file(tmp_path, rows), school_year=113)
    assert [(p.row, p.column) for p in plan.problems] == [(3, "班級"), (2, "課程學習成果_確認人數")]
    assert stated(school) == []


ANSWER_HEADINGS = ["座號", "學號", "姓名", "校內幹部經歷", "修課紀錄", "課程學習成果", "多元表現"]
ANSWER_ROWS = [["1", "1130001", "甲生", "Y", "N", "已確認", "已回報"], ["2", "1130002", "乙生", "N", "N", "待確認", ""]]


def answers_file(folder, rows=None, headings=None, name="answers.xlsx"):
    return write_xlsx(folder / name, headings or ANSWER_HEADINGS, rows or ANSWER_ROWS)


def test_a_class_table_answers_in_the_round_that_the_archive_opened(school, tmp_path):
    hand_in(school, aes_zip(FILES), folder=tmp_path)
    plan = take_in(school, answers_file(tmp_path), school_year=113, at=MONDAY + timedelta(days=2))
    # The second student has no 校內幹部 in the archive, so that answer is new; all else answers what was there.
    assert figures_of(plan) == [("receipt_counts", 2, 1, 1, 0, 0)]
    assert rounds_of(school) == [(1, "1130001", "confirmed", 3), (1, "1130002", "unseen", 0)]
    assert rounds_of(school, "多元表現") == [(1, "1130001", "disputed", 1), (1, "1130002", "unseen", 0)]
    confirmed = values_of(
        school, Receipt.acted_at, where=(Receipt.status == "confirmed") & (Receipt.kind == "課程學習成果")
    )
    assert confirmed == [(MONDAY + timedelta(days=2),)]


def test_one_class_after_another_share_a_round(school, tmp_path):
    take_in(school, answers_file(tmp_path), school_year=113)
    other = [["1", "1130003", "丙生", "N", "N", "Y", "N"]]
    take_in(school, answers_file(tmp_path, other, name="102.xlsx"), school_year=113)
    assert [row[:3] for row in rounds_of(school)] == [
        (1, "1130001", "confirmed"),
        (1, "1130002", "unseen"),
        (1, "1130003", "confirmed"),
    ]


def test_the_same_class_table_again_changes_nothing_and_undo_takes_it_back(school, tmp_path):
    hand_in(school, aes_zip(FILES), folder=tmp_path)
    before = facts_of(school)
    plan = take_in(school, answers_file(tmp_path), school_year=113)
    after = facts_of(school)
    again = take_in(school, answers_file(tmp_path, name="again.xlsx"), school_year=113)
    assert figures_of(again) == [("receipt_counts", 2, 0, 0, 2, 0)]
    assert facts_of(school) == after
    undo_batch(school, again.batch_id, by="test")
    undo_batch(school, plan.batch_id, by="test")
    assert facts_of(school) == before


def test_a_class_table_rests_on_the_round_that_it_answers(school, tmp_path):
    first = {"校內幹部經歷.json": POSITIONS}
    hand_in(school, aes_zip(first), folder=tmp_path)
    again = {"校內幹部經歷.json": POSITIONS.replace("班長".encode(), "風紀".encode())}
    second = hand_in(school, aes_zip(again), folder=tmp_path, at=MONDAY + timedelta(days=1))
    newcomer = [["2", "1130002", "乙生", "N"]]
    assert take_in(school, answers_file(tmp_path, newcomer, ANSWER_HEADINGS[:4]), school_year=113).committed
    assert rounds_of(school, "校內幹部經歷")[1:] == [(2, "1130001", "unseen", 1), (2, "1130002", "unseen", None)]
    with pytest.raises(RefusedError, match="answers"):
        undo_batch(school, second.batch_id, by="test")


def test_an_older_class_table_takes_no_answer_back(school, tmp_path):
    take_in(school, answers_file(tmp_path), school_year=113)
    before = facts_of(school)
    older = [["1", "1130001", "甲生", "N", "N", "N", "N"]]
    plan = take_in(school, answers_file(tmp_path, older, name="older.xlsx"), school_year=113)
    assert "3 格" in plan.reports[0].warnings[0]
    assert facts_of(school) == before


@pytest.mark.parametrize(
    "headings",
    [
        ["座 號", "學生學號", "學生姓名", "999301_校內幹部經歷", "修課紀錄", "課程學習 成果", "多元表現"],
        ["座號", "學　號", "學生", "幹部經歷", "修課紀錄", "學習成果", "多元學習表現"],
    ],
)
def test_the_headings_of_a_class_table_may_be_other_words(school, tmp_path, headings):
    take_in(school, answers_file(tmp_path), school_year=113)
    order = [4, 1, 6, 0, 2, 5, 3]
    rows = [[row[n] for n in order] for row in ANSWER_ROWS]
    plan = take_in(school, answers_file(tmp_path, rows, [headings[n] for n in order], name="x.xlsx"), school_year=113)
    assert figures_of(plan) == [("receipt_counts", 2, 0, 0, 2, 0)], plan.problems


def test_a_word_that_is_no_answer_is_refused(school, tmp_path):
    plan = take_in(
        school,
        answers_file(tmp_path, [["1", "1130001", "甲生", "Y", "N", "不明", "N"], ANSWER_ROWS[1]]),
        school_year=113,
    )
    assert [(p.row, p.column, p.value) for p in plan.problems] == [(2, "課程學習成果", "不明")]


def test_the_list_of_answers_is_still_the_list_of_answers(school, tmp_path):
    headings = ["學年", "班級", "學號", "姓名", "項目", "確認狀態", "確認時間"]
    plan = take_in(
        school, write_xlsx(tmp_path / "r.xlsx", headings, [["113", "101", "1130001", "甲生", "多元表現", "待確認", ""]])
    )
    assert plan.reports[0].kind == "receipts"


# --- 收訖問題回報 -----------------------------------------------------------------------------------------------------

DISPUTE_HEADINGS = ["學年", "單號", "項目", "類別", "班級", "姓名", "座號", "錯誤別", "問題描述", "答覆", "回報時間"]


def dispute(
    number="7", *, class_name="101", name="甲生", seat="1", text="少一件", answer="", raised="2025/09/23 10:00"
):
    return ["113", number, "課程學習成果", "學期課程學習成果", class_name, name, seat, "缺漏", text, answer, raised]


def disputes_file(folder, *rows, headings=None, name="disputes.xlsx"):
    return write_xlsx(folder / name, headings or DISPUTE_HEADINGS, list(rows))


def disputes_of(engine):
    columns = (Dispute.number, Student.student_number, Dispute.answer, Dispute.raised_at, Dispute.answered_at)
    with reading(engine) as connection:
        statement = select(*columns).outerjoin(Student, Student.id == Dispute.student_id).order_by(Dispute.number)
        return [tuple(row) for row in connection.execute(statement)]


RAISED = datetime(2025, 9, 23, 10, tzinfo=TAIPEI)


def test_a_dispute_is_kept_with_its_student_by_class_seat_and_name(school, tmp_path):
    plan = take_in(school, disputes_file(tmp_path, dispute()))
    assert figures_of(plan) == [("disputes", 1, 1, 0, 0, 0)], plan.problems
    assert disputes_of(school) == [("7", "1130001", "", RAISED, None)]


def test_an_answer_counts_from_the_import_that_first_carried_it_and_never_moves(school, tmp_path):
    take_in(school, disputes_file(tmp_path, dispute()), at=MONDAY + timedelta(days=2))
    first = take_in(
        school, disputes_file(tmp_path, dispute(answer="已補"), name="2.xlsx"), at=MONDAY + timedelta(days=3)
    )
    assert figures_of(first) == [("disputes", 1, 0, 1, 0, 0)]
    later = dispute(answer="已補正", raised="2025/09/29 10:00")
    take_in(school, disputes_file(tmp_path, later, name="3.xlsx"), at=MONDAY + timedelta(days=8))
    take_in(school, disputes_file(tmp_path, dispute(), name="4.xlsx"), at=MONDAY + timedelta(days=9))
    assert disputes_of(school) == [("7", "1130001", "已補正", RAISED, MONDAY + timedelta(days=3))]


def test_a_time_of_the_answer_that_is_given_is_the_one(school, tmp_path):
    headings = [*DISPUTE_HEADINGS, "答覆時間"]
    take_in(school, disputes_file(tmp_path, [*dispute(answer="已補"), "2025/09/24 09:00"], headings=headings))
    assert disputes_of(school)[0][4] == datetime(2025, 9, 24, 9, tzinfo=TAIPEI)
    early = disputes_file(tmp_path, [*dispute("8", answer="已補"), "2025/09/20 09:00"], headings=headings)
    assert "早於" in take_in(school, early).problems[0].message


def test_the_same_disputes_again_change_nothing_and_undo_restores(school, tmp_path):
    take_in(school, disputes_file(tmp_path, dispute(), dispute("8", name="乙生", seat="2")))
    before = facts_of(school)
    more = take_in(school, disputes_file(tmp_path, dispute(answer="已補"), dispute("9"), name="2.xlsx"))
    after = facts_of(school)
    again = take_in(school, disputes_file(tmp_path, dispute("9"), dispute(answer="已補"), name="3.xlsx"))
    assert figures_of(again) == [("disputes", 2, 0, 0, 2, 0)]
    assert facts_of(school) == after
    undo_batch(school, again.batch_id, by="test")
    undo_batch(school, more.batch_id, by="test")
    assert facts_of(school) == before


@pytest.mark.parametrize(
    "row",
    [dispute(name="別人"), dispute(seat="9"), dispute(seat=""), dispute(name="")],
    ids=["name", "seat", "no seat", "no name"],
)
def test_a_student_who_does_not_fit_stays_empty_with_a_warning_that_names_nobody(school, tmp_path, row):
    plan = take_in(school, disputes_file(tmp_path, row))
    assert plan.committed, plan.problems
    assert disputes_of(school)[0][1] is None
    assert "單號 7" in plan.reports[0].warnings[0]
    assert "別人" not in plan.reports[0].warnings[0]


def test_the_student_number_comes_before_class_and_seat(school, tmp_path):
    path = disputes_file(tmp_path, [*dispute(), "1130002"], headings=[*DISPUTE_HEADINGS, "學號"])
    assert take_in(school, path).committed
    assert disputes_of(school)[0][1] == "1130002"


def test_a_student_found_once_stays_when_seats_move(school, tmp_path):
    take_in(school, disputes_file(tmp_path, dispute()))
    take_in(school, disputes_file(tmp_path, dispute(seat="30", answer="已補"), name="2.xlsx"))
    assert disputes_of(school)[0][1] == "1130001"


def test_an_id_number_that_a_student_wrote_down_is_not_stored(school, tmp_path):
    plan = take_in(school, disputes_file(tmp_path, dispute(text=f"我的身分證號{FIRST}打錯了", answer=f"應為 {SECOND}")))
    shown = str(contents_of(school, audit=True)) + json.dumps(plan.as_dict(), default=str, ensure_ascii=False)
    assert FIRST not in shown
    assert SECOND not in shown


def test_a_list_without_a_year_takes_the_one_that_is_said(school, tmp_path):
    path = disputes_file(tmp_path, dispute()[1:], headings=DISPUTE_HEADINGS[1:])
    assert "請指定學年度" in take_in(school, path).problems[0].message
    assert take_in(school, path, school_year=113).committed


SYNONYMS = {
    "學年": ["學年度"], "單號": ["回報單號", "問題單號"], "項目": ["收訖項目"], "班級": ["班級名稱"], "姓名": ["學生姓名", "學生"],
    "錯誤別": ["錯誤類別"], "問題描述": ["問題內容", "問題說明"], "答覆": ["回覆", "答覆內容", "回覆內容"], "回報時間": ["回報日期"],
}  # fmt: skip


@pytest.mark.parametrize(("heading", "other"), [(h, o) for h, others in SYNONYMS.items() for o in others])
def test_the_headings_of_disputes_may_be_synonyms_shuffled_and_wide(tmp_path, heading, other):
    headings = [other if h == heading else h for h in reversed(DISPUTE_HEADINGS)]
    spaced = [f" {h[:1]}　{h[1:]} " for h in headings]
    (plain,) = read_tables(disputes_file(tmp_path, dispute()))
    (table,) = read_tables(disputes_file(tmp_path, dispute()[::-1], headings=spaced, name="x.xlsx"))
    typed = [type_rows(each, *recognise(each)).frame.iloc[0].to_dict() for each in (plain, table)]
    assert recognise(table)[0].key == "disputes"
    assert typed[0] == typed[1]


def test_no_kind_here_takes_anothers_table(tmp_path):
    for kind, headings in HEADINGS.items():
        rows = {"students": STUDENTS}.get(kind, [["1"] * len(headings)])
        (table,) = read_tables(write_xlsx(tmp_path / f"{kind}.xlsx", headings, rows))
        assert recognise(table)[0].key == kind


def test_a_plain_zip_of_the_standard_library_reads_alike():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"SHA.txt": sha_list(FILES), **FILES}.items():
            archive.writestr(name, data)
    assert len(read(out.getvalue())) == 4
