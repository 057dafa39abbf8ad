"""One bridge as the target of another: all promises of a connector, kept by our own service provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from connectors.scim import ScimConnector
from connectors.scim.client import PATCH_SCHEMA
from scimbridge.sdk import Action, Person
from scimbridge.sdk.conformance import GroupConformance
from scimbridge.store.schema import requests
from tests.connectors.over_scim import OverScim
from tests.processes.serving import Server

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.fixture(scope="module")
def token(server_on_sqlite: Server) -> str:
    return server_on_sqlite.new_source()


@pytest.fixture(scope="module")
def around(server_on_sqlite: Server, token: str) -> Iterator[httpx.Client]:
    with server_on_sqlite.client(token) as client:
        yield client


class TestBridgeToBridge(OverScim, GroupConformance):
    # The standard has no text of groups in which a mark could stand.
    declares = frozenset(ScimConnector.capabilities) - {Action.STAMP_GROUP, Action.UNSTAMP_GROUP}

    @pytest.fixture(autouse=True)
    def _bridge(self, server_on_sqlite: Server, token: str, around: httpx.Client) -> None:
        self.server = server_on_sqlite
        self.token = token
        self.around = around

    def create_account(self, name: str) -> str:
        return self._created("Users", schemas=[USER], userName=name, active=True, nickName="kept")

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        addresses = [{"value": f"{name}@example.com"}]
        both = {
            self._created("Users", schemas=[USER], userName=f"{name}.{number}", emails=addresses) for number in (1, 2)
        }
        return Person({"userName": (f"{name}.renamed",), "emails.value": (f"{name}@example.com",)}), both

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        for number in (1, 2):
            self._created(
                "Groups", schemas=[GROUP], displayName=f"{account_id}.{number}", members=[{"value": account_id}]
            )
        if privileged:
            self._join("Administrators", account_id)
        licenses = [{"value": each, "display": each.title(), "type": "seat"} for each in ("writer", "reader")]
        document = {**self.around.get(f"Users/{account_id}").raise_for_status().json(), "entitlements": licenses}
        self.around.put(f"Users/{account_id}", json=document).raise_for_status()

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        answer = self.around.get(f"Users/{account_id}")
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        document.pop("meta")
        return document

    def writes(self) -> int:
        with self.server.bridge.database.read() as tx:
            return tx.execute(select(func.count()).select_from(requests)).scalar_one()

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        if protected:
            return self._join("Administrators", *members)
        return self._created("Groups", schemas=[GROUP], displayName=name, members=[{"value": each} for each in members])

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        answer = self.around.get(f"Groups/{group_id}")
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        return {
            "name": document["displayName"],
            "members": sorted(each["value"] for each in document.get("members", [])),
        }

    def put_into_group(self, group_id: str, account_id: str) -> None:
        operation = {"op": "add", "path": "members", "value": [{"value": account_id}]}
        body = {"schemas": [PATCH_SCHEMA], "Operations": [operation]}
        self.around.patch(f"Groups/{group_id}", json=body).raise_for_status()

    def _join(self, name: str, *account_ids: str) -> str:
        """Put accounts into the one group of a name, and return its id."""
        found = self.around.get("Groups", params={"filter": f'displayName eq "{name}"'}).raise_for_status().json()
        groups = found.get("Resources") or [{"id": self._created("Groups", schemas=[GROUP], displayName=name)}]
        for each in account_ids:
            self.put_into_group(groups[0]["id"], each)
        return str(groups[0]["id"])

    def _created(self, endpoint: str, **document: Any) -> str:
        return str(self.around.post(endpoint, json=document).raise_for_status().json()["id"])

    def settings(self) -> Mapping[str, Any]:
        return {
            "base_url": self.server.base,
            "token": self.token,
            "match": {"userName": "userName", "emails.value": "emails.value"},
            "groups": "on",
        }
