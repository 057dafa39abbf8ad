"""What differs from server to server, one file each; the connector itself knows none of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from connectors.ldap.flavors.active_directory import ActiveDirectory
from connectors.ldap.flavors.ds389 import Ds389
from connectors.ldap.flavors.flavor import Flavor
from connectors.ldap.flavors.openldap import OpenLdap

FlavorName = Literal["openldap", "active-directory", "389ds"]

FLAVORS: Mapping[FlavorName, Flavor] = MappingProxyType(
    {"openldap": OpenLdap(), "active-directory": ActiveDirectory(), "389ds": Ds389()}
)

__all__ = ["FLAVORS", "Flavor", "FlavorName"]
