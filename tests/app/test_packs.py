"""A meeting's evidence, frozen: who may freeze and read it, what is in it, and that it stays what it was."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import date

import openpyxl
import pypdf
import pytest
from flask_babel import force_locale
from sqlalchemy import select, update

from dashboard.access.roles import Role
from dashboard.access.scope import scope_for
from dashboard.exports.pack.archive import make_archive
from dashboard.exports.pack.evidence import gather
from dashboard.services import imports
from dashboard.services.filters import open_view
from dashboard.services.packs import now, packs
from dashboard.services.reports import report
from dashboard.services.store import Store
from dashboard.settings import Settings
from data.db import raise_data_version, reading, writing
from data.demo.school import write_school
from data.models import Enrolment, SchoolClass, Staff, Student
from tests.app.conftest import fire
from tests.school import PASSWORD, ROLES

MAY_FREEZE = {"principal", "secretary"}
READS_MEMBERS = MAY_FREEZE | {"chief", "member", "auditor"}
FILES = ("pack.pdf", "pack.odt", "tables.xlsx", "tables.ods", "evidence.json", "manifest.json", "pack.zip")


@pytest.fixture(scope="module")
def frozen(app, place):
    """Both editions of last year's second term: (full, members) by number."""
    return freeze(app, place, term=str(int(place.school.current_term) - 9))


def freeze(app, place, *, term, asof=""):
    with app.server.test_client() as client:
        form = client.get("/login").get_data(as_text=True)
        token = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
        client.post("/login", data={"username": "secretary", "password": PASSWORD, "csrf_token": token, "next": "/"})
        answer = client.post("/packs/freeze", data={"term": term, "asof": asof}, headers={"Origin": "http://localhost"})
        assert answer.status_code == 302, answer.get_data(as_text=True)
    newest = packs(place.store, editions=frozenset({"full", "members"}))[:2]
    by_edition = {each.edition: each.id for each in newest}
    return by_edition["full"], by_edition["members"]


def opened(client, number):
    archive = client.get(f"/packs/{number}/pack.zip")
    assert archive.status_code == 200
    with zipfile.ZipFile(io.BytesIO(archive.data)) as whole:
        return {name: whole.read(name) for name in whole.namelist()}


def text_of(name, content):
    """Return everything that a file says, its properties included."""
    if name.endswith(".pdf"):
        document = pypdf.PdfReader(io.BytesIO(content))
        return "".join(page.extract_text() for page in document.pages) + str(document.metadata)
    if name.endswith((".xlsx", ".ods", ".odt")):
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            return "\n".join(parts.read(each).decode("utf-8", "replace") for each in parts.namelist())
    return content.decode()


def test_both_editions_of_a_day_are_of_that_day(client_for, place):
    term = str(int(place.school.current_term) - 9)
    day = f"{int(term[:3]) + 1912}-07-10"
    client = client_for("secretary")
    assert client.post("/packs/freeze", data={"term": term, "asof": day}).status_code == 302
    for each in packs(place.store, editions=frozenset({"full", "members"}))[:2]:
        evidence = json.loads(opened(client, each.id)["evidence.json"])
        assert evidence["as_of"] == each.as_of.isoformat() == f"{day[:8]}11T00:00:00+08:00"
        pdf = text_of("pack.pdf", opened(client, each.id)["pack.pdf"])
        assert f"資料截至 {int(term[:3]) + 1}/7/10" in pdf


