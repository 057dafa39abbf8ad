"""What all calls of Graph in the double look up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.doubles.graph.description import Call
from tests.doubles.graph.errors import bad_request, denied, not_found
from tests.doubles.graph.tenant import Group, Tenant, User

_FILTER = re.compile(r"(?P<name>\w+) eq '(?P<value>(?:[^']|'')*)'")
ADVANCED = frozenset({"onPremisesImmutableId"})
_SEARCHED = frozenset({"userPrincipalName", "mail", "employeeId", "principalId", "displayName", "appId", *ADVANCED})
SYNCED = (
    "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently "
    "undergoing migration."
)
MAIL_ENABLED = "Cannot Update a mail-enabled security groups and or distribution list."


class Lookups:
    """Calls of one tenant."""

    def __init__(self, tenant: Tenant, origin: Callable[[], str]) -> None:
        self._tenant = tenant
        self._origin = origin

    def _user(self, key: str) -> User:
        found = self._tenant.user(key)
        if found is None:
            raise not_found(key)
        return found

    def _group(self, key: str) -> Group:
        group = self._tenant.groups.get(key)
        if group is None:
            raise not_found(key)
        return group

    def _changeable(self, key: str, granted: frozenset[str]) -> Group:
        group = self._group(key)
        kinds = group.document["groupTypes"]
        if "DynamicMembership" in kinds:
            raise denied()
        if group.document["onPremisesSyncEnabled"]:
            raise bad_request(SYNCED)
        if group.document["mailEnabled"] and "Unified" not in kinds:
            raise bad_request(MAIL_ENABLED)
        if group.document["isAssignableToRole"] and "RoleManagement.ReadWrite.Directory" not in granted:
            raise denied()
        return group

    def _referred(self, call: Call, body: Any) -> str:
        address = body.get("@odata.id", "") if isinstance(body, dict) and call.is_reference else ""
        found = re.search(r"/(?:directoryObjects|users)/([^/]+)$", address)
        if found is None:
            raise bad_request("A valid reference is wanted in @odata.id.", "BadRequest")
        return found[1] if found[1] in self._tenant.groups else self._user(found[1]).id

    def _condition(self, condition: str) -> re.Match[str]:
        found = _FILTER.fullmatch(condition)
        if found is None or found["name"] not in _SEARCHED:
            raise bad_request("Invalid filter clause.", "BadRequest")
        return found
