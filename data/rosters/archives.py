"""Archives to tables of text: 收訖明細 as a password-protected zip of JSON, and 歷程交換 as JSON; nothing is unpacked to disk."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, NoReturn

import pandas as pd
import pyarrow as pa

from data.rosters.limits import MAX_RATIO, refused
from data.rosters.problems import RefusedError
from data.rosters.reading import ArchiveReader, Table
from data.rosters.receipt_details import (
    BIRTH_HEADINGS,
    COURSE_HEADINGS,
    DIGEST,
    ID_HEADINGS,
    RECEIPT,
    SEMESTER_HEADINGS,
    SUBJECT_HEADINGS,
    kind_of,
)
from data.rosters.sheets import clean_column, normalise_heading
from data.rosters.transfers import COLUMNS as TRANSFER_COLUMNS

MAX_MEMBERS = 64
MAX_MEMBER_BYTES = 64 * 2**20  # one JSON; a school's 修課紀錄 of a year is some 25 MB
MAX_EXPANDED_BYTES = 200 * 2**20
# The classic encryption is undone byte by byte in Python: 1.6 MB a second. AES is not bound by this.
MAX_CLASSIC_BYTES = 12 * 2**20
MAX_OPENED = 600_000  # objects and lists of one JSON; empty ones cost twenty times their text in memory
MAX_VALUES = 4_000_000
MAX_PASSWORDS = 20
NEEDS_PASSWORD = "這個壓縮檔要密碼"  # nosec B105 # noqa: S105 - what a page looks for to ask; no password
DAMAGED = "解不開，檔案在傳送途中損壞或被改過，請重新下載"
SHA_LIST = "sha.txt"
EXCHANGED = "課程學習成果紀錄"
# What 名冊資訊 is known to say; 名冊別 is left out, as by it a table would be taken for the school's own workbook.
COVER = ("學校代碼", "學年度", "學年", "學期")
_SUFFIXES = (".zip", ".7z", ".rar", ".gz", ".tgz", ".tar", ".bz2", ".xz")
_MAGICS = (b"PK\x03\x04", b"7z\xbc\xaf", b"Rar!", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_HASH = re.compile(r"[0-9A-Fa-f]{64}")
_UNSEEN = {code: None for code in [*range(0x20), 0x7F, *range(0xD800, 0xE000)] if code not in (0x09, 0x0A, 0x0D)}


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of an archive: the names it may go by (tools disagree on how Chinese ones are written), and its bytes."""

    names: tuple[str, ...]
    content: bytes

    @property
    def name(self) -> str:
        return self.names[0]


def archive_reader(passwords: Sequence[str]) -> ArchiveReader:
    """Return what reads a .zip or .json of these names and bytes into tables.

    Passwords are tried in turn on an encrypted zip and kept nowhere. Raises RefusedError with one clear line, which
    begins with NEEDS_PASSWORD where a password is lacking or wrong.
    """
    tried = [password.encode() for password in passwords if password][:MAX_PASSWORDS]

    def read(name: str, content: bytes) -> list[Table]:
        if content[:2] == b"PK":
            return _read_receipt_zip(name, content, tried)
        if name.lower().endswith(".json"):
            return _read_single_json(name, content)
        raise refused(name, "這不是可以讀取的壓縮檔（內容與副檔名不符或檔案損壞），請重新下載")

    return read


# --- 收訖明細 ---------------------------------------------------------------------------------------------------------


