"""What a SCIM target can be told."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from scimbridge.sdk import Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.fields import ExistingFile, refusing_link_local

ATTRIBUTE_PATH = re.compile(r"(urn:[A-Za-z0-9._:-]+:)?[A-Za-z][\w$-]*(\.[A-Za-z][\w$-]*)?", re.ASCII)
"""A path of RFC 7644 §3.10 without a value filter. It goes into filters as it is, so nothing else may pass."""


class ScimConfig(TargetConfig):
    """Settings of a SCIM target."""

    model_config = ConfigDict(hide_input_in_errors=True)  # an error would quote the token

    match: dict[Matchable, str] = Field(
        default={"userName": "userName", "externalId": "externalId"}, min_length=1, validate_default=True
    )
    """How accounts are found: SCIM attribute = the target's attribute, tried in order."""

    base_url: str
    """Where `/Users` is appended, e.g. `https://app.example.com/scim/v2`."""

    token: Secret
    """The bearer token: `{ env = "NAME" }` or `{ file = "PATH" }`."""

    dialect: Literal["standard"] = "standard"
    """Which vendor's habits to follow; `standard` is RFC 7644."""

    update: Literal["auto", "patch", "put"] = "auto"
    """How accounts are changed; `auto` asks the target's ServiceProviderConfig whether it can PATCH."""

    ca_file: ExistingFile | None = None
    """Certificates to trust instead of the public ones (PEM)."""

    connect_timeout: int = Field(default=5, ge=1, le=60)
    """How long a connection may take, in seconds."""

    read_timeout: int = Field(default=10, ge=1, le=120)
    """How long the target may be silent, in seconds."""

    total_timeout: int = Field(default=20, ge=1, le=300)
    """How long one call may take in all, short retries included, in seconds."""

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str, info: ValidationInfo) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("write an address such as https://app.example.com/scim/v2")
        if parts.username or parts.password:
            raise ValueError("leave out the user and password; the credential is `token`")
        if parts.query or parts.fragment:
            raise ValueError("leave out everything from ? or # on; paths are appended to it")
        return refusing_link_local(value, info).rstrip("/")

    @field_validator("token")
    @classmethod
    def _fits_into_a_header(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("must be printable ASCII without spaces or line ends")
        return value

    @field_validator("dialect", mode="before")
    @classmethod
    def _is_a_known_dialect(cls, value: Any) -> Any:
        if value != "standard":
            raise ValueError('only "standard" is here yet; vendors\' dialects come in a later version')
        return value

    @field_validator("match")
    @classmethod
    def _names_attributes(cls, value: dict[Matchable, str]) -> dict[Matchable, str]:
        for path in value.values():
            if not ATTRIBUTE_PATH.fullmatch(path):
                raise ValueError(f"{path!r} is no attribute path such as userName, emails.value or urn:…:User:name")
        return value
