"""What the calls of directory roles do in the double."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.doubles.graph.description import Call, check_body
from tests.doubles.graph.errors import bad_request, not_found
from tests.doubles.graph.lookups import Lookups
from tests.doubles.graph.paging import check_query, paged
from tests.doubles.graph.tenant import Document
from tests.doubles.serving import Asked

_NO_LICENSE = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."


class Roles(Lookups):
    """Carries out the calls about roles that the description allows."""

    def handlers(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Return what carries out each call; all take the call, the request, its body and the permissions."""
        tenant, at = self._tenant, "/rolemanagement/directory"
        kinds = {"eligibility": tenant.eligible, "assignment": tenant.scheduled}
        found: dict[tuple[str, str], Callable[..., Any]] = {
            ("GET", f"{at}/roleassignments"): self._assigned,
            ("DELETE", f"{at}/roleassignments/{{id}}"): self._delete,
        }
        for kind, schedules in kinds.items():
            found["GET", f"{at}/role{kind}schedules"] = partial(self._schedules, schedules)
            found["POST", f"{at}/role{kind}schedulerequests"] = partial(self._request, schedules, kind)
        return found

    def _assigned(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        return self._listed(self._tenant.role_assignments, asked)

    def _delete(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        if self._tenant.role_assignments.pop(call.keys[0], None) is None:
            raise not_found(call.keys[0])

    def _schedules(
        self, schedules: dict[str, Document], _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]
    ) -> Document:
        self._needs_a_license()
        return self._listed(schedules, asked)

    def _request(
        self,
        schedules: dict[str, Document],
        kind: str,
        _call: Call,
        _asked: Asked,
        body: Any,
        _granted: frozenset[str],
    ) -> Document:
        self._needs_a_license()
        wanted = check_body(f"unifiedRole{kind.capitalize()}ScheduleRequest", body)
        names = ("principalId", "roleDefinitionId", "directoryScopeId")
        if wanted.get("action") != "adminRemove" or not all(wanted.get(name) for name in names):
            raise bad_request("The request is not as described.", "InvalidRoleAssignmentRequest")
        found = [key for key, each in schedules.items() if all(each[name] == wanted[name] for name in names)]
        if not found:
            raise bad_request("The Role assignment does not exist.", "RoleAssignmentDoesNotExist")
        for key in found:
            del schedules[key]
        return {"id": str(uuid.uuid4()), "status": "Revoked", **wanted}

    def _listed(self, held: dict[str, Document], asked: Asked) -> Document:
        check_query(asked)
        condition, expanded = asked.one("$filter"), asked.one("$expand")
        whose = self._condition(condition)["value"] if condition else None
        listed = [dict(each) for each in held.values() if whose in (None, each["principalId"])]
        if expanded not in (None, "roleDefinition"):
            raise bad_request("Parsing OData Select and Expand failed.", "BadRequest")
        for each in listed if expanded else ():
            name = self._tenant.roles[each["roleDefinitionId"]]
            each["roleDefinition"] = {"id": each["roleDefinitionId"], "displayName": name}
        return paged(asked, self._origin(), listed)

    def _needs_a_license(self) -> None:
        if not self._tenant.has_premium:
            raise bad_request(_NO_LICENSE, "AadPremiumLicenseRequired")
