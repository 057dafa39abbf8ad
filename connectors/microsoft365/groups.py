"""Groups that are to be given up, as they are found, listed and read.

https://learn.microsoft.com/graph/api/resources/group
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from connectors.microsoft365.batches import Document, Request, demand, whole
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.licensing import Licensing
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AmbiguousAccountError,
    GroupState,
    GroupSummary,
)
from scimbridge.sdk.http import Answer
from scimbridge.sdk.stamp import date_in, stamp_in

STAMPED = "description"
"""Where the mark of a group goes: it has no other text that anybody sees."""

_TOLD = ("displayName", STAMPED, "groupTypes", "mailEnabled", "securityEnabled", "isAssignableToRole")
_SELECT = ",".join(("id", *_TOLD, "onPremisesSyncEnabled", "assignedLicenses"))
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Groups:
    """The groups of a tenant."""

    def __init__(self, client: GraphClient, licensing: Licensing) -> None:
        self._client = client
        self._licensing = licensing

    def list(self) -> Iterator[GroupSummary]:
        """Yield all groups with their owners and size."""
        sizes = self._sizes()
        params = {"$select": _SELECT, "$expand": "owners($select=id,displayName,userPrincipalName)"}
        for each in self._client.items("/groups", call="listing groups", params=params):
            yield GroupSummary(
                id=str(each["id"]),
                name=_name(each),
                # One that has come since they were counted is not empty.
                size=sizes.get(str(each["id"])),
                owners=tuple(_ref(owner) for owner in each.get("owners") or ()),
                stamp=stamp_in(_text(each)),
                protected=_protection(each),
            )

    def find(self, said: str) -> AccountRef | None:
        """Return the group of this id or name, in any case of letters.

        Raises:
            AmbiguousAccountError: More than one group has this name.
        """
        found = [*self._by_id(said)] or [*self._by_name(said)]
        if len(found) > 1:
            raise AmbiguousAccountError(f"{len(found)} groups are called {said!r}", found)
        return found[0] if found else None

    def read(self, group_id: str) -> GroupState:
        """Return a group with all that is in it and all that it opens, by one call.

        Raises:
            AccountNotFoundError: There is none of this id.
            RetryableError: Graph tells the group, and then knows nothing of it.
        """
        if not _ID.fullmatch(group_id):
            raise AccountNotFoundError("Microsoft has no group of this id")
        lists = [
            Request.get(path_of("groups", group_id, kind), select=names, top="999") for kind, names in _LISTS.items()
        ]
        applications = Request.get(path_of("groups", group_id, "appRoleAssignments"), top="999")
        group, listed, assigned = self._client.look(
            [Request.get(path_of("groups", group_id), select=_SELECT)], lists, [applications], call="reading a group"
        )
        document = demand(group[0])
        with whole("a group"):
            return self._state(group_id, document, listed, assigned[0])

    def _state(self, group_id: str, document: Document, listed: Sequence[Answer], assigned: Answer) -> GroupState:
        members, owners, opened = ([*map(_ref, self._client.listed(each))] for each in listed)
        return GroupState(
            id=group_id,
            name=_name(document),
            attributes=_attributes(document),
            stamp=stamp_in(_text(document)),
            stamped_until=date_in(_text(document)),
            protected=_protection(document),
            disabled=not document.get("securityEnabled"),
            members=tuple(members),
            owners=tuple(owners),
            opens=(*opened, *self._applications(assigned), *self._licenses(document)),
        )

    def text(self, group_id: str) -> str:
        """Return what stands in the description, as it is by now."""
        request = Request.get(path_of("groups", group_id), select=STAMPED)
        return _text(self._client.send("GET", request.path, call="reading a group").json_object())

    def _by_id(self, said: str) -> Iterator[AccountRef]:
        if _ID.fullmatch(said):
            request = Request.get(path_of("groups", said), select="id,displayName")
            try:
                answer = self._client.send("GET", request.path, call="searching a group")
            except AccountNotFoundError:
                return
            yield _ref(answer.json_object())

    def _by_name(self, said: str) -> Iterator[AccountRef]:
        if said.strip():
            quoted = said.replace("'", "''")
            params = {"$filter": f"displayName eq '{quoted}'", "$select": "id,displayName"}
            for each in self._client.items("/groups", call="searching a group", params=params):
                if _name(each).casefold() == said.casefold():
                    yield _ref(each)

    def _sizes(self) -> Counter[str]:
        """Count the members of all groups: a list of changes from the beginning tells them without a call for each."""
        sizes: Counter[str] = Counter()
        for each in self._client.items("/groups/delta", call="counting members", params={"$select": "members"}):
            # One group may come on several pages, each time with some of its members.
            sizes[str(each["id"])] += len(each.get("members@delta", ()))
        return sizes

    def _applications(self, answer: Answer) -> Iterator[AccountRef]:
        for each in self._client.listed(answer):
            name = f"application {each.get('resourceDisplayName') or each['resourceId']}"
            yield AccountRef(f"app:{each['resourceId']}:{each['appRoleId']}", name)

    def _licenses(self, group: Document) -> Iterator[AccountRef]:
        skus: Iterable[Document] = group.get("assignedLicenses") or ()
        for each in skus:
            yield AccountRef(f"license:{each['skuId']}", f"license {self._licensing.name(str(each['skuId']))}")


_LISTS = {
    "members": "id,displayName,userPrincipalName",
    "owners": "id,displayName,userPrincipalName",
    "memberOf": "id,displayName",
}
"""What is asked of what is in a group, who owns it, and what it is in."""


def _ref(listed: Document) -> AccountRef:
    name = listed.get("userPrincipalName") or listed.get("displayName") or listed["id"]
    return AccountRef(str(listed["id"]), str(name))


def _name(group: Document) -> str:
    return str(group.get("displayName") or group["id"])


def _text(group: Document) -> str:
    return str(group.get(STAMPED) or "")


def _protection(group: Document) -> str:
    return "a group that may be given directory roles" if group.get("isAssignableToRole") else ""


def _attributes(group: Document) -> dict[str, tuple[str, ...]]:
    """Return what tells how a group can be changed, in the shape that ``hindrance`` reads."""
    flags = {name: ("true",) if group.get(name) else () for name in ("mailEnabled", "onPremisesSyncEnabled")}
    text = _text(group)
    return {**flags, "groupTypes": tuple(group.get("groupTypes") or ()), STAMPED: (text,) if text else ()}
