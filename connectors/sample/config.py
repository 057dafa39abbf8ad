"""What a sample target can be told."""

from __future__ import annotations

from pydantic import Field, SecretStr

from scimbridge.sdk import Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.fields import RelativePath


class SampleConfig(TargetConfig):
    """Settings of a sample target."""

    searchable = ("name", "external_id", "mail", "employee_number")

    match: dict[Matchable, str] = Field(default={"userName": "name", "externalId": "external_id"}, min_length=1)
    """How accounts are found: SCIM attribute = `name`, `external_id`, `mail` or `employee_number`, tried in order."""

    file: RelativePath
    """The file that holds the target; `connectors.sample.store` makes one."""

    token: Secret = SecretStr("")
    """What the file asks for, where it was made with one."""

    leavers_container: str = ""
    """Where `move` moves accounts to."""

    groups_container: str = ""
    """Where `move_group` moves groups to."""

    delay: float = Field(default=0, ge=0, le=60)
    """How long each call takes, in seconds."""
