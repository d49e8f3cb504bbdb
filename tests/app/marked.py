"""A copy of the demo school whose classes, students and teachers have names found nowhere else, so that bytes can be searched."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import zipfile
from dataclasses import dataclass

from sqlalchemy import String, cast, literal, select, update

from dashboard.services.store import Store
from dashboard.settings import Settings
from data.db import raise_data_version, reading, writing
from data.models import Base, Enrolment, Outcome, Round, SchoolClass, Section, Staff, Student

CLASS, STUDENT, NUMBER, TEACHER = "Ж", "Ѣ", "Ѧ", "Ѫ"


@dataclass(frozen=True)
class Marked:
    """The store, and what each word that can be searched for is about: class names; student and teacher names and codes."""

    store: Store
    term: str
    own_class: str
    own_code: str
    chief_unit: str
    classes: frozenset[str]
    students: dict[str, str]  # number to name
    teachers: dict[str, str]  # code to name
    unit_of: dict[str, str]
    of_class: frozenset[str]  # numbers of the students of the own class of this school year
    of_teacher: frozenset[str]  # numbers of the students with an item of the own teacher


def mark(place, folder) -> Marked:
    """Copy a place and rename everybody in the copy."""
    shutil.copytree(place.settings.instance_dir, folder / "instance")
    settings = Settings(instance_dir=folder / "instance")
    store = Store(settings.url, id_key=settings.secret("id-number"), instance_dir=settings.instance_dir)
    with writing(store.engine) as connection:
        for table in Base.metadata.sorted_tables:
            if "class_name" in table.c:
                column = table.c.class_name
                connection.execute(update(table).where(column != "").values(class_name=literal(CLASS) + column))
        connection.execute(update(SchoolClass).values(name=literal(CLASS) + SchoolClass.name))
        number = literal(NUMBER) + cast(Student.id + 70000, String)
        connection.execute(
            update(Student).values(name=literal(STUDENT) + cast(Student.id + 70000, String), student_number=number)
        )
        connection.execute(update(Staff).values(name=literal(TEACHER) + Staff.staff_code))
        connection.execute(update(Section).values(teacher_name=literal(TEACHER) + Section.teacher_code))
        raise_data_version(connection)
    school, own_class = place.school, CLASS + place.school.homeroom_class
    year = int(school.current_term) // 10
    with reading(store.engine) as connection:
        students = dict(connection.execute(select(Student.student_number, Student.name)).all())
        staff = connection.execute(select(Staff.staff_code, Staff.name, Staff.unit)).all()
        classes = frozenset(connection.execute(select(SchoolClass.name)).scalars())
        of_class = select(Student.student_number).join(Enrolment, Enrolment.student_id == Student.id).where(
            Enrolment.school_year == year, Enrolment.class_name == own_class
        )  # fmt: skip
        mine = (Outcome.teacher_code == school.teacher_code) | (Round.certifier_code == school.teacher_code)
        of_teacher = (
            select(Student.student_number)
            .join(Outcome, Outcome.student_id == Student.id)
            .join(Round, Round.outcome_id == Outcome.id)
            .where(mine)
        )
        return Marked(
            store=store, term=school.current_term, own_class=own_class, own_code=school.teacher_code,
            chief_unit=school.chief_unit, classes=classes, students=students, teachers={row[0]: row[1] for row in staff},
            unit_of={row[0]: row[2] for row in staff}, of_class=frozenset(connection.execute(of_class).scalars()),
            of_teacher=frozenset(connection.execute(of_teacher).scalars()),
        )  # fmt: skip


def read(answer) -> str:
    """Return an answer's text as a person could get at it: unpacked, and without escapes."""
    data = gzip.decompress(answer.data) if answer.headers.get("Content-Encoding") == "gzip" else answer.data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "\n".join(archive.read(name).decode("utf-8", "replace") for name in sorted(archive.namelist()))
    text = data.decode("utf-8", "replace")
    return json.dumps(json.loads(text), ensure_ascii=False) if answer.mimetype == "application/json" and text else text


_WORDS = {
    "class": re.compile(CLASS + r"[^\s\"\\<>/／,，、。：；&?()（）｜%-]*"),
    "student": re.compile(f"[{STUDENT}{NUMBER}]" + r"\d{5}"),
    "teacher": re.compile(TEACHER + r"[A-Za-z]?\d+"),
}


def named_in(text: str) -> dict[str, set[str]]:
    """Return what a text names, by kind."""
    return {kind: set(pattern.findall(text)) for kind, pattern in _WORDS.items()}