@pytest.mark.parametrize("username", ROLES)
def test_only_those_who_prepare_the_meeting_freeze(client_for, place, username):
    answer = client_for(username).post("/packs/freeze", data={"term": "0000"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    if username not in MAY_FREEZE:
        assert client_for(username).post("/packs/freeze", data={"term": place.school.current_term}).status_code == 403


@pytest.mark.parametrize("username", ROLES)
def test_an_edition_that_is_not_ones_own_does_not_exist(client_for, frozen, username):
    client = client_for(username)
    full, members = frozen
    none = client.get("/packs/999999/pack.pdf")
    for number, readers in ((full, MAY_FREEZE), (members, READS_MEMBERS)):
        answer = client.get(f"/packs/{number}/pack.pdf")
        if username in readers:
            assert answer.data[:5] == b"%PDF-"
        else:
            assert (answer.status_code, answer.data) == (none.status_code, none.data)
            assert none.status_code == (404 if username in READS_MEMBERS else 403)


def test_nobody_gets_a_pack_without_a_login(client_for, frozen):
    for name in FILES:
        assert client_for().get(f"/packs/{frozen[1]}/{name}").status_code in (302, 401)


def test_a_name_that_is_no_file_of_a_pack_is_not_found(client_for, frozen):
    client = client_for("secretary")
    for name in ("pack.exe", "secret", "pack.pdf.zip"):
        assert client.get(f"/packs/{frozen[0]}/{name}").status_code in (302, 404)


def test_the_edition_for_members_names_nobody_in_any_file(client_for, place, frozen):
    with reading(place.store.engine) as connection:
        people = {row.name for row in connection.execute(select(Staff.name))} | {row.name for row in connection.execute(select(Student.name))}  # fmt: skip
        codes = {row.staff_code for row in connection.execute(select(Staff.staff_code))}
        numbers = {row.student_number for row in connection.execute(select(Student.student_number))}
    for name, content in opened(client_for("member"), frozen[1]).items():
        said = text_of(name, content)
        runs = {run[at : at + 3] for run in re.findall(r"[一-鿿]{3,}", said) for at in range(len(run) - 2)}
        assert not {person for person in people if len(person) == 3} & runs, name
        assert not numbers & set(re.findall(r"(?<![0-9a-f])\d{6,9}(?![0-9a-f])", said)), name
        assert not codes & set(re.findall(r"(?<![0-9A-Za-z])[A-Z]\d{3}(?![0-9A-Za-z])", said)), name


@pytest.fixture
def generated(app, request, tmp_path):
    """A generated school in which three students are left of one class; the app answers from it for the test."""
    classes, seed = request.param
    settings = Settings(instance_dir=tmp_path / "instance")
    store = Store(settings.url, id_key=settings.secret("id-number"), instance_dir=settings.instance_dir)
    store.migrate()
    school = write_school(tmp_path / "files", classes=classes, terms=2, seed=seed, today=date(2026, 7, 10))
    assert imports.import_paths(store, [school.folder], by="test").committed
    year = int(school.current_term) // 10
    with writing(store.engine) as connection:
        names = connection.execute(select(SchoolClass.name).where(SchoolClass.school_year == year).order_by(SchoolClass.name)).scalars().all()  # fmt: skip
        small, others = names[-1], names[0]
        of_class = (Enrolment.school_year == year) & (Enrolment.class_name == small)
        ids = connection.execute(select(Enrolment.id).where(of_class)).scalars().all()
        connection.execute(update(Enrolment).where(Enrolment.id.in_(ids[3:])).values(class_name=others))
        raise_data_version(connection)
    before = app.server.config["LICHENG_STORE"]
    app.server.config["LICHENG_STORE"] = store
    yield store, school, small
    app.server.config["LICHENG_STORE"] = before


@pytest.mark.parametrize(
    "generated",
    [(5, 4), *(pytest.param(each, marks=pytest.mark.thorough) for each in ((3, 11), (6, 2), (9, 7), (12, 5), (24, 1)))],
    indirect=True,
)
def test_the_members_edition_of_a_generated_school_holds_no_name_no_number_and_no_small_group(app, generated):
    store, school, small = generated
    with app.server.test_request_context(), force_locale("zh_Hant_TW"):
        view = open_view(store, scope_for(Role.MEMBER, classes=frozenset(), staff_code="", unit=""), {"term": school.current_term})  # fmt: skip
        content, _ = make_archive(gather(view, edition="members", made_at=now()))
    with reading(store.engine) as connection:
        people = {row.name for each in (Staff, Student) for row in connection.execute(select(each.name))}
        codes = set(connection.execute(select(Staff.staff_code)).scalars())
        numbers = set(connection.execute(select(Student.student_number)).scalars())
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    assert "以 5 為單位，是概數" in text_of("pack.odt", files["pack.odt"])
    for name, each in files.items():
        said = text_of(name, each)
        runs = {run[at : at + 3] for run in re.findall(r"[一-鿿]{3,}", said) for at in range(len(run) - 2)}
        assert not {person for person in people if len(person) == 3} & runs, name
        assert not numbers & set(re.findall(r"(?<![0-9a-f])\d{6,9}(?![0-9a-f])", said)), name
        confirmed = re.findall(r"收訖明細 (\d+) 人次：已確認 (\d+)、回報問題 (\d+)、未表示 (\d+)、視同確認 (\d+)", said)
        assert not [n for found in confirmed for n in found if int(n) % 5], name
        assert not codes & set(re.findall(r"(?<![0-9A-Za-z])[A-Z]\d{3}(?![0-9A-Za-z])", said)), name
    tables = {table["key"]: table for part in json.loads(files["evidence.json"])["parts"] for table in part["tables"]}
    for key in ("classes", "receipts"):
        names = [row[0] for row in tables[key]["rows"]]
        assert small not in names
        assert names
    at = [column["key"] for column in tables["receipts"]["columns"]].index("in_round")
    assert not [row for row in tables["receipts"]["rows"] if row[at] in range(1, 5)]


def test_the_names_of_the_full_edition_are_in_its_annex_alone(client_for, place, frozen):
    evidence = json.loads(opened(client_for("principal"), frozen[0])["evidence.json"])
    assert [part["key"] for part in evidence["parts"]][-1] == "annex"
    with reading(place.store.engine) as connection:
        names = {row.name for row in connection.execute(select(Staff.name)) if len(row.name) == 3}
    before, annex = json.dumps(evidence["parts"][:-1], ensure_ascii=False), json.dumps(evidence["parts"][-1], ensure_ascii=False)  # fmt: skip
    assert [name for name in names if name in before] == []
    assert [name for name in names if name in annex]


def test_the_figures_are_those_of_the_report_in_workbook_json_and_pdf(client_for, place, frozen):
    files = opened(client_for("secretary"), frozen[0])
    evidence = json.loads(files["evidence.json"])
    counted = report(place.store, "completion", term=str(evidence["term"]), stage="certify", by="department", as_of=evidence["as_of"])  # fmt: skip
    columns = ["key", "expected", "on_time", "late", "open", "overdue", "exempt"]
    expected = counted[columns].astype(object).to_numpy().tolist()
    (table,) = [table for part in evidence["parts"] for table in part["tables"] if table["key"] == "departments"]
    assert [row[: len(columns)] for row in table["rows"]] == expected
    book = openpyxl.load_workbook(io.BytesIO(files["tables.xlsx"]))
    assert [list(row[: len(columns)]) for row in list(book["各科別"].values)[1:]] == expected
    spoken = text_of("pack.pdf", files["pack.pdf"])
    for row in expected:
        assert re.search(rf"{row[0]}\s+" + r"\s+".join(f"{n:,}" for n in row[1:]), spoken), row


def test_the_pdf_is_tagged_for_readers_and_its_chinese_can_be_searched(client_for, frozen):
    content = opened(client_for("secretary"), frozen[0])["pack.pdf"]
    document = pypdf.PdfReader(io.BytesIO(content))
    assert document.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in document.trailer["/Root"]["/Metadata"].get_object().get_data()
    assert "上傳與勾選為學生自主" in text_of("pack.pdf", content).replace("\n", "")
    assert all("完整版" in page.extract_text() and "SHA-256" in page.extract_text() for page in document.pages)


def test_a_frozen_pack_is_the_same_to_the_bit_after_the_school_s_rules_changed(client_for, app, place, frozen):
    client = client_for("secretary")
    before = client.get(f"/packs/{frozen[0]}/pack.zip").data
    imports.change_setting(place.store, "minimum_response_days", "30", by="secretary")
    try:
        assert client.get(f"/packs/{frozen[0]}/pack.zip").data == before
        later = freeze(app, place, term=str(int(place.school.current_term) - 9))
        assert opened(client, later[0])["evidence.json"] != opened(client, frozen[0])["evidence.json"]
    finally:
        imports.change_setting(place.store, "minimum_response_days", "3", by="secretary")


def test_a_pack_frozen_again_is_the_one_there_is_until_the_data_change(app, place):
    term, editions = str(int(place.school.current_term) - 9), frozenset({"full", "members"})
    asked = {"term": term, "asof": "2026-06-30"}
    first = freeze(app, place, **asked)
    count = len(packs(place.store, editions=editions))
    assert [freeze(app, place, **asked) for _ in range(3)] == [first] * 3
    assert len(packs(place.store, editions=editions)) == count
    with writing(place.store.engine) as connection:
        raise_data_version(connection)
    assert not set(freeze(app, place, **asked)) & set(first)


def test_the_manifest_names_each_file_with_its_hash(client_for, frozen):
    import hashlib

    files = opened(client_for("auditor"), frozen[1])
    manifest = json.loads(files.pop("manifest.json"))
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == {
        name: said["sha256"] for name, said in manifest["files"].items()
    }


def test_then_and_now_adds_up_on_the_page(client_for, app, place, frozen):
    term = str(int(place.school.current_term) - 9)
    inputs = {"packs-term.value": term, "packs-asof.value": "", "theme.data": "light"}
    answer = fire(client_for("secretary"), "..packs-head.children...packs-body.children..", inputs=inputs)
    body = json.dumps(answer.json["response"]["packs-body"]["children"], ensure_ascii=False)
    assert answer.status_code == 200
    assert f"/packs/{frozen[0]}/pack.pdf" in body
    assert "凍結之後的變動" in body
    member = fire(client_for("member"), "..packs-head.children...packs-body.children..", inputs=inputs)
    said = json.dumps(member.json["response"], ensure_ascii=False)
    assert f"/packs/{frozen[0]}/" not in said
    assert f"/packs/{frozen[1]}/" in said
    assert "/packs/freeze" not in said
