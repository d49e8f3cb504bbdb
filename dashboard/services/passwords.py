"""Passwords as such: which are taken, how they are hashed, and how many are hashed at the same time."""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from collections.abc import Iterable
from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select

from dashboard.services.store import Store
from data.db import reading
from data.models import User
from data.school import read_settings

MINIMUM_LENGTH: Final = 12
MAXIMUM_LENGTH: Final = 1024  # longer ones only keep the hasher busy
KINDS: Final = 3  # of upper case, lower case, digit, other: what public schools ask for
PUBLIC_SCHOOL: Final = "public_school"
AT_ONCE: Final = 4  # 19 MiB each: a flood of logins must not eat the memory of the reports
FEWEST_GUESSES: Final = 10**8  # where zxcvbn calls a password safely unguessable behind a slow hash (Wheeler 2016)
_GUESSED_LENGTH: Final = 24  # zxcvbn's time grows with the square and worse: 1,024 characters would take minutes
# What zxcvbn's English lists lack: this system's own name, and 我的密碼, 我 and 密碼 as they are typed on a Zhuyin keyboard.
_LOCAL_WORDS: Final = ("licheng", "學習歷程", "ji32k7au4a83", "ji3g4go6", "ji3", "au4a83", "密碼", "一二三四五六七八九十")  # fmt: skip
_WORDS: Final = {
    "short": f"密碼至少要 {MINIMUM_LENGTH} 個字元",
    "long": f"密碼最多 {MAXIMUM_LENGTH} 個字元",
    "kinds": f"密碼要有大寫字母、小寫字母、數字、其他字元這四種之中的 {KINDS} 種（中文字算其他字元）",
    "common": "這個密碼太常見或太容易猜到，請換一個",
}
# argon2id by the second of OWASP's settings (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
_HASHER: Final = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_HASHING: Final = threading.BoundedSemaphore(AT_ONCE)
_GUESSING: Final = threading.Lock()  # zxcvbn keeps the words of who is asked about in a variable of its module
_DUMMY: Final = _HASHER.hash("nobody's password, hashed so that unknown accounts take as long as known ones")


def hash_password(password: str) -> str:
    """Return a password's hash: argon2id by the parameters in force."""
    with _HASHING:
        return _HASHER.hash(password)


def verify_password(password: str, kept: str | None) -> tuple[bool, str | None]:
    """Tell whether a password is the one of a hash, and return a new hash where the kept one is of weaker parameters.

    kept: None where there is no account; that takes as long, and is never right. So does a hash of no known scheme.
    """
    typed = password[:MAXIMUM_LENGTH]
    with _HASHING:
        try:
            matches, renewed = _HASHER.verify_and_update(typed, _DUMMY if kept is None else kept)
        except UnknownHashError:
            _HASHER.verify(typed, _DUMMY)
            return False, None
    return matches and kept is not None, renewed


def random_password(size_bytes: int = 32) -> str:
    """Return a password that nobody chose and every rule takes."""
    while _kinds(made := secrets.token_urlsafe(size_bytes)) < KINDS:
        pass
    return made


def password_rules(store: Store) -> str:
    """Return the rules that the school has set: standard or public_school."""
    with reading(store.engine) as connection:
        return read_settings(connection).password_rules


def password_fault(store: Store, username: str, password: str, *, staff_code: str = "") -> str:
    """Return what is wrong with a new password of an account: a key of fault_words, "" when nothing is.

    staff_code: of an account that is not there yet; that of one which is there is looked up.
    """
    with reading(store.engine) as connection:
        settings = read_settings(connection)
        code = staff_code or connection.execute(select(User.staff_code).where(User.username == username)).scalar() or ""
    about = (username, code, settings.school_name, settings.school_code)
    return fault_of(password, rules=settings.password_rules, about=about)


def fault_of(password: str, *, rules: str = "standard", about: Iterable[str] = ()) -> str:
    """Return what is wrong with a new password: "short", "long", "kinds", "common"; "" when nothing is.

    about: words that anybody would try for this person: names and codes, which may be empty.
    """
    if len(password) < MINIMUM_LENGTH:
        return "short"
    if len(password) > MAXIMUM_LENGTH:
        return "long"
    if rules == PUBLIC_SCHOOL and _kinds(password) < KINDS:
        return "kinds"
    return "common" if _is_easy(password, about) else ""


def fault_words(fault: str) -> str:
    """Say a fault to whoever sets a password on the command line."""
    return _WORDS[fault]


def _kinds(password: str) -> int:
    """Count the kinds of characters: upper case, lower case, digits, all others (a Chinese character is one of these)."""
    return len({"A" if c.isupper() else "a" if c.islower() else "0" if c.isdecimal() else "other" for c in password})


def _is_easy(password: str, about: Iterable[str]) -> bool:
    """Tell whether zxcvbn guesses a password too soon, as lower-case narrow text; of a long one both ends must be easy."""
    from zxcvbn import zxcvbn  # its lists take an eighth of a second: only who sets a password waits for them

    text, words = _folded(password), [_folded(word) for word in about if word]
    parts = [part for word in words for part in re.split(r"[\W_]+", word) if len(part) > 2]  # chen of chen.t105
    known = list(dict.fromkeys([*words, *parts, *_LOCAL_WORDS]))
    for end in {text[:_GUESSED_LENGTH], text[-_GUESSED_LENGTH:]}:
        with _GUESSING:
            found = zxcvbn(end, user_inputs=known, max_length=_GUESSED_LENGTH)
        if found["guesses"] >= FEWEST_GUESSES:
            return False
    return True


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()
