"""The kinds of values that settings have, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema
from scim2_models import Extension, Path, SCIMException

from scimbridge.config import later
from scimbridge.domain.action import Action
from scimbridge.domain.duration import format_duration, parse_duration
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.lifecycle import LIFECYCLE, end_path
from scimbridge.domain.model import USER
from scimbridge.domain.trigger import Trigger

_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)?")
_SIZES = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the HTTP server listens. Port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _text(parse: Callable[[str], Any], wanted: str) -> Callable[[Any], Any]:
    """Return a validator for something that is written as a string; a value that was already read passes."""

    def validate(value: Any) -> Any:
        if isinstance(value, bool | int | float | dict | list) or value is None:
            raise ValueError(f"must be a string: {wanted}")  # pydantic reports ValueError only
        return parse(value) if isinstance(value, str) else value

    return validate


def _duration(value: str) -> timedelta:
    try:
        return parse_duration(value)
    except OverflowError as error:
        raise ValueError("is longer than a calendar has room for") from error


def _size(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if not found:
        raise ValueError('write a number of bytes, or a size like "512KiB" or "1MiB"')
    return int(found[1]) * _SIZES[found[2]]


def _listen(value: str) -> Listen:
    found = re.fullmatch(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]/\s]+)):(?P<port>\d{1,5})", value.strip())
    if not found or int(found["port"]) > 65535:
        raise ValueError('write HOST:PORT, like "127.0.0.1:8085" or "[::1]:8085"')
    return Listen(found["v6"] or found["host"], int(found["port"]))


def _timezone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError('write a name of the IANA time zone database, like "Europe/Berlin"') from error


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError('write the address that others use, like "https://bridge.example.com"')
    return value.rstrip("/")


def _attribute_path(value: str) -> str:
    """Return a path as the schema spells it."""
    if value.strip().lower().startswith(f"{LIFECYCLE}:".lower()):
        return LIFECYCLE + value.strip()[len(LIFECYCLE) :]  # known, whether the models have it or not
    end_path(value)
    try:
        binding = Path[USER](value.strip()).resolve()
    except SCIMException as error:
        raise ValueError(str(error.detail)) from error
    if binding is None or binding.is_multivalued:
        raise ValueError("is no attribute with a single value of a User or its extensions")
    return binding.urn if issubclass(binding.model, Extension) else binding.urn.rpartition(":")[2]


def _refusing(names: frozenset[str]) -> BeforeValidator:
    def refuse(value: Any) -> Any:
        if isinstance(value, str) and value in names:
            raise ValueError(f'"{value}" {later.SAYS}')
        return value

    return BeforeValidator(refuse)


Duration = Annotated[
    timedelta,
    BeforeValidator(_text(_duration, 'write "90d", "36h", "15m", "2s" or ISO 8601')),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["90d", "36h", "15m", "2s", "P90D"]}),
]
"""Elapsed time: ``"90d"``, ``"36h"``, ``"15m"``, ``"2s"`` or ISO 8601."""

ByteSize = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": ["integer", "string"], "minimum": 1})]
"""Bytes, as a number or like ``"1MiB"``."""

ListenAddress = Annotated[
    Listen,
    PlainValidator(_text(_listen, 'write HOST:PORT, like "127.0.0.1:8085"')),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""``HOST:PORT``."""

TimeZone = Annotated[
    ZoneInfo,
    PlainValidator(_text(_timezone, 'write a name of the IANA time zone database, like "Europe/Berlin"')),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]}),
]
"""A time zone by its name in the IANA database."""

AttributePath = Annotated[str, BeforeValidator(_text(_attribute_path, "the path of an attribute"))]
"""The path of an attribute of a User that has one value (RFC 7644 §3.10)."""

PublicUrl = Annotated[str, BeforeValidator(_text(_public_url, 'like "https://bridge.example.com"'))]
"""An http or https address without a slash at its end."""

Filter = Annotated[
    IdentityFilter,
    PlainValidator(_text(IdentityFilter, "write a SCIM filter like 'userType eq \"Employee\"'")),
    PlainSerializer(lambda value: value.text, return_type=str),
    WithJsonSchema({"type": "string", "examples": ['userType eq "Employee"']}),
]
"""A SCIM filter over an identity (RFC 7644 §3.4.2.2)."""

When = Annotated[Trigger, _refusing(later.TRIGGERS)]
"""A trigger that this version has."""

Do = Annotated[Action, _refusing(later.ACTIONS)]
"""An action that this version has."""
