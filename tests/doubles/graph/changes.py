"""Lists of changes; https://learn.microsoft.com/graph/delta-query-overview.

What there was when a token was given out is kept beside it, and compared with what there is when it comes back.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable
from typing import Any

from tests.doubles.graph.description import Call
from tests.doubles.graph.errors import GraphError, bad_request, refusal
from tests.doubles.graph.lookups import Lookups
from tests.doubles.graph.operations import USER_BY_DEFAULT
from tests.doubles.graph.paging import check_query, paged, selected
from tests.doubles.graph.tenant import Document
from tests.doubles.serving import Asked

_UNTRACKED = ("signInActivity", "licenseAssignmentStates")
"""What a list of changes does not tell: https://learn.microsoft.com/graph/api/user-delta."""


class Changes(Lookups):
    """Carries out the calls of changes; forgets its tokens when it is told to."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._given: dict[str, dict[str, Document]] = {}
        self._tenant.forget_changes = self._given.clear

    def handlers(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Return what carries out each call; all take the call, the request, its body and the permissions."""
        return {("GET", "/users/delta"): self._users, ("GET", "/groups/delta"): self._groups}

    def _users(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        check_query(asked)
        if any(name in (asked.one("$select") or "") for name in _UNTRACKED):
            raise bad_request("This property is not supported by change tracking.")
        now = {user.id: user.document for user in self._tenant.users.values() if not user.is_deleted}
        token = asked.one("$deltatoken")
        if token == "latest":
            return self._ended({"value": []}, asked, now)
        before = self._before(token)
        changed = [
            selected(asked, "user", document, USER_BY_DEFAULT)
            for key, document in now.items()
            if before.get(key) != document
        ]
        gone = [
            {"id": key, "@removed": {"reason": "changed" if key in self._tenant.users else "deleted"}}
            for key in before
            if key not in now
        ]
        page = paged(asked, self._origin(), [*changed, *gone])
        return page if "@odata.nextLink" in page else self._ended(page, asked, now)

    def _groups(self, _call: Call, asked: Asked, _body: Any, _granted: frozenset[str]) -> Document:
        """Tell all groups, and of each up to three members a page, as Graph does with many."""
        check_query(asked)
        if asked.one("$select") != "members":
            raise bad_request("The double tells changes of members alone.")
        found: list[Document] = []
        for group in self._tenant.groups.values():
            members = [{"@odata.type": "#microsoft.graph.user", "id": key} for key in sorted(group.members)]
            parts = [members[start : start + 3] for start in range(0, len(members), 3)]
            found.append({"id": group.id, **({"members@delta": parts[0]} if parts else {})})
            found += [{"id": group.id, "members@delta": part} for part in parts[1:]]
        page = paged(asked, self._origin(), found)
        return page if "@odata.nextLink" in page else self._ended(page, asked, {})

    def _before(self, token: str | None) -> dict[str, Document]:
        if token is None:
            return {}
        if token not in self._given:
            raise GraphError(refusal(410, "syncStateNotFound", "The sync state generation is not found."))
        return self._given[token]

    def _ended(self, page: Document, asked: Asked, now: dict[str, Document]) -> Document:
        token = secrets.token_hex(4)
        self._given[token] = copy.deepcopy(now)
        select = f"$select={asked.one('$select')}&" if asked.one("$select") else ""
        return {**page, "@odata.deltaLink": f"{self._origin()}{asked.path}?{select}$deltatoken={token}"}