def _read_receipt_zip(name: str, content: bytes, passwords: list[bytes]) -> list[Table]:
    members = _verify(name, _unpack(name, content, passwords))
    sha256 = hashlib.sha256(content).hexdigest()
    tables: list[Table] = []
    seen: dict[str, str] = {}
    notes: list[str] = []
    for member in members:
        if not member.name.lower().endswith(".json"):
            notes.append(f"壓縮檔裡的「{_shown(member.name)}」用不到，已略過")
            continue
        found = _find_people(_parse(name, member.name, member.content))
        kind = next(filter(None, map(kind_of, member.names)), None) or (kind_of(found.key) if found else None)
        if found is None or kind is None:
            _refuse(
                name,
                member.name,
                "看不出是哪一種收訖明細（校內幹部經歷、修課紀錄、課程學習成果或多元表現），請重新下載",
            )
        if kind in seen:
            _refuse(name, member.name, f"和「{_shown(seen[kind])}」都是{kind}，一次只能有一個，請分開匯入")
        seen[kind] = member.name
        if not found.people:
            notes.append(f"{kind}沒有任何學生的資料，已略過")
            continue
        tables.append(_receipt_table(name, sha256, kind, found))
    if not tables:
        raise refused(name, "壓縮檔裡沒有任何學生的收訖明細，請重新下載")
    return [_with_notes(tables[0], notes), *tables[1:]]


@dataclass(frozen=True, slots=True)
class _People:
    """The list of a 收訖明細 JSON, the key it stands under, and what 名冊資訊 says."""

    key: str
    people: list[dict[str, Any]]
    cover: dict[str, str]


def _find_people(parsed: Any) -> _People | None:
    """Find the one list of objects with 身分證號; what its key is called differs by kind. An empty list counts, if alone."""
    if not isinstance(parsed, dict):
        return None
    cover: dict[str, str] = {}
    lists: list[tuple[str, list[dict[str, Any]]]] = []
    for raw, value in parsed.items():
        key = _key(raw)
        if key == "名冊資訊":
            cover = _read_cover(value)
        elif isinstance(value, list) and all(isinstance(each, dict) for each in value):
            lists.append((key, [{_key(k): v for k, v in each.items()} for each in value]))
    with_people = [each for each in lists if any(set(ID_HEADINGS) & person.keys() for person in each[1])]
    chosen = with_people or [each for each in lists if not each[1]]
    return _People(*chosen[0], cover) if len(chosen) == 1 else None


def _read_cover(value: Any) -> dict[str, str]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    said = {_key(key): _text(cell).strip() for key, cell in value.items()}
    return {key: said[key][:100] for key in COVER if said.get(key)}


def _receipt_table(name: str, sha256: str, kind: str, found: _People) -> Table:
    """Make one row a person (工作表 empty) and one an item. Marks, descriptions and birth dates are left behind here."""
    headings = ("身分證號", "工作表", "課程代碼", "科目名稱", "實際修課學期")
    rows: list[tuple[str, ...]] = []
    digests = []
    for person in found.people:
        id_number = _text(_first(person, ID_HEADINGS))
        rows.append((id_number, "", "", "", ""))
        for sheet, value in person.items():
            if sheet in ID_HEADINGS or sheet in BIRTH_HEADINGS:
                continue
            for item in [value] if isinstance(value, dict) else value if isinstance(value, list) else []:
                if isinstance(item, dict):
                    keyed = {_key(key): cell for key, cell in item.items()}
                    course = (_text(_first(keyed, h)) for h in (COURSE_HEADINGS, SUBJECT_HEADINGS, SEMESTER_HEADINGS))
                    rows.append((id_number, _text(sheet), *course))
        digests.append(hashlib.sha256(_canonical(name, person)).digest())
    digest = hashlib.sha256(b"".join(sorted(digests))).hexdigest()
    term = {key: found.cover[key] for key in COVER[1:] if key in found.cover}
    frame = _frame(name, headings, rows).assign(**term)
    count = sum(not row[1] for row in rows)
    note = f"{kind}：{count:,} 人，{len(rows) - count:,} 件"
    return Table(name, kind, sha256, frame, found.cover | {RECEIPT: kind, DIGEST: digest}, notes=(note,))


def _canonical(name: str, person: dict[str, Any]) -> bytes:
    try:
        return json.dumps(person, sort_keys=True).encode()
    except RecursionError:
        raise refused(name, "JSON 的層數太深，拒絕讀取") from None


# --- single JSON files ------------------------------------------------------------------------------------------------


