"""Types of settings that connectors of several kinds have."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationInfo

from scimbridge.sdk.addresses import refuse_written
from scimbridge.sdk.secret import SecretSources


def _beside_the_configuration(value: Path, info: ValidationInfo) -> Path:
    base_dir = info.context.base_dir if isinstance(info.context, SecretSources) else Path.cwd()
    return Path(base_dir, value)


def _existing(value: Path) -> Path:
    if not value.is_file():
        raise ValueError(f"there is no file {value}")
    return value


def _secure_address(value: str, info: ValidationInfo) -> str:
    try:
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))
        is_usable = is_safe and parts.hostname and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("write an address that begins with https://, without ? and #")
    if parts.username or parts.password:
        raise ValueError("leave out the user and password; credentials have settings of their own")
    return refusing_link_local(value, info)


def refusing_link_local(value: str, info: ValidationInfo) -> str:
    """Return an address of a target, unless it is written in figures and one that no target has.

    Raises:
        ValueError: It is, and the target is not allowed to be there.
    """
    if not info.data.get("allow_link_local", False):
        refuse_written(value)
    return value


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ValueError(f"{value!r} is not an e-mail address")
    return value


RelativePath = Annotated[Path, AfterValidator(_beside_the_configuration)]
"""A path that is relative to the folder of the configuration file."""

ExistingFile = Annotated[RelativePath, AfterValidator(_existing)]
"""Such a path, of a file that is there."""

SecureAddress = Annotated[str, AfterValidator(_secure_address)]
"""An address as it was written: ``https``, or ``http`` on this machine."""

ApiAddress = Annotated[SecureAddress, AfterValidator(lambda value: value.rstrip("/"))]
"""The root of an API, without a slash at its end."""

Email = Annotated[str, AfterValidator(_email)]
"""What looks like an e-mail address."""
