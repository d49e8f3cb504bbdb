"""官方學生自填多元表現名冊: which 多元表現 were handed in, by student and sheet; nothing of their text is kept."""

from __future__ import annotations

from data.rosters.kinds import Context, Counts, Kind, Rows
from data.rosters.submitting import IGNORED, PERFORMANCES, SHARED, claims_for, submit

COLUMNS = SHARED
_UNUSED = (
    "單位名稱", "開始日期", "結束日期", "擔任職務", "內容簡述", "幹部等級", "競賽名稱", "項目", "競賽等級代碼", "獎項",
    "結果公布日期", "團體參與代碼", "證照代碼", "註1", "分數", "分項結果", "取得證照日期", "證照字號", "檢定組別",
    "服務名稱", "服務單位", "時數", "彈性學習時間類別種類代碼", "內容開設名稱", "開設單位", "開設學年度", "開設學期",
    "每週節數", "開設週數", "團體活動時間類別代碼", "辦理單位", "團體活動內容名稱", "活動學年度", "活動學期", "節數",
    "職場學習類別代碼", "職場學習單位", "職場學習職稱", "名稱", "日期", "計畫專案", "課程名稱", "學分數", "總時數",
    "主辦單位",
)  # fmt: skip


def take(rows: Rows, context: Context) -> Counts:
    """Keep the submission and how many items of each sheet are whose."""
    return submit(rows, context, PERFORMANCES)


KIND = Kind(
    key="official_performances",
    title="學生自填多元表現名冊（提交）",
    order=113,
    columns=COLUMNS,
    take=take,
    claims=claims_for(PERFORMANCES, COLUMNS),
    take_empty=True,
    ignored=(*IGNORED, *_UNUSED),
)