def _read_single_json(name: str, content: bytes) -> list[Table]:
    if len(content) > MAX_MEMBER_BYTES:
        raise refused(name, f"JSON 超過 {MAX_MEMBER_BYTES // 2**20} MB，拒絕讀取")
    parsed = _parse(name, "", content)
    sha256 = hashlib.sha256(content).hexdigest()
    students = parsed if isinstance(parsed, list) else [parsed]
    keyed = [{_key(k): v for k, v in each.items()} for each in students if isinstance(each, dict)]
    if any(EXCHANGED in each for each in keyed):
        return [_exchange_table(name, sha256, keyed)]
    found = _find_people(parsed)
    kind = (kind_of(name) or kind_of(found.key)) if found else None
    if found is None or kind is None:
        raise refused(name, "認不出這個 JSON 是什麼；可匯入歷程交換的 JSON，或收訖明細（整個 zip，或其中一個 JSON）")
    if not found.people:
        raise refused(name, f"{kind}沒有任何學生的資料，請重新下載")
    table = _receipt_table(name, sha256, kind, found)
    return [_with_notes(table, ["這是單獨的 JSON，沒有 SHA.txt 可以核對內容；能匯入原來的 zip 更好"])]


def _exchange_table(name: str, sha256: str, students: list[dict[str, Any]]) -> Table:
    """Make one row a 課程學習成果紀錄; what it does not say of the student is taken from 基本資料."""
    synonyms = [column.headings for column in TRANSFER_COLUMNS]
    headings = [each[0] for each in synonyms]
    rows: list[tuple[str, ...]] = []
    for student in students:
        basic = student.get("基本資料")
        basic = {_key(k): v for k, v in basic.items()} if isinstance(basic, dict) else {}
        items = student.get(EXCHANGED)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                keyed = {_key(key): value for key, value in item.items()}
                id_number = _first(keyed, ID_HEADINGS) or _first(basic, ID_HEADINGS)
                rows.append((_text(id_number), *(_text(_first(keyed, each)) for each in synonyms[1:])))
    if not rows:
        raise refused(name, "這個歷程交換的 JSON 沒有課程學習成果紀錄，沒有可以匯入的資料")
    return Table(name, EXCHANGED, sha256, _frame(name, headings, rows))


# --- the zip ----------------------------------------------------------------------------------------------------------


def _unpack(name: str, content: bytes, passwords: list[bytes]) -> list[_Member]:
    """Return the files of a zip with their bytes, once its directory is in order and a password fits."""
    import pyzipper  # its ciphers take a while to load, and only archives need them

    try:
        with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            _check_directory(name, content, infos)
            password = _find_password(name, archive, [info for info in infos if info.flag_bits & 1], passwords)
            return [_Member(_names(info), _expand(name, archive, info, password)) for info in infos]
    except RefusedError:
        raise
    except Exception:  # the bytes decide how the library fails; it has no error of its own for that
        raise refused(name, "壓縮檔損壞或不完整，請重新下載") from None


