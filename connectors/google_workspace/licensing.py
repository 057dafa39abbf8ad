"""Licenses: Google tells only whether somebody has a certain one.

https://developers.google.com/workspace/admin/licensing/reference/rest/v1/licenseAssignments
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from connectors.google_workspace import scopes
from connectors.google_workspace.client import GoogleClient, Root
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.errors import RefusedError
from scimbridge.sdk import Entitlement


class Licensing:
    """The configured licenses, of one account at a time, which this API knows by its address alone."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient) -> None:
        self._known = config.licenses
        self._client = client

    def of(self, email: str) -> tuple[Entitlement, ...] | None:
        """Return those of the configured licenses that an account has; ``None`` where none is configured."""
        if not self._known:
            return None
        return tuple(Entitlement(each, each) for each in self._known if self._has(email, each))

    def holders(self, customer_id: str) -> dict[str, tuple[str, ...]] | None:
        """Return which configured licenses everybody has, by address; ``None`` where none is configured.

        https://developers.google.com/workspace/admin/licensing/reference/rest/v1/licenseAssignments/listForProduct
        """
        if not self._known:
            return None
        found: dict[str, tuple[str, ...]] = {}
        for product in sorted({each.partition("/")[0] for each in self._known}):
            listed = self._client.items(
                f"/apps/licensing/v1/product/{quote(product, safe='')}/users",
                "items",
                call="listing licenses",
                scope=scopes.LICENSING,
                root=Root.LICENSING,
                params={"customerId": customer_id, "maxResults": "1000"},
            )
            for each in listed:
                sku, email = f"{product}/{each['skuId']}", str(each["userId"]).casefold()
                if sku in self._known:
                    found[email] = (*found.get(email, ()), sku)
        return found

    def release(self, email: str, licenses: Iterable[Entitlement]) -> int:
        """Give licenses back; returns how many the account still had."""
        released = 0
        for each in licenses:
            answer = self._client.send(
                "DELETE",
                _path(each.id, email),
                root=Root.LICENSING,
                call="releasing a license",
                scope=scopes.LICENSING,
                expect=(404,),
            )
            released += answer.status != 404
        return released

    def assign(self, email: str, licenses: Iterable[Entitlement]) -> tuple[int, list[str]]:
        """Give licenses again; returns how many, and the names of those that are not to be had."""
        assigned, missing = 0, []
        for each in licenses:
            try:
                self._client.send(
                    "POST",
                    _path(each.id),
                    root=Root.LICENSING,
                    call="assigning a license",
                    scope=scopes.LICENSING,
                    body={"userId": email},
                )
                assigned += 1
            except RefusedError:
                missing.append(each.name)
        return assigned, missing

    def _has(self, email: str, sku: str) -> bool:
        path, call = _path(sku, email), "looking for a license"
        return self._client.look(path, call=call, scope=scopes.LICENSING, root=Root.LICENSING) is not None


def _path(product_and_sku: str, email: str | None = None) -> str:
    product, _, sku = product_and_sku.partition("/")
    path = f"/apps/licensing/v1/product/{quote(product, safe='')}/sku/{quote(sku, safe='')}/user"
    return path if email is None else f"{path}/{quote(email, safe='')}"
