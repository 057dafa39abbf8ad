"""OpenLDAP as a target: find, lock, unlock and delete accounts."""

from connectors.ldap.config import LdapConfig
from connectors.ldap.connector import LdapConnector

__all__ = ["LdapConfig", "LdapConnector"]
