"""A SCIM application in memory, behind an HTTP transport, with the habits of one vendor."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from tests.doubles.scim.changing import RefusalError, changed_group, changed_user
from tests.doubles.scim.habits import Habits
from tests.doubles.scim.searching import found_by

TOKEN = "right-token"  # opens nothing
_MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
_CORE = "urn:ietf:params:scim:schemas:core:2.0"

Document = dict[str, Any]


class Application:
    """Users and groups, and what may be done to them.

    Attributes:
        habits: Whose application this is.
        users: Documents by id, as they are stored.
        groups: The same of groups; ``members`` has ids.
        requests: What was asked, in order: method and path.
        writes: How many of them would change something.
        answer_next: Answers that come first, one for each of the next requests; ``None`` goes on as usual.
    """

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.users: dict[str, Document] = {}
        self.groups: dict[str, Document] = {}
        self.hidden: set[str] = set()
        self.requests: list[str] = []
        self.writes = 0
        self.answer_next: list[Callable[[httpx.Request], httpx.Response] | None] = []
        self._made = 0

    # -- around the connector --------------------------------------------------

    def add_user(self, name: str, **more: Any) -> str:
        """Make a user who can sign in, and return the id."""
        user_id = f"u-{self._next()}"
        self.users[user_id] = {"id": user_id, "userName": name, "active": True, "version": 1, **more}
        return user_id

    def add_group(self, name: str, *user_ids: str, **more: Any) -> str:
        """Make a group, or put users into the one of this name; return its id."""
        known = next((key for key, group in self.groups.items() if group["displayName"] == name), None)
        group_id = known or f"g-{self._next()}"
        group = self.groups.setdefault(group_id, {"id": group_id, "displayName": name, "members": [], **more})
        group["members"] = [*group["members"], *user_ids]
        return group_id

    def groups_of(self, user_id: str) -> list[str]:
        """Return the names of the groups that a user is in."""
        return sorted(each["displayName"] for each in self.groups.values() if user_id in each["members"])

    def _next(self) -> int:
        self._made += 1
        return self._made

    # -- over HTTP --------------------------------------------------------------

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client is given instead of the network."""
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request as the vendor would."""
        path = request.url.path
        self.requests.append(f"{request.method} {path}")
        self.writes += request.method != "GET"
        scripted = self.answer_next.pop(0) if self.answer_next else None
        if scripted is not None:
            return scripted(request)
        try:
            self._let_in(request)
            return self._route(request, path.strip("/").split("/"))
        except RefusalError as refusal:
            return self._refused(refusal)

    def _let_in(self, request: httpx.Request) -> None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise RefusalError(401)
        if self.habits.wants_user_agent and not request.headers.get("user-agent"):
            raise RefusalError(403)
        # DELETE has no answer that could be in another format.
        takes_scim = request.method == "DELETE" or "application/scim+json" in request.headers.get("accept", "")
        if self.habits.wants_scim_answers and not takes_scim:
            raise RefusalError(406)

    def _route(self, request: httpx.Request, path: list[str]) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        match request.method, path:
            case "GET", ["ServiceProviderConfig" | "ResourceTypes" | "Schemas" as what] if self.habits.describes_itself:
                return _ok(getattr(self, f"_tell_{what.lower()}")())
            case "GET", ["Users"]:
                return self._list(request.url.params, self._visible(), self._filters(of_groups=False))
            case "GET", ["Groups"] if self.habits.groups != "none":
                return self._list(request.url.params, self._visible_groups(), self._filters(of_groups=True))
            case "POST", ["Bulk"] if self.habits.bulk:
                return self._bulk(request, body)
            case method, ["Users", user_id]:
                return self._about_user(method, user_id, request, body)
            case method, ["Groups", group_id] if self.habits.groups != "none":
                return self._about_group(method, group_id, body)
            case _:
                raise RefusalError(404)

    def _about_user(self, method: str, user_id: str, request: httpx.Request, body: Document) -> httpx.Response:
        if method not in self.habits.methods or (method == "DELETE" and self.habits.delete == "refused"):
            raise RefusalError(405)
        if user_id not in self.users or user_id in self.hidden:
            raise RefusalError(404)
        expected = request.headers.get("if-match")
        if expected and self.habits.versions and expected != f'W/"{self.users[user_id]["version"]}"':
            raise RefusalError(412)
        match method:
            case "GET":
                return _ok(self._shown(self.users[user_id]))
            case "PUT":
                self._store(user_id, {**body, "id": user_id})
                return _ok(self._shown(self.users[user_id]))
            case "PATCH":
                self._store(user_id, changed_user(self.users[user_id], body["Operations"], self.habits))
                return httpx.Response(204)
            case _:
                self._delete(user_id)
                return httpx.Response(204)

    def _store(self, user_id: str, user: Document) -> None:
        before = self.users[user_id]
        if user.get("active") is False and self.habits.inactive == "removed":
            self._drop(user_id)
            return
        kept = {key: value for key, value in user.items() if key not in {"meta", "groups", "schemas"}}
        if self.habits.renames_inactive and before.get("active") is not kept.get("active"):
            kept["userName"] = f"{user_id}-hidden" if kept["active"] is False else before["original"]
            kept["original"] = before["userName"]
        self.users[user_id] = {**kept, "version": before["version"] + (kept != before)}

    def _delete(self, user_id: str) -> None:
        match self.habits.delete:
            case "removes":
                self._drop(user_id)
            case "hides":
                self.users[user_id]["active"] = False
                self.hidden.add(user_id)
            case _:
                self.users[user_id]["active"] = False

    def _drop(self, user_id: str) -> None:
        del self.users[user_id]
        for group in self.groups.values():
            group["members"] = [each for each in group["members"] if each != user_id]

    def _about_group(self, method: str, group_id: str, body: Document) -> httpx.Response:
        if group_id not in self.groups:
            raise RefusalError(404)
        match method:
            case "GET":
                return _ok(self._shown_group(self.groups[group_id]))
            case "PATCH":
                known = set(self.users) - self.hidden
                self.groups[group_id] = changed_group(self.groups[group_id], body["Operations"], known, self.habits)
                return httpx.Response(204)
            case "DELETE":
                del self.groups[group_id]
                return httpx.Response(204)
            case _:
                raise RefusalError(405)

    def _bulk(self, request: httpx.Request, body: Document) -> httpx.Response:
        if len(body["Operations"]) > self.habits.bulk:
            raise RefusalError(413)
        answers = [self._one_of_many(request, each) for each in body["Operations"]]
        return _ok({"schemas": [f"{_MESSAGES}:BulkResponse"], "Operations": answers})

    def _one_of_many(self, request: httpx.Request, operation: Document) -> Document:
        one = httpx.Request(operation["method"], f"{request.url.copy_with(path='')}", json=operation.get("data"))
        try:
            answer = self._route(one, operation["path"].strip("/").split("/"))
        except RefusalError as refusal:
            answer = self._refused(refusal)
        told = {"response": answer.json()} if answer.status_code >= 400 else {}
        told |= {"bulkId": operation["bulkId"]} if "bulkId" in operation else {}
        return {"method": operation["method"], "location": operation["path"], "status": str(answer.status_code), **told}

    # -- lists ------------------------------------------------------------------

    def _filters(self, *, of_groups: bool) -> tuple[str, ...] | None:
        return self.habits.group_filters if of_groups else self.habits.user_filters

    def _visible(self) -> Iterator[Document]:
        return (self._shown(user) for key, user in self.users.items() if key not in self.hidden)

    def _visible_groups(self) -> Iterator[Document]:
        return (self._shown_group(group, with_members=True) for group in self.groups.values())

    def _list(
        self, params: Mapping[str, str], documents: Iterator[Document], filters: tuple[str, ...] | None
    ) -> httpx.Response:
        if "count" in params and self.habits.count == "fails":
            raise RefusalError(500)
        found = list(found_by(params.get("filter"), documents, filters, self.habits))
        count = min(int(params.get("count", self.habits.page)), self.habits.page)
        start = max(int(params.get("startIndex", "1")), 1) if self.habits.paging == "index" else 1
        start = int(params["cursor"] or 1) if "cursor" in params and self.habits.paging == "cursor" else start
        page = found[start - 1 : start - 1 + count]
        is_last = start - 1 + len(page) >= len(found)
        total = len(found) if is_last or self.habits.total == "told" else start + count
        if self.habits.groups == "hidden":
            page = [{key: value for key, value in each.items() if key != "members"} for each in page]
        wanted = params.get("attributes")
        if wanted:
            page = [{key: value for key, value in each.items() if key in {"id", *wanted.split(",")}} for each in page]
        if "cursor" in params and self.habits.paging == "cursor":
            place = {} if is_last else {"nextCursor": str(start + count)}
            return _ok(
                {"schemas": [f"{_MESSAGES}:ListResponse"], "itemsPerPage": len(page), "Resources": page, **place}
            )
        return _ok({"schemas": [f"{_MESSAGES}:ListResponse"], "totalResults": total, "Resources": page})

    def _shown(self, user: Document) -> Document:
        shown = {key: value for key, value in user.items() if key not in {"version", "original"}}
        if self.habits.groups == "shown" and self.habits.tells_groups_of_users:
            told = [
                {"value": key, "display": group["displayName"], "type": "direct"}
                for key, group in self.groups.items()
                if user["id"] in group["members"]
            ]
            shown["groups"] = told
        version = {"version": f'W/"{user["version"]}"'} if self.habits.versions else {}
        return {"schemas": [f"{_CORE}:User"], **shown, "meta": {"resourceType": "User", **version}}

    def _shown_group(self, group: Document, *, with_members: bool = False) -> Document:
        members = [{"value": each, "display": self.users.get(each, {}).get("userName")} for each in group["members"]]
        told = {"members": members} if with_members or self.habits.groups == "shown" else {}
        rest = {key: value for key, value in group.items() if key != "members"}
        return {"schemas": [f"{_CORE}:Group"], **rest, **told, "meta": {"resourceType": "Group"}}

    # -- descriptions -------------------------------------------------------------

    def _tell_serviceproviderconfig(self) -> Document:
        return {
            "patch": {"supported": "PATCH" in self.habits.methods},
            "filter": {"supported": self.habits.other_filters != "everything", "maxResults": self.habits.page},
            "bulk": {
                "supported": bool(self.habits.bulk),
                "maxOperations": self.habits.bulk,
                "maxPayloadSize": 1_000_000,
            },
            "etag": {"supported": self.habits.versions},
        }

    def _tell_resourcetypes(self) -> Document:
        kinds = ["User"] if self.habits.groups == "none" else ["User", "Group"]
        types = [{"id": kind, "name": kind, "endpoint": f"/{kind}s", "schema": f"{_CORE}:{kind}"} for kind in kinds]
        return {"totalResults": len(types), "Resources": types}

    def _tell_schemas(self) -> Document:
        stored = self.habits.attributes or (
            "userName",
            "displayName",
            "nickName",
            "title",
            "active",
            "roles",
            "entitlements",
        )
        changed = self.habits.patchable or stored
        attributes = [
            {
                "name": name,
                "type": {"active": "boolean", "roles": "complex", "entitlements": "complex"}.get(name, "string"),
                "multiValued": name in {"roles", "entitlements", "emails"},
                "mutability": "readWrite" if name in changed else "readOnly",
                "required": name == "userName",
            }
            for name in stored
        ]
        return {"totalResults": 1, "Resources": [{"id": f"{_CORE}:User", "name": "User", "attributes": attributes}]}

    def _refused(self, refusal: RefusalError) -> httpx.Response:
        document: Document = {"schemas": [f"{_MESSAGES}:Error"], "status": str(refusal.status)}
        if self.habits.error == "slack":
            document |= {"status": refusal.status, "detail": re.sub(r"(?<!^)(?=[A-Z])", "_", refusal.keyword).lower()}
        elif refusal.keyword:
            document["scimType"] = refusal.keyword
        return httpx.Response(refusal.status, json=document, headers={"Content-Type": "application/scim+json"})


def _ok(document: Document) -> httpx.Response:
    return httpx.Response(200, json=document, headers={"Content-Type": "application/scim+json"})
