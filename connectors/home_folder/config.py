"""What a target of home folders can be told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from scimbridge.sdk import TargetConfig
from scimbridge.sdk.config import Matchable

GIB = 1 << 30

_SYSTEM = ("bin", "boot", "etc", "lib", "lib32", "lib64", "proc", "sbin", "sys", "usr")
"""Folders directly below / in which nothing is a person's."""

_SHARED = ("/", "/dev", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/var")  # noqa: S108  # refused, not used
"""Folders that hold the system's and everybody's; one below them may well be a root."""


class HomeFolderConfig(TargetConfig):
    """Settings of a target of home folders."""

    searchable = ("name",)
    not_offered: ClassVar[Mapping[str, str]] = {
        "folder": "folders are directly in `root`; `match` and `suffix` say what they are called"
    }

    match: dict[Matchable, str] = Field(default={"userName": "name"}, min_length=1)
    """How folders are found: SCIM attribute = `name`, which is the folder's name with `suffix` behind it."""

    root: Path
    """The folder that the home folders are in; it has a folder `.scimbridge`, which only the bridge may enter."""

    archives: Path
    """Where archives are kept: outside of `root`, and for the bridge alone."""

    suffix: str = ""
    """What folders leave out of the name, e.g. `@example.com` where the folder of `ada@example.com` is called `ada`."""

    max_size_gib: float = Field(default=200, gt=0)
    """A folder that is larger than this is not archived before a person has decided, in GiB."""

    spare_gib: float = Field(default=1, ge=0)
    """How much stays free where the archives are, in GiB."""

    @field_validator("root", "archives")
    @classmethod
    def _is_nobody_elses(cls, value: Path) -> Path:
        plain = Path(os.path.normpath(value))
        if not value.is_absolute() or ".." in value.parts:
            raise ValueError("write a path from / on, without ..")
        if str(plain) in _SHARED or (len(plain.parts) > 1 and plain.parts[1] in _SYSTEM):
            raise ValueError(f"{plain} belongs to the system; write the folder that holds nothing but people's folders")
        return plain

    @model_validator(mode="after")
    def _lies_apart(self) -> HomeFolderConfig:
        if self.root.is_relative_to(self.archives) or self.archives.is_relative_to(self.root):
            raise ValueError("root and archives may not lie within one another")
        return self

    @property
    def max_size(self) -> int:
        """The largest folder that is archived, in bytes."""
        return int(self.max_size_gib * GIB)

    @property
    def spare(self) -> int:
        """What stays free where the archives are, in bytes."""
        return int(self.spare_gib * GIB)
