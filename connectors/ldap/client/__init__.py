"""The directory, as far as the connector needs it. The only package that knows ldap3.

The traps that its settings avoid: by itself ldap3 checks no certificate, follows
referrals, and reads the whole schema on each connection.
"""

from __future__ import annotations

from connectors.ldap.client.conversation import NoBaseError
from connectors.ldap.client.directory import Directory

__all__ = ["Directory", "NoBaseError"]
