"""The kinds of values that settings have, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from scim2_models import Extension, SCIMException
from scim2_models import Path as AttrPath

from scimbridge.config import later
from scimbridge.domain.access import Network
from scimbridge.domain.duration import format_duration, parse_duration
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.lifecycle import LIFECYCLE, end_path
from scimbridge.domain.model import USER
from scimbridge.domain.trigger import Trigger
from scimbridge.sdk.addresses import refuse_written
from scimbridge.sdk.secret import SecretSources

SLOWEST = 25
"""Requests per second that a source may always make: Entra ID asks for them, and so does the IPSIE profile."""

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
        raise ValueError("is too long for the calendar") from error


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
        binding = AttrPath[USER](value.strip()).resolve()
    except SCIMException as error:
        raise ValueError(str(error.detail)) from error
    if binding is None or binding.is_multivalued:
        raise ValueError("is not a single-valued attribute of a User or its extensions")
    return binding.urn if issubclass(binding.model, Extension) else binding.urn.rpartition(":")[2]


def _network(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return ip_network(value.strip())
    except ValueError as error:
        raise ValueError('write a network or an address, like "10.0.0.0/8" or "2001:db8::/32"') from error


def _rate(value: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)/(s|m|h)", value.strip())
    if not found:
        raise ValueError('write a number of requests per second, minute or hour, like "50/s"')
    rate = float(found[1]) / {"s": 1, "m": 60, "h": 3600}[found[2]]
    if rate < SLOWEST:
        raise ValueError(f'must be at least "{SLOWEST}/s": identity providers count on that')
    return rate


def _key_url(value: str) -> str:
    parts = urlsplit(value)
    is_here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_here)):
        raise ValueError('write an https address, like "https://login.example.com"')
    refuse_written(value)
    return value


def _file(value: str, info: ValidationInfo) -> Path:
    base_dir = info.context.base_dir if isinstance(info.context, SecretSources) else Path.cwd()
    path = Path(base_dir / value)
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    return path


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

IpNetwork = Annotated[
    Network,
    PlainValidator(_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"]}),
]
"""An IPv4 or IPv6 network, or one address."""

Rate = Annotated[
    float,
    PlainValidator(_text(_rate, 'like "50/s"')),
    WithJsonSchema({"type": "string", "examples": ["50/s"]}),
]
"""Requests per second, written like ``"50/s"``."""

KeyUrl = Annotated[str, BeforeValidator(_text(_key_url, 'like "https://login.example.com/keys"'))]
"""Where keys are published: https, or http on this machine."""

IssuerUrl = Annotated[str, BeforeValidator(_text(_key_url, 'like "https://login.example.com"'))]
"""An issuer's identifier: https, or http on this machine."""

ReadableFile = Annotated[
    Path,
    PlainValidator(_file),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""A file that is there, relative to the configuration."""

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""An asymmetric signature algorithm (RFC 7518 §3.1, RFC 9864)."""

Filter = Annotated[
    IdentityFilter,
    PlainValidator(_text(IdentityFilter, "write a SCIM filter like 'userType eq \"Employee\"'")),
    PlainSerializer(lambda value: value.text, return_type=str),
    WithJsonSchema({"type": "string", "examples": ['userType eq "Employee"']}),
]
"""A SCIM filter over an identity (RFC 7644 §3.4.2.2)."""

When = Annotated[Trigger, _refusing(later.TRIGGERS)]
"""A trigger that this version has."""
