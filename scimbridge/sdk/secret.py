"""Secrets in a configuration: ``{ env = "NAME" }``, ``{ file = "PATH" }``, or a literal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr, ValidationInfo

from scimbridge.errors import Problem


class SecretSources:
    """The validation context in which secrets are resolved.

    Attributes:
        base_dir: What relative paths are relative to: the folder of the configuration file.
        warnings: What a connector finds doubtful, by the name of the key.
    """

    def __init__(self, base_dir: Path) -> None:
        self.base_dir = base_dir
        self.warnings: list[Problem] = []

    def warn(self, path: str, message: str) -> None:
        """Note what an operator should know about a configuration that is used nevertheless."""
        self.warnings.append(Problem(path, message))


def _resolve(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, SecretStr):
        return value
    sources = info.context if isinstance(info.context, SecretSources) else SecretSources(Path.cwd())
    match value:
        case {"env": str(name), **rest} if not rest:
            found = os.environ.get(name)
            if not found:
                raise ValueError(f"the environment variable {name} is not set")
            return found
        case {"file": str(name), **rest} if not rest:
            path = sources.base_dir / name
            try:
                return path.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ValueError(f"cannot read {path}: {error.strerror}") from error
        case str():
            return value
        case _:
            raise ValueError('write { env = "NAME" } or { file = "PATH" }')


Secret = Annotated[SecretStr, BeforeValidator(_resolve)]
"""A pydantic field type for a secret; its value is ``field.get_secret_value()``, its repr is masked."""
