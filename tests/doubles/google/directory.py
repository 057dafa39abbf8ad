"""The Directory API: users, their security, groups, organizational units and roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from tests.doubles.google.company import Company, Document, Group, User
from tests.doubles.google.errors import (
    GoogleError,
    condition_not_met,
    forbidden,
    invalid,
    not_found,
    refusal,
)
from tests.doubles.google.paging import paged
from tests.doubles.serving import Asked

_QUERY = re.compile(r"(?P<field>\w+)(?P<op>[=:])(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>\S+))")


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
            "directory.groups.get": self._get_group,
            "directory.groups.list": self._list_groups,
            "directory.members.get": self._get_member,
            "directory.members.list": self._list_members,
            "directory.members.insert": self._insert_member,
            "directory.members.delete": self._delete_member,
            "directory.orgunits.get": self._get_org_unit,
            "directory.orgunits.list": self._list_org_units,
            "directory.roles.get": self._get_role,
            "directory.roles.list": self._list_roles,
            "directory.roleAssignments.list": self._list_assignments,
            "directory.roleAssignments.delete": self._delete_assignment,
        }

    # -- users

    def _get_user(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        user = self._user(keys)
        return user.seen.pop() if user.seen else user.document

    def _list_users(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        if not (asked.one("customer") or asked.one("domain")):
            raise GoogleError(refusal(400, "badRequest", "Bad Request"))
        shows_deleted = asked.one("showDeleted") == "true"
        users = [user for user in self._company.users.values() if user.is_deleted is shows_deleted]
        query = asked.one("query")
        if query is not None:
            wanted = _parsed(query)
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
        user.is_deleted = False
        user.document["orgUnitPath"] = body.get("orgUnitPath", "/")

    def _make_admin(self, keys: Document, _asked: Asked, body: Document, caller: User) -> None:
        user = self._user(keys)
        if user is caller:
            raise forbidden()
        user.document["isAdmin"] = body["status"]

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

    # -- groups

    def _get_group(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        return self._group(keys).document

    def _list_groups(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        key = asked.one("userKey")
        if key is None:
            if not (asked.one("customer") or asked.one("domain")):
                raise GoogleError(refusal(400, "badRequest", "Bad Request"))
            return paged(asked, "groups", [each.document for each in self._company.groups.values()], 200)
        if asked.one("customer"):
            raise invalid("userKey cannot be combined with customer")
        user = self._user({"userKey": key})
        return paged(asked, "groups", [each.document for each in self._company.groups_of(user)], 200)

    def _get_member(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        group, user = self._group(keys), self._member(keys)
        return {"kind": "admin#directory#member", "id": user.id, "email": user.email, **group.members[user.id]}

    def _list_members(self, keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        group = self._group(keys)
        found = [
            {"id": each, "email": self._company.users[each].email, "type": "USER", "role": member["role"]}
            for each, member in group.members.items()
        ]
        return paged(asked, "members", found, 200)

    def _insert_member(self, keys: Document, _asked: Asked, body: Document, _caller: User) -> Document:
        group = self._group(keys)
        user = self._company.user(body.get("id") or body.get("email") or "")
        if user is None:
            raise not_found("memberKey")
        if group.is_dynamic:
            raise condition_not_met("Members of a dynamic group cannot be changed")
        if user.id in group.members:
            raise GoogleError(refusal(409, "duplicate", "Member already exists."))
        group.members[user.id] = {
            "role": body.get("role", "MEMBER"),
            "delivery_settings": body.get("delivery_settings", "ALL_MAIL"),
        }
        return {"id": user.id, "email": user.email, **group.members[user.id]}

    def _delete_member(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        group, user = self._group(keys), self._member(keys)
        if group.is_dynamic:
            raise condition_not_met("Members of a dynamic group cannot be changed")
        del group.members[user.id]

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

    # -- look-ups

    def _user(self, keys: Document) -> User:
        found = self._company.user(keys["userKey"])
        if found is None:
            domain = keys["userKey"].rpartition("@")[2]
            raise forbidden() if "@" in keys["userKey"] and domain != self._company.domain else not_found("userKey")
        return found

    def _group(self, keys: Document) -> Group:
        found = self._company.group(keys["groupKey"])
        if found is None:
            raise not_found("groupKey")
        return found

    def _member(self, keys: Document) -> User:
        found = self._company.user(keys["memberKey"])
        if found is None or found.id not in self._group(keys).members:
            raise not_found("memberKey")
        return found


def _parsed(query: str) -> list[tuple[str, str]]:
    """Read a query of users.list; https://developers.google.com/workspace/admin/directory/v1/guides/search-users."""
    found = [
        (each["field"], re.sub(r"\\(.)", r"\1", each["quoted"]) if each["quoted"] is not None else each["plain"])
        for each in _QUERY.finditer(query)
    ]
    if _QUERY.sub("", query).strip() or not found:
        raise invalid("Invalid Input: query")
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
