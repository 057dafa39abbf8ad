"""Applications that somebody is assigned to, by themselves and not through a group.

https://learn.microsoft.com/graph/api/user-list-approleassignments
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.microsoft365.batches import Document, Request
from connectors.microsoft365.client import GraphClient, path_of
from scimbridge.sdk import Entitlement
from scimbridge.sdk.http import Answer

PREFIX = "app:"
"""What the ids of assignments begin with. Application and role follow: an assignment that is given again has another
id of its own."""


class Applications:
    """The assignments of one account at a time."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    def request(self, user_id: str) -> Request:
        """Return what tells the assignments of a user."""
        return Request.get(_path(user_id), top="999")

    def told(self, user_id: str, answer: Answer) -> Iterator[Entitlement]:
        """Yield the assignments by the answer to ``request``."""
        for each in self._of(user_id, answer):
            yield Entitlement(_id(each), f"application {each.get('resourceDisplayName') or each['resourceId']}")

    def removals(self, user_id: str, assignments: Iterable[Entitlement]) -> list[Request]:
        """Return the requests that take assignments away, in their order."""
        chosen = list(assignments)
        if not chosen:
            return []
        (answer,) = self._client.batch([self.request(user_id)], call="listing the applications of an account")
        keys = {_id(each): str(each["id"]) for each in self._of(user_id, answer)}
        # One that is gone by now is asked for all the same: that it is gone is for Graph to say.
        return [Request(method="DELETE", path=_path(user_id, keys.get(each.id, "gone"))) for each in chosen]

    def _of(self, user_id: str, answer: Answer) -> Iterator[Document]:
        for each in self._client.listed(answer):
            if each.get("principalId") == user_id:
                yield each


def is_assignment(entitlement: Entitlement) -> bool:
    """Whether it is an assignment to an application, and no group."""
    return entitlement.id.startswith(PREFIX)


def giving(user_id: str, assignment: Entitlement) -> Request:
    """Return the request that gives an assignment again."""
    resource, _, role = assignment.id.removeprefix(PREFIX).partition(":")
    body = {"principalId": user_id, "resourceId": resource, "appRoleId": role}
    return Request(method="POST", path=_path(user_id), body=body)


def _path(user_id: str, *assignment: str) -> str:
    return path_of("users", user_id, "appRoleAssignments", *assignment)


def _id(assignment: Document) -> str:
    return f"{PREFIX}{assignment['resourceId']}:{assignment['appRoleId']}"
