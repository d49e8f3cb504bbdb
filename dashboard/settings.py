"""Settings from the environment (LICHENG_…), and the secrets kept beside the database."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LONGEST_SESSION_HOURS = 24  # what session_hours may be set to: older logins are over, and deleted


class Settings(BaseSettings):
    """Where things are and how the server stands. The school's own settings live in the database."""

    model_config = SettingsConfigDict(env_prefix="LICHENG_", extra="ignore")

    database_url: str = ""  # empty: SQLite in the instance folder
    instance_dir: Path = Path("instance")  # database, secrets: run-time state, never in the package
    behind_tls: bool = False  # a reverse proxy terminates TLS: Secure cookies, HSTS, forwarded host
    idle_minutes: int = Field(default=30, ge=1, le=LONGEST_SESSION_HOURS * 60)
    session_hours: int = Field(default=8, ge=1, le=LONGEST_SESSION_HOURS)
    site_url: str = (
        ""  # where people reach this site, for links in reminders and invitations and the way back from single sign-on
    )
    smtp_host: str = ""  # reminders by e-mail: none without a host and a sender
    smtp_port: int = 587
    smtp_tls: str = "starttls"  # or tls, or none for a server on this machine
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_sender: str = ""
    oidc_issuer: str = ""  # single sign-on by the school's own accounts: none without it
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_domains: str = ""  # of verified e-mail addresses that are let in, with commas between
    oidc_staff_code_claim: str = ""  # the claim with the 教師代碼, where the provider has one
    local_login: bool = True  # by password; false where everybody signs on at the provider

    @model_validator(mode="after")
    def _instance_of_the_database(self) -> Self:
        """A SQLite file lies beside its secrets: whoever names it from another folder means its instance, not a new one."""
        if "instance_dir" not in self.model_fields_set and self.database_url.startswith("sqlite:///"):
            folder = Path(self.database_url.removeprefix("sqlite:///")).parent
            if secret_path(folder, "audit").exists():
                self.instance_dir = folder
        return self

    @property
    def url(self) -> str:
        """Return the database URL in force."""
        return self.database_url or f"sqlite:///{(self.instance_dir / 'licheng.sqlite').resolve().as_posix()}"

    def secret(self, name: str) -> bytes:
        """Return a secret of the instance, made on first use and readable by its owner only."""
        return read_secret(self.instance_dir, name)


def read_secret(folder: Path, name: str) -> bytes:
    """Return a secret of an instance folder, making it on first use."""
    path = secret_path(folder, name)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=folder, prefix=f"{name}-")  # for the owner only
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret is whole already
            os.link(made, path)
        Path(made).unlink()
    return path.read_bytes()


def secret_path(folder: Path, name: str) -> Path:
    """Return where a secret of an instance folder lies."""
    return folder / f"{name}.key"
