"""What the calls of applications and of assignments to them do in the double."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.graph.description import Call, check_body
from tests.doubles.graph.errors import bad_request, not_found
from tests.doubles.graph.lookups import Lookups
from tests.doubles.graph.paging import check_query, paged, selected
from tests.doubles.graph.tenant import Application, Document
from tests.doubles.serving import Asked


class Applications(Lookups):
    """Carries out the calls about applications that the description allows."""

    def handlers(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Return what carries out each call; all take the call, the request, its body and the permissions."""
        return {
            ("GET", "/applications"): self._registered,
            ("POST", "/applications/{id}/owners"): self._add_owner,
            ("DELETE", "/applications/{id}/owners/{id}"): self._remove_owner,
            ("POST", "/serviceprincipals/{id}/owners"): self._add_owner,
            ("DELETE", "/serviceprincipals/{id}/owners/{id}"): self._remove_owner,
            ("GET", "/users/{id}/approleassignments"): self._assignments,
            ("POST", "/users/{id}/approleassignments"): self._assign,
            ("DELETE", "/users/{id}/approleassignments/{id}"): self._unassign,
            ("GET", "/groups/{id}/approleassignments"): self._assignments_of_group,
        }

    def _registered(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        condition = self._condition(asked.one("$filter") or "")
        found = [
            selected(asked, "application", {"id": each.id, **each.document}, ("appId", "displayName"))
            for each in self._tenant.applications.values()
            if each.kind == "application" and each.document.get(condition["name"]) == condition["value"]
        ]
        return paged(asked, self._origin(), found)

    def _add_owner(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> None:
        application, user = self._application(call), self._referred(call, body)
        if user in application.owners:
            raise bad_request("One or more added object references already exist for: 'owners'.")
        application.owners.add(user)

    def _remove_owner(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        if not call.is_reference:
            raise bad_request("Write requests are only supported on contained entities", "BadRequest")
        owners = self._application(call).owners
        if call.keys[1] not in owners:
            raise not_found(call.keys[1])
        owners.remove(call.keys[1])

    def _application(self, call: Call) -> Application:
        found = self._tenant.applications.get(call.keys[0])
        if found is None or not call.name.startswith(f"/{found.kind.casefold()}s/"):
            raise not_found(call.keys[0])
        return found

    def _assignments(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        user = self._user(call.keys[0])
        # Those of the groups that somebody is in are told, too.
        principals = {user.id, *(key for key, group in self._tenant.groups.items() if user.id in group.members)}
        return paged(asked, self._origin(), self._of(principals))

    def _assignments_of_group(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        return paged(asked, self._origin(), self._of({self._group(call.keys[0]).id}))

    def _of(self, principals: set[str]) -> list[Document]:
        return [each for each in self._tenant.assignments.values() if each["principalId"] in principals]

    def _assign(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> Document:
        user, wanted = self._user(call.keys[0]), check_body("appRoleAssignment", body)
        if wanted.get("principalId") != user.id or wanted.get("resourceId") not in self._tenant.applications:
            raise not_found(str(wanted.get("resourceId")))
        if any(self._same(each, wanted) for each in self._tenant.assignments.values()):
            raise bad_request("Permission being assigned already exists on the object")
        application = self._tenant.applications[wanted["resourceId"]]
        return self._tenant.assign(user, application, wanted["appRoleId"])

    def _unassign(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        found = self._tenant.assignments.get(call.keys[1])
        if found is None or found["principalId"] != self._user(call.keys[0]).id:
            raise not_found(call.keys[1])
        del self._tenant.assignments[call.keys[1]]

    @staticmethod
    def _same(one: Document, other: Document) -> bool:
        return all(one[name] == other[name] for name in ("principalId", "resourceId", "appRoleId"))
