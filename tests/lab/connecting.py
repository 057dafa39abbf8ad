"""Connectors for the directories of the lab."""

from __future__ import annotations

from typing import Any

from connectors.ldap import LdapConfig, LdapConnector
from scimbridge.demo.entries import BASE_DN, SERVICE_DN, DemoDirectory
from scimbridge.sdk import Context, Permit


def allow(*, writes: bool) -> None:
    """Permit everything."""


def ldap_config(directory: DemoDirectory, **changes: Any) -> LdapConfig:
    """Return settings that work, with changes; ``None`` leaves one out."""
    settings: dict[str, Any] = {
        "connector": "ldap",
        "url": directory.url,
        "bind_dn": SERVICE_DN,
        "bind_password": directory.service_password,
        "base_dn": BASE_DN,
        "connect_timeout": 60,
        "receive_timeout": 60,
    }
    changed = {key: value for key, value in {**settings, **changes}.items() if value is not None}
    return LdapConfig.model_validate(changed)


def ldap_connector(directory: DemoDirectory, permit: Permit = allow, **changes: Any) -> LdapConnector:
    """Return a connector that works, with changes to its settings."""
    return LdapConnector(ldap_config(directory, **changes), Context(target="directory", permit=permit))
