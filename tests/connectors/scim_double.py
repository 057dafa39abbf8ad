"""A SCIM application with groups in memory, that can be told to understand less than the standard has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from scimbridge.sdk import Context
from scimbridge.sdk.testing import RecordingPermit

ALICE = {"id": "1", "userName": "alice", "active": True}


class Service:
    """An application with groups, that can be told to understand less.

    Attributes:
        others: Users beside the one that is asked for.
        groups: Members by the group's id, which is its name, too.
        filters: ``yes``; ``ignored``, everything is found; ``empty``, nothing is; ``refused``.
        shows_members: Whether lists of groups tell who is in them.
        refuses: Groups whose members nobody may change.
        has_groups: Whether there is ``/Groups`` at all.
        nests: Whether ``active`` is set, and members are changed, within values alone, as Salesforce has it.
    """

    def __init__(self, **groups: set[str]) -> None:
        self.user: dict[str, Any] = dict(ALICE)
        self.others: list[dict[str, Any]] = []
        self.groups: dict[str, set[str]] = groups
        self.filters = "yes"
        self.shows_members = True
        self.refuses: set[str] = set()
        self.has_groups = True
        self.nests = False
        self.asked: list[str] = []
        self.queries: list[Mapping[str, str]] = []

    def connector(self, permit: RecordingPermit | None = None, **settings: Any) -> ScimConnector:
        document = {
            "connector": "scim",
            "base_url": "https://app.example.com",
            "token": "t",
            "groups": "on",
            **settings,
        }
        config = ScimConfig.model_validate({"update": "patch", **document})
        context = Context(target="sample", permit=permit or RecordingPermit())
        http = http_client(config, context, transport=httpx.MockTransport(self._answer), sleep=lambda _: None)
        return ScimConnector(config, context, http=http)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if request.url.path in {"/Users", "/Groups"}:
            self.queries.append(request.url.params)
        body = json.loads(request.content) if request.content else {}
        match request.method, request.url.path.strip("/").split("/"):
            case "GET", ["Users", "1"]:
                return httpx.Response(200, json=self.user)
            case "GET", ["Groups"] if self.has_groups:
                return self._list(request.url.params)
            case "PATCH", ["Groups", name] if name in self.groups:
                return self._change_members(name, body["Operations"])
            case "PATCH", ["Users", "1"]:
                return self._change_user(body["Operations"])
            case "GET", ["Users"]:
                users = [self.user, *self.others]
                return httpx.Response(200, json={"totalResults": len(users), "Resources": users})
            case "PUT", ["Users", "1"]:
                self.user = body
                return httpx.Response(200, json=body)
            case _:
                return httpx.Response(404)

    def _list(self, params: Mapping[str, str]) -> httpx.Response:
        wanted, asked = set(self.groups), params.get("filter")
        if asked and self.filters == "refused":
            return httpx.Response(400, json={"scimType": "invalidFilter"})
        if asked and self.filters == "empty":
            wanted = set()
        if asked and self.filters == "yes":
            member = asked.partition(" eq ")[2].strip('"')
            wanted = {name for name, members in self.groups.items() if member in members}
        found: list[dict[str, Any]] = [{"id": name, "displayName": name} for name in sorted(wanted)]
        if "members" in params["attributes"]:
            shown = {name: members if self.shows_members else set() for name, members in self.groups.items()}
            found = [{**each, "members": [{"value": one} for one in shown[each["id"]]]} for each in found]
        return httpx.Response(200, json={"totalResults": len(found), "Resources": found})

    def _change_members(self, name: str, operations: list[dict[str, Any]]) -> httpx.Response:
        if name in self.refuses:
            return httpx.Response(403)
        for each in operations:
            if self.nests != isinstance(each.get("value"), dict):
                return httpx.Response(400)
            if self.nests:
                changed = {one["value"] for one in each["value"]["members"]}
                self.groups[name] = (
                    self.groups[name] - changed if each["op"] == "remove" else self.groups[name] | changed
                )
            elif each["op"] == "remove":
                self.groups[name].discard(re.fullmatch(r'members\[value eq "(.*)"\]', each["path"])[1])  # type: ignore[index]
            else:
                self.groups[name] |= {one["value"] for one in each["value"]}
        return httpx.Response(204)

    def _change_user(self, operations: list[dict[str, Any]]) -> httpx.Response:
        for each in operations:
            if self.nests != ("path" not in each):
                return httpx.Response(400)
            if self.nests:
                self.user |= each["value"]
                continue
            found = re.fullmatch(r'(\w+)\[value eq "(.*)"\]', each["path"])
            if found:
                self.user[found[1]] = [one for one in self.user[found[1]] if one["value"] != found[2]]
            elif isinstance(each["value"], list):
                self.user[each["path"]] = [*self.user.get(each["path"], []), *each["value"]]
            else:
                self.user[each["path"]] = each["value"]
        return httpx.Response(204)
