"""What an operator writes under ``[targets.NAME]`` for an LDAP directory."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from connectors.ldap import dn
from scimbridge.sdk import Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.secret import SecretSources

LATER_FLAVORS = ("active-directory", "389ds")
ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


class LdapConfig(TargetConfig):
    """Settings of a directory."""

    url: str
    """`ldaps://HOST[:PORT]`, `ldap://HOST[:PORT]` with `start_tls`, or `ldapi://%2Fpath%2Fto%2Fsocket`."""

    start_tls: bool = False
    """Encrypt an `ldap://` connection before the password is sent."""

    flavor: Literal["openldap"] = "openldap"
    """The kind of server: `openldap`."""

    ca_file: Path | None = None
    """PEM file with the authority that signed the directory's certificate; the system's authorities where absent."""

    bind_dn: str
    """The bridge's own account in the directory."""

    bind_password: Secret
    """Its password."""

    base_dn: str
    """Accounts are looked for, and touched, beneath this entry only."""

    match: dict[Matchable, str] = Field(default={"userName": "uid"}, min_length=1)
    """How accounts are found: SCIM attribute = LDAP attribute, tried in order."""

    user_filter: str = "(objectClass=person)"
    """What an entry must match beside `match` to be found as an account; keeps groups and service entries out."""

    connect_timeout: int = Field(default=5, ge=1, le=60)
    """Seconds to wait for a connection."""

    receive_timeout: int = Field(default=10, ge=1, le=120)
    """Seconds to wait for each answer."""

    @field_validator("flavor", mode="before")
    @classmethod
    def _known_flavor(cls, value: Any) -> Any:
        if value in LATER_FLAVORS:
            raise ValueError(f'"{value}" comes in a later version; this one has "openldap"')
        return value

    @field_validator("url")
    @classmethod
    def _usable_url(cls, value: str) -> str:
        parts = _split(value)
        if parts.scheme not in {"ldap", "ldaps", "ldapi"} or not parts.netloc:
            raise ValueError("write ldaps://HOST, ldap://HOST or ldapi://%2Fpath%2Fto%2Fsocket")
        if parts.path.strip("/") or parts.query or parts.username:
            raise ValueError("write the server's address only; base_dn and bind_dn have keys of their own")
        return value.rstrip("/")

    @field_validator("bind_dn", "base_dn")
    @classmethod
    def _real_dn(cls, value: str) -> str:
        dn.parse(value)
        return value

    @field_validator("bind_password")
    @classmethod
    def _no_anonymous_bind(cls, value: SecretStr) -> SecretStr:
        # RFC 4513 section 5.1.2: a bind with an empty password succeeds, as nobody.
        if not value.get_secret_value():
            raise ValueError("must not be empty: the directory would take the bridge for an anonymous visitor")
        return value

    @field_validator("match")
    @classmethod
    def _plain_attributes(cls, value: dict[Matchable, str]) -> dict[Matchable, str]:
        for name in value.values():
            if not ATTRIBUTE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an LDAP attribute")
        return value

    @field_validator("user_filter")
    @classmethod
    def _bracketed_filter(cls, value: str) -> str:
        if not (value.startswith("(") and value.endswith(")") and value.count("(") == value.count(")")):
            raise ValueError("write an LDAP filter in brackets, like (objectClass=person)")
        return value

    @field_validator("ca_file")
    @classmethod
    def _readable_ca_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        base_dir = info.context.base_dir if isinstance(info.context, SecretSources) else Path()
        path: Path = base_dir / value
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    @model_validator(mode="after")
    def _password_is_encrypted(self) -> LdapConfig:
        parts = _split(self.url)
        if self.start_tls and parts.scheme != "ldap":
            raise ValueError("start_tls is for ldap:// addresses; leave it out here")
        if parts.scheme == "ldap" and not self.start_tls and not _is_loopback(parts.hostname or ""):
            raise ValueError(
                "the password would cross the network in the clear: write ldaps:// in url, or set start_tls = true"
            )
        return self


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme != "ldapi":
        _ = parts.port  # raises ValueError where it is no number
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
