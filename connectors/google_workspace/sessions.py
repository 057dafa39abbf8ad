"""What keeps somebody signed in: sessions, tokens of applications, app passwords, backup codes, devices.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-users
"""

from __future__ import annotations

from urllib.parse import quote

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient, user_path
from connectors.google_workspace.config import GoogleWorkspaceConfig
from scimbridge.sdk import RetryableError

_ON_DEVICES = {"wipe_account": "admin_account_wipe", "block": "block"}
_DONE = {
    "admin_account_wipe": {"ACCOUNT_WIPED", "ACCOUNT_WIPING"},
    "block": {"BLOCKED"},
}
"""States of a device in which there is nothing to do."""


class Sessions:
    """Ends what is alive, of one account at a time."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient) -> None:
        self._client = client
        self._devices = f"/admin/directory/v1/customer/{quote(config.customer, safe='')}/devices/mobile"
        self._device_action = _ON_DEVICES.get(config.devices)

    def revoke(self, user_id: str, email: str) -> dict[str, int]:
        """End everything; returns how many of each kind there were."""
        ended = {
            "app passwords": self.drop_app_passwords(user_id),
            "tokens": self._drop(user_id, "tokens", "clientId", "a token of an application"),
            "devices": self._end_on_devices(email),
        }
        self._client.send("POST", user_path(user_id, "signOut"), call="signing out", scope=scopes.SECURITY)
        return ended

    def drop_app_passwords(self, user_id: str) -> int:
        """Take away app passwords; returns how many there were."""
        return self._drop(user_id, "asps", "codeId", "an app password")

    def drop_backup_codes(self, user_id: str) -> None:
        """Make the backup codes of 2-step verification worthless; Google refuses that for a suspended account."""
        path = user_path(user_id, "verificationCodes", "invalidate")
        self._client.send("POST", path, call="invalidating backup codes", scope=scopes.SECURITY, expect=(400,))

    def _drop(self, user_id: str, kind: str, key: str, what: str) -> int:
        """Take away all of a kind.

        Raises:
            RetryableError: Some are still there.
        """
        found = self._list(user_id, kind, what)
        for each in found:
            path = user_path(user_id, kind, str(each[key]))
            # Where somebody was faster Google says 404, and of app passwords 400; the second list tells.
            self._client.send("DELETE", path, call=f"dropping {what}", scope=scopes.SECURITY, expect=(400, 404))
        if found and (left := self._list(user_id, kind, what)):
            raise RetryableError(f"dropping {what}: Google still lists {len(left)}")
        return len(found)

    def _list(self, user_id: str, kind: str, what: str) -> list[Document]:
        path = user_path(user_id, kind)
        return list(self._client.items(path, "items", call=f"listing {what}", scope=scopes.SECURITY, params={}))

    def _end_on_devices(self, email: str) -> int:
        if self._device_action is None:
            return 0
        query = {"query": f"email:{email}", "projection": "BASIC"}
        found = [
            each
            for each in self._client.items(
                self._devices, "mobiledevices", call="listing devices", scope=scopes.DEVICES, params=query
            )
            if each.get("status") not in _DONE[self._device_action]
        ]
        for each in found:
            self._client.send(
                "POST",
                f"{self._devices}/{quote(str(each['resourceId']), safe='')}/action",
                call="acting on a device",
                scope=scopes.DEVICES,
                body={"action": self._device_action},
                expect=(404,),
            )
        return len(found)
