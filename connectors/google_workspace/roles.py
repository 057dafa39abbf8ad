"""Roles of administrators: who has one, by themselves or by a group, and how it is taken away.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-roles
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient, user_path
from connectors.google_workspace.config import GoogleWorkspaceConfig
from scimbridge.sdk import Entitlement

FRESH = 600.0
"""For so many seconds it is taken for granted which groups give roles: no look at an account pays for it."""

_ROLE = "role:"
"""What the ids of roles begin with, so that none is taken for a group's."""

_SUPER = Entitlement(f"{_ROLE}super", "role super administrator", is_privileged=True)
"""Google takes and gives this one by a call of its own."""


class Roles:
    """Assignments of roles. Safe to use from several threads.

    Args:
        config: Whose.
        client: Calls Google.
        clock: Seconds that never go back.
    """

    def __init__(
        self, config: GoogleWorkspaceConfig, client: GoogleClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._customer = f"/admin/directory/v1/customer/{quote(config.customer, safe='')}"
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: frozenset[str] = frozenset()
        self._fresh_until = float("-inf")

    def of(self, document: Document) -> Iterator[Entitlement]:
        """Yield the roles that a user has, but for those that a group gives, which go with the group."""
        if document.get("isAdmin"):
            yield _SUPER
        # Only administrators have roles; all others would cost a call for nothing.
        if document.get("isAdmin") or document.get("isDelegatedAdmin"):
            user_id = str(document["id"])
            for each in self._assignments(userKey=user_id):
                if str(each.get("assignedTo")) == user_id:
                    role = self._role(str(each["roleId"]))
                    if not role.get("isSuperAdminRole"):
                        where = " in one organizational unit" if each.get("scopeType") == "ORG_UNIT" else ""
                        name = f"role {role.get('roleName') or each['roleId']}{where}"
                        yield Entitlement(f"{_ROLE}{each['roleAssignmentId']}", name, is_privileged=True)

    def give_power(self, group_id: str) -> bool:
        """Whether a group gives its members a role."""
        with self._lock:
            if self._clock() >= self._fresh_until:
                assigned = self._assignments()
                self._groups = frozenset(
                    str(each["assignedTo"]) for each in assigned if str(each.get("assigneeType")).casefold() == "group"
                )
                self._fresh_until = self._clock() + FRESH
            return group_id in self._groups

    def take(self, user_id: str, role: Entitlement) -> bool:
        """Take a role from a user; returns False where they had it no more."""
        if role.id == _SUPER.id:
            path, call = user_path(user_id, "makeAdmin"), "taking a role"
            self._client.send("POST", path, call=call, scope=scopes.USER, body={"status": False})
            return True
        path = f"{self._customer}/roleassignments/{quote(role.id.removeprefix(_ROLE), safe='')}"
        return self._client.remove(path, call="taking a role", scope=scopes.ROLES)

    def _assignments(self, **params: str) -> Iterator[Document]:
        path, call = f"{self._customer}/roleassignments", "listing roles"
        return self._client.items(path, "items", call=call, scope=scopes.ROLES, params={"maxResults": "200", **params})

    def _role(self, role_id: str) -> Document:
        path = f"{self._customer}/roles/{quote(role_id, safe='')}"
        return self._client.send("GET", path, call="reading a role", scope=scopes.ROLES).json_object()


def is_role(entitlement: Entitlement) -> bool:
    """Whether it is a role, and not a group."""
    return entitlement.id.startswith(_ROLE)
