"""All settings as they count, each with where it comes from, and without what must stay secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from scimbridge.config.problems import spell
from scimbridge.config.sources import RawSettings
from scimbridge.sdk.config import TargetConfig

HIDDEN = "hidden"

_MASKED = "**********"
"""As pydantic writes a secret."""

_SECRET_NAME = re.compile(r"(password|passwd|secret|token|key|credentials?|authorization|cookie)s?$", re.IGNORECASE)
_ADDRESS_PASSWORD = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")
_INLINE_SECRET = re.compile(r"((?:password|passwd|secret|token|key)[\"']?\s*[=:]\s*[\"']?)[^\s\"',\]}]+", re.IGNORECASE)
"""A secret among the arguments of a program."""

_FREE_TABLES = frozenset({"environment", "headers"})
"""Tables whose keys are anybody's, so that nothing says which of their values are secret: all of them are hidden."""


class Origin(StrEnum):
    """Where a setting comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One setting.

    Attributes:
        path: As problems spell it: ``targets.directory.url``.
        value: As it counts; ``HIDDEN`` where it is secret, empty where it is not set.
        origin: Where it comes from.
        variable: The environment variable, where it comes from one, or the one that the file names.
    """

    path: str
    value: str
    origin: Origin
    variable: str = ""

    @property
    def section(self) -> str:
        """The first part of its path."""
        return self.path.partition(".")[0].partition("[")[0]


def list_settings(document: BaseModel, targets: Mapping[str, TargetConfig], raw: RawSettings) -> Iterator[Listed]:
    """Yield all settings in the order of the reference, defaults too."""
    dumped = document.model_dump(mode="json", by_alias=True)
    dumped["targets"] = {name: config.model_dump(mode="json", by_alias=True) for name, config in targets.items()}
    yield from _leaves(dumped, raw.tables, (), raw)


def _leaves(value: Any, said: Any, place: tuple[str | int, ...], raw: RawSettings) -> Iterator[Listed]:
    is_secret = value == _MASKED
    if isinstance(value, dict) and value and not is_secret:
        for key, inner in value.items():
            yield from _leaves(inner, said.get(key) if isinstance(said, dict) else None, (*place, key), raw)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            own = said[number] if isinstance(said, list) and number < len(said) else None
            yield from _leaves(inner, own, (*place, number), raw)
    else:
        yield _listed(value, said, place, raw)


def _listed(value: Any, said: Any, place: tuple[str | int, ...], raw: RawSettings) -> Listed:
    path = spell(list(place))
    named = _named(said)
    origin, variable = (Origin.FILE, named) if said is not None else (Origin.DEFAULT, "")
    if path in raw.variables:
        origin, variable = Origin.ENVIRONMENT, raw.variables[path]
    return Listed(path=path, value=_shown(value, place, is_elsewhere=bool(named)), origin=origin, variable=variable)


def _named(said: Any) -> str:
    """Return which variable or file a table names instead of a value."""
    match said:
        case {"env": str(name)}:
            return name
        case {"file": str(name)}:
            return name
        case _:
            return ""


def _shown(value: Any, place: tuple[str | int, ...], *, is_elsewhere: bool) -> str:
    if value is None or value in ([], {}):
        return ""
    if value == _MASKED or is_elsewhere or _FREE_TABLES & set(place):
        return HIDDEN
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and _SECRET_NAME.search(str(place[-1])):
        return HIDDEN
    return _INLINE_SECRET.sub(rf"\1{HIDDEN}", _ADDRESS_PASSWORD.sub(rf"\1:{HIDDEN}@", text))
