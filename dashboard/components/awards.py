"""The words and tables of awards: a criterion as a sentence, what it found with n/N, and a case with its steps. Never a rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import html
from flask_babel import gettext as _

from dashboard.components.badge import badge
from dashboard.components.dates import roc_date, roc_datetime, until
from dashboard.components.numbers import count, days, fraction, percent, percent_of_rate
from dashboard.components.table import data_table
from dashboard.components.words import aside, listed, stage_name
from dashboard.i18n import N_

THOUSANDTHS: Final = 1000
_SHARES: Final = ("timeliness", "completion", "due_so_far")
_DAYS: Final = ("wait_median_days", "wait_p90_days")
_OUTCOMES: Final = {"met": N_("達到"), "near": N_("接近"), "not_met": N_("未達到"), "too_few": N_("件數太少")}
_TONES: Final = {"met": "done", "near": "on_track", "not_met": "neutral", "too_few": "too_few"}
_STATES: Final = {
    "draft": N_("草案"), "proposed": N_("等當事人表示意見"), "assessed": N_("等召集人決定"), "approved": N_("同意提請敘獎"),
    "declined": N_("不提請敘獎"), "withdrawn": N_("已撤回"),
}  # fmt: skip
_STATE_TONES: Final = {"draft": "not_open", "proposed": "on_track", "assessed": "on_track", "approved": "done"}
_STEPS: Final = {
    "drafted": N_("建立草案"), "proposed": N_("提案，凍結依據"), "commented": N_("當事人表示意見"), "objected": N_("當事人異議"),
    "agreed": N_("當事人沒有意見"), "assessed": N_("工作小組評核"), "approved": N_("召集人同意"), "declined": N_("召集人不同意"),
    "withdrawn": N_("撤回"),
}  # fmt: skip
_ACTIONS: Final = {
    "proposed": N_("提案並凍結依據"), "commented": N_("表示意見"), "objected": N_("提出異議"), "agreed": N_("沒有意見"),
    "assessed": N_("登記工作小組的評核"), "approved": N_("同意提請敘獎"), "declined": N_("不提請敘獎"), "withdrawn": N_("撤回這個案子"),
}  # fmt: skip
_MEASURES: Final = {
    "timeliness": N_("準時率"), "completion": N_("完成率"), "due_so_far": N_("到期完成率"), "wait_median_days": N_("等候日數中位"),
    "wait_p90_days": N_("九成件數的完成日數"), "overdue": N_("目前逾期件數"),
}  # fmt: skip
_AUDIENCES: Final = {
    "certifier": N_("認證的教師（含代理人，誰做的算誰的）"), "deputy": N_("替別人認證的代理人"), "unit": N_("負責提交、登錄、收訖答覆的單位"),
}  # fmt: skip
_PERIODS: Final = {"term": N_("一個學期"), "school_year": N_("一個學年度")}
_POSITIONS: Final = {
    "low": N_("低於全校的界限（漏斗圖）"), "within": N_("在全校的界限以內（漏斗圖）"), "high": N_("高於全校的界限（漏斗圖）"), "": N_("件數少，不比較"),
}  # fmt: skip
_DUTY_STATES: Final = {
    "on_time": N_("準時"),
    "late": N_("逾期完成"),
    "open": N_("待辦"),
    "overdue": N_("逾期"),
    "exempt": N_("免辦"),
}


def outcome_badge(outcome: str) -> html.Span:
    """Show an outcome, in no colour of fault: falling short of an award is none."""
    return badge(_TONES[outcome], words=_(_OUTCOMES[outcome]))


def outcome_word(outcome: str) -> str:
    """Name an outcome."""
    return _(_OUTCOMES[outcome]) if outcome in _OUTCOMES else "—"


def state_badge(state: str) -> html.Span:
    """Show the state of a case."""
    return badge(_STATE_TONES.get(state, "not_open"), words=_(_STATES[state]))


def state_word(state: str) -> str:
    """Name the state of a case."""
    return _(_STATES[state])


def step_word(kind: str) -> str:
    """Name a step of a case."""
    return _(_STEPS[kind])


def action_word(kind: str) -> str:
    """Say what somebody does who takes a step."""
    return _(_ACTIONS[kind])


def measure_word(measure: str) -> str:
    """Name a figure that a criterion may rest on."""
    return _(_MEASURES[measure])


def audience_word(audience: str) -> str:
    """Say whom a criterion is for."""
    return _(_AUDIENCES[audience])


def period_word(period: str) -> str:
    """Say how long a review looks back."""
    return _(_PERIODS[period])


def duty_state_word(state: str) -> str:
    """Name the state of a duty."""
    return _(_DUTY_STATES[state])


def condition_words(condition: Mapping[str, Any]) -> str:
    """Write a condition: 「認證的準時率至少 95.0%」."""
    bound = condition["threshold"] / THOUSANDTHS
    said = {"stage": stage_name(condition["stage"]), "measure": measure_word(condition["measure"])}
    if condition["measure"] in _SHARES:
        return _("%(stage)s的%(measure)s至少 %(bound)s", bound=percent_of_rate(bound, decimals=1), **said)
    if condition["measure"] in _DAYS:
        return _("%(stage)s的%(measure)s至多 %(bound)s 日", bound=days(bound, decimals=1), **said)
    return _("%(stage)s的%(measure)s至多 %(bound)s 件", bound=count(bound), **said)


def criterion_sentence(criterion: Any, conditions: Sequence[Mapping[str, Any]]) -> str:
    """Write a criterion as one sentence that a meeting can resolve."""
    said = {
        "audience": audience_word(criterion.audience), "period": period_word(criterion.period), "grade": criterion.grade,
        "minimum": count(criterion.minimum_count), "conditions": _("，而且").join(condition_words(each) for each in conditions),
    }  # fmt: skip
    quota = _("名額 %(n)s 名。", n=count(criterion.quota)) if criterion.quota else ""
    return _("%(audience)s，在%(period)s內至少 %(minimum)s 件，%(conditions)s，建議%(grade)s。", **said) + quota


def value_words(check: Mapping[str, Any]) -> str:
    """Write what was found for a condition, a share with n/N and its interval."""
    measure = check["condition"]["measure"]
    if check["whole"] == 0:
        return "—"
    if measure in _SHARES:
        found = fraction(check["part"], check["whole"]) + aside(percent(check["part"], check["whole"], decimals=1))
        return found + _("，95%% 區間 %(low)s 至 %(high)s", low=percent_of_rate(check["low"], decimals=1), high=percent_of_rate(check["high"], decimals=1))  # fmt: skip
    if measure in _DAYS:
        if check["value"] is None:
            return _("還算不出來（%(n)s 件，完成的還不夠多）", n=count(check["whole"]))
        return _("%(days)s 日（%(n)s 件）", days=days(check["value"], decimals=1), n=count(check["whole"]))
    return _("%(n)s/%(all)s 件", n=count(check["part"]), all=count(check["whole"]))


def checks_table(checks: Sequence[Mapping[str, Any]], *, caption: str) -> html.Div:
    """Show the conditions, what was found for each, and what follows."""
    rows = [[condition_words(each["condition"]), value_words(each), outcome_word(each["result"])] for each in checks]
    return data_table([_("條件"), _("查到的"), _("結果")], rows, caption=caption, numeric=())


def facts_words(finding: Mapping[str, Any]) -> list[str]:
    """Write the counts of each stage, under the deadline in force and the original one."""
    lines = []
    for stage, facts in finding["facts"].items():
        said = {
            "stage": stage_name(stage), "on_time": fraction(facts["on_time"], facts["decided"]), "done": fraction(facts["done"], facts["expected"]),
            "original": fraction(facts["on_time_original"], facts["decided_original"]), "exempt": count(facts["exempt"]),
        }  # fmt: skip
        lines.append(_("%(stage)s：準時 %(on_time)s 件（照原訂截止 %(original)s 件），完成 %(done)s 件，免辦 %(exempt)s 件", **said))  # fmt: skip
    return lines


def counter_words(finding: Mapping[str, Any]) -> list[str]:
    """Write what speaks against an award or explains the figures; nothing is left out because it is 0."""
    found, position = finding["counter"], finding["position"]
    lines = [
        _("目前逾期 %(n)s 件，逾期完成 %(late)s 件", n=count(found["overdue"]), late=count(found["late"])),
        _("在延長後的期限內才完成 %(n)s 件（原訂截止已過）", n=count(found["extension_used"])),
    ]
    if found["decisions"] or found["with_window"] or position:
        lines += [
            _("上傳截止前 48 小時起才送達 %(n)s/%(all)s 件", n=count(found["last_48h"]), all=count(found["with_window"])),
            _("請假（有代理人）%(n)s 日", n=count(found["leave_days"])),
            _("替別人完成 %(n)s 件，由別人代為完成 %(other)s 件", n=count(found["for_others"]), other=count(found["by_others"])),
            _("退回學生 %(n)s/%(all)s 件：只供參考，不是條件，也不是評分", n=count(found["returned"]), all=count(found["decisions"])),
            _(_POSITIONS[position]),
        ]  # fmt: skip
    return lines


def finding_lines(finding: Mapping[str, Any]) -> html.Ul:
    """List the facts and the counter-evidence of a finding."""
    return html.Ul([html.Li(line) for line in (*facts_words(finding), *counter_words(finding))], className="lc-plain")


def in_short(finding: Mapping[str, Any]) -> str:
    """Write what a finding rests on in one line: the conditions and what was found for each."""
    return listed(f"{condition_words(each['condition'])}{aside(value_words(each))}" for each in finding["checks"])


def counter_in_short(finding: Mapping[str, Any]) -> str:
    """Write the counter-evidence of a finding in one line of counts."""
    found = finding["counter"]
    said = {
        "overdue": count(found["overdue"]),
        "late": count(found["late"]),
        "extended": count(found["extension_used"]),
    }
    words = _("逾期 %(overdue)s 件、逾期完成 %(late)s 件、延長期內 %(extended)s 件", **said)
    if found["decisions"] or found["with_window"] or finding["position"]:
        rest = {
            "last": fraction(found["last_48h"], found["with_window"]), "leave": count(found["leave_days"]),
            "others": count(found["for_others"]), "by": count(found["by_others"]),
        }  # fmt: skip
        words += _("；48 小時內送達 %(last)s 件；請假 %(leave)s 日；替別人 %(others)s 件、由別人 %(by)s 件", **rest)
    return words


def items_table(items: Sequence[Mapping[str, Any]], *, caption: str) -> html.Div:
    """Show the duties behind a finding, oldest first, with both deadlines."""
    headers = [_("階段"), _("關於"), _("開始"), _("期限"), _("原訂期限"), _("完成"), _("情形")]
    rows = [
        [
            stage_name(each["stage"]), each["about"] or "—", roc_date(each["opened_at"]), until(each["due_at"]),
            until(each["original_due_at"]), roc_datetime(each["done_at"]), duty_state_word(each["state"]),
        ]
        for each in items
    ]  # fmt: skip
    return data_table(headers, rows, caption=caption, numeric=())


def moved_words(stage: str, name: str, then: Any, now: Any) -> str:
    """Write a frozen figure that is another one now."""
    names = {
        "on_time": _("準時"), "late": _("逾期完成"), "open": _("待辦"), "overdue": _("逾期"), "exempt": _("免辦"), "expected": _("應辦"),
        "done": _("完成"), "decided": _("已定"), "due": _("已到期"), "due_done": _("到期完成"), "on_time_original": _("照原訂截止準時"),
        "decided_original": _("照原訂截止已定"), "extension_used": _("延長期內完成"), "last_48h": _("48 小時內送達"), "with_window": _("有上傳截止的件"),
        "for_others": _("替別人完成"), "by_others": _("由別人完成"), "leave_days": _("請假日數"), "returned": _("退回"), "decisions": _("已認證"),
        "outcome": _("結果"), **{each: measure_word(each) for each in (*_SHARES, *_DAYS)}, "delay_median_days": _("逾期日數中位"),
    }  # fmt: skip
    label = f"{stage_name(stage)}　{names.get(name, name)}" if stage else names.get(name, name)
    return _("%(label)s：提案時 %(then)s，現在 %(now)s", label=label, then=_figure(name, then), now=_figure(name, now))


def _figure(name: str, value: Any) -> str:
    if name == "outcome":
        return outcome_word(str(value))
    if name in (*_SHARES, "completion"):
        return percent_of_rate(value, decimals=1)
    return days(value, decimals=1) if name.endswith("_median_days") or name.endswith("_p90_days") else count(value)
