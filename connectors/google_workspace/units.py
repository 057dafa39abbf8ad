"""Organizational units.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-org-units
"""

from __future__ import annotations

from urllib.parse import quote

from connectors.google_workspace import scopes
from connectors.google_workspace.client import GoogleClient
from connectors.google_workspace.config import GoogleWorkspaceConfig


class Units:
    """The organizational units of a customer."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient) -> None:
        self._client = client
        self._all = f"/admin/directory/v1/customer/{quote(config.customer, safe='')}/orgunits"

    def exists(self, path: str) -> bool:
        """Whether there is one at a path; the root is none of its own, and always there."""
        if path == "/":
            return True
        unit = f"{self._all}/{quote(path.lstrip('/'), safe='/')}"
        return self._client.look(unit, call="looking for an organizational unit", scope=scopes.ORG_UNIT) is not None
