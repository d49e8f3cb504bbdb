from tests.unit.rosters.test_official import *
from tests.unit.rosters.test_official import school
import pytest

def test_a(school, tmp_path):
    a=outcomes_book(tmp_path/"a.xlsx", outcome(), outcome(SECOND)); b=outcomes_book(tmp_path/"b.xlsx")
    only(take_in(school,a)); only(take_in(school,b)); r=take_in(school,a)
    print(r.reports, sheets(school)); assert 0

def test_b(school, tmp_path):
    with writing(school) as c: write_setting(c,"school_code","060322")
    d=write_dump(tmp_path / "x.csv", "學期課程學習成果", [outcome()])
    only(take_in(school,d))
    with writing(school) as c: write_setting(c,"school_code","210305")
    r=take_in(school,d); print(r.reports, sheets(school)); assert 0
