"""Handing over what somebody owns; Google takes its time, and is asked again.

https://developers.google.com/workspace/admin/data-transfer/v1/parameters
"""

from __future__ import annotations

from typing import Any

from connectors.google_workspace import scopes
from connectors.google_workspace.client import GoogleClient
from connectors.google_workspace.config import Application, GoogleWorkspaceConfig
from connectors.google_workspace.errors import is_absent
from scimbridge.sdk import Confirm

_PATH = "/admin/datatransfer/v1/transfers"

_PARAMETERS: dict[Application, tuple[str, list[dict[str, Any]]]] = {
    # Without PRIVATE, only what is shared with others goes.
    "drive": ("55656082996", [{"key": "PRIVACY_LEVEL", "value": ["PRIVATE", "SHARED"]}]),
    "calendar": ("435070579839", [{"key": "RELEASE_RESOURCES", "value": ["TRUE"]}]),
    "looker-studio": ("810260081642", []),
}
"""The number of each application, and what to ask of it."""


class Transfers:
    """Transfers of data between two accounts, known by their ids."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient) -> None:
        self._client = client
        self._applications = config.transfer

    def under_way(self, old_owner: str, new_owner: str) -> str | None:
        """Return the id of a transfer between two accounts that has not ended."""
        listed = self._client.items(
            _PATH,
            "dataTransfers",
            call="listing transfers",
            scope=scopes.TRANSFER,
            params={"oldOwnerUserId": old_owner, "newOwnerUserId": new_owner},
        )
        for each in listed:
            if each.get("newOwnerUserId") == new_owner and _state(each) not in {"completed", "failed"}:
                return str(each["id"])
        return None

    def begin(self, old_owner: str, new_owner: str, confirm: Confirm) -> str:
        """Ask for a transfer; returns its id."""
        body = {
            "oldOwnerUserId": old_owner,
            "newOwnerUserId": new_owner,
            "applicationDataTransfers": [
                {"applicationId": number, "applicationTransferParams": parameters}
                for number, parameters in (_PARAMETERS[each] for each in self._applications)
            ],
        }
        answer = self._client.send(
            "POST", _PATH, call="handing over what is owned", scope=scopes.TRANSFER, body=body, confirm=confirm
        )
        return str(answer.json_object()["id"])

    def state(self, transfer_id: str) -> str:
        """Return the state of a transfer: ``completed``, ``failed``, ``gone``, or anything else while it goes on."""
        answer = self._client.send(
            "GET", f"{_PATH}/{transfer_id}", call="reading a transfer", scope=scopes.TRANSFER, expect=(404,)
        )
        return "gone" if is_absent(answer) else _state(answer.json_object())


def _state(transfer: dict[str, Any]) -> str:
    return str(transfer.get("overallTransferStatusCode", "")).casefold()
