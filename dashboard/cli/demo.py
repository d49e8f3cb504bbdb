"""`licheng demo`: a believable school and the accounts to look at it with."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dashboard.cli.database import Db, open_store
from dashboard.cli.terminal import Bar, err, fail
from dashboard.services import accounts, grants, imports
from dashboard.services.passwords import random_password


def demo(
    classes: Annotated[int, typer.Option(min=3, max=300, help="班級數")] = 24,
    terms: Annotated[int, typer.Option(min=1, max=12, help="學期數")] = 6,
    seed: Annotated[int, typer.Option(help="亂數種子")] = 1,
    files: Annotated[Path | None, typer.Option(help="把示範檔案留在這個資料夾")] = None,
    db: Db = "",
) -> None:
    """建立一所示範學校：產生平臺匯出檔、照一般程序匯入，並印出示範帳號。"""
    store = open_store(db)
    if imports.has_data(store):
        raise fail("資料庫裡已經有資料，示範學校只能建立在空的資料庫；請用 --db 指定另一個資料庫")
    with Bar() as on_progress:
        school, plan = imports.make_demo(
            store, classes=classes, terms=terms, seed=seed, folder=files, on_progress=on_progress
        )
    if not plan.committed:
        for problem in plan.problems:
            err.print(str(problem), markup=False)
        raise typer.Exit(1)
    people: list[tuple[str, str, dict[str, Any]]] = [
        ("principal", "convener", {"staff_code": school.principal_code}),
        ("secretary", "executive_secretary", {"staff_code": school.secretary_code}),
        ("chief", "section_chief", {"unit": school.chief_unit, "staff_code": school.chief_code}),
        ("homeroom", "homeroom", {"classes": [school.homeroom_class], "staff_code": school.homeroom_code}),
        ("teacher", "teacher", {"staff_code": school.teacher_code}),
        ("member", "member", {}),
        ("auditor", "auditor", {}),
        ("admin", "admin", {}),
    ]
    taken = {name for name, *_ in accounts.list_users(store)}
    table = Table("帳號", "密碼", "角色", "範圍", title="示範帳號（密碼只顯示這一次）")
    for name, role, scope in people:
        if name in taken:
            continue
        password = random_password(12)
        accounts.add_user(store, name, password, role=role, classes=scope.get("classes", []), staff_code=scope.get("staff_code", ""), unit=scope.get("unit", ""), by=getpass.getuser())  # fmt: skip
        if name == "homeroom":  # teaches too, as they do: two roles, one at a time
            grants.give(store, name, role="teacher", by=getpass.getuser())
        table.add_row(
            name,
            password,
            "homeroom、teacher" if name == "homeroom" else role,
            "、".join(
                [
                    *(["全校"] if not set(scope) - {"staff_code"} and role != "teacher" else []),
                    *(str(v if isinstance(v, str) else v[0]) for v in scope.values()),
                ]
            ),
        )
    Console(width=100).print(table)
