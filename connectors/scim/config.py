"""What a SCIM target can be told."""

from __future__ import annotations

import re
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from connectors.scim import dialect as dialects
from scimbridge.sdk import Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.fields import ExistingFile, SecureAddress, refusing_link_local

ATTRIBUTE_PATH = re.compile(r"(urn:[A-Za-z0-9._:-]+:)?[A-Za-z][\w$-]*(\.[A-Za-z][\w$-]*)?", re.ASCII)
"""A path of RFC 7644 §3.10 without a value filter. It goes into filters as it is, so nothing else may pass."""

_MATCH: dict[Matchable, str] = {"userName": "userName", "externalId": "externalId"}

_NOT_FOR_TOKENS = frozenset({"host", "connection", "content-length", "content-type", "transfer-encoding", "if-match"})
"""Headers that mean something else."""

_NO_TEXTS = frozenset(
    {"id", "externalid", "username", "active", "schemas", "meta", "name", "emails", "groups", "roles", "entitlements"}
    | {"password", "displayname", "preferredlanguage", "locale", "timezone", "phonenumbers", "addresses"}
)
"""Attributes in which no mark can stand, in lower case."""


class ScimConfig(TargetConfig):
    """Settings of a SCIM target."""

    model_config = ConfigDict(hide_input_in_errors=True)  # an error would quote the token

    match: dict[Matchable, str] = Field(default=_MATCH, min_length=1, validate_default=True)
    """How accounts are found: SCIM attribute = the target's attribute, tried in order."""

    base_url: str
    """Where `/Users` is appended, e.g. `https://app.example.com/scim/v2`."""

    token: Secret = SecretStr("")
    """The token, where the application gives out one that lasts: `{ env = "NAME" }` or `{ file = "PATH" }`."""

    token_header: str = "Authorization"  # noqa: S105  # a name, and no token
    """Which header the token is sent in, e.g. `X-Api-Key`."""

    token_scheme: str | None = None
    """The word before the token; `Bearer` in `Authorization` and none elsewhere, where absent."""

    username: str | None = None
    """The user for Basic authentication, with `password` and instead of a token."""

    password: Secret = SecretStr("")
    """Its password."""

    token_url: SecureAddress | None = None
    """Where tokens that run out come from (OAuth 2.0), instead of `token`."""

    client_id: str | None = None
    """Who the bridge is there."""

    client_secret: Secret = SecretStr("")
    """The secret that goes with it; not needed where `client_certificate` is enough."""

    client_authentication: Literal["basic", "body"] = "basic"
    """How `token_url` is told the secret: in the Authorization header, or beside what is asked for."""

    scope: str | None = None
    """What the tokens are for, if `token_url` wants to be told."""

    refresh_token: Secret = SecretStr("")
    """Gets tokens on behalf of the person who gave it; without it, the bridge asks in its own name (client
    credentials)."""

    client_certificate: ExistingFile | None = None
    """PEM file with the certificate that the bridge shows (mutual TLS), alone or beside the others."""

    client_key: ExistingFile | None = None
    """PEM file with its private key, without a password; where absent, it is in the same file."""

    dialect: str = Field(default="standard", json_schema_extra={"enum": list(dialects.names())})
    """Which vendor's habits to follow; `standard` is RFC 7644."""

    update: Literal["auto", "patch", "put"] = "auto"
    """How accounts are changed; `auto` asks the target's ServiceProviderConfig whether it can PATCH."""

    groups: Literal["off", "on"] = "off"
    """Whether `remove_from_groups` takes accounts out of the application's groups; the credentials must be allowed to
    read and change them."""

    roles: bool = False
    """Whether the `roles` of an account count as groups: `remove_from_groups` takes them away."""

    entitlements: bool = False
    """Whether the `entitlements` of an account are licenses that `release_licenses` takes away."""

    stamp_attribute: str | None = None
    """Which text of an account `stamp` writes its mark into, behind what stands there, e.g. `nickName` or `title`."""

    group_stamp_attribute: str | None = None
    """Which text of a group `stamp_group` writes its mark into; the standard has none, but for the group's name."""

    privileged_groups: list[str] = Field(default=[])
    """Names of groups and roles that give power over others: a person decides about who is in them, and nobody is
    put back by the bridge."""

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

    @field_validator("token_header")
    @classmethod
    def _is_a_header(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]+", value) or value.lower() in _NOT_FOR_TOKENS:
            raise ValueError("write the name of the header that the application wants the token in, like X-Api-Key")
        return value

    @field_validator("token_scheme")
    @classmethod
    def _is_one_word(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[!-~]+", value):
            raise ValueError("write one word, like Bearer, or nothing")
        return value

    @field_validator("username")
    @classmethod
    def _can_stand_before_a_password(cls, value: str | None) -> str | None:
        if value is not None and (not value or ":" in value or not value.isprintable()):
            raise ValueError("must not be empty nor have a colon in it (RFC 7617)")
        return value

    @model_validator(mode="before")
    @classmethod
    def _searches_by_what_there_is(cls, data: Any) -> Any:
        """Leave out of the default ``match`` what a vendor cannot be asked for."""
        if not isinstance(data, dict) or "match" in data or data.get("dialect") not in dialects.names():
            return data
        searched_by = dialects.dialect(data["dialect"]).searched_by or tuple(_MATCH.values())
        return {**data, "match": {name: path for name, path in _MATCH.items() if path in searched_by}}

    @model_validator(mode="after")
    def _asks_for_what_there_is(self) -> Self:
        known = dialects.dialect(self.dialect)
        others = [path for path in self.match.values() if known.searched_by and path not in known.searched_by]
        if others:
            raise ValueError(
                f"match: accounts are searched by {', '.join(known.searched_by or ())} alone, "
                f"and not by {', '.join(others)} ({known.title})"
            )
        return self

    @model_validator(mode="after")
    def _says_who_it_is_in_one_way(self) -> Self:
        ways = {
            "token": bool(self.token.get_secret_value()),
            "username": self.username is not None,
            "token_url": self.token_url is not None,
        }
        chosen = [name for name, is_there in ways.items() if is_there]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} are two ways to sign in; keep one of them")
        if not chosen and self.client_certificate is None:
            raise ValueError("write how to sign in: token, username and password, token_url, or client_certificate")
        return self

    @model_validator(mode="after")
    def _has_what_goes_together(self) -> Self:
        secrets = {name: bool(getattr(self, name).get_secret_value()) for name in ("password", "client_secret")}
        if (self.username is not None) != secrets["password"]:
            raise ValueError("username and password go together")
        if (self.token_url is not None) != (self.client_id is not None):
            raise ValueError("token_url and client_id go together")
        if self.token_url is None and (secrets["client_secret"] or self.refresh_token.get_secret_value() or self.scope):
            raise ValueError("client_secret, refresh_token and scope are for token_url, which is missing")
        if self.token_url is not None and not (
            secrets["client_secret"] or self.client_certificate or self.refresh_token.get_secret_value()
        ):
            raise ValueError("token_url needs client_secret, client_certificate or refresh_token")
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("client_key needs client_certificate")
        return self

    @field_validator("dialect")
    @classmethod
    def _is_a_known_dialect(cls, value: str) -> str:
        if value not in dialects.names():
            raise ValueError(f"write one of {', '.join(dialects.names())}")
        return value

    @field_validator("groups", "roles", "entitlements", "stamp_attribute")
    @classmethod
    def _can_be_had_there(cls, value: Any, info: ValidationInfo) -> Any:
        spoken = info.data.get("dialect")
        refusal = dialects.dialect(spoken).refusal(info.field_name or "", value) if spoken is not None else ""
        if refusal:
            raise ValueError(refusal)
        return value

    @field_validator("stamp_attribute", "group_stamp_attribute")
    @classmethod
    def _is_a_text(cls, value: str | None) -> str | None:
        if value is not None and (not re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII) or value.lower() in _NO_TEXTS):
            raise ValueError(
                "write an attribute of accounts that holds a text nobody signs in by, like nickName or title"
            )
        return value

    @field_validator("match")
    @classmethod
    def _names_attributes(cls, value: dict[Matchable, str]) -> dict[Matchable, str]:
        for path in value.values():
            if not ATTRIBUTE_PATH.fullmatch(path):
                raise ValueError(f"{path!r} is not an attribute path such as userName, emails.value or urn:…:User:name")
        return value
