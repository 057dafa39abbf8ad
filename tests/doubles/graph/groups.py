"""What the calls of groups, and of what somebody is in and owns, do in the double."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.graph.description import Call, check_body
from tests.doubles.graph.errors import bad_request, not_found
from tests.doubles.graph.lookups import MAIL_ENABLED, SYNCED, Lookups
from tests.doubles.graph.paging import check_query, paged, selected
from tests.doubles.graph.tenant import Document, Group, User
from tests.doubles.serving import Asked

_BY_DEFAULT = ("displayName", "groupTypes", "mailEnabled", "securityEnabled", "isAssignableToRole")
_LAST_OWNER = "The group must have at least one owner, hence this owner cannot be removed."
_GROUP, _USER = "#microsoft.graph.group", "#microsoft.graph.user"


class Groups(Lookups):
    """Carries out the calls about groups that the description allows."""

    def handlers(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Return what carries out each call; all take the call, the request, its body and the permissions."""
        return {
            ("GET", "/groups"): self._list,
            ("GET", "/groups/{id}"): self._get,
            ("PATCH", "/groups/{id}"): self._update,
            ("DELETE", "/groups/{id}"): self._delete,
            ("GET", "/groups/{id}/members"): self._members,
            ("POST", "/groups/{id}/members"): self._add_member,
            ("DELETE", "/groups/{id}/members/{id}"): self._remove_member,
            ("GET", "/groups/{id}/owners"): self._owners,
            ("POST", "/groups/{id}/owners"): self._add_owner,
            ("DELETE", "/groups/{id}/owners/{id}"): self._remove_owner,
            ("GET", "/groups/{id}/memberof"): self._groups_of_group,
            ("GET", "/users/{id}/memberof"): self._member_of,
            ("GET", "/users/{id}/ownedobjects"): self._owned,
        }

    def _list(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        found = list(self._tenant.groups.values())
        if (condition := asked.one("$filter")) == "isAssignableToRole eq true":
            found = [group for group in found if group.document["isAssignableToRole"]]
        elif condition is not None:
            value = self._condition(condition)["value"].replace("''", "'").casefold()
            found = [group for group in found if str(group.document["displayName"]).casefold() == value]
        documents = [selected(asked, "group", group.document, _BY_DEFAULT) for group in found]
        if asked.one("$expand") == "owners($select=id,displayName,userPrincipalName)":
            for document, group in zip(documents, found, strict=True):
                document["owners"] = [self._shown(key) for key in sorted(group.owners)]
        return paged(asked, self._origin(), documents)

    def _get(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        return selected(asked, "group", self._group(call.keys[0]).document, _BY_DEFAULT)

    def _update(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> None:
        group = self._group(call.keys[0])
        changes = check_body("group", body)
        is_unified = "Unified" in group.document["groupTypes"]
        if group.document["onPremisesSyncEnabled"]:
            raise bad_request(SYNCED)
        if group.document["mailEnabled"] and not is_unified:
            raise bad_request(MAIL_ENABLED)
        if changes.get("securityEnabled") is False and not is_unified:
            raise bad_request("The service does not currently support writes of mail-enabled groups.")
        if changes.get("description") == "":
            raise bad_request("Invalid value specified for property 'description' of resource 'Group'.")
        group.document |= changes

    def _delete(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        group = self._group(call.keys[0])
        if group.document["onPremisesSyncEnabled"]:
            raise bad_request(SYNCED)
        if group.document["mailEnabled"] and "Unified" not in group.document["groupTypes"]:
            raise bad_request(MAIL_ENABLED)
        del self._tenant.groups[group.id]
        for other in self._tenant.groups.values():
            other.members.discard(group.id)

    # -- members and owners

    def _members(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        return paged(asked, self._origin(), [self._shown(key) for key in sorted(self._group(call.keys[0]).members)])

    def _owners(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        return paged(asked, self._origin(), [self._shown(key) for key in sorted(self._group(call.keys[0]).owners)])

    def _add_member(self, call: Call, _asked: Asked, body: Any, granted: frozenset[str]) -> None:
        group, key = self._changeable(call.keys[0], granted), self._referred(call, body)
        if key in group.members:
            raise bad_request("One or more added object references already exist for: 'members'.")
        group.members.add(key)

    def _remove_member(self, call: Call, _asked: Asked, _body: Any, granted: frozenset[str]) -> None:
        if not call.is_reference:
            # Without /$ref it is not the membership that is deleted.
            self._tenant.bury(self._user(call.keys[1]))
            return
        group = self._changeable(call.keys[0], granted)
        if call.keys[1] not in group.members:
            raise not_found(call.keys[1])
        group.members.remove(call.keys[1])

    def _add_owner(self, call: Call, _asked: Asked, body: Any, granted: frozenset[str]) -> None:
        group, key = self._changeable(call.keys[0], granted), self._referred(call, body)
        if key in group.owners:
            raise bad_request("One or more added object references already exist for: 'owners'.")
        group.owners.add(key)

    def _remove_owner(self, call: Call, _asked: Asked, _body: Any, granted: frozenset[str]) -> None:
        if not call.is_reference:
            raise bad_request("Write requests are only supported on contained entities", "BadRequest")
        group = self._changeable(call.keys[0], granted)
        if call.keys[1] not in group.owners:
            raise not_found(call.keys[1])
        if len(group.owners) == 1:
            raise bad_request(_LAST_OWNER)
        group.owners.remove(call.keys[1])

    # -- what somebody is in, and owns

    def _groups_of_group(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        return paged(asked, self._origin(), self._groups_with(asked, self._group(call.keys[0]).id))

    def _member_of(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        user = self._user(call.keys[0])
        return paged(asked, self._origin(), self._groups_with(asked, user.id) + self._roles_of(user))

    def _groups_with(self, asked: Asked, member: str) -> list[Document]:
        return [
            {"@odata.type": _GROUP, **selected(asked, "group", group.document, _BY_DEFAULT)}
            for group in self._tenant.groups.values()
            if member in group.members
        ]

    def _roles_of(self, user: User) -> list[Document]:
        return [
            {
                "@odata.type": "#microsoft.graph.directoryRole",
                "id": each["roleDefinitionId"],
                "displayName": self._tenant.roles[each["roleDefinitionId"]],
            }
            for each in self._tenant.role_assignments.values()
            if each["principalId"] == user.id
        ]

    def _owned(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        user = self._user(call.keys[0])
        groups = [
            {"@odata.type": _GROUP, **selected(asked, "group", group.document, _BY_DEFAULT)}
            for group in self._tenant.groups.values()
            if user.id in group.owners
        ]
        applications = [
            {"@odata.type": f"#microsoft.graph.{each.kind}", "id": each.id, "displayName": each.name}
            for each in self._tenant.applications.values()
            if user.id in each.owners
        ]
        return paged(asked, self._origin(), groups + applications)

    def _shown(self, key: str) -> Document:
        """Return a member or an owner as lists show it."""
        group: Group | None = self._tenant.groups.get(key)
        if group is not None:
            return {"@odata.type": _GROUP, "id": key, "displayName": group.document["displayName"]}
        document = self._tenant.users[key].document
        names = ("id", "displayName", "userPrincipalName")
        return {"@odata.type": _USER, **{name: document[name] for name in names}}