def _check_directory(name: str, content: bytes, infos: list[Any]) -> None:
    """Refuse what a 收訖明細 never is, before a byte is expanded: bombs, archives within, names that are paths elsewhere."""
    if not infos or len(infos) > MAX_MEMBERS:
        raise refused(name, f"壓縮檔裡有 {len(infos):,} 個檔案，不像收訖明細（上限 {MAX_MEMBERS} 個），拒絕讀取")
    seen: set[str] = set()
    for info in infos:
        member = _names(info)[0]
        path = info.orig_filename.replace("\\", "/")
        if path.startswith("/") or ":" in path or ".." in path.split("/") or any(ord(c) < 32 for c in path):
            _refuse(name, member, "檔名不合規則，拒絕讀取")
        if member.casefold() in seen:
            _refuse(name, member, "檔名重複，拒絕讀取")
        seen.add(member.casefold())
        if member.lower().endswith(_SUFFIXES):
            _refuse(name, member, "壓縮檔裡不能再有壓縮檔，請先解開再匯入")
        if info.compress_type not in (0, 8):
            _refuse(name, member, "用了少見的壓縮方式，請重新下載，或解開後重新壓縮")
        if info.file_size > MAX_MEMBER_BYTES:
            _refuse(name, member, f"解開後超過 {MAX_MEMBER_BYTES // 2**20} MB，拒絕讀取")
        if info.file_size > 2**20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            _refuse(name, member, "壓縮得不合常理，拒絕讀取")
    if sum(info.file_size for info in infos) > MAX_EXPANDED_BYTES:
        raise refused(name, f"壓縮檔解開後超過 {MAX_EXPANDED_BYTES // 2**20} MB，拒絕讀取")
    if sum(info.compress_size for info in infos) > len(content):  # members that overlap: one bomb fills a whole zip
        raise refused(name, "壓縮檔損壞或不完整，請重新下載")
    classic = [i.compress_size for i in infos if i.flag_bits & 1 and i.wz_aes_version is None]
    if sum(classic) > MAX_CLASSIC_BYTES:
        limit = MAX_CLASSIC_BYTES // 2**20
        raise refused(
            name,
            f"用傳統加密（ZipCrypto）的壓縮檔超過 {limit} MB，解密太慢；請自行解開後，逐一匯入裡面的 JSON，或改用 AES 加密",
        )


def _find_password(name: str, archive: Any, locked: list[Any], passwords: list[bytes]) -> bytes | None:
    """Return the password that opens the smallest locked member."""
    if not locked:
        return None
    if not passwords:
        raise refused(name, f"{NEEDS_PASSWORD}，請輸入下載收訖明細時的密碼再匯入")
    smallest = min(locked, key=lambda info: info.compress_size)
    doubtful = ""
    for password in passwords:
        try:
            _read_member(archive, smallest, password)
        except NotImplementedError:
            _refuse(name, _names(smallest)[0], "用了少見的加密方式，請重新下載，或自行解開後匯入裡面的 JSON")
        except RuntimeError:  # how the library says that a password is wrong
            continue
        except Exception:  # the classic encryption knows a wrong one only by what comes out of it, one time in 256
            if smallest.wz_aes_version is not None:
                _refuse(name, _names(smallest)[0], DAMAGED)
            doubtful = "，或檔案損壞"
        else:
            return password
    raise refused(name, f"{NEEDS_PASSWORD}，輸入的密碼不對{doubtful}，請確認後再輸入一次")


def _expand(name: str, archive: Any, info: Any, password: bytes | None) -> bytes:
    try:
        return _read_member(archive, info, password)
    except RuntimeError:  # as above
        _refuse(name, _names(info)[0], "的密碼和其他檔案不同，請重新下載")
    except Exception:  # the bytes decide how the library fails
        _refuse(name, _names(info)[0], DAMAGED)


def _read_member(archive: Any, info: Any, password: bytes | None) -> bytes:
    """Expand a member to the size it declares and no further; the library then compares the checksum."""
    file: IO[bytes]
    with archive.open(info, pwd=password if info.flag_bits & 1 else None) as file:
        data = file.read(info.file_size + 1)
        if len(data) != info.file_size or file.read(1):
            raise ValueError(info.file_size)
    return data


def _names(info: Any) -> tuple[str, ...]:
    """Return the base name, the most likely first: what is not marked as UTF-8 is often UTF-8 or Big5 all the same."""
    found = [info.orig_filename]
    if not info.flag_bits & 0x800:
        try:
            raw = info.orig_filename.encode("cp437")
        except UnicodeEncodeError:
            raw = b""
        for encoding in ("cp950", "utf-8"):
            try:
                found.insert(0, raw.decode(encoding) or info.orig_filename)
            except UnicodeDecodeError:
                continue
    return tuple(dict.fromkeys(each.replace("\\", "/").rpartition("/")[2] for each in found))


