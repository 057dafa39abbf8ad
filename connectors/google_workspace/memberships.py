"""Groups, and the roles of administrators.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-group-members
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.errors import RefusedError, is_absent
from scimbridge.sdk import Entitlement, RejectedError

_ROLE = "role:"
"""What the ids of roles begin with, so that none is taken for a group's."""


@dataclass(slots=True)
class Changed:
    """What came of taking somebody out of groups, or putting them back.

    Attributes:
        done: How many groups it was done in.
        refused: Names of groups where Google refused it.
        gone: Names of groups that are not there any more.
    """

    done: int = 0
    refused: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Memberships:
    """Who is in which group, directly."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient) -> None:
        self._client = client
        self._customer = f"/admin/directory/v1/customer/{quote(config.customer, safe='')}"

    def of(self, document: Document) -> tuple[Entitlement, ...]:
        """Return the groups and roles of a user."""
        user_id = str(document["id"])
        groups = self._client.items(
            "/admin/directory/v1/groups",
            "groups",
            call="listing the groups of an account",
            scope=scopes.GROUP,
            params={"userKey": user_id, "maxResults": "200"},
        )
        found = [Entitlement(str(each["id"]), str(each.get("name") or each["email"])) for each in groups]
        # Only administrators have roles; all others would cost a call for nothing.
        is_admin = document.get("isAdmin") or document.get("isDelegatedAdmin")
        return (*found, *(self._roles(user_id) if is_admin else ()))

    def settings(self, user_id: str, groups: Iterable[Entitlement]) -> Mapping[str, tuple[str, ...]]:
        """Return role and delivery of a member in each group, by what ``join`` looks for in a snapshot."""
        found: dict[str, tuple[str, ...]] = {}
        for group in groups:
            if group.id.startswith(_ROLE):
                continue
            member = self._client.look(_member(group.id, user_id), call="reading a membership", scope=scopes.GROUP)
            if member is not None:
                found[_key(group)] = (
                    str(member.get("role") or "MEMBER"),
                    str(member.get("delivery_settings") or "ALL_MAIL"),
                )
        return found

    def leave(self, user_id: str, groups: Iterable[Entitlement]) -> Changed:
        """Take somebody out of groups and roles; those that refuse are named, and the others done."""
        changed = Changed()
        for group in groups:
            try:
                changed.done += self._leave(user_id, group)
            except RefusedError:
                # A dynamic group, or one that this administrator may not change.
                changed.refused.append(group.name)
        return changed

    def join(self, user_id: str, groups: Iterable[Entitlement], settings: Mapping[str, tuple[str, ...]]) -> Changed:
        """Put somebody back into groups, with the role and the delivery that they had there."""
        changed = Changed()
        for group in groups:
            role, delivery = settings.get(_key(group), ("MEMBER", "ALL_MAIL"))
            body = {"id": user_id, "role": role, "delivery_settings": delivery}
            path = f"/admin/directory/v1/groups/{quote(group.id, safe='')}/members"
            try:
                # 409: somebody was faster.
                answer = self._client.send(
                    "POST", path, call="adding a member", scope=scopes.GROUP, body=body, expect=(404, 409)
                )
            except RefusedError:
                changed.refused.append(group.name)
                continue
            if answer.status == 404:
                changed.gone.append(group.name)
            changed.done += answer.status // 100 == 2
        return changed

    def _leave(self, user_id: str, group: Entitlement) -> bool:
        if group.id.startswith(_ROLE):
            assignment = quote(group.id.removeprefix(_ROLE), safe="")
            path, scope = f"{self._customer}/roleassignments/{assignment}", scopes.ROLES
        else:
            path, scope = _member(group.id, user_id), scopes.GROUP
        answer = self._client.send("DELETE", path, call="removing a member", scope=scope, expect=(404,))
        if answer.status == 404 and not is_absent(answer):
            raise RejectedError("removing a member: the answer 404 does not come from Google's API")
        return answer.status != 404

    def _roles(self, user_id: str) -> Iterator[Entitlement]:
        assigned = self._client.items(
            f"{self._customer}/roleassignments",
            "items",
            call="listing the roles of an account",
            scope=scopes.ROLES,
            params={"userKey": user_id},
        )
        for each in assigned:
            # A role that a group gives goes with the group.
            if str(each.get("assignedTo")) == user_id:
                name = self._role_name(str(each["roleId"]))
                yield Entitlement(f"{_ROLE}{each['roleAssignmentId']}", f"role {name}", is_privileged=True)

    def _role_name(self, role_id: str) -> str:
        path = f"{self._customer}/roles/{quote(role_id, safe='')}"
        role = self._client.send("GET", path, call="reading a role", scope=scopes.ROLES).json_object()
        return str(role.get("roleName") or role_id)


def _member(group_id: str, user_id: str) -> str:
    return f"/admin/directory/v1/groups/{quote(group_id, safe='')}/members/{quote(user_id, safe='')}"


def _key(group: Entitlement) -> str:
    return f"in group {group.id}"
