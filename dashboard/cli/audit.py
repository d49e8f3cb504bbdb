"""`licheng audit`: the chain of the log, its head, and what is too old."""

from __future__ import annotations

import getpass
import re
import sys
from typing import Annotated

import typer

from dashboard.cli.database import Db, open_store, require_file
from dashboard.cli.terminal import err, fail, say
from dashboard.services import audit


def audit_verify(
    head: Annotated[
        str | None, typer.Option(help="以前用 licheng audit head 記下的那一行；有它才看得出最新的紀錄被刪掉")
    ] = None,
    db: Db = "",
) -> None:
    """查驗稽核紀錄的鏈：有沒有任何一筆被改掉、刪掉、插入或調換。"""
    noted = "" if head is None else _seal(head)
    require_file(db)
    verdict = audit.check(open_store(db), head=noted).verdict
    for fault in verdict.faults:
        err.print(_fault_words(fault), markup=False)
    if verdict.faults:
        if hint := _hint(verdict):
            err.print(hint, markup=False)
        raise typer.Exit(1)
    say(f"共 {verdict.count:,} 筆，鏈完整" + (f"；對到記下的第 {verdict.noted} 筆。" if noted else "。"))


def _seal(said: str) -> str:
    """Return the seal of a noted line; what is none must neither accuse the log nor pass as a check that was made."""
    found = re.fullmatch(r"(?:[0-9]+\s+)?([0-9a-f]{64})", said.strip().lower())
    if found is None:
        raise fail("--head 要是 licheng audit head 印出的那一行", 2)
    return found[1]


def _hint(verdict: audit.Verdict) -> str:
    """Say what else it may be where the rows from the first on do not fit, and all later ones do: another key more than a hand."""
    first = (
        verdict.number - verdict.count + 1
    )  # the older ones were removed in due time, which only the right key can tell
    counted = [each for each in verdict.faults if each.kind != "cut" and each != audit.Fault("missing", 1, first - 1)]
    if len(counted) != 1 or (counted[0].kind, counted[0].first) != ("changed", first):
        return ""
    last = counted[0].last
    if last == verdict.number:
        return "每一筆都不符：請確認 instance/audit.key 是這個資料庫原來的那一把。"
    if last == first:  # one row is sooner changed than the whole of a log from before a restore
        return ""
    return f"第 {first} 至 {last} 筆是用別的金鑰封印的（例如還原備份時沒有金鑰檔），或都被改過。"


def _fault_words(fault: audit.Fault) -> str:
    which = f"第 {fault.first} 筆" if fault.first == fault.last else f"第 {fault.first} 至 {fault.last} 筆"
    return {
        "changed": f"{which}：內容、順序或封印被改過，或是另外插入的",
        "missing": f"{which}：不見了",
        "unlinked": f"{which}：接不上前一筆，前面有紀錄被換過或調換過",
        "cut": f"找不到記下的封印：{which}之後的紀錄被刪掉，或那一筆被改過",
    }[fault.kind]


def audit_head(db: Db = "") -> None:
    """印出最新一筆的編號與封印；請記在這臺電腦以外的地方，日後用 verify --head "那一行" 對照。"""
    require_file(db)
    number, seal = audit.head_of(open_store(db))
    sys.stdout.write(f"{number} {seal}\n")


def audit_prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只算有幾筆，不刪除")] = False,
    db: Db = "",
) -> None:
    """刪除超過保存年限的稽核紀錄（設定 audit_retention_years）；刪到哪一筆會留下紀錄，鏈仍可查驗。"""
    try:
        removed, first_kept = audit.prune(open_store(db), by=getpass.getuser(), dry_run=dry_run)
    except audit.BrokenChainError:
        raise fail("鏈不完整，沒有刪除任何紀錄；請先執行 licheng audit verify") from None
    done = "會刪除" if dry_run else "已刪除"
    say(f"{done} {removed:,} 筆；保留 {first_kept:%Y/%m/%d} 起的紀錄。")
