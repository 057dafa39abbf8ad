"""What a command target can be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator

from scimbridge.sdk import Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.relaying import RelayedAction


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) or name.startswith("LD_"):
        raise ValueError(f"{name!r} is not a name for a variable; write capitals, digits and _")
    return name


VariableName = Annotated[str, AfterValidator(_variable)]


class CommandConfig(TargetConfig):
    """Settings of a command target."""

    model_config = ConfigDict(hide_input_in_errors=True)  # an error would quote secrets

    match: dict[Matchable, str] = Field(default={"userName": "userName"}, min_length=1)
    """How accounts are found: SCIM attribute = the name that the program knows it by, tried in order."""

    allow_program: Literal[True]
    """Has to be `true`: the program runs with all rights that the bridge has on its machine."""

    program: list[str] = Field(min_length=1)
    """The program by its whole path, and its arguments. There is no shell."""

    actions: list[RelayedAction] = Field(min_length=1)
    """What the program can do. An action that is not here cannot be done at this target."""

    environment: Mapping[VariableName, str] = Field(default_factory=dict)
    """Variables for the program. It has no others but `PATH`, `LANG`, `HOME` and `TMPDIR`."""

    secrets: Mapping[VariableName, Secret] = Field(default_factory=dict)
    """Variables with secrets for the program: `{ LEGACY_PASSWORD = { env = "NAME" } }`."""

    timeout: int = Field(default=30, ge=1, le=300)
    """How long one run may take, in seconds; then it is killed with all that it started."""

    memory_mib: int = Field(default=512, ge=16, le=65536)
    """How much memory each of its processes may have, in MiB (address space)."""

    @field_validator("environment")
    @classmethod
    def _can_be_passed_on(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if any("\0" in each for each in value.values()):
            raise ValueError("a variable cannot hold a NUL")
        return value

    @field_validator("program")
    @classmethod
    def _is_whole(cls, value: list[str]) -> list[str]:
        if not Path(value[0]).is_absolute() or any("\0" in each for each in value):
            raise ValueError('write the whole path of the program first, like ["/opt/leavers/legacy", "--site", "b"]')
        return value