def _verify(name: str, members: list[_Member]) -> list[_Member]:
    """Hold every file against SHA.txt; one that is missing in either or differs refuses the whole archive."""
    lists = [member for member in members if member.name.lower() == SHA_LIST]
    if len(lists) != 1:
        raise refused(name, "壓縮檔裡沒有 SHA.txt，不是收訖明細的原檔；請重新下載，或解開後匯入裡面的檔案")
    listed = _read_list(name, lists[0].content)
    found = []
    for member in members:
        if member is lists[0]:
            continue
        if member.content.startswith(_MAGICS):
            _refuse(name, member.name, "壓縮檔裡不能再有壓縮檔，請先解開再匯入")
        key = next((each.casefold() for each in member.names if each.casefold() in listed), None)
        if key is None:
            _refuse(name, member.name, "不在 SHA.txt 的清單裡，檔案可能被換過，請重新下載")
        if listed.pop(key) != hashlib.sha256(member.content).hexdigest():
            _refuse(name, member.name, "內容和 SHA.txt 的 SHA-256 不符，檔案被改過或損壞，請重新下載")
        found.append(member)
    if listed:
        _refuse(name, next(iter(listed)), "SHA.txt 列了這個檔案，壓縮檔裡卻沒有，請重新下載")
    return found


def _read_list(name: str, content: bytes) -> dict[str, str]:
    for encoding in ("utf-8-sig", "cp950"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise refused(name, "SHA.txt 的文字編碼無法辨識，請重新下載")
    listed: dict[str, str] = {}
    for line in text.splitlines():
        cells = [cell.strip(' \t"*') for cell in line.split(",")]
        hashes = [cell.lower() for cell in cells if _HASH.fullmatch(cell)]
        files = [cell.replace("\\", "/").rpartition("/")[2].casefold() for cell in cells if not _HASH.fullmatch(cell)]
        if len(hashes) == 1 and files and files[0] != SHA_LIST and listed.setdefault(files[0], hashes[0]) != hashes[0]:
            _refuse(name, "SHA.txt", f"把「{_shown(files[0])}」列了兩次而內容不同，請重新下載")
    return listed


# --- cells ------------------------------------------------------------------------------------------------------------


def _parse(name: str, member: str, content: bytes) -> Any:
    """Read a JSON whose numbers stay text; what a bomb would cost is counted before a value is made of it."""
    opened = content.count(b"{") + content.count(b"[")
    if opened > MAX_OPENED or opened + content.count(b",") > MAX_VALUES:
        _refuse(name, member, "JSON 的項目太多，拒絕讀取")
    try:
        text = content.decode("utf-8-sig")
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: "")
    except RecursionError:
        _refuse(name, member, "JSON 的層數太深，拒絕讀取")
    except UnicodeDecodeError:
        _refuse(name, member, "不是 UTF-8 的 JSON，請重新下載")
    except ValueError:
        _refuse(name, member, "不是完整的 JSON，請重新下載")


@lru_cache(maxsize=4096)
def _key(text: str) -> str:
    return normalise_heading(text.translate(_UNSEEN))[:200]


def _first(keyed: Mapping[str, Any], headings: Sequence[str]) -> Any:
    return next((keyed[heading] for heading in headings if keyed.get(heading) not in (None, "")), "")


def _text(value: Any) -> str:
    return value.translate(_UNSEEN) if isinstance(value, str) else ""


def _frame(name: str, headings: Sequence[str], rows: list[tuple[str, ...]]) -> pd.DataFrame:
    columns = zip(*rows, strict=True)
    cleaned = {
        heading: clean_column(name, pa.array(column, pa.string())).to_pandas()
        for heading, column in zip(headings, columns, strict=True)
    }
    frame = pd.DataFrame(cleaned).astype("str")
    frame.index = pd.RangeIndex(1, len(rows) + 1)
    return frame


def _with_notes(table: Table, notes: list[str]) -> Table:
    said = (*table.notes, *notes)
    return Table(table.file_name, table.sheet, table.sha256, table.frame, table.cover, notes=said)


def _shown(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[-60:]


def _refuse(name: str, member: str, message: str) -> NoReturn:
    """Refuse the whole file; member: which file inside is to blame, "" where there is only one."""
    raise refused(name, f"裡面的「{_shown(member)}」{message}" if member else message)
