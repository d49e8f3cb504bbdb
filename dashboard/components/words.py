"""The words for stages and statuses, and the rule that voluntary stages have no fault words."""

from collections.abc import Iterable
from typing import Final

from flask_babel import gettext as _

from dashboard.components.dates import english
from dashboard.figures.palette import Status
from dashboard.i18n import N_

VOLUNTARY: Final = frozenset({"upload", "select"})

# What a voluntary stage may be called: taking part has no deadline that a student could miss.
_FREE: Final = frozenset({Status.NEUTRAL, Status.NOT_OPEN, Status.TOO_FEW})


# Marked here and translated one at a time: a page asks for some hundred words.
_STAGES: Final = {
    "register": N_("登錄"),
    "upload": N_("上傳"),
    "certify": N_("認證"),
    "select": N_("勾選"),
    "submit": N_("提交"),
    "confirm": N_("收訖確認"),
    "train": N_("宣導訓練"),
    "meet": N_("工作小組會議"),
    "plan": N_("期程與自我檢核"),
}
_STATUSES: Final = {
    Status.DONE: N_("已完成"),
    Status.ON_TRACK: N_("進度正常"),
    Status.ATTENTION: N_("需注意"),
    Status.OVERDUE: N_("逾期"),
    Status.NOT_OPEN: N_("未開放"),
    Status.TOO_FEW: N_("件數過少"),
    Status.NEUTRAL: N_("自主參與"),
    Status.BEHIND: N_("進度落後"),
}


def stage_name(stage: str) -> str:
    """Name a stage by its key in the product's table of stages; an unknown key is an error."""
    return _(_STAGES[stage])


def status_word(status: Status | str) -> str:
    """Say a status in one word; the neutral one of voluntary stages says 「自主參與」, which is no judgement."""
    return _(_STATUSES[Status(status)])


def require_fair(stage: str, status: Status | str | None) -> None:
    """Refuse a status that would call a voluntary stage late or unfinished (rule 1: voluntary stages are never a fault)."""
    if stage in VOLUNTARY and status is not None and Status(status) not in _FREE:
        raise ValueError(f"stage {stage!r} is voluntary and has no status {Status(status).value!r}")


def voluntary_rule() -> str:
    """Cite the rule that stands under every chart of a voluntary stage.

    Source: 作業要點第 3 點 (uploading and selecting are the student's choice) and the Ministry's answers on it (numbers are neither
    grades nor grounds for reward or punishment).
    """
    rule: str = _(
        "上傳與勾選為學生自主，件數不得列為評量或獎懲依據"
        "（學生學習歷程檔案作業要點第 3 點：課程學習成果及多元表現均由學生自行決定是否上傳、勾選）。"
    )
    return rule


def listed(words: Iterable[str]) -> str:
    """List words as the language does: 「甲、乙」, in English "a, b"."""
    return (", " if english() else "、").join(words)


def aside(words: str) -> str:
    """Put words in the brackets of the language, to stand after others."""
    return f" ({words})" if english() else f"（{words}）"


_EDITIONS: Final = {"full": N_("完整版"), "members": N_("成員版")}


def edition_name(edition: str) -> str:
    """Name an edition of a pack; an unknown key is an error."""
    return _(_EDITIONS[edition])


_RESOLUTIONS: Final = {
    "open": N_("辦理中"),
    "done": N_("已完成"),
    "carried": N_("繼續追蹤"),
    "dropped": N_("停止辦理"),
}
_MEETINGS: Final = {"planned": N_("預定"), "held": N_("已召開"), "cancelled": N_("已取消")}


def resolution_word(state: str) -> str:
    """Name the state of a resolution; an unknown key is an error."""
    return _(_RESOLUTIONS[state])


def meeting_word(state: str) -> str:
    """Name the state of a meeting; an unknown key is an error."""
    return _(_MEETINGS[state])


def meeting_title(term: int, ordinal: int) -> str:
    """Name a meeting by its term and its place in it."""
    said = {"year": term // 10, "semester": term % 10, "n": ordinal}
    return _("%(year)s 學年度第 %(semester)s 學期工作小組第 %(n)s 次會議", **said)


def no_data() -> str:
    """Say that nothing was imported, which is neither 0 % nor 「—」."""
    words: str = _("尚無資料")
    return words
