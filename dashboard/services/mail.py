"""Letters by SMTP: what became of each, so that none is lost and none goes out twice."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from ipaddress import ip_address

from dashboard.settings import Settings

SECONDS = 30.0  # how long a server may take to answer
_LONGEST_REPLY = 120


class MailSettingsError(ValueError):
    """The mail settings do not go together, said to whoever runs the server."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter in plain text."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter. state: sent, later (nothing went out, try again), refused (for good), unsure.

    unsure: the line broke after all of it had gone out and before the server said whether it took it; sending it again
    could be a second letter. reply: the server's code and words, without the address.
    """

    state: str
    reply: str = ""


def is_ready(settings: Settings) -> bool:
    """Tell whether there is a server and a sender to send with."""
    return bool(settings.smtp_host and settings.smtp_sender)


def check(settings: Settings) -> None:
    """Raise MailSettingsError where letters or a password would cross the network in the clear."""
    if settings.smtp_tls not in ("starttls", "tls", "none"):
        raise MailSettingsError("LICHENG_SMTP_TLS 請寫 starttls、tls 或 none")
    if settings.smtp_tls == "none" and not _is_this_machine(settings.smtp_host):
        raise MailSettingsError("LICHENG_SMTP_TLS=none 只能用在本機的郵件伺服器，其他主機請用 starttls 或 tls")


@contextmanager
def post(settings: Settings, *, seconds: float = SECONDS) -> Iterator[Callable[[Letter], Outcome]]:
    """Give a function that sends letters over one connection, opened with the first and anew where it broke."""
    check(settings)
    line: smtplib.SMTP | None = None

    def send(letter: Letter) -> Outcome:
        nonlocal line
        try:
            written = _written(settings, letter)
        except ValueError:
            return Outcome("refused", "地址或標題不合格式")
        try:
            line = line or _connect(settings, seconds)
            outcome = _send(line, settings.smtp_sender, letter.to, written)
        except smtplib.SMTPResponseException as error:  # at the greeting, TLS or login
            outcome = Outcome("later", _said(error.smtp_code, error.smtp_error))
        except (OSError, smtplib.SMTPException) as error:
            outcome = Outcome("later", type(error).__name__)
        if outcome.state != "sent" and line is not None:
            with suppress(OSError, smtplib.SMTPException):
                line.close()
            line = None
        return outcome

    try:
        yield send
    finally:
        if line is not None:
            with suppress(OSError, smtplib.SMTPException):
                line.quit()


def _connect(settings: Settings, seconds: float) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.smtp_tls == "tls":
        line: smtplib.SMTP = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=seconds, context=context)
    else:
        line = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=seconds)
    try:
        if settings.smtp_tls == "starttls":
            line.starttls(context=context)
        if settings.smtp_user:
            line.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except Exception:
        line.close()
        raise
    return line


def _send(line: smtplib.SMTP, sender: str, to: str, written: bytes) -> Outcome:
    """Go through the steps one by one, as what a broken line means depends on the step."""
    line.ehlo_or_helo_if_needed()
    code, words = line.mail(sender)
    if code != 250:
        return Outcome("later", _said(code, words))  # of the sender: the office has to mend it
    code, words = line.rcpt(to)
    if code not in (250, 251):
        return Outcome("refused" if code >= 500 else "later", _said(code, words))
    code, words = line.docmd("DATA")
    if code != 354:
        return Outcome("later", _said(code, words))
    dotted = b"\r\n".join(b"." + row if row.startswith(b".") else row for row in written.split(b"\r\n"))
    line.send(
        dotted + (b"" if dotted.endswith(b"\r\n") else b"\r\n") + b".\r\n"
    )  # broken here, its end has not gone out
    try:
        code, words = line.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return Outcome("unsure", type(error).__name__)
    if code == 250:
        return Outcome("sent", str(code))
    return Outcome("refused" if code >= 500 else "later", _said(code, words))


def _written(settings: Settings, letter: Letter) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.smtp_sender
    message["To"] = Address(addr_spec=letter.to)
    message["Subject"] = letter.subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=settings.smtp_sender.rpartition("@")[2].strip(" >") or None)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, charset="utf-8", cte="base64")
    return message.as_bytes()


def _said(code: int, words: bytes | str) -> str:
    """Keep the code and what the server says beside it, but for words that look like an address."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join([str(code), *(word for word in text.split() if "@" not in word)])[:_LONGEST_REPLY]


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
