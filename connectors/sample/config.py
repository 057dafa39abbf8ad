"""What a sample target can be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from scimbridge.sdk import Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.secret import SecretSources


class SampleConfig(TargetConfig):
    """Settings of a sample target."""

    match: dict[Matchable, str] = Field(default={"userName": "name", "externalId": "external_id"}, min_length=1)
    """How accounts are found: SCIM attribute = `name`, `external_id`, `mail` or `employee_number`, tried in order."""

    file: Path
    """The file that holds the target; `connectors.sample.store` makes one."""

    token: Secret = SecretStr("")
    """What the file asks for, where it was made with one."""

    leavers_container: str = ""
    """Where `move` moves accounts to."""

    groups_container: str = ""
    """Where `move_group` moves groups to."""

    delay: float = Field(default=0, ge=0, le=60)
    """How long each call takes, in seconds."""

    @field_validator("file")
    @classmethod
    def _from_the_configuration(cls, value: Path, info: ValidationInfo) -> Path:
        base_dir = info.context.base_dir if isinstance(info.context, SecretSources) else Path.cwd()
        return Path(base_dir, value)

    @field_validator("match")
    @classmethod
    def _names_attributes(cls, value: dict[Matchable, str]) -> dict[Matchable, str]:
        for name in value.values():
            if name not in ("name", "external_id", "mail", "employee_number"):
                raise ValueError(f"{name!r} is none of name, external_id, mail, employee_number")
        return value
