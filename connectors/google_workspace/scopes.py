"""The scopes of Google's APIs that the bridge asks for, one for each kind of call.

https://developers.google.com/workspace/admin/directory/v1/guides/authorizing
"""

from __future__ import annotations

_AUTH = "https://www.googleapis.com/auth/"

USER = f"{_AUTH}admin.directory.user"
SECURITY = f"{_AUTH}admin.directory.user.security"
GROUP = f"{_AUTH}admin.directory.group"
ORG_UNIT = f"{_AUTH}admin.directory.orgunit.readonly"
ROLES = f"{_AUTH}admin.directory.rolemanagement"
DEVICES = f"{_AUTH}admin.directory.device.mobile.action"
TRANSFER = f"{_AUTH}admin.datatransfer"
LICENSING = f"{_AUTH}apps.licensing"
GROUP_SETTINGS = f"{_AUTH}apps.groups.settings"
MAIL = f"{_AUTH}gmail.settings.basic"
MAIL_SHARING = f"{_AUTH}gmail.settings.sharing"
