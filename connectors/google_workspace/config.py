"""What an operator writes under ``[targets.NAME]`` for Google Workspace."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from scimbridge.sdk import TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.fields import ApiAddress, Email, ExistingFile, RelativePath
from scimbridge.sdk.reply import Reach, ReplyTemplate

Aliases = Literal["leave", "remove", "successor"]
Delegates = Literal["leave", "remove", "successor"]
Application = Literal["drive", "calendar", "looker-studio"]

_SKU = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9-]+")
_IN_KEY_FILE = ("client_email", "private_key", "token_uri")


class GoogleWorkspaceConfig(TargetConfig):
    """Settings of a Google Workspace customer."""

    searchable = ("primaryEmail", "email", "externalIds.value")

    credentials_file: RelativePath
    """The key of a service account, as JSON; it needs domain-wide delegation. `token_uri` is read from it."""

    subject: Email
    """The address of the administrator that the bridge acts for."""

    customer: str = "my_customer"
    """The customer's id; `my_customer` is that of `subject`."""

    match: dict[Matchable, str] = Field(default={"userName": "primaryEmail"}, min_length=1)
    """How accounts are found: SCIM attribute = `primaryEmail`, `email` (an alias, too) or `externalIds.value`, tried in
    order."""

    disabled_ou: str | None = None
    """The path of the organizational unit that `move` moves accounts to, e.g. `/Leavers`."""

    licenses: list[str] = Field(default=[])
    """The licenses that `release_licenses` takes, as `PRODUCT/SKU`, e.g. `Google-Apps/1010020020`. Google does not tell
    which licenses somebody has, so that each costs a call for each look at an account."""

    transfer: list[Application] = Field(default=["drive", "calendar"])
    """What `transfer_ownership` hands over."""

    mail_settings: bool = False
    """Whether Gmail's settings are read and written, which `redirect_mail` needs. The bridge then acts for the leaver,
    too, and a look at where mail goes costs three calls more."""

    auto_reply: ReplyTemplate | None = None
    """What `redirect_mail` has Gmail answer to mail, e.g. `{name} has left. Please write to {successor}.` The address
    of the successor is `{successor}`, their name `{successor_name}`, the leaver's `{name}`. Nothing where absent."""

    auto_reply_to: Reach = "domain"
    """Whom `auto_reply` answers: people of the same domain, or anybody, who then learns that the person has left."""

    delegates: Delegates = "leave"
    """What `redirect_mail` does to who else may read the leaver's mail: nothing, take it from them all, or leave it to
    the successor alone."""

    aliases: Aliases = "leave"
    """What `redirect_mail` does to the leaver's further addresses: nothing, remove them, or give them to the
    successor."""

    group_settings: bool = False
    """Whether the settings of groups are read and written, which `disable_group` needs. Each look at a group then costs
    one call more."""

    devices: Literal["leave", "wipe_account", "block"] = "leave"
    """What `revoke_sessions` does to mobile devices: nothing, remove the account from them, or block them."""

    protected: list[Email] = Field(default=[])
    """Addresses of accounts about which a person decides, such as those for emergencies."""

    api_root: ApiAddress = "https://admin.googleapis.com"
    """Where the Directory and Data Transfer APIs are."""

    licensing_root: ApiAddress = "https://licensing.googleapis.com"
    """Where the Enterprise License Manager API is."""

    gmail_root: ApiAddress = "https://gmail.googleapis.com"
    """Where the Gmail API is."""

    groups_root: ApiAddress = "https://www.googleapis.com"
    """Where the Groups Settings API is."""

    ca_file: ExistingFile | None = None
    """Certificates to trust instead of the public ones (PEM)."""

    @property
    def key(self) -> dict[str, Any]:
        """The key of the service account.

        Raises:
            ValueError: It cannot be read, or is none.
        """
        return _key_in(self.credentials_file)

    @field_validator("credentials_file")
    @classmethod
    def _is_a_key(cls, value: Path) -> Path:
        _key_in(value)
        return value

    @field_validator("disabled_ou")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is not None and (not value.startswith("/") or value == "/" or value.endswith("/")):
            raise ValueError('write the whole path of an organizational unit, such as "/Leavers"')
        return value

    @field_validator("licenses")
    @classmethod
    def _are_skus(cls, value: list[str]) -> list[str]:
        for each in value:
            if not _SKU.fullmatch(each):
                raise ValueError(f'{each!r} is not a product and SKU; write e.g. "Google-Apps/1010020020"')
        return value

    @field_validator("aliases")
    @classmethod
    def _leads_to_nobody_else(cls, value: Aliases, info: ValidationInfo) -> Aliases:
        if value == "successor" and "email" in info.data.get("match", {}).values():
            raise ValueError(
                'an address that has gone to the successor would find them for the leaver: match by "primaryEmail" or '
                '"externalIds.value" instead of "email"'
            )
        return value


def _key_in(path: Path) -> dict[str, Any]:
    """Read a key file; what is in it stays out of errors."""
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except ValueError:
        raise ValueError(f"{path} is not JSON; download the key of the service account again") from None
    missing = [name for name in _IN_KEY_FILE if not isinstance(key, dict) or not isinstance(key.get(name), str)]
    if missing:
        raise ValueError(f"{path} is not the key of a service account: it lacks {', '.join(missing)}")
    return dict(key)
