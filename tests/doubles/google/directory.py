"""The Directory API: users, their addresses and security, organizational units and roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from tests.doubles.google.company import Company, Document, User
from tests.doubles.google.errors import (
    GoogleError,
    condition_not_met,
    forbidden,
    invalid,
    not_found,
    refusal,
)
from tests.doubles.google.paging import paged
from tests.doubles.google.queries import parsed
from tests.doubles.serving import Asked

MOST_ALIASES = 30


class Directory:
    """Answers the calls of ``directory.*``."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """Return what answers each call; all take keys, request, body and who is asking."""
        return {
            "directory.users.get": self._get_user,
            "directory.users.list": self._list_users,
            "directory.users.insert": self._insert_user,
            "directory.users.update": self._update_user,
            "directory.users.patch": self._update_user,
            "directory.users.delete": self._delete_user,
            "directory.users.undelete": self._undelete_user,
            "directory.users.signOut": self._sign_out,
            "directory.users.makeAdmin": self._make_admin,
            "directory.asps.list": self._list_app_passwords,
            "directory.asps.delete": self._delete_app_password,
            "directory.verificationCodes.invalidate": self._invalidate_codes,
            "directory.tokens.list": self._list_tokens,
            "directory.tokens.delete": self._delete_token,
            "directory.mobiledevices.list": self._list_devices,
            "directory.mobiledevices.action": self._act_on_device,
            "directory.users.aliases.list": self._list_aliases,
            "directory.users.aliases.insert": self._insert_alias,
            "directory.users.aliases.delete": self._delete_alias,
            "directory.orgunits.get": self._get_org_unit,
            "directory.orgunits.list": self._list_org_units,
            "directory.roles.get": self._get_role,
            "directory.roles.list": self._list_roles,
            "directory.roleAssignments.list": self._list_assignments,
            "directory.roleAssignments.delete": self._delete_assignment,
        }

    # -- users

    def _get_user(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        return self._user(keys).document

    def _list_users(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        if not (asked.one("customer") or asked.one("domain")):
            raise GoogleError(refusal(400, "badRequest", "Bad Request"))
        shows_deleted = asked.one("showDeleted") == "true"
        users = [user for user in self._company.users.values() if user.is_deleted is shows_deleted]
        query = asked.one("query")
        # Among deleted users, Google does not search: it answers with all of them.
        if query is not None and not shows_deleted:
            wanted = parsed(query)
            users = [user for user in users if all(_has(user, *each) for each in wanted)]
        return paged(asked, "users", [user.document for user in users], 100)

    def _insert_user(self, _keys: Document, _asked: Asked, body: Document, _caller: User) -> Document:
        if self._company.user(body["primaryEmail"]) is not None:
            raise GoogleError(refusal(409, "duplicate", "Entity already exists."))
        user = self._company.hire(body["primaryEmail"])
        user.document["name"] = body["name"]
        return user.document

    def _update_user(self, keys: Document, _asked: Asked, body: Document, caller: User) -> Document:
        user = self._user(keys)
        if user.document["isAdmin"] and not caller.document["isAdmin"]:
            raise forbidden()
        if "orgUnitPath" in body and body["orgUnitPath"] not in self._company.org_units:
            raise invalid("Invalid Input: INVALID_OU_ID")
        if body.get("archived") and not user.document["archived"] and self._company.archived_seats < 1:
            raise condition_not_met("Insufficient archived user licenses")
        if body.get("suspended") is False and user.document.get("suspensionReason", "ADMIN") != "ADMIN":
            raise condition_not_met("Cannot unsuspend a user that Google has suspended: adminCannotUnsuspend")
        secret = {"password", "hashFunction"}
        user.document |= {name: value for name, value in body.items() if name not in secret}
        if body.get("suspended"):
            user.document |= {"suspensionReason": "ADMIN", "suspensionTime": datetime.now(UTC).isoformat()}
            user.sessions = 0
        elif body.get("suspended") is False:
            user.document.pop("suspensionReason", None)
            user.document.pop("suspensionTime", None)
        return user.document

    def _delete_user(self, keys: Document, _asked: Asked, _body: Document, caller: User) -> None:
        user = self._user(keys)
        if user.document["isAdmin"] and not caller.document["isAdmin"]:
            raise forbidden()
        if user.is_on_hold:
            raise condition_not_met("The user is on a hold in Vault")
        user.is_deleted = True
        user.document["deletionTime"] = datetime.now(UTC).isoformat()
        for group in self._company.groups_of(user):
            del group.members[user.id]
        for owners in self._company.licenses.values():
            owners.discard(user.email)

    def _undelete_user(self, keys: Document, _asked: Asked, body: Document, _caller: User) -> None:
        user = self._company.users.get(keys["userKey"])
        if user is None or not user.is_deleted:
            raise not_found("userKey")
        if body.get("orgUnitPath", "/") not in self._company.org_units:
            raise invalid("Invalid Input: INVALID_OU_ID")
        if any(self._company.user(each) is not None for each in user.addresses):
            raise GoogleError(refusal(409, "duplicate", "Entity already exists."))
        user.is_deleted = False
        user.document.pop("deletionTime")
        user.document["orgUnitPath"] = body.get("orgUnitPath", "/")

    def _make_admin(self, keys: Document, _asked: Asked, body: Document, caller: User) -> None:
        user = self._user(keys)
        if user is caller:
            raise forbidden()
        user.document["isAdmin"] = body["status"]
        for assignment_id, role in [*self._company.role_assignments.items()]:
            is_super = self._company.roles[role["roleId"]]["isSuperAdminRole"]
            if role["assignedTo"] == user.id and is_super and not body["status"]:
                del self._company.role_assignments[assignment_id]

    # -- further addresses

    def _list_aliases(self, keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        user = self._user(keys)
        found = [
            {"id": user.id, "primaryEmail": user.email, "alias": each} for each in user.document.get("aliases", ())
        ]
        return paged(asked, "aliases", found, len(found) or 1)

    def _insert_alias(self, keys: Document, _asked: Asked, body: Document, _caller: User) -> Document:
        user, alias = self._user(keys), str(body["alias"])
        if alias.rpartition("@")[2] != self._company.domain:
            raise invalid("Invalid Input: alias")
        if self._company.user(alias) is not None or self._company.group(alias) is not None:
            raise GoogleError(refusal(409, "duplicate", "Entity already exists."))
        aliases = user.document.setdefault("aliases", [])
        if len(aliases) >= MOST_ALIASES:
            raise condition_not_met("Too many aliases")
        aliases.append(alias)
        return {"id": user.id, "primaryEmail": user.email, "alias": alias}

    def _delete_alias(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        user = self._user(keys)
        found = [each for each in user.document.get("aliases", ()) if each.casefold() == keys["alias"].casefold()]
        if not found:
            raise not_found("alias")
        if found[0].rpartition("@")[2] != self._company.domain:
            raise invalid("Invalid Input: alias")  # that of a domain alias
        user.document["aliases"].remove(found[0])
        if not user.document["aliases"]:
            del user.document["aliases"]

    # -- sessions and credentials

    def _sign_out(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        self._user(keys).sessions = 0

    def _list_app_passwords(self, keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        found = [{"codeId": number, "name": name} for number, name in self._user(keys).app_passwords.items()]
        return paged(asked, "items", found, len(found) or 1)

    def _delete_app_password(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        if self._user(keys).app_passwords.pop(int(keys["codeId"]), None) is None:
            raise invalid("Invalid Input: codeId")

    def _invalidate_codes(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        user = self._user(keys)
        if user.document["suspended"]:
            raise invalid("Invalid Input")
        user.backup_codes = 0

    def _list_tokens(self, keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        found = [{"clientId": client, "displayText": name} for client, name in self._user(keys).tokens.items()]
        return paged(asked, "items", found, len(found) or 1)

    def _delete_token(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        if self._user(keys).tokens.pop(keys["clientId"], None) is None:
            raise not_found("clientId")

    def _list_devices(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        wanted = asked.one("query") or ""
        found = [
            {"resourceId": device, "email": [user.email], "status": status}
            for user in self._company.users.values()
            for device, status in user.devices.items()
            if not wanted or wanted.removeprefix("email:").strip("\"'") == user.email
        ]
        return paged(asked, "mobiledevices", found, 100)

    def _act_on_device(self, keys: Document, _asked: Asked, body: Document, _caller: User) -> None:
        status = {"admin_account_wipe": "ACCOUNT_WIPING", "admin_remote_wipe": "WIPING", "block": "BLOCKED"}
        if body["action"] not in status:
            raise invalid("Invalid Input: action")
        for user in self._company.users.values():
            if keys["resourceId"] in user.devices:
                user.devices[keys["resourceId"]] = status[body["action"]]
                return
        raise not_found("resourceId")

    # -- where, and what they may do

    def _get_org_unit(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        path = "/" + keys["orgUnitPath"].lstrip("/")
        if path not in self._company.org_units:
            raise not_found("orgUnitPath")
        return {"orgUnitPath": path, "name": path.rpartition("/")[2], "orgUnitId": f"id:{path}"}

    def _list_org_units(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        found = [{"orgUnitPath": path} for path in sorted(self._company.org_units) if path != "/"]
        return paged(asked, "organizationUnits", found, len(found) or 1)

    def _get_role(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        found = self._company.roles.get(keys["roleId"])
        if found is None:
            raise not_found("roleId")
        return found

    def _list_roles(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        return paged(asked, "items", list(self._company.roles.values()), 100)

    def _list_assignments(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        key = asked.one("userKey")
        found: Iterable[Document] = self._company.role_assignments.values()
        if key is not None:
            user = self._user({"userKey": key})
            found = [each for each in found if each["assignedTo"] == user.id]
        return paged(asked, "items", list(found), 100)

    def _delete_assignment(self, keys: Document, _asked: Asked, _body: Document, caller: User) -> None:
        found = self._company.role_assignments.get(keys["roleAssignmentId"])
        if found is None:
            raise not_found("roleAssignmentId")
        if found["assignedTo"] == caller.id:
            raise forbidden()
        del self._company.role_assignments[keys["roleAssignmentId"]]
        left = [each for each in self._company.role_assignments.values() if each["assignedTo"] == found["assignedTo"]]
        if not left and found["assignedTo"] in self._company.users:
            self._company.users[found["assignedTo"]].document["isDelegatedAdmin"] = False

    # -- look-ups

    def _user(self, keys: Document) -> User:
        found = self._company.user(keys["userKey"])
        if found is None:
            domain = keys["userKey"].rpartition("@")[2]
            raise forbidden() if "@" in keys["userKey"] and domain != self._company.domain else not_found("userKey")
        return found


def _has(user: User, name: str, value: str) -> bool:
    document = user.document
    match name:
        case "email":
            return value.casefold() in user.addresses
        case "externalId":
            return any(each.get("value") == value for each in document.get("externalIds", ()))
        case "isSuspended":
            return bool(document["suspended"]) is (value == "true")
        case "orgUnitPath":
            return str(document["orgUnitPath"]).startswith(value)
        case _:
            raise invalid("Invalid Input: query")
