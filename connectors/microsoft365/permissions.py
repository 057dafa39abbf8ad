"""The application permissions of Microsoft Graph that the bridge uses.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

READ = "Directory.Read.All"
ENABLE = "User.EnableDisableAccount.All"
WRITE = "User.ReadWrite.All"
REVOKE = "User.RevokeSessions.All"
PASSWORD = "User-PasswordProfile.ReadWrite.All"  # noqa: S105  # the name of a permission
METHODS = "UserAuthenticationMethod.ReadWrite.All"
GRANTS = "DelegatedPermissionGrant.ReadWrite.All"
DEVICES = "Device.ReadWrite.All"
MEMBERS = "GroupMember.ReadWrite.All"
OWNERS = "Group.ReadWrite.All"
ROLES = "RoleManagement.ReadWrite.Directory"
APPLICATIONS = "AppRoleAssignment.ReadWrite.All"
OWNED_APPLICATIONS = "Application.ReadWrite.All"
LICENSES = "LicenseAssignment.ReadWrite.All"
MAIL_READ = "MailboxSettings.Read"
MAIL = "MailboxSettings.ReadWrite"
DELETE = "User.DeleteRestore.All"

INCLUDED_IN: Mapping[str, frozenset[str]] = {
    READ: frozenset({"Directory.ReadWrite.All"}),
    ENABLE: frozenset({WRITE, "Directory.ReadWrite.All"}),
    WRITE: frozenset({"Directory.ReadWrite.All"}),
    REVOKE: frozenset({WRITE, "Directory.ReadWrite.All"}),
    GRANTS: frozenset({"Directory.ReadWrite.All"}),
    DEVICES: frozenset({"Directory.ReadWrite.All"}),
    MEMBERS: frozenset({OWNERS, "Directory.ReadWrite.All"}),
    OWNERS: frozenset({"Directory.ReadWrite.All"}),
    OWNED_APPLICATIONS: frozenset({"Directory.ReadWrite.All"}),
    LICENSES: frozenset({WRITE, "Directory.ReadWrite.All"}),
    DELETE: frozenset({WRITE}),
}
"""Broader permissions that do as well."""


def is_granted(name: str, granted: Collection[str]) -> bool:
    """Whether a permission was given, or a broader one that includes it."""
    return name in granted or not INCLUDED_IN.get(name, frozenset()).isdisjoint(granted)


def missing(needed: Iterable[str], granted: Collection[str]) -> list[str]:
    """Return what was not given of what is needed."""
    return [name for name in needed if not is_granted(name, granted)]
