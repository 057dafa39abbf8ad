"""Licenses: those that an account has by itself; what comes through a group goes with the group.

https://learn.microsoft.com/graph/api/user-assignlicense
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from connectors.microsoft365.batches import Document
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.errors import RefusedError
from scimbridge.sdk import Entitlement


class Licensing:
    """The licenses of one account at a time."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._names: Mapping[str, str] | None = None

    def of(self, user: Document) -> tuple[Entitlement, ...]:
        """Return the licenses that a user has directly."""
        direct = dict.fromkeys(
            str(each["skuId"]) for each in user.get("licenseAssignmentStates") or () if not each.get("assignedByGroup")
        )
        return tuple(Entitlement(sku, self.name(sku)) for sku in direct)

    def release(self, user_id: str, licenses: Iterable[Entitlement]) -> int:
        """Take licenses away, by one call; returns how many."""
        skus = [each.id for each in licenses]
        if skus:
            self._assign(user_id, add=[], remove=skus)
        return len(skus)

    def assign(self, user_id: str, licenses: Iterable[Entitlement]) -> tuple[int, list[str]]:
        """Give licenses again, one by one; returns how many, and the names of those that are not to be had."""
        assigned, missing = 0, []
        for each in licenses:
            try:
                self._assign(user_id, add=[each.id], remove=[])
                assigned += 1
            except RefusedError:
                missing.append(each.name)
        return assigned, missing

    def name(self, sku: str) -> str:
        """Return what Microsoft calls a license; its id where that may not be seen."""
        with self._lock:
            if self._names is None:
                try:
                    listed = list(self._client.items("/subscribedSkus", call="listing subscriptions"))
                except RefusedError:
                    listed = []  # names are a courtesy, and a permission of their own
                self._names = {str(each["skuId"]): str(each["skuPartNumber"]) for each in listed}
            return self._names.get(sku, sku)

    def _assign(self, user_id: str, *, add: list[str], remove: list[str]) -> None:
        # Both lists have to be there.
        body = {"addLicenses": [{"skuId": sku, "disabledPlans": []} for sku in add], "removeLicenses": remove}
        self._client.send(
            "POST", path_of("users", user_id, "assignLicense"), call="changing the licenses of an account", body=body
        )
