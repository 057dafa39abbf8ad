"""What the calls of Graph do in the double."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.doubles.graph.description import Call, check_body
from tests.doubles.graph.errors import GraphError, bad_request, denied, not_found, refusal
from tests.doubles.graph.paging import check_query, paged, selected
from tests.doubles.graph.tenant import Document, Group, Tenant, User
from tests.doubles.serving import Asked

# https://learn.microsoft.com/graph/api/user-get: accountEnabled is not among them.
USER_BY_DEFAULT = ("displayName", "givenName", "jobTitle", "mail", "userPrincipalName")
_GROUP_BY_DEFAULT = ("displayName", "groupTypes", "mailEnabled", "securityEnabled", "isAssignableToRole")
_FILTER = re.compile(r"(?P<name>\w+) eq '(?P<value>(?:[^']|'')*)'")
_ADVANCED = frozenset({"onPremisesImmutableId"})
_SEARCHED = frozenset({"userPrincipalName", "mail", "employeeId", "principalId", *_ADVANCED})
_LAST_OWNER = "The group must have at least one owner, hence this owner cannot be removed."
_SYNCED = (
    "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently "
    "undergoing migration."
)
METHODS = {
    "phone": "phoneAuthenticationMethod",
    "fido2": "fido2AuthenticationMethod",
    "microsoftauthenticator": "microsoftAuthenticatorAuthenticationMethod",
    "email": "emailAuthenticationMethod",
    "softwareoath": "softwareOathAuthenticationMethod",
    "password": "passwordAuthenticationMethod",
}


class Operations:
    """Carries out calls that the description allows."""

    def __init__(self, tenant: Tenant, origin: Callable[[], str]) -> None:
        self._tenant = tenant
        self._origin = origin

    def handlers(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Return what carries out each call; all take the call, the request, its body and the permissions."""
        methods: dict[tuple[str, str], Callable[..., Any]] = {
            ("DELETE", f"/users/{{id}}/authentication/{kind}methods/{{id}}"): self._delete_method for kind in METHODS
        }
        return methods | {
            ("GET", "/users"): self._list_users,
            ("GET", "/users/{id}"): self._get_user,
            ("PATCH", "/users/{id}"): self._update_user,
            ("DELETE", "/users/{id}"): self._delete_user,
            ("POST", "/directory/deleteditems/{id}/restore"): self._restore_user,
            ("POST", "/users/{id}/revokesigninsessions"): self._revoke,
            ("POST", "/users/{id}/assignlicense"): self._assign,
            ("GET", "/users/{id}/memberof"): self._member_of,
            ("GET", "/users/{id}/ownedobjects"): self._owned,
            ("GET", "/users/{id}/registereddevices"): self._devices,
            ("PATCH", "/devices/{id}"): self._update_device,
            ("GET", "/users/{id}/oauth2permissiongrants"): self._grants,
            ("DELETE", "/oauth2permissiongrants/{id}"): self._delete_grant,
            ("GET", "/users/{id}/authentication/methods"): self._methods,
            ("GET", "/users/{id}/mailfolders/inbox/messagerules"): self._rules,
            ("POST", "/users/{id}/mailfolders/inbox/messagerules"): self._add_rule,
            ("DELETE", "/users/{id}/mailfolders/inbox/messagerules/{id}"): self._delete_rule,
            ("DELETE", "/groups/{id}/members/{id}"): self._remove_member,
            ("POST", "/groups/{id}/members"): self._add_member,
            ("POST", "/groups/{id}/owners"): self._add_owner,
            ("DELETE", "/groups/{id}/owners/{id}"): self._remove_owner,
            ("GET", "/rolemanagement/directory/roleassignments"): self._roles,
            ("DELETE", "/rolemanagement/directory/roleassignments/{id}"): self._delete_role,
            ("GET", "/subscribedskus"): self._skus,
        }

    # -- users

    def _list_users(self, _call: Call, asked: Asked, _body: Any, granted: frozenset[str]) -> Document:
        check_query(asked)
        users = [user for user in self._tenant.users.values() if not user.is_deleted]
        if (condition := asked.one("$filter")) is not None:
            found = self._condition(condition)
            if found["name"] in _ADVANCED and (
                asked.headers.get("consistencylevel") != "eventual" or asked.one("$count") != "true"
            ):
                raise bad_request("Unsupported query.", "Request_UnsupportedQuery")
            value = found["value"].replace("''", "'")
            users = [
                user for user in users if str(user.document.get(found["name"]) or "").casefold() == value.casefold()
            ]
        if "signInActivity" in (asked.one("$select") or "") and "AuditLog.Read.All" not in granted:
            raise denied()
        documents = [selected(asked, "user", user.document, USER_BY_DEFAULT) for user in users]
        return paged(asked, self._origin(), documents)

    def _get_user(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        user = self._user(call.keys[0])
        document = user.seen.pop() if user.seen else user.document
        return selected(asked, "user", document, USER_BY_DEFAULT)

    def _update_user(self, call: Call, _asked: Asked, body: Any, granted: frozenset[str]) -> None:
        user = self._user(call.keys[0])
        changes = dict(check_body("user", body, granted))
        if user.document["onPremisesSyncEnabled"]:
            raise bad_request(_SYNCED)
        if self._tenant.has_role(user) and not {"accountEnabled"}.isdisjoint(changes):
            raise denied()
        if "passwordProfile" in changes:
            user.password = changes.pop("passwordProfile")["password"]
        if "onPremisesExtensionAttributes" in changes:
            changes["onPremisesExtensionAttributes"] = {
                **user.document["onPremisesExtensionAttributes"],
                **changes["onPremisesExtensionAttributes"],
            }
        user.document |= changes

    def _delete_user(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        user = self._user(call.keys[0])
        if self._tenant.has_role(user):
            raise denied()
        user.is_deleted = True
        for group in self._tenant.groups.values():
            group.members.discard(user.id)
            group.owners.discard(user.id)

    def _restore_user(self, call: Call, asked: Asked, body: Any, _granted: frozenset[str]) -> Document:
        if asked.body:
            check_body("action:directoryObject.restore", body)
        user = self._tenant.users.get(call.keys[0])
        if user is None or not user.is_deleted:
            raise not_found(call.keys[0])
        user.is_deleted = False
        return user.document

    def _revoke(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        self._user(call.keys[0]).sessions = 0
        return {"value": True}

    def _assign(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> Document:
        check_body("action:user.assignLicense", body)
        user = self._user(call.keys[0])
        for sku in body["removeLicenses"]:
            states = [each for each in user.document["licenseAssignmentStates"] if each["skuId"] == sku]
            if not states:
                raise bad_request("User does not have a corresponding license.")
            if all(each["assignedByGroup"] for each in states):
                raise bad_request(
                    "User license is inherited from a group membership and it cannot be removed directly from the user."
                )
        self._take(user, set(body["removeLicenses"]))
        for each in body["addLicenses"]:
            if each["skuId"] not in self._tenant.skus:
                raise bad_request("License is not found.")
            if self._tenant.seats[each["skuId"]] <= self._used(each["skuId"]):
                raise bad_request("Subscription with SKU does not have any available licenses.")
            self._tenant.license(user, each["skuId"])
        return selected_plainly(user)

    # -- what they are in, own, and have

    def _member_of(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        user = self._user(call.keys[0])
        groups = [
            {"@odata.type": "#microsoft.graph.group", **selected(asked, "group", group.document, _GROUP_BY_DEFAULT)}
            for group in self._tenant.groups.values()
            if user.id in group.members
        ]
        roles = [
            {
                "@odata.type": "#microsoft.graph.directoryRole",
                "id": each["roleDefinitionId"],
                "displayName": self._tenant.roles[each["roleDefinitionId"]],
            }
            for each in self._tenant.role_assignments.values()
            if each["principalId"] == user.id
        ]
        return paged(asked, self._origin(), groups + roles)

    def _owned(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        user = self._user(call.keys[0])
        found = [
            {"@odata.type": "#microsoft.graph.group", **selected(asked, "group", group.document, _GROUP_BY_DEFAULT)}
            for group in self._tenant.groups.values()
            if user.id in group.owners
        ]
        return paged(asked, self._origin(), found)

    def _devices(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        found = [self._tenant.devices[each] for each in self._user(call.keys[0]).devices]
        return paged(asked, self._origin(), found)

    def _update_device(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> None:
        if call.keys[0] not in self._tenant.devices:
            raise not_found(call.keys[0])
        self._tenant.devices[call.keys[0]] |= check_body("device", body)

    def _grants(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        found = [{"id": key, "clientId": client} for key, client in self._user(call.keys[0]).grants.items()]
        return paged(asked, self._origin(), found)

    def _delete_grant(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        for user in self._tenant.users.values():
            if user.grants.pop(call.keys[0], None) is not None:
                return
        raise not_found(call.keys[0])

    def _methods(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        found = [
            {"@odata.type": f"#microsoft.graph.{METHODS[kind]}", "id": key}
            for key, kind in self._user(call.keys[0]).methods.items()
        ]
        return paged(asked, self._origin(), found)

    def _delete_method(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        user, key = self._user(call.keys[0]), call.keys[1]
        kind = user.methods.get(key)
        if kind is None or kind not in call.name:
            raise not_found(key)
        others = [each for each, of in user.methods.items() if of != "password" and each != key]
        if kind == "phone" and others:
            raise bad_request("The default method can be deleted only after all others.", "badRequest")
        del user.methods[key]

    # -- mail

    def _rules(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        return paged(asked, self._origin(), list(self._mailbox(call).values()))

    def _add_rule(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> Document:
        rules = self._mailbox(call)
        rule = {"id": f"rule{len(rules) + 1}=", **check_body("messageRule", body)}
        rules[rule["id"]] = rule
        return rule

    def _delete_rule(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        if self._mailbox(call).pop(call.keys[1], None) is None:
            raise GraphError(refusal(404, "ErrorItemNotFound", "The specified object was not found in the store."))

    def _mailbox(self, call: Call) -> dict[str, Document]:
        rules = self._user(call.keys[0]).rules
        if rules is None:
            message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
            raise GraphError(refusal(404, "MailboxNotEnabledForRESTAPI", message))
        return rules

    # -- groups and roles

    def _remove_member(self, call: Call, asked: Asked, body: Any, granted: frozenset[str]) -> None:
        if not call.is_reference:
            # Without /$ref it is not the membership that is deleted.
            self._delete_user(Call("DELETE", "/users/{id}", call.keys[1:], is_reference=False), asked, body, granted)
            return
        group = self._changeable(call.keys[0], granted)
        if call.keys[1] not in group.members:
            raise not_found(call.keys[1])
        group.members.remove(call.keys[1])

    def _add_member(self, call: Call, _asked: Asked, body: Any, granted: frozenset[str]) -> None:
        group, user = self._changeable(call.keys[0], granted), self._referred(call, body)
        if user.id in group.members:
            raise bad_request("One or more added object references already exist for: 'members'.")
        group.members.add(user.id)

    def _add_owner(self, call: Call, _asked: Asked, body: Any, granted: frozenset[str]) -> None:
        group, user = self._changeable(call.keys[0], granted), self._referred(call, body)
        if user.id in group.owners:
            raise bad_request("One or more added object references already exist for: 'owners'.")
        group.owners.add(user.id)

    def _remove_owner(self, call: Call, _asked: Asked, _body: Any, granted: frozenset[str]) -> None:
        if not call.is_reference:
            raise bad_request("Write requests are only supported on contained entities", "BadRequest")
        group = self._changeable(call.keys[0], granted)
        if call.keys[1] not in group.owners:
            raise not_found(call.keys[1])
        if len(group.owners) == 1:
            raise bad_request(_LAST_OWNER)
        group.owners.remove(call.keys[1])

    def _roles(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        found = self._condition(asked.one("$filter") or "")
        listed = [each for each in self._tenant.role_assignments.values() if each["principalId"] == found["value"]]
        return paged(asked, self._origin(), listed)

    def _delete_role(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        if self._tenant.role_assignments.pop(call.keys[0], None) is None:
            raise not_found(call.keys[0])

    def _skus(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        found = [{"skuId": sku, "skuPartNumber": name} for sku, name in self._tenant.skus.items()]
        return paged(asked, self._origin(), found)

    # -- look-ups

    def _user(self, key: str) -> User:
        found = self._tenant.user(key)
        if found is None:
            raise not_found(key)
        return found

    def _changeable(self, key: str, granted: frozenset[str]) -> Group:
        group = self._tenant.groups.get(key)
        if group is None:
            raise not_found(key)
        kinds = group.document["groupTypes"]
        if "DynamicMembership" in kinds:
            message = "Insufficient privileges to complete the operation."
            raise GraphError(refusal(403, "Authorization_RequestDenied", message))
        if group.document["onPremisesSyncEnabled"]:
            raise bad_request(_SYNCED)
        if group.document["mailEnabled"] and "Unified" not in kinds:
            raise bad_request("Cannot Update a mail-enabled security groups and or distribution list.")
        if group.document["isAssignableToRole"] and "RoleManagement.ReadWrite.Directory" not in granted:
            raise denied()
        return group

    def _referred(self, call: Call, body: Any) -> User:
        address = body.get("@odata.id", "") if isinstance(body, dict) and call.is_reference else ""
        found = re.search(r"/(?:directoryObjects|users)/([^/]+)$", address)
        if found is None:
            raise bad_request("A valid reference is wanted in @odata.id.", "BadRequest")
        return self._user(found[1])

    def _condition(self, condition: str) -> re.Match[str]:
        found = _FILTER.fullmatch(condition)
        if found is None or found["name"] not in _SEARCHED:
            raise bad_request("Invalid filter clause.", "BadRequest")
        return found

    def _take(self, user: User, skus: set[str]) -> None:
        states = user.document["licenseAssignmentStates"]
        kept = [each for each in states if each["skuId"] not in skus or each["assignedByGroup"]]
        user.document["licenseAssignmentStates"] = kept
        held = {each["skuId"] for each in kept}
        user.document["assignedLicenses"] = [
            each for each in user.document["assignedLicenses"] if each["skuId"] in held
        ]

    def _used(self, sku: str) -> int:
        return sum(
            any(each["skuId"] == sku for each in user.document["assignedLicenses"])
            for user in self._tenant.users.values()
            if not user.is_deleted
        )


def selected_plainly(user: User) -> Document:
    """Return what Graph answers to an action on a user."""
    return {name: user.document.get(name) for name in ("id", *USER_BY_DEFAULT)}
