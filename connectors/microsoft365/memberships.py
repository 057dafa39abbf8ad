"""Groups, directory roles, and what an account owns.

https://learn.microsoft.com/graph/api/user-list-memberof
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.microsoft365.client import Document, GraphClient, Request, path_of, refusal_of
from connectors.microsoft365.errors import is_absent, message_of
from scimbridge.sdk import AccountRef, Confirm, Entitlement
from scimbridge.sdk.http import Answer

_GROUP = "#microsoft.graph.group"
_ROLE = "role:"
"""What the ids of roles begin with, so that none is taken for a group's."""

_SELECT = "id,displayName,groupTypes,mailEnabled,isAssignableToRole,onPremisesSyncEnabled"


@dataclass(slots=True)
class Changed:
    """What came of a change in several groups.

    Attributes:
        done: How many there were.
        refused: Why others were refused, one sentence each.
        gone: Names of groups that are not there any more.
    """

    done: int = 0
    refused: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Memberships:
    """Who is in which group, and owns which, directly."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def of(self, user_id: str) -> tuple[Entitlement, ...]:
        """Return the groups and roles of a user."""
        listed = list(
            self._client.items(
                path_of("users", user_id, "memberOf"),
                call="listing the groups of an account",
                params={"$select": _SELECT, "$top": "999"},
            )
        )
        groups = [_entitlement(each) for each in listed if each.get("@odata.type") == _GROUP]
        has_roles = any(str(each.get("@odata.type", "")).endswith("directoryRole") for each in listed)
        # Their assignments are asked for only where there are any.
        return (*groups, *(self._roles(user_id, listed) if has_roles else ()))

    def owned_by(self, user_id: str) -> tuple[Entitlement, ...]:
        """Return the groups that a user owns."""
        listed = self._client.items(
            path_of("users", user_id, "ownedObjects"), call="listing what an account owns", params={"$top": "999"}
        )
        return tuple(_entitlement(each) for each in listed if each.get("@odata.type") == _GROUP)

    def leave(self, user_id: str, groups: Iterable[Entitlement]) -> Changed:
        """Take somebody out of groups and roles, in batches; those that refuse are named, and the others done."""
        chosen = list(groups)
        answers = self._client.batch([_leaving(user_id, each) for each in chosen], call="removing a member")
        changed = Changed()
        for group, answer in zip(chosen, answers, strict=True):
            if answer.status // 100 == 2:
                changed.done += 1
            elif not is_absent(answer):
                changed.refused.append(f"{group.name}: {refusal_of(answer)}")
        return changed

    def join(self, user_id: str, groups: Iterable[Entitlement]) -> Changed:
        """Put somebody back into groups, in batches."""
        chosen = list(groups)
        reference = self._client.reference(user_id)
        requests = [
            Request(method="POST", path=path_of("groups", each.id, "members", "$ref"), body=reference)
            for each in chosen
        ]
        changed = Changed()
        for group, answer in zip(chosen, self._client.batch(requests, call="adding a member"), strict=True):
            if answer.status // 100 == 2:
                changed.done += 1
            elif is_absent(answer):
                changed.gone.append(group.name)
            elif not _is_there_already(answer):
                changed.refused.append(f"{group.name}: {refusal_of(answer)}")
        return changed

    def hand_over(
        self, user_id: str, successor: AccountRef, groups: Iterable[Entitlement], confirm: Confirm
    ) -> Changed:
        """Make somebody else the owner of groups: first the new one, so that none is ever without."""
        chosen = list(groups)
        added = self._client.batch(
            [
                Request(
                    method="POST",
                    path=path_of("groups", each.id, "owners", "$ref"),
                    body=self._client.reference(successor.id),
                )
                for each in chosen
            ],
            call="adding an owner",
            confirm=confirm,
        )
        changed, owned = Changed(), []
        for group, answer in zip(chosen, added, strict=True):
            if answer.status // 100 == 2 or _is_there_already(answer):
                owned.append(group)
            elif not is_absent(answer):
                changed.refused.append(f"{group.name}: {refusal_of(answer)}")
        removed = self._client.batch(
            [Request(method="DELETE", path=path_of("groups", each.id, "owners", user_id, "$ref")) for each in owned],
            call="removing an owner",
            confirm=confirm,
        )
        for group, answer in zip(owned, removed, strict=True):
            if answer.status // 100 == 2:
                changed.done += 1
            elif not is_absent(answer):
                changed.refused.append(f"{group.name}: {refusal_of(answer)}")
        return changed

    def _roles(self, user_id: str, listed: list[Document]) -> Iterator[Entitlement]:
        names = {str(each["id"]): str(each.get("displayName")) for each in listed}
        names |= {
            str(each["roleTemplateId"]): str(each.get("displayName")) for each in listed if "roleTemplateId" in each
        }
        assigned = self._client.items(
            path_of("roleManagement", "directory", "roleAssignments"),
            call="listing the roles of an account",
            params={"$filter": f"principalId eq '{user_id}'"},
        )
        for each in assigned:
            name = names.get(str(each.get("roleDefinitionId")), "of an administrator")
            yield Entitlement(f"{_ROLE}{each['id']}", f"role {name}", is_privileged=True)


def _entitlement(group: Document) -> Entitlement:
    name = str(group.get("displayName") or group["id"])
    return Entitlement(str(group["id"]), name, is_privileged=bool(group.get("isAssignableToRole")))


def _leaving(user_id: str, group: Entitlement) -> Request:
    if group.id.startswith(_ROLE):
        assignment = group.id.removeprefix(_ROLE)
        return Request(method="DELETE", path=path_of("roleManagement", "directory", "roleAssignments", assignment))
    # Without $ref, Graph would delete the user and not the membership.
    return Request(method="DELETE", path=path_of("groups", group.id, "members", user_id, "$ref"))


def _is_there_already(answer: Answer) -> bool:
    return answer.status == 400 and "already exist" in message_of(answer)
