from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from connectors.microsoft365 import Microsoft365Connector
from scimbridge.sdk import AccountRef, Action, Permit, Person
from scimbridge.sdk.conformance import GroupConformance
from tests.connectors.graph_bridge import Directory, directory
from tests.doubles.graph import User
from tests.servers import quiet_port


@pytest.fixture(scope="module")
def running() -> Iterator[Directory]:
    with directory() as found:
        yield found


class TestGraphConformance(GroupConformance):
    declares = Microsoft365Connector.capabilities
    # Sessions and passwords are shown to nobody.
    unreadable: ClassVar = frozenset({Action.REVOKE_SESSIONS, Action.RESET_CREDENTIALS})
    by_hand: ClassVar = frozenset({Action.ARCHIVE, Action.HIDE_FROM_DIRECTORY, Action.SHOW_IN_DIRECTORY})

    @pytest.fixture(autouse=True)
    def _directory(self, running: Directory) -> None:
        self.directory = running
        self.tenant = running.graph.tenant

    def connect(self, permit: Permit) -> Microsoft365Connector:
        return self.directory.connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> Microsoft365Connector:
        return self.directory.connector(permit, client_secret=secret)

    def connect_nowhere(self, permit: Permit) -> Microsoft365Connector:
        nowhere = f"http://127.0.0.1:{quiet_port()}"
        return self.directory.connector(permit, authority=nowhere, api_root=f"{nowhere}/v1.0")

    def create_account(self, name: str) -> str:
        return self.tenant.hire(f"{name}@example.com").id

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        both = {self.tenant.hire(f"{name}.{number}", employeeId=name).id for number in (1, 2)}
        return Person({"userName": (f"{name}.renamed@example.com",), "externalId": (name,)}), both

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        user = self.tenant.users.get(account_id)
        if user is None or user.is_deleted:
            return None
        states = sorted(each["skuId"] for each in user.document["licenseAssignmentStates"])
        return {
            **user.document,
            "licenseAssignmentStates": states,
            "assignedLicenses": states,
            "groups": {key for key, group in self.tenant.groups.items() if user.id in group.members},
            "owns": {key for key, group in self.tenant.groups.items() if user.id in group.owners},
            "roles": {key for key, each in self.tenant.role_assignments.items() if each["principalId"] == user.id},
            "alive": (user.sessions, dict(user.grants), dict(user.methods)),
            "applications": {
                each["resourceId"] for each in self.tenant.assignments.values() if each["principalId"] == user.id
            },
            "owned applications": {key for key, each in self.tenant.applications.items() if user.id in each.owners},
            "eligible": {key for key, each in self.tenant.eligible.items() if each["principalId"] == user.id},
            "manager": self.tenant.managers.get(user.id),
            "reply": user.reply,
            "rules": [each["actions"] for each in (user.rules or {}).values()],
        }

    def is_blocked(self, account_id: str) -> bool:
        return not self._user(account_id).document["accountEnabled"]

    def writes(self) -> int:
        return self.directory.graph.writes()

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        user = self._user(account_id)
        for name in ("sales", "news"):
            self.tenant.form(f"{name}-{account_id}", user)
        for sku in self.directory.skus:
            self.tenant.license(user, sku)
        self.tenant.form(f"owned-{account_id}").owners.add(user.id)
        self.tenant.assign(user, self.tenant.publish(f"crm-{account_id}"))
        self.tenant.publish(f"tool-{account_id}", "application").owners.add(user.id)
        user.sessions, user.grants, user.methods = 2, {f"grant-{account_id}": "app"}, {f"p-{account_id}": "phone"}
        user.document["onPremisesExtensionAttributes"] = {"extensionAttribute15": "Third floor"}
        if privileged:
            self.tenant.form(f"admins-{account_id}", user, isAssignableToRole=True)

    def create_successor(self, name: str) -> AccountRef:
        user = self.tenant.hire(f"successor-{len(self.tenant.users)}")
        del name
        return AccountRef(user.id, user.upn)

    def interfere(self, account_id: str, action: Action) -> None:
        assert action is Action.REDIRECT_MAIL
        for rule in (self._user(account_id).rules or {}).values():
            rule["actions"] = {"redirectTo": [{"emailAddress": {"address": "else@example.com"}}]}

    def text_of(self, account_id: str) -> str:
        return str(self._user(account_id).document["onPremisesExtensionAttributes"]["extensionAttribute15"])

    def person(self, name: str) -> Person:
        return Person({"userName": (f"{name}@example.com",)})

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        group = self.tenant.form(
            name,
            *(self._user(each) for each in members),
            groupTypes=["Unified"],
            mailEnabled=True,
            isAssignableToRole=protected or None,
            description="Third floor",
        )
        self.tenant.form(f"opened by {name}").members.add(group.id)
        return group.id

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        group = self.tenant.groups.get(group_id)
        if group is None:
            return None
        return {
            **group.document,
            "members": set(group.members),
            "owners": set(group.owners),
            "in": {key for key, each in self.tenant.groups.items() if group_id in each.members},
        }

    def put_into_group(self, group_id: str, account_id: str) -> None:
        self.tenant.groups[group_id].members.add(account_id)

    def let_open(self, group_id: str, name: str) -> str:
        opened = self.tenant.form(name)
        opened.members.add(group_id)
        return opened.id

    def group_text_of(self, group_id: str) -> str:
        return str(self.tenant.groups[group_id].document["description"])

    def _user(self, account_id: str) -> User:
        return self.tenant.users[account_id]
