"""Groups of accounts, and the roles of administrators beside them.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-group-members
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient, group_path
from connectors.google_workspace.errors import RefusedError
from connectors.google_workspace.roles import Roles, is_role
from scimbridge.sdk import Entitlement

_PLAIN = ("MEMBER", "ALL_MAIL")
"""Role and delivery of somebody who was put into a group without more ado."""


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

    def __init__(self, client: GoogleClient, roles: Roles) -> None:
        self._client = client
        self._roles = roles

    def of(self, document: Document) -> tuple[Entitlement, ...]:
        """Return the groups and roles of a user."""
        user_id = str(document["id"])
        groups = self._client.items(
            group_path(),
            "groups",
            call="listing the groups of an account",
            scope=scopes.GROUP,
            params={"userKey": user_id, "maxResults": "200"},
        )
        found = [
            Entitlement(
                str(each["id"]), str(each.get("name") or each["email"]), self._roles.give_power(str(each["id"]))
            )
            for each in groups
        ]
        return (*found, *self._roles.of(document))

    def settings(self, user_id: str, groups: Iterable[Entitlement]) -> Mapping[str, tuple[str, ...]]:
        """Return role and delivery of a member in each group, by what ``join`` looks for in a snapshot."""
        found: dict[str, tuple[str, ...]] = {}
        for group in groups:
            if is_role(group):
                continue
            if member := membership(self._client, group.id, user_id):
                found[_key(group)] = member
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
            try:
                added = add_member(self._client, group.id, user_id, settings.get(_key(group), ()))
            except RefusedError:
                changed.refused.append(group.name)
                continue
            if added is None:
                changed.gone.append(group.name)
            changed.done += added is True
        return changed

    def _leave(self, user_id: str, group: Entitlement) -> bool:
        if is_role(group):
            return self._roles.take(user_id, group)
        return remove_member(self._client, group.id, user_id)


def membership(client: GoogleClient, group_id: str, member_id: str) -> tuple[str, ...]:
    """Return role and delivery of a member; nothing where they are none."""
    member = client.look(group_path(group_id, "members", member_id), call="reading a membership", scope=scopes.GROUP)
    if member is None:
        return ()
    return str(member.get("role") or _PLAIN[0]), str(member.get("delivery_settings") or _PLAIN[1])


def add_member(client: GoogleClient, group_id: str, member_id: str, settings: Sequence[str]) -> bool | None:
    """Put a member into a group; returns False where they are in it already, ``None`` where one of both is gone.

    Args:
        client: Calls Google.
        group_id: Of the group.
        member_id: Of an account or a group.
        settings: Role and delivery, as far as they are known.

    Raises:
        RefusedError: Google does not let them in.
    """
    role, delivery = (*settings, *_PLAIN[len(settings) :])
    body = {"id": member_id, "role": role, "delivery_settings": delivery}
    path = group_path(group_id, "members")
    answer = client.send("POST", path, call="adding a member", scope=scopes.GROUP, body=body, expect=(404, 409))
    return None if answer.status == 404 else answer.status != 409


def remove_member(client: GoogleClient, group_id: str, member_id: str) -> bool:
    """Take a member out of a group; returns False where they were not in it.

    Raises:
        RefusedError: It is a dynamic group, or one that this administrator may not change.
    """
    return client.remove(group_path(group_id, "members", member_id), call="removing a member", scope=scopes.GROUP)


def _key(group: Entitlement) -> str:
    return f"in group {group.id}"
