"""Groups and their members in the Directory API, and their settings in an API of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.google.company import Company, Document, Group, User
from tests.doubles.google.errors import GoogleError, condition_not_met, invalid, not_found, refusal
from tests.doubles.google.paging import paged
from tests.doubles.google.queries import parsed
from tests.doubles.serving import Answer, Asked


class Groups:
    """Answers the calls of ``directory.groups``, ``directory.members`` and ``groupsSettings``."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """Return what answers each call; all take keys, request, body and who is asking."""
        return {
            "directory.groups.get": self._get,
            "directory.groups.list": self._list,
            "directory.groups.patch": self._patch,
            "directory.groups.delete": self._delete,
            "directory.members.get": self._get_member,
            "directory.members.list": self._list_members,
            "directory.members.insert": self._insert_member,
            "directory.members.delete": self._delete_member,
            "groupsSettings.groups.get": self._get_settings,
            "groupsSettings.groups.patch": self._patch_settings,
        }

    # -- groups

    def _get(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        return _shown(self._group(keys))

    def _list(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        key = asked.one("userKey")
        if key is None:
            if not (asked.one("customer") or asked.one("domain")):
                raise GoogleError(refusal(400, "badRequest", "Bad Request"))
            return paged(asked, "groups", [_shown(each) for each in self._found(asked.one("query"))], 200)
        if asked.one("customer"):
            raise invalid("userKey cannot be combined with customer")
        user = self._company.user(key)
        if user is None:
            raise not_found("userKey")
        return paged(asked, "groups", [_shown(each) for each in self._company.groups_of(user)], 200)

    def _found(self, query: str | None) -> list[Group]:
        found = list(self._company.groups.values())
        for name, value in parsed(query) if query is not None else ():
            match name:
                case "name":
                    found = [each for each in found if each.document["name"].casefold() == value.casefold()]
                case "email":
                    found = [each for each in found if each.email.casefold() == value.casefold()]
                case "memberKey":
                    member = self._company.user(value) or self._company.group(value)
                    found = [each for each in found if member is not None and member.id in each.members]
                case _:
                    raise invalid("Invalid Input: query")
        return found

    def _patch(self, keys: Document, _asked: Asked, body: Document, _caller: User) -> Document:
        group = self._group(keys)
        group.document |= body
        return _shown(group)

    def _delete(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        group = self._group(keys)
        del self._company.groups[group.id]
        for each in self._company.groups.values():
            each.members.pop(group.id, None)

    # -- members

    def _get_member(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        group, member = self._group(keys), self._member(keys)
        return {**_as_member(member), **group.members[member.id]}

    def _list_members(self, keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        found = []
        for member_id, membership in self._group(keys).members.items():
            member = self._company.users.get(member_id) or self._company.groups[member_id]
            # Lists do not tell how somebody gets mail.
            found.append({**_as_member(member), "role": membership["role"]})
        return paged(asked, "members", found, 200)

    def _insert_member(self, keys: Document, _asked: Asked, body: Document, _caller: User) -> Document:
        group, key = self._group(keys), body.get("id") or body.get("email") or ""
        member = self._company.user(key) or self._company.group(key)
        if member is None:
            raise not_found("memberKey")
        if group.is_dynamic:
            raise condition_not_met("Members of a dynamic group cannot be changed")
        if member.id in group.members:
            raise GoogleError(refusal(409, "duplicate", "Member already exists."))
        group.members[member.id] = {
            "role": body.get("role", "MEMBER"),
            "delivery_settings": body.get("delivery_settings", "ALL_MAIL"),
        }
        return {**_as_member(member), **group.members[member.id]}

    def _delete_member(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> None:
        group, member = self._group(keys), self._member(keys)
        if group.is_dynamic:
            raise condition_not_met("Members of a dynamic group cannot be changed")
        del group.members[member.id]

    # -- settings

    def _get_settings(self, keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        return _as_asked(asked, self._with_settings(keys).settings)

    def _patch_settings(self, keys: Document, asked: Asked, body: Document, _caller: User) -> Document:
        group = self._with_settings(keys)
        was, archived = group.settings["archiveOnly"], body.get("archiveOnly", group.settings["archiveOnly"])
        if archived == "false" and body.get("whoCanPostMessage") == "NONE_CAN_POST":
            raise invalid("Invalid Value: whoCanPostMessage")
        group.settings |= body
        if archived == "true":
            group.settings["whoCanPostMessage"] = "NONE_CAN_POST"
        elif was == "true":
            group.settings["whoCanPostMessage"] = "ALL_MANAGERS_CAN_POST"
        return _as_asked(asked, group.settings)

    # -- look-ups

    def _group(self, keys: Document) -> Group:
        found = self._company.group(keys["groupKey"])
        if found is None:
            raise not_found("groupKey")
        return found

    def _with_settings(self, keys: Document) -> Group:
        """Return a group by its address: this API knows nothing else."""
        for group in self._company.groups.values():
            if group.email == keys["groupUniqueId"]:
                return group
        raise not_found("groupUniqueId")

    def _member(self, keys: Document) -> User | Group:
        found = self._company.user(keys["memberKey"]) or self._company.group(keys["memberKey"])
        if found is None or found.id not in self._group(keys).members:
            raise not_found("memberKey")
        return found


def _shown(group: Group) -> Document:
    return {**group.document, "directMembersCount": str(len(group.members))}


def _as_member(member: User | Group) -> Document:
    kind = "USER" if isinstance(member, User) else "GROUP"
    return {"kind": "admin#directory#member", "id": member.id, "email": member.email, "type": kind}


def _as_asked(asked: Asked, settings: Document) -> Document:
    """Return settings as JSON, where the caller has asked for it: this API's own language is XML."""
    if asked.one("alt") != "json":
        page = b'<?xml version="1.0" encoding="UTF-8"?><entry xmlns="http://www.w3.org/2005/Atom"/>'
        raise GoogleError(Answer(status=200, body=page, headers={"Content-Type": "application/atom+xml"}))
    return settings
