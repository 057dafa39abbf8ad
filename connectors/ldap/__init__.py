"""Directories as a target: Active Directory, OpenLDAP and 389 Directory Server."""

from connectors.ldap.config import LdapConfig
from connectors.ldap.connector import LdapConnector

__all__ = ["LdapConfig", "LdapConnector"]
