"""The files of the demo school: complete, consistent, seeded, and nothing in them from after today."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import fastexcel
import numpy as np
import pandas as pd
import pytest

from data.demo.school import DemoSchool, write_school
from data.regulation.calendar import working_calendar

TODAY = date(2026, 11, 24)
Read = Callable[[str], pd.DataFrame]
ITEM = ["學年", "學期", "學號", "課程代碼", "科目名稱", "上課班級", "序號"]


def read_file(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        encoding = "cp950" if path.name.startswith("授課") else "utf-8-sig"
        return pd.read_csv(path, dtype="str", encoding=encoding, keep_default_na=False)
    return fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_pandas().astype("str").fillna("")


def tidy(texts: pd.Series) -> pd.Series:
    wide = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF5B)}
    return texts.map(lambda text: text.translate(wide).strip())


def read_kind(folder: Path, title: str) -> pd.DataFrame:
    frames = [read_file(path) for path in sorted(folder.glob(f"{title}*"))]
    frame = pd.concat(frames, ignore_index=True)
    return frame.apply(tidy).drop_duplicates(ignore_index=True)


def read_instants(texts: pd.Series) -> pd.Series:
    """An independent reading of the three ways in which the lists write a time."""
    texts = texts[texts != ""]
    afternoon = texts.str.contains("下午")
    bare = texts.str.replace(r"[上下]午 ", "", regex=True)
    roc = bare.str.fullmatch(r"\d{3}/.*")
    bare[roc] = bare[roc].map(lambda text: f"{int(text[:3]) + 1911}{text[3:]}:00")
    parsed = pd.to_datetime(bare, format="mixed")
    half = texts.str.contains("[上下]午")
    hour = parsed.dt.hour % 12 + 12 * afternoon
    return parsed.where(~half, parsed.dt.normalize() + pd.to_timedelta(hour * 60 + parsed.dt.minute, unit="min"))


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> DemoSchool:
    return write_school(tmp_path_factory.mktemp("school"), today=TODAY)


@pytest.fixture(scope="module")
def read(school: DemoSchool) -> Read:
    return cache(lambda title: read_kind(school.folder, title))


def of_year(frame: pd.DataFrame, year: int) -> pd.DataFrame:
    return frame[frame["學年"] == str(year)]


# --- the whole ---------------------------------------------------------------------------------------------------------


def test_six_terms_before_the_running_one_are_written(school: DemoSchool) -> None:
    names = {path.stem for path in school.folder.glob("認證清單_*")}
    assert names == {f"認證清單_{term}" for term in (1122, 1131, 1132, 1141, 1142, 1151)}
    assert school.current_term == "1151"


def test_every_kind_of_file_of_the_sample_school_is_there_under_its_headings(read: Read) -> None:
    assert list(read("學生資料名冊")) == [
        "學年", "學號", "姓名", "身分證號", "年級", "班級名稱", "座號", "科班學程別代碼", "科別", "部別", "學籍狀態",
    ]  # fmt: skip
    assert list(read("教職員名冊")) == ["教師代碼", "姓名", "處室", "電子郵件"]
    assert list(read("班級導師名冊")) == ["學年", "班級名稱", "年級", "科別", "導師代碼"]
    assert list(read("授課名冊")) == ["學年", "學期", "課程代碼", "科目名稱", "上課班級", "教師代碼", "教師名稱"]
    assert list(read("認證清單")) == [
        "學年", "學期", "上課班級", "科目名稱", "課程代碼", "學號", "學生姓名", "序號", "上傳時間", "送出認證時間",
        "認證日期", "認證狀態", "發佈狀態", "未通過原因", "教師代碼", "教師名稱", "認證教師代碼",
    ]  # fmt: skip
    assert list(read("多元表現清單")) == ["學年", "序號", "學號", "姓名", "班級", "類別", "上傳時間"]
    assert list(read("勾選情形")) == ["學年", "學期", "班級", "學號", "姓名", "學習成果勾選數量", "多元學習勾選數量"]
    assert list(read("收訖明細確認")) == ["學年", "班級", "學號", "姓名", "確認狀態", "確認時間"]
    assert list(read("代理人名單")) == [
        "教師代碼",
        "教師姓名",
        "代理人代碼",
        "代理人姓名",
        "順位",
        "起日",
        "迄日",
        "事由",
    ]
    assert list(read("作業期程")) == [
        "學年", "學期", "年級", "項目", "開始時間", "結束時間", "原結束時間", "自我檢核開始", "自我檢核結束", "負責單位",
    ]  # fmt: skip


def test_the_same_arguments_give_the_same_cells(tmp_path: Path) -> None:
    school, again = (write_school(tmp_path / name, classes=6, terms=3, today=TODAY) for name in ("once", "again"))
    names = sorted(path.name for path in school.folder.iterdir())
    assert names == sorted(path.name for path in again.folder.iterdir())
    for name in names:
        first, second = school.folder / name, again.folder / name
        if name.endswith("csv"):
            assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest(), name
        else:
            pd.testing.assert_frame_equal(read_file(first), read_file(second))


def test_another_seed_gives_another_school(school: DemoSchool, tmp_path: Path) -> None:
    other = write_school(tmp_path, classes=24, terms=1, seed=2, today=TODAY)
    names = read_kind(other.folder, "學生資料名冊")["姓名"]
    assert list(names) != list(of_year(read_kind(school.folder, "學生資料名冊"), 115)["姓名"])


@pytest.mark.parametrize("classes", [3, 24, 50])
def test_the_school_has_the_classes_asked_for_with_33_to_36_students_each(classes: int, tmp_path: Path) -> None:
    write_school(tmp_path, classes=classes, terms=2, today=TODAY)
    students, class_list = read_kind(tmp_path, "學生資料名冊"), read_kind(tmp_path, "班級導師名冊")
    for year in (114, 115):
        names = of_year(class_list, year)["班級名稱"]
        assert len(names) == classes
        assert names.is_unique
        sizes = of_year(students, year)["班級名稱"].value_counts()
        assert set(sizes.index) == set(names)
        assert sizes.between(28, 36).all()  # whoever left in an earlier year is not there any more
    assert of_year(class_list, 115)["導師代碼"].is_unique


def test_about_as_many_duties_result_as_are_asked_for(tmp_path: Path) -> None:
    write_school(tmp_path, classes=9, terms=3, today=TODAY, duties=6000)
    duties = (read_kind(tmp_path, "認證清單")["送出認證時間"] != "").sum()
    assert 5700 <= duties <= 6300


def test_a_school_of_two_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 classes"):
        write_school(tmp_path / "no", classes=2, today=TODAY)
    assert not (tmp_path / "no").exists()


def test_a_term_that_has_just_begun_has_rosters_but_no_lists(tmp_path: Path) -> None:
    school = write_school(tmp_path, classes=6, terms=1, today=date(2026, 8, 10))
    assert not list(tmp_path.glob("認證清單*"))
    assert len(read_kind(tmp_path, "學生資料名冊")) > 100
    assert school.teacher_code in set(read_kind(tmp_path, "授課名冊")["教師代碼"])


# --- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("today", [TODAY, date(2026, 2, 3), date(2026, 7, 20), date(2026, 5, 1)])
def test_nothing_in_the_lists_is_dated_today_or_later(today: date, tmp_path: Path) -> None:
    write_school(tmp_path, classes=6, terms=3, today=today)
    seen = 0
    for title, columns in (
        ("認證清單", ["上傳時間", "送出認證時間", "認證日期"]),
        ("多元表現清單", ["上傳時間"]),
        ("收訖明細確認", ["確認時間"]),
        ("代理人名單", ["起日"]),
        ("登錄情形", ["登錄日期"]),
        ("研習場次", ["日期"]),
        ("收訖問題回報", ["回報時間", "答覆時間"]),
    ):
        if not list(tmp_path.glob(f"{title}*")):
            continue
        frame = read_kind(tmp_path, title)
        for column in columns:
            instants = read_instants(frame[column])
            seen += len(instants)
            assert (instants < pd.Timestamp(today)).all(), (title, column)
    assert seen > 100


@pytest.mark.parametrize("today", [TODAY, date(2026, 2, 3), date(2026, 5, 12), date(2026, 8, 30)])
def test_nothing_was_handed_in_today_or_later(today: date, tmp_path: Path) -> None:
    school = write_school(tmp_path, classes=6, terms=4, today=today)
    midnight = (today - date(1970, 1, 1)) // timedelta(seconds=1)
    assert len(school.hand_ins) > 8
    assert all(hand_in.submitted_at < midnight for hand_in in school.hand_ins)


def test_a_month_later_the_same_school_has_only_gone_on(tmp_path: Path) -> None:
    before = write_school(tmp_path / "now", classes=6, terms=2, today=TODAY)
    after = write_school(tmp_path / "later", classes=6, terms=2, today=date(2026, 12, 24))
    assert set(before.hand_ins) <= set(after.hand_ins)
    for title, went_on in (("登錄情形", True), ("研習場次", False)):
        rows, more = (read_kind(tmp_path / name, title) for name in ("now", "later"))
        assert set(rows.itertuples(index=False)) <= set(more.itertuples(index=False)), title
        assert (len(rows) < len(more)) == went_on
    now, later = (read_kind(tmp_path / name, "認證清單") for name in ("now", "later"))
    assert len(later) > len(now)
    columns = [*ITEM, "認證狀態", "認證教師代碼"]
    decided = now[now["認證日期"] != ""]
    assert set(decided[columns].itertuples(index=False)) <= set(later[columns].itertuples(index=False))
    assert set(now[ITEM].itertuples(index=False)) <= set(later[ITEM].itertuples(index=False))


def test_an_item_is_uploaded_then_sent_then_decided(read: Read) -> None:
    items = read("認證清單")
    times = pd.DataFrame({name: read_instants(items[name]) for name in ("上傳時間", "送出認證時間", "認證日期")})
    sent, decided = times["送出認證時間"], times["認證日期"]
    assert (sent[sent.notna()] >= times["上傳時間"][sent.notna()]).all()
    assert (decided[decided.notna()] >= sent[decided.notna()]).all()


def test_the_state_of_an_item_agrees_with_its_times(read: Read) -> None:
    items = read("認證清單")
    assert ((items["送出認證時間"] == "") == (items["認證狀態"] == "未送出")).all()
    decided = items["認證狀態"].isin(["通過", "未通過"])
    for column in ("認證日期", "發佈狀態", "認證教師代碼"):
        assert ((items[column] != "") == decided).all(), column
    assert ((items["未通過原因"] != "") == (items["認證狀態"] == "未通過")).all()


def test_uploads_and_sendings_keep_to_the_windows(read: Read) -> None:
    items, windows, students = read("認證清單"), read("作業期程"), read("學生資料名冊")
    windows = windows[windows["項目"] == "學生上傳及送出學習成果認證"]
    items = items.merge(students[["學年", "學號", "年級"]], on=["學年", "學號"])
    items = items.merge(windows, on=["學年", "學期", "年級"])
    uploaded = read_instants(items["上傳時間"])
    starts, ends = pd.to_datetime(items["開始時間"]), pd.to_datetime(items["結束時間"])
    assert ((uploaded >= starts) & (uploaded <= ends)).all()


def test_a_third_of_a_finished_term_arrives_in_the_last_48_hours(read: Read) -> None:
    items = read("認證清單")
    uploaded = read_instants(items[(items["學年"] == "114") & (items["學期"] == "1")]["上傳時間"])
    assert 0.27 < (uploaded >= pd.Timestamp(2026, 2, 2)).mean() < 0.4


def test_one_certification_window_and_one_submission_were_extended(read: Read) -> None:
    extended = read("作業期程").query("原結束時間 != ''")
    assert extended[["學年", "學期", "年級", "項目"]].to_numpy().tolist() == [
        ["114", "1", "1", "老師認證學生學習成果"], *(["114", "1", grade, "提交校內幹部經歷名冊"] for grade in "123")
    ]  # fmt: skip
    assert (extended["原結束時間"] < extended["結束時間"]).all()


def test_every_stage_has_its_windows_in_every_finished_year(read: Read) -> None:
    windows = of_year(read("作業期程"), 114)
    tasks = windows["項目"].str.replace(r"（.*）", "", regex=True)
    counted = windows.groupby([tasks, "學期"]).size()
    for task in ("登錄學籍資料", "登錄學期成績", "登錄校內幹部經歷", "登錄課程諮詢紀錄", "提交學籍及學業成績名冊"):
        assert counted[task].to_dict() == {"1": 3, "2": 3}, task
    for task in ("提交課程學習成果名冊", "提交多元表現名冊"):
        assert counted[task].to_dict() == {"2": 4}, task  # the first two grades, and two batches of the third
    assert counted["提交校內幹部經歷名冊"].to_dict() == {"1": 3, "2": 4}
    assert (windows["開始時間"] < windows["結束時間"]).all()


# --- who and what ------------------------------------------------------------------------------------------------------


def test_every_student_class_section_and_teacher_named_anywhere_exists(read: Read) -> None:
    staff = set(read("教職員名冊")["教師代碼"])
    class_list, sections, students = read("班級導師名冊"), read("授課名冊"), read("學生資料名冊")
    items, leaves = read("認證清單"), read("代理人名單")
    teachers = [items["教師代碼"], items["認證教師代碼"], sections["教師代碼"], class_list["導師代碼"]]
    assert set(pd.concat([*teachers, leaves["教師代碼"], leaves["代理人代碼"]])) - {""} <= staff
    enrolled = set(zip(students["學年"], students["學號"], strict=True))
    for title in ("認證清單", "多元表現清單", "勾選情形", "收訖明細確認", "收訖問題回報"):
        frame = read(title)
        assert set(zip(frame["學年"], frame["學號"], strict=True)) <= enrolled, title
    classes = set(zip(class_list["學年"], class_list["班級名稱"], strict=True))
    assert set(zip(students["學年"], students["班級名稱"], strict=True)) == classes
    registered = read("登錄情形")
    assert set(zip(registered["學年"], registered["班級"], strict=True)) == classes
    key = ["學年", "學期", "課程代碼", "科目名稱", "上課班級", "教師代碼"]
    offered = set(sections[key].itertuples(index=False, name=None))
    assert set(items[key].itertuples(index=False, name=None)) <= offered


def test_the_roster_of_sections_can_be_written_in_cp950(school: DemoSchool) -> None:
    for path in school.folder.glob("授課名冊_*.csv"):
        assert "國語文" in path.read_bytes().decode("cp950")


def test_some_students_have_characters_that_cp950_lacks(read: Read) -> None:
    names = read("學生資料名冊")["姓名"]
    assert names.str.contains("[堃喆煊珉]").any()


def test_a_course_code_has_23_characters_and_says_where_it_is_taught(read: Read) -> None:
    sections, class_list = read("授課名冊"), read("班級導師名冊")
    assert (sections["課程代碼"].str.len() == 23).all()
    across = sections["課程代碼"].str[17] == "1"
    assert across.any()
    assert (sections["上課班級"].str.startswith("多元選修") == across).all()
    assert set(sections[~across]["上課班級"]) <= set(class_list["班級名稱"])


def test_an_elective_has_items_of_students_from_several_classes(read: Read) -> None:
    items, students = read("認證清單"), read("學生資料名冊")
    across = items[items["上課班級"].str.startswith("多元選修")]
    home = across.merge(students[["學年", "學號", "班級名稱"]], on=["學年", "學號"])
    mixed = home.groupby(["學年", "學期", "上課班級"])["班級名稱"].agg(lambda names: len(set(names)) > 1)
    assert mixed.mean() > 0.8


def test_a_class_has_six_to_nine_subjects_of_its_own_in_a_term(read: Read) -> None:
    sections = read("授課名冊")
    own = sections[~sections["上課班級"].str.startswith("多元選修")]
    assert own.groupby(["學年", "學期", "上課班級"]).size().between(6, 9).all()


def test_students_keep_number_name_and_class_as_they_move_up(read: Read) -> None:
    students = read("學生資料名冊")
    two = of_year(students, 114).merge(of_year(students, 115), on="學號", suffixes=("", "_next"))
    assert len(two) > 400
    assert (two["姓名"] == two["姓名_next"]).all()
    assert (two["年級"].astype(int) + 1 == two["年級_next"].astype(int)).all()
    moved = set(zip(two["班級名稱"], two["班級名稱_next"], strict=True))
    assert ("101", "201") in moved
    assert ("資二甲", "資三甲") in moved
    assert len(moved) == 16


def test_whoever_left_keeps_earlier_work_and_is_gone_a_year_later(read: Read) -> None:
    students, items = read("學生資料名冊"), read("認證清單")
    left = students[(students["學籍狀態"] != "在學") & students["學年"].isin(["113", "114"])]
    assert set(left["學籍狀態"]) <= {"轉出", "休學"}
    assert 0.005 < len(left) / students["學年"].isin(["113", "114"]).sum() < 0.025
    assert set(left["學號"]) & set(items["學號"])
    later = set(zip(students["學年"].astype(int) - 1, students["學號"], strict=True))
    assert not set(zip(left["學年"].astype(int), left["學號"], strict=True)) & later


def test_no_id_number_could_be_a_real_one(read: Read) -> None:
    numbers = read("學生資料名冊").drop_duplicates("學號")["身分證號"]
    assert numbers.is_unique
    digits = numbers.str[1:].map(lambda text: [1, 0, *map(int, text)])  # A stands for 10
    weights = [1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1]
    assert digits.map(lambda d: sum(a * b for a, b in zip(d, weights, strict=True)) % 10 != 0).all()


# --- what makes it interesting -----------------------------------------------------------------------------------------


def test_refused_items_are_sent_again_as_a_second_row_of_the_same_item(read: Read) -> None:
    items = read("認證清單").reset_index(drop=True)
    twice = items[items.duplicated(ITEM, keep=False)]
    refused = items[items["認證狀態"] == "未通過"]
    assert 0.3 < twice[ITEM].drop_duplicates().shape[0] / len(refused) < 0.7
    for _, rounds in twice.groupby(ITEM):
        first, second = rounds.iloc[0], rounds.iloc[1]
        assert (first["認證狀態"], first["發佈狀態"]) == ("未通過", "已發佈")
        decided, sent = read_instants(pd.Series([first["認證日期"], second["送出認證時間"]]))
        assert sent > decided


def test_one_class_has_uploaded_nothing_in_the_running_term(read: Read) -> None:
    items, students = of_year(read("認證清單"), 115), of_year(read("學生資料名冊"), 115)
    busy = students[students["學號"].isin(items["學號"])]["班級名稱"]
    assert len(set(students["班級名稱"]) - set(busy)) == 1


def test_deputies_certify_what_is_decided_while_a_teacher_is_away(read: Read) -> None:
    items, leaves = read("認證清單"), read("代理人名單")
    items = items[items["認證日期"] != ""]
    items = items.assign(decided=read_instants(items["認證日期"]).dt.normalize())
    covered = items.reset_index().merge(leaves[["教師代碼", "代理人代碼", "起日", "迄日"]], on="教師代碼")
    covered = covered[
        (covered["decided"] >= pd.to_datetime(covered["起日"]))
        & (covered["decided"] <= pd.to_datetime(covered["迄日"]))
    ]
    deputies = covered.groupby("index").agg(certifier=("認證教師代碼", "first"), deputies=("代理人代碼", set))
    assert len(deputies) > 50
    assert all(
        certifier in allowed for certifier, allowed in zip(deputies["certifier"], deputies["deputies"], strict=True)
    )
    others = items[~items.index.isin(deputies.index)]
    assert (others["認證教師代碼"] == others["教師代碼"]).all()
    assert set(leaves["順位"]) == {"1", "2"}


def test_taking_part_grows_from_year_to_year_in_each_term(read: Read) -> None:
    items, students = read("認證清單"), read("學生資料名冊")
    enrolled = students[students["學籍狀態"] == "在學"].groupby("學年").size()
    takers = items.groupby(["學年", "學期"])["學號"].nunique()
    share = {term: takers[term] / enrolled[term[0]] for term in takers.index}
    assert 0.7 < share["112", "2"] < share["113", "2"] < share["114", "2"] < 0.85
    assert 0.7 < share["113", "1"] < share["114", "1"] < 0.85


def test_some_teachers_leave_finished_terms_late_or_undone_and_most_do_not(read: Read) -> None:
    items = read("認證清單")
    term = items[(items["學年"] == "114") & (items["學期"] == "2") & (items["送出認證時間"] != "")]
    decided = read_instants(term["認證日期"]).reindex(term.index)
    undone = decided.isna() | (term["發佈狀態"] == "未發佈")
    late = ~undone & (decided >= pd.Timestamp(2026, 7, 22))
    assert 0.01 < late.mean() < 0.12
    assert 0.003 < undone.mean() < 0.05
    assert term[~undone & ~late].groupby("教師代碼").size().gt(0).sum() > 40


def test_a_finished_year_has_selections_and_receipts_like_a_real_one(read: Read) -> None:
    selected, receipts = of_year(read("勾選情形"), 114), of_year(read("收訖明細確認"), 114)
    outcomes, performances = selected["學習成果勾選數量"].astype(int), selected["多元學習勾選數量"].astype(int)
    assert outcomes.between(0, 6).all()
    assert (performances > 10).sum() == 1
    assert 0.68 < (outcomes > 0).mean() < 0.85
    assert 0.45 < (performances > 0).mean() < 0.68
    shares = receipts["確認狀態"].value_counts(normalize=True)
    assert set(shares.index) == {"已確認", "已回報", "待確認"}
    assert 0.72 < shares["已確認"] < 0.9
    assert not len(of_year(read("勾選情形"), 115))


def test_nobody_selects_more_than_they_have(read: Read) -> None:
    items, selected = read("認證清單"), read("勾選情形")
    good = items[(items["認證狀態"] == "通過") & (items["發佈狀態"] == "已發佈")].groupby(["學年", "學號"]).size()
    owned = good.reindex(pd.MultiIndex.from_frame(selected[["學年", "學號"]]), fill_value=0).to_numpy()
    assert (selected["學習成果勾選數量"].astype(int).to_numpy() <= owned).all()


def test_each_record_of_a_class_is_registered_once_and_on_a_working_day(read: Read) -> None:
    registered = read("登錄情形")
    assert not registered.duplicated(["學年", "學期", "班級", "項目"]).any()
    days = pd.to_datetime(registered["登錄日期"]).to_numpy().astype("datetime64[D]")
    assert np.is_busday(days, busdaycal=working_calendar()).all()


def test_nearly_all_records_are_registered_within_their_window_a_few_late_and_none_before(read: Read) -> None:
    tasks = {"學籍": "登錄學籍資料", "成績": "登錄學期成績", "幹部": "登錄校內幹部經歷", "課程諮詢": "登錄課程諮詢紀錄"}
    registered, class_list, windows = read("登錄情形"), read("班級導師名冊"), read("作業期程")
    of_class = registered.assign(項目=registered["項目"].map(tasks)).merge(
        class_list, left_on=["學年", "班級"], right_on=["學年", "班級名稱"]
    )
    merged = of_class.merge(windows, on=["學年", "學期", "年級", "項目"])
    assert len(merged) == len(registered)
    days = pd.to_datetime(merged["登錄日期"])
    assert (days >= pd.to_datetime(merged["開始時間"])).all()
    assert 0.005 < (days > pd.to_datetime(merged["結束時間"])).mean() < 0.06
    finished = registered[registered["學年"].isin(["113", "114"])]
    assert 0.98 < len(finished) / (2 * 2 * 4 * 24) <= 1


def test_a_record_of_the_running_term_is_still_open(read: Read) -> None:
    done = of_year(read("登錄情形"), 115)["項目"].value_counts()
    assert done["學籍"] >= 22
    assert 0 < done["課程諮詢"] < 24
    assert "成績" not in done


def test_every_dispute_belongs_to_a_student_who_answered_that_something_is_wrong_and_at_that_time(read: Read) -> None:
    disputes, receipts = read("收訖問題回報"), read("收訖明細確認")
    disputing = receipts[receipts["確認狀態"] == "已回報"]
    columns = ["學年", "班級", "學號", "姓名"]
    said = set(disputing[[*columns, "確認時間"]].itertuples(index=False, name=None))
    assert set(disputes[[*columns, "回報時間"]].itertuples(index=False, name=None)) == said
    assert len(disputes) == len(disputing)
    assert disputes["單號"].is_unique


def test_most_disputes_are_answered_within_three_days_a_few_late_and_the_newest_waits(read: Read) -> None:
    disputes = read("收訖問題回報")
    assert disputes["答覆"].eq("").tolist() == disputes["答覆時間"].eq("").tolist()
    waiting = disputes[disputes["答覆"] == ""]
    assert waiting["單號"].tolist() == [of_year(disputes, 114)["單號"].max()]
    answered = disputes[disputes["答覆"] != ""]
    waited = read_instants(answered["答覆時間"]) - read_instants(answered["回報時間"])
    assert (waited > pd.Timedelta(0)).all()
    assert 0.02 < (waited >= pd.Timedelta(days=3)).mean() < 0.25


def test_the_sessions_that_must_be_held_are_held_in_nearly_every_year(read: Read) -> None:
    training = read("研習場次")
    required = {("宣導說明", "學生"), ("宣導說明", "家長"), ("宣導說明", "教職員"), ("系統操作訓練", "學生"),
                ("系統操作訓練", "教師"), ("專業研習", "學生"), ("專業研習", "教師")}  # fmt: skip
    held = {year: set(zip(part["類別"], part["對象"], strict=True)) for year, part in training.groupby("學年")}
    assert set(held) == {"112", "113", "114", "115"}
    assert all(sessions <= required for sessions in held.values())
    assert all(len(held[year]) >= 6 for year in ("112", "113", "114"))
    assert ("專業研習", "學生") not in held["115"]  # held in spring


# --- what was handed in ------------------------------------------------------------------------------------------------


def read_book(path: Path) -> tuple[dict[str, str], pd.DataFrame]:
    book = fastexcel.read_excel(path)
    cover, rows = (book.load_sheet(each, dtypes="string").to_pandas().astype("str").fillna("") for each in (0, 1))
    return cover.iloc[0].to_dict(), rows


@pytest.fixture(scope="module")
def submitted(school: DemoSchool) -> pd.DataFrame:
    """The 課程學習成果 of all three books of the last finished year, with the time each book was handed in."""
    parts = []
    for path in sorted(school.folder.glob("提交_114_*學習成果*")):
        cover, rows = read_book(path)
        batch = {"26": 0, "36": 1, "76": 2}[cover["名冊別"]]
        of_book = [h for h in school.hand_ins if (h.year, h.roster, h.batch) == (114, "outcomes", batch)]
        parts.append(rows.assign(batch=batch, at=pd.Timestamp(of_book[0].submitted_at, unit="s")))
    frame = pd.concat(parts, ignore_index=True)
    assert sorted(frame["batch"].unique()) == [0, 1, 2]
    return frame


def test_every_roster_of_the_finished_years_was_handed_in_once_and_nearly_always_in_time(
    school: DemoSchool, read: Read
) -> None:
    keys = [(h.year, h.semester, h.roster, h.batch) for h in school.hand_ins]
    assert len(set(keys)) == len(keys)
    assert sorted(key[1:] for key in keys if key[0] == 114) == sorted(
        [(term, roster, 0) for term in (1, 2) for roster in ("students", "grades", "positions")]
        + [(0, roster, batch) for roster in ("outcomes", "performances") for batch in (0, 1, 2)]
        + [(2, "positions", 1), (2, "positions", 2)]
    )
    windows = read("作業期程")
    tasks = {"students": "學籍及學業成績", "grades": "學籍及學業成績", "outcomes": "課程學習成果", "positions": "校內幹部經歷", "performances": "多元表現"}  # fmt: skip
    late = 0
    for h in school.hand_ins:
        task = f"提交{tasks[h.roster]}名冊" + {0: "", 1: "（第一梯次）", 2: "（第二梯次）"}[h.batch]
        of_task = windows[(windows["學年"] == str(h.year)) & (windows["項目"] == task)]
        window = of_task[of_task["學期"] == str(h.semester or 2)].iloc[0]
        at = pd.Timestamp(h.submitted_at, unit="s")
        assert at > pd.Timestamp(window["開始時間"])
        late += at > pd.Timestamp(window["結束時間"])
        if window["原結束時間"]:
            assert at > pd.Timestamp(window["原結束時間"])  # what the week more was for
    assert 0 < late < 0.15 * len(keys)


def test_submitted_outcomes_were_uploaded_in_that_course_and_passed_before_the_book_was_handed_in(
    submitted: pd.DataFrame, read: Read
) -> None:
    students = of_year(read("學生資料名冊"), 114).set_index("身分證號")["學號"]
    items = of_year(read("認證清單"), 114)
    items = items[(items["認證狀態"] == "通過") & (items["發佈狀態"] == "已發佈")]
    items = items.assign(decided=read_instants(items["認證日期"]))
    key = ["學號", "課程代碼", "科目名稱", "學期"]
    rows = submitted.assign(學號=students.reindex(submitted["身分證號"]).to_numpy(), 學期=submitted["實際修課學期"])
    assert rows["學號"].notna().all()
    for batch, part in rows.groupby("batch"):
        passed = items[items["decided"] < part["at"].iloc[0]].groupby(key).size()
        handed_in = part.groupby(key).size()
        assert (handed_in <= passed.reindex(handed_in.index, fill_value=0)).all(), batch


def test_nobody_hands_in_more_outcomes_than_they_selected_and_hardly_one_is_lost(
    submitted: pd.DataFrame, read: Read
) -> None:
    numbers = of_year(read("學生資料名冊"), 114).set_index("身分證號")["學號"]
    selected = of_year(read("勾選情形"), 114).set_index("學號")["學習成果勾選數量"].astype(int)
    counts = numbers.reindex(submitted["身分證號"]).value_counts()
    assert (counts <= selected.reindex(counts.index)).all()
    assert 0.9 < len(submitted) / selected.sum() < 1


def test_only_the_third_grade_hands_in_by_batch_and_each_student_in_one(submitted: pd.DataFrame) -> None:
    assert ((submitted["batch"] > 0) == (submitted["開課年級"] == "3")).all()
    assert not submitted[["身分證號", "batch"]].drop_duplicates()["身分證號"].duplicated().any()


def test_the_books_of_the_last_term_name_its_students_once_and_eight_positions_a_class(
    school: DemoSchool, read: Read
) -> None:
    roster = of_year(read("學生資料名冊"), 114)
    for title in ("學生資料名冊", "學生成績名冊"):
        cover, rows = read_book(school.folder / f"提交_1142_{title}.xlsx")
        assert (cover["學年度"], cover["學期"], cover["名冊別"]) == ("114", "2", title)
        assert rows["身分證號"].is_unique
        assert set(roster[roster["學籍狀態"] == "在學"]["身分證號"]) <= set(rows["身分證號"]) <= set(roster["身分證號"])
    _, positions = read_book(school.folder / "提交_1142_校內幹部經歷名冊.xlsx")
    assert positions["身分證號"].is_unique
    of_class = positions.groupby("單位名稱").size()
    assert len(of_class) == 16  # the third grade hands them in by batch
    assert of_class.between(6, 8).all()


def test_the_files_have_some_of_the_dirt_of_real_ones(school: DemoSchool) -> None:
    roster = read_file(school.folder / "學生資料名冊_115.xlsx")
    assert roster.duplicated().sum() == 3
    assert roster["班級名稱"].str.contains("[０-９]").any()
    assert (roster["班級名稱"] != roster["班級名稱"].str.rstrip()).any()
    mixed = read_file(school.folder / "認證清單_1142.csv")["上傳時間"]
    for way in (r"\d{3}/.*", r"\d{4}/.*[上下]午.*", r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"):
        assert mixed.str.fullmatch(way).any(), way


def test_the_people_of_the_demo_hold_what_they_are_named_for(school: DemoSchool, read: Read) -> None:
    leaders = of_year(read("班級導師名冊"), 115).set_index("班級名稱")["導師代碼"]
    assert leaders[school.homeroom_class] == school.homeroom_code
    staff = read("教職員名冊").set_index("教師代碼")["處室"]
    assert staff[school.chief_code] == school.chief_unit
    assert (staff == school.chief_unit).sum() >= 3
    items = read("認證清單")
    waiting = items[(items["認證狀態"] == "認證中") & items["學年"].isin(["115"])]
    assert (waiting["教師代碼"] == school.teacher_code).sum() >= 3
    busy = of_year(read("學生資料名冊"), 115).merge(of_year(items, 115), on="學號")["班級名稱"]
    assert school.homeroom_class in set(busy)
