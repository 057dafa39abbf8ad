"""What an operator writes under ``[targets.NAME]`` for Microsoft 365."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from scimbridge.sdk import Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.fields import ApiAddress, ExistingFile
from scimbridge.sdk.reply import Reach, ReplyTemplate

Extension = Literal[
    "extensionAttribute1",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
]


class Microsoft365Config(TargetConfig):
    """Settings of a tenant."""

    searchable = ("userPrincipalName", "mail", "employeeId", "onPremisesImmutableId")

    tenant_id: str
    """The tenant: its id, or one of its domains."""

    client_id: str
    """The id of the application that the bridge signs in as."""

    client_secret: Secret = SecretStr("")
    """Its secret; not needed with `client_certificate`."""

    client_certificate: ExistingFile | None = None
    """PEM file with the application's certificate and private key, instead of a secret."""

    match: dict[Matchable, str] = Field(default={"userName": "userPrincipalName"}, min_length=1)
    """How accounts are found: SCIM attribute = `userPrincipalName`, `mail`, `employeeId` or `onPremisesImmutableId`,
    tried in order."""

    stamp_attribute: Extension = "extensionAttribute15"
    """Where `stamp` and `disconnect` write their marks, behind what stands there."""

    mail_settings: bool = False
    """Whether the rules and replies of mailboxes are read and written, which `redirect_mail` needs."""

    auto_reply: ReplyTemplate | None = None
    """What `redirect_mail` has Exchange answer to mail, e.g. `{name} has left. Please write to {successor}.` The
    address of the successor is `{successor}`, their name `{successor_name}`, the leaver's `{name}`. Nothing where
    absent."""

    auto_reply_to: Reach = "domain"
    """Whom `auto_reply` answers: people of the same tenant, or anybody, who then learns that the person has left."""

    direct_reports: Literal["leave", "successor"] = "leave"
    """Whether `transfer_ownership` makes the successor the manager of those who report to the account."""

    devices: Literal["leave", "disable"] = "leave"
    """What `revoke_sessions` does to the registered devices of an account."""

    protected: list[str] = Field(default=[])
    """User principal names of accounts about which a person decides, such as those for emergencies."""

    authority: ApiAddress = "https://login.microsoftonline.com"
    """Where tokens come from; another one for national clouds."""

    api_root: ApiAddress = "https://graph.microsoft.com/v1.0"
    """Where Microsoft Graph is."""

    scope: str = "https://graph.microsoft.com/.default"
    """What tokens are for; another one for national clouds."""

    ca_file: ExistingFile | None = None
    """Certificates to trust instead of the public ones (PEM)."""

    @field_validator("tenant_id", "client_id")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9.-]{1,128}", value):
            raise ValueError("write an id such as 11111111-2222-3333-4444-555555555555")
        return value

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        if bool(self.client_secret.get_secret_value()) == (self.client_certificate is not None):
            raise ValueError("write client_secret or client_certificate, and not both")
        return self

    @model_validator(mode="after")
    def _can_reply(self) -> Self:
        if self.auto_reply and not self.mail_settings:
            raise ValueError("auto_reply needs mail_settings = true")
        return self
