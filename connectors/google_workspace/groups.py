"""Groups, as they are found, listed, read, and changed.

https://developers.google.com/workspace/admin/directory/v1/guides/manage-groups
https://developers.google.com/workspace/admin/groups-settings/v1/reference/groups
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from connectors.google_workspace import scopes
from connectors.google_workspace.client import Document, GoogleClient, Root, group_path, quoted
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.memberships import membership
from connectors.google_workspace.roles import Roles
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AmbiguousAccountError,
    Confirm,
    GroupState,
    GroupSummary,
)
from scimbridge.sdk.stamp import date_in, stamp_in

_PAGE = "200"
EMAIL = "email"
"""Where a group's state keeps its address, by which alone its settings are known."""

ARCHIVED, WHO_POSTS, WHO_JOINS = "archiveOnly", "whoCanPostMessage", "whoCanJoin"
_SETTINGS = (ARCHIVED, WHO_POSTS, WHO_JOINS)
"""The settings that ``disable_group`` changes, or that change with them."""


class Groups:
    """The groups of a customer."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient, roles: Roles) -> None:
        self._config = config
        self._client = client
        self._roles = roles

    def find(self, said: str) -> AccountRef | None:
        """Return the group of this id, address or name."""
        found = self._by_key(said) if "@" in said or (said.isascii() and said.isalnum()) else None
        if found is not None:
            return _ref(found)
        named = [
            _ref(each) for each in self._search(f"name={quoted(said)}") if _name(each).casefold() == said.casefold()
        ]
        if len(named) > 1:
            raise AmbiguousAccountError(f"{len(named)} groups are called {said!r}", named)
        return named[0] if named else None

    def list(self) -> Iterator[GroupSummary]:
        """Yield all groups. Who owns one takes a look at it, and when one was changed, Google does not tell."""
        for group in self._search():
            size = group.get("directMembersCount")
            yield GroupSummary(
                id=str(group["id"]),
                name=_name(group),
                size=int(size) if size is not None else None,
                stamp=stamp_in(_text(group)),
                protected=self._protection(group),
            )

    def document(self, group_id: str) -> Document:
        """Return a group as Google tells it.

        Raises:
            AccountNotFoundError: There is none of this id.
        """
        group = self._client.look(group_path(group_id), call="reading a group", scope=scopes.GROUP)
        # Groups are also found by an address, which may belong to another one by now.
        if group is None or group.get("id") != group_id:
            raise AccountNotFoundError("Google has no group of this id")
        return group

    def read(self, group_id: str, *, with_delivery: bool = False) -> GroupState:
        """Return a group with all of its members; ``with_delivery`` costs a call for each of them."""
        group = self.document(group_id)
        members = list(self._members(group_id))
        settings = self._settings(str(group["email"]))
        text = _text(group)
        return GroupState(
            id=group_id,
            name=_name(group),
            attributes={
                EMAIL: (str(group["email"]),),
                **{name: (str(settings[name]),) for name in _SETTINGS if name in settings},
                **{member_key(_member_id(each)): self._settings_of(group_id, each, with_delivery) for each in members},
            },
            stamp=stamp_in(text),
            stamped_until=date_in(text),
            protected=self._protection(group),
            disabled=settings.get(ARCHIVED) == "true" if settings else None,
            members=tuple(sorted((_member(each) for each in members), key=lambda ref: ref.id)),
            owners=tuple(sorted((_member(each) for each in members if _is_owner(each)), key=lambda ref: ref.id)),
            opens=tuple(
                sorted(map(_ref, self._search(f"memberKey={quoted(str(group['email']))}")), key=lambda ref: ref.id)
            ),
        )

    def write_text(self, group_id: str, text: str) -> None:
        """Change the description, and nothing else."""
        body = {"description": text}
        self._client.send("PATCH", group_path(group_id), call="stamping a group", scope=scopes.GROUP, body=body)

    def set(self, email: str, settings: Mapping[str, str]) -> Document:
        """Change some settings; returns all of them."""
        return self._send_settings("PATCH", email, call="changing the settings of a group", body=settings)

    def delete(self, group_id: str, confirm: Confirm) -> bool:
        """Remove a group; returns False where it was gone already."""
        path = group_path(group_id)
        return self._client.remove(path, call="deleting a group", scope=scopes.GROUP, confirm=confirm)

    def _by_key(self, key: str) -> Document | None:
        group = self._client.look(group_path(key), call="looking for a group", scope=scopes.GROUP)
        if group is None:
            return None
        addresses = {str(each).casefold() for each in (group["email"], *group.get("aliases", ()))}
        return group if group.get("id") == key or key.casefold() in addresses else None

    def _search(self, query: str | None = None) -> Iterator[Document]:
        params = {"customer": self._config.customer, "maxResults": _PAGE, **({"query": query} if query else {})}
        return self._client.items(group_path(), "groups", call="listing groups", scope=scopes.GROUP, params=params)

    def _members(self, group_id: str) -> Iterator[Document]:
        params = {"maxResults": _PAGE}
        return self._client.items(
            group_path(group_id, "members"), "members", call="listing members", scope=scopes.GROUP, params=params
        )

    def _settings_of(self, group_id: str, member: Document, with_delivery: bool) -> tuple[str, ...]:
        found = membership(self._client, group_id, _member_id(member)) if with_delivery else ()
        return found or (str(member.get("role") or "MEMBER"),)

    def _settings(self, email: str) -> Document:
        if not self._config.group_settings:
            return {}
        return self._send_settings("GET", email, call="reading the settings of a group")

    def _send_settings(self, method: str, email: str, *, call: str, body: Mapping[str, str] | None = None) -> Document:
        # This API answers in XML unless it is told otherwise.
        params, path = {"alt": "json"}, f"/groups/v1/groups/{quote(email, safe='')}"
        scope = scopes.GROUP_SETTINGS
        answer = self._client.send(method, path, root=Root.GROUPS, call=call, scope=scope, params=params, body=body)
        return answer.json_object()

    def _protection(self, group: Document) -> str:
        if str(group["email"]).casefold() in {each.casefold() for each in self._config.protected}:
            return "named in protected"
        return "gives its members a role of administrators" if self._roles.give_power(str(group["id"])) else ""


def member_key(member_id: str) -> str:
    """Return where a group's state keeps role and delivery of a member."""
    return f"member {member_id}"


def _ref(group: Document) -> AccountRef:
    return AccountRef(str(group["id"]), _name(group))


def _name(group: Document) -> str:
    return str(group.get("name") or group["email"])


def _text(group: Document) -> str:
    return str(group.get("description") or "")


def _member_id(member: Document) -> str:
    # Somebody from outside may be known by an address alone.
    return str(member.get("id") or member["email"])


def _member(member: Document) -> AccountRef:
    # Everybody in the company can be a member, who has no address.
    return AccountRef(_member_id(member), str(member.get("email") or member.get("type") or _member_id(member)))


def _is_owner(member: Document) -> bool:
    return member.get("role") == "OWNER"
