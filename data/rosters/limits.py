"""How much of anything a file may hold, and how a file that holds more is refused."""

from __future__ import annotations

from data.rosters.problems import Problem, RefusedError

MAX_BYTES = 100 * 2**20
MAX_EXPANDED_BYTES = 400 * 2**20
MAX_TEXT_BYTES = 512 * 2**20  # of all cells, a shared or repeated text counted each time it is shown
MAX_MEMBERS = 2_000
MAX_RATIO = 200  # a real sheet is packed 10 to 30 times smaller, a bomb 1,000 times
MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 300_000, 300, 6_000_000
SMALL_BYTES = 2 * 2**20  # to go through an XML member of more takes longer than to start a process that may die of it

UNREADABLE = "這不是可以讀取的活頁簿（內容與副檔名不符或檔案損壞），請重新匯出或另存新檔"
LOCKED = "檔案有密碼，讀不到內容，請先在試算表軟體移除密碼再匯入"
TOO_BIG = "活頁簿解開後過大，拒絕讀取，請分成幾個檔案再匯入"
UNSAFE = "活頁簿裡有不該有的內容（{what}），拒絕讀取，請在試算表軟體開啟後另存新檔"
MANY_CELLS = f"工作表超過 {MAX_CELLS:,} 格的上限，請分成幾個檔案再匯入"


def refused(name: str, message: str) -> RefusedError:
    """Return the refusal of a whole file in one line."""
    return RefusedError([Problem(name, message=message)])


def check_size(name: str, rows: int, columns: int) -> None:
    """Refuse a table of more rows, columns or cells than can be held. Raises RefusedError saying which and how many."""
    if rows > MAX_ROWS:
        raise refused(name, f"有 {rows:,} 列，超過 {MAX_ROWS:,} 列的上限，請分成幾個檔案再匯入")
    if columns > MAX_COLUMNS:
        raise refused(name, f"有 {columns:,} 欄，超過 {MAX_COLUMNS} 欄的上限，請刪去右邊用不到的欄再匯入")
    if rows * columns > MAX_CELLS:
        raise refused(name, MANY_CELLS)
