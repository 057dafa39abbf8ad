"""What the calls of Graph do in the double."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.graph.description import Call, check_body
from tests.doubles.graph.errors import GraphError, bad_request, denied, not_found, refusal
from tests.doubles.graph.lookups import ADVANCED, SYNCED, Lookups
from tests.doubles.graph.paging import check_query, paged, selected
from tests.doubles.graph.tenant import Document, User
from tests.doubles.serving import Asked

# https://learn.microsoft.com/graph/api/user-get: accountEnabled is not among them.
USER_BY_DEFAULT = ("displayName", "givenName", "jobTitle", "mail", "userPrincipalName")
METHODS = {
    "phone": "phoneAuthenticationMethod",
    "fido2": "fido2AuthenticationMethod",
    "microsoftauthenticator": "microsoftAuthenticatorAuthenticationMethod",
    "email": "emailAuthenticationMethod",
    "softwareoath": "softwareOathAuthenticationMethod",
    "platformcredential": "platformCredentialAuthenticationMethod",
    "password": "passwordAuthenticationMethod",
    "qrcodepin": "qrCodePinAuthenticationMethod",
}


class Operations(Lookups):
    """Carries out the calls about accounts that the description allows."""

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
            ("GET", "/directory/deleteditems/{id}"): self._get_deleted,
            ("DELETE", "/directory/deleteditems/{id}"): self._purge_user,
            ("POST", "/users/{id}/revokesigninsessions"): self._revoke,
            ("POST", "/users/{id}/assignlicense"): self._assign,
            ("GET", "/users/{id}/registereddevices"): self._devices,
            ("PATCH", "/devices/{id}"): self._update_device,
            ("GET", "/users/{id}/oauth2permissiongrants"): self._grants,
            ("DELETE", "/oauth2permissiongrants/{id}"): self._delete_grant,
            ("GET", "/users/{id}/authentication/methods"): self._methods,
            ("DELETE", "/users/{id}/manager"): self._take_manager,
            ("PUT", "/users/{id}/manager"): self._give_manager,
            ("GET", "/users/{id}/directreports"): self._reports,
            ("GET", "/users/{id}/mailboxsettings"): self._mailbox_settings,
            ("PATCH", "/users/{id}/mailboxsettings"): self._update_mailbox_settings,
            ("GET", "/users/{id}/mailfolders/inbox/messagerules"): self._rules,
            ("POST", "/users/{id}/mailfolders/inbox/messagerules"): self._add_rule,
            ("DELETE", "/users/{id}/mailfolders/inbox/messagerules/{id}"): self._delete_rule,
            ("GET", "/subscribedskus"): self._skus,
        }

    # -- users

    def _list_users(self, _call: Call, asked: Asked, _body: Any, granted: frozenset[str]) -> Document:
        check_query(asked)
        users = [user for user in self._tenant.users.values() if not user.is_deleted]
        if (condition := asked.one("$filter")) is not None:
            found = self._condition(condition)
            if found["name"] in ADVANCED and (
                asked.headers.get("consistencylevel") != "eventual" or asked.one("$count") != "true"
            ):
                raise bad_request("Unsupported query.", "Request_UnsupportedQuery")
            value = found["value"].replace("''", "'")
            users = [
                user for user in users if str(user.document.get(found["name"]) or "").casefold() == value.casefold()
            ]
        _check_sign_ins(asked, granted)
        documents = [selected(asked, "user", user.document, USER_BY_DEFAULT) for user in users]
        return paged(asked, self._origin(), documents)

    def _get_user(self, call: Call, asked: Asked, _body: Any, granted: frozenset[str]) -> Document:
        check_query(asked)
        _check_sign_ins(asked, granted)
        user = self._user(call.keys[0])
        found = selected(asked, "user", user.document, USER_BY_DEFAULT)
        if (expanded := asked.one("$expand")) is not None:
            if expanded != "manager($select=id)":
                raise bad_request("Parsing OData Select and Expand failed.", "BadRequest")
            manager = self._tenant.managers.get(user.id)
            # Who has none has no such property at all.
            found |= {"manager": {"@odata.type": "#microsoft.graph.user", "id": manager}} if manager else {}
        return found

    def _update_user(self, call: Call, _asked: Asked, body: Any, granted: frozenset[str]) -> None:
        user = self._user(call.keys[0])
        changes = dict(check_body("user", body, granted))
        if user.document["onPremisesSyncEnabled"]:
            raise bad_request(SYNCED)
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
        self._tenant.bury(user)

    def _restore_user(self, call: Call, asked: Asked, body: Any, _granted: frozenset[str]) -> Document:
        if asked.body:
            check_body("action:directoryObject.restore", body)
        user = self._tenant.users.get(call.keys[0])
        if user is None or not user.is_deleted:
            raise not_found(call.keys[0])
        if self._tenant.user(user.upn) is not None:
            raise bad_request("Another object with the same value for property userPrincipalName already exists.")
        user.is_deleted = False
        return user.document

    def _get_deleted(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        """Return what is told of a deleted user: its name is free, and so stands behind its id."""
        user = self._deleted(call.keys[0])
        return {
            "@odata.type": "#microsoft.graph.user",
            **selected_plainly(user),
            "userPrincipalName": user.id.replace("-", "") + user.upn,
        }

    def _purge_user(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        user = self._deleted(call.keys[0])
        if user.is_kept:
            raise denied()
        del self._tenant.users[user.id]

    def _deleted(self, key: str) -> User:
        user = self._tenant.users.get(key)
        if user is None or not user.is_deleted:
            raise not_found(key)
        return user

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

    # -- managers

    def _take_manager(self, call: Call, _asked: Asked, _body: Any, _granted: frozenset[str]) -> None:
        user = self._referring(call)
        if self._tenant.managers.pop(user.id, None) is None:
            raise not_found("manager")

    def _give_manager(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> None:
        user, manager = self._referring(call), self._referred(call, body)
        if manager == user.id:
            raise bad_request("The manager is invalid.")
        self._tenant.managers[user.id] = manager

    def _reports(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        manager = self._user(call.keys[0])
        found = [
            {"@odata.type": "#microsoft.graph.user", **selected(asked, "user", user.document, USER_BY_DEFAULT)}
            for user in self._tenant.users.values()
            if not user.is_deleted and self._tenant.managers.get(user.id) == manager.id
        ]
        return paged(asked, self._origin(), found)

    def _referring(self, call: Call) -> User:
        """Return whose manager is meant; of those that Active Directory owns, it is changed there."""
        user = self._user(call.keys[0])
        if not call.is_reference:
            raise bad_request("Write requests are only supported on contained entities", "BadRequest")
        if user.document["onPremisesSyncEnabled"]:
            raise bad_request(SYNCED)
        return user

    # -- mail

    def _mailbox_settings(self, call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        self._mailbox(call)
        return {"automaticRepliesSetting": self._user(call.keys[0]).reply}

    def _update_mailbox_settings(self, call: Call, _asked: Asked, body: Any, _granted: frozenset[str]) -> Document:
        self._mailbox(call)
        changes = check_body("mailboxSettings", body)
        user, wanted = self._user(call.keys[0]), dict(changes.get("automaticRepliesSetting") or {})
        for name in ("internalReplyMessage", "externalReplyMessage"):
            if wanted.get(name) and "<html>" not in wanted[name]:
                # Exchange makes a page of what is none, and writes some characters in another way.
                page = wanted[name].replace("@", "&#64;")
                wanted[name] = f"<html>\n<body>\n{page}\n</body>\n</html>\n"
        user.reply = {**user.reply, **wanted}
        return {"automaticRepliesSetting": user.reply}

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

    # -- licenses

    def _skus(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        found = [{"skuId": sku, "skuPartNumber": name} for sku, name in self._tenant.skus.items()]
        return paged(asked, self._origin(), found)

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


def _check_sign_ins(asked: Asked, granted: frozenset[str]) -> None:
    """Refuse to tell sign-ins where reading the log is not granted."""
    if "signInActivity" in (asked.one("$select") or "") and "AuditLog.Read.All" not in granted:
        raise denied()


def selected_plainly(user: User) -> Document:
    """Return what Graph answers to an action on a user."""
    return {name: user.document.get(name) for name in ("id", *USER_BY_DEFAULT)}
