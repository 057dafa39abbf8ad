"""Directory roles: those that an account has, and those that Privileged Identity Management keeps ready for it.

https://learn.microsoft.com/graph/api/resources/privilegedidentitymanagementv3-overview
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.microsoft365.batches import Document, Request
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.errors import code_of
from scimbridge.sdk import Entitlement
from scimbridge.sdk.http import Answer

ASSIGNED, ELIGIBLE, SCHEDULED = "role:", "eligible:", "scheduled:"
"""What the ids of roles begin with: in force, to be activated by the account itself, and in force at another time."""

_SCHEDULES = {ELIGIBLE: "roleEligibilitySchedules", SCHEDULED: "roleAssignmentSchedules"}
_REQUESTS = {ELIGIBLE: "roleEligibilityScheduleRequests", SCHEDULED: "roleAssignmentScheduleRequests"}
_NO_LICENSE = "AadPremiumLicenseRequired"
"""What a tenant without Privileged Identity Management answers: nobody there has such a role."""

BY_HAND = "in the Entra admin center under Privileged Identity Management > Microsoft Entra roles > Assignments"
"""Where a person takes a role away."""


class Roles:
    """The roles of one account at a time. All of them give power over others."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def requests(self, user_id: str) -> list[Request]:
        """Return what tells the roles of a user."""
        names = ("roleAssignments", *_SCHEDULES.values())
        asked = {"filter": f"principalId eq '{user_id}'", "expand": "roleDefinition"}
        return [Request.get(_path(each), **asked) for each in names]

    def holders(self) -> Iterator[str]:
        """Yield the ids of all who have a role, or may have one, as far as the application may see that."""
        names = ("roleAssignments", *_SCHEDULES.values())
        assigned, *schedules = self._client.batch([Request.get(_path(each)) for each in names], call="listing roles")
        for answer in (assigned, *(each for each in schedules if not _is_unseen(each))):
            yield from (str(each.get("principalId")) for each in self._client.listed(answer))

    def told(self, answers: list[Answer]) -> Iterator[Entitlement]:
        """Yield the roles by the answers to ``requests``; eligible ones only where the application may see them."""
        assigned, *schedules = answers
        held = set()
        for each in self._client.listed(assigned):
            held.add(_what(each))
            yield _entitlement(f"{ASSIGNED}{each['id']}", "role", each)
        for prefix, answer in zip(_SCHEDULES, schedules, strict=True):
            if _is_unseen(answer):
                continue
            for each in self._client.listed(answer):
                # What is in force now is in both lists.
                if prefix == ELIGIBLE or _what(each) not in held:
                    yield _entitlement(f"{prefix}{_what(each)}", f"{prefix[:-1]} role", each)


def is_role(entitlement: Entitlement) -> bool:
    """Whether it is a role, and no group."""
    return entitlement.id.startswith((ASSIGNED, ELIGIBLE, SCHEDULED))


def removal(user_id: str, role: Entitlement) -> Request:
    """Return the request that takes a role away."""
    kind, _, what = role.id.partition(":")
    prefix = f"{kind}:"
    if prefix == ASSIGNED:
        return Request(method="DELETE", path=_path("roleAssignments", what))
    definition, _, scope = what.partition(":")
    body = {
        "action": "adminRemove",
        "principalId": user_id,
        "roleDefinitionId": definition,
        "directoryScopeId": scope,
        "justification": "the person has left",
    }
    return Request(method="POST", path=_path(_REQUESTS[prefix]), body=body)


def _is_unseen(answer: Answer) -> bool:
    return answer.status == 403 or code_of(answer) == _NO_LICENSE


def _path(*parts: str) -> str:
    return path_of("roleManagement", "directory", *parts)


def _what(assigned: Document) -> str:
    return f"{assigned.get('roleDefinitionId')}:{assigned.get('directoryScopeId') or '/'}"


def _entitlement(role_id: str, kind: str, assigned: Document) -> Entitlement:
    name = str((assigned.get("roleDefinition") or {}).get("displayName") or "of an administrator")
    scope = str(assigned.get("directoryScopeId") or "/")
    within = "" if scope == "/" else f" within {scope}"
    return Entitlement(role_id, f"{kind} {name}{within}", is_privileged=True)
