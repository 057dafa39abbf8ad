from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from connectors.google_workspace import GoogleWorkspaceConnector
from scimbridge.sdk import AccountRef, Action, Connector, Permit, Person, TargetConfig
from scimbridge.sdk.conformance import (
    GroupConformance,
    ambiguous_group,
)
from tests.connectors.google_bridge import PRODUCT, SKUS, Workspace, workspace
from tests.doubles.google import User
from tests.servers import quiet_port


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace(tmp_path_factory.mktemp("google")) as found:
        found.google.company.completes_transfers = True
        yield found


class TestGoogleConformance(GroupConformance):
    declares = GoogleWorkspaceConnector.capabilities
    # Sessions and passwords are shown to nobody, and a transfer that has ended says nothing of what came later.
    unreadable: ClassVar = frozenset({Action.REVOKE_SESSIONS, Action.RESET_CREDENTIALS, Action.TRANSFER_OWNERSHIP})
    tells_changes = False

    @pytest.fixture(autouse=True)
    def _workspace(self, running: Workspace) -> None:
        self.workspace = running
        self.company = running.google.company

    def connect(self, permit: Permit) -> GoogleWorkspaceConnector:
        return self.workspace.connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> GoogleWorkspaceConnector:
        key = self.workspace.folder / "wrong.json"
        file = self.workspace.google.tokens.key_file(self.workspace.url)
        key.write_text(json.dumps(file | {"client_email": f"{secret}@example.com"}), encoding="utf-8")
        return self.workspace.connector(permit, credentials_file=str(key))

    def connect_nowhere(self, permit: Permit) -> GoogleWorkspaceConnector:
        key = self.workspace.folder / "nowhere.json"
        file = self.workspace.google.tokens.key_file(f"http://127.0.0.1:{quiet_port()}")
        key.write_text(json.dumps(file), encoding="utf-8")
        return self.workspace.connector(permit, credentials_file=str(key))

    def create_account(self, name: str) -> str:
        return self.company.hire(f"{name}@example.com").id

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        external = {"externalIds": [{"type": "organization", "value": name}]}
        both = {self.company.hire(f"{name}.{number}", **external).id for number in (1, 2)}
        return Person({"userName": (f"{name}.renamed@example.com",), "externalId": (name,)}), both

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        user = self.company.users.get(account_id)
        if user is None or user.is_deleted:
            return None
        return {
            **user.document,
            "groups": {group.document["id"]: dict(group.members[user.id]) for group in self.company.groups_of(user)},
            "licenses": sorted(sku for (_, sku), owners in self.company.licenses.items() if user.email in owners),
            "mail": dict(user.mail.auto_forwarding),
            "alive": (user.sessions, dict(user.tokens), dict(user.app_passwords)),
            "roles": [each for each, found in self.company.role_assignments.items() if found["assignedTo"] == user.id],
        }

    def is_blocked(self, account_id: str) -> bool:
        return bool(self._user(account_id).document["suspended"])

    def writes(self) -> int:
        return self.workspace.google.writes()

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        user = self._user(account_id)
        for name in ("sales", "news"):
            self.company.form(f"{name}-{account_id}", user)
        for sku in SKUS:
            self.company.license(user, PRODUCT, sku)
        user.sessions, user.tokens, user.app_passwords = 2, {"app": "An app"}, {7: "Phone"}
        user.document["notes"] = {"contentType": "text_plain", "value": "Likes tea."}
        if privileged:
            self.company.appoint(user, "_GROUPS_ADMIN_ROLE")

    def create_successor(self, name: str) -> AccountRef:
        user = self.company.hire(f"successor-{self.company.number()}")
        del name
        return AccountRef(user.id, user.email)

    def interfere(self, account_id: str, action: Action) -> None:
        user = self._user(account_id)
        match action:
            case Action.MOVE:
                user.document["orgUnitPath"] = "/"
            case Action.HIDE_FROM_DIRECTORY:
                user.document["includeInGlobalAddressList"] = True
            case Action.REDIRECT_MAIL:
                user.mail.forwarding_addresses.append("else@example.com")
                user.mail.auto_forwarding = {"enabled": True, "emailAddress": "else@example.com"}
            case _:
                raise NotImplementedError(action)

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        group = self.company.form(name, *(self._user(each) for each in members))
        group.document["description"] = "Made for the fair"
        if protected:
            self.company.appoint(group, "_GROUPS_ADMIN_ROLE")
        return group.id

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        group = self.company.groups.get(group_id)
        return {**group.document, **group.settings, "members": dict(group.members)} if group is not None else None

    def put_into_group(self, group_id: str, account_id: str) -> None:
        self.company.groups[group_id].members[account_id] = {"role": "MEMBER", "delivery_settings": "ALL_MAIL"}

    def let_open(self, group_id: str, name: str) -> str:
        return self.company.form(name, self.company.groups[group_id]).id

    def group_text_of(self, group_id: str) -> str:
        return str(self.company.groups[group_id].document["description"])

    def test_of_two_groups_of_one_name_none_is_taken(self, connector: Connector[Any], name: str) -> None:
        both = {self.company.form(name).id for _ in range(2)}

        ambiguous_group(connector, name, both)

    def text_of(self, account_id: str) -> str:
        return str(self._user(account_id).document["notes"]["value"])

    def unset(self, connector: Connector[Any], action: Action) -> TargetConfig | None:
        del connector
        return self.workspace.config(disabled_ou=None) if action is Action.MOVE else None

    def person(self, name: str) -> Person:
        return Person({"userName": (f"{name}@example.com",)})

    def _user(self, account_id: str) -> User:
        return self.company.users[account_id]
