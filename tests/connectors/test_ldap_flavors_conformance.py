"""connectors.ldap keeps the contract on every flavor of server, with every action that it declares."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from connectors.ldap import LdapConnector
from scimbridge.sdk import Action, Connector, Permit, Person, TargetConfig
from scimbridge.sdk.conformance import (
    GroupConformance,
)
from tests.lab.directories.ds389 import Ds389Lab
from tests.lab.directories.lab import Lab
from tests.lab.directories.openldap import OpenLdapLab
from tests.lab.directories.samba import SambaLab

pytest_plugins = ("tests.lab.fixtures",)


class OnADirectory(GroupConformance):
    """All promises, at a server that ``lab`` is."""

    lab: Lab

    def connect(self, permit: Permit) -> LdapConnector:
        return self.lab.connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> LdapConnector:
        return self.lab.connector(permit, bind_password=secret)

    def connect_nowhere(self, permit: Permit) -> LdapConnector:
        return self.lab.connector(permit, url="ldap://127.0.0.1:1")

    def create_account(self, name: str) -> str:
        return self.lab.add_person(name)

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        mail = f"{name}@example.com"
        both = {self.lab.add_person(f"{name}.{number}", mail=mail) for number in (1, 2)}
        return Person({"emails.value": (mail,)}), both

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        tag = uuid.uuid4().hex[:10]
        for name in (f"Sales {tag}", f"VPN {tag}"):
            self.lab.add_group(name, account_id)
        if privileged:
            nested = self.lab.add_group(f"Helpers {tag}", account_id)
            self.lab.make_powerful(nested)
        text = {"description": ["Sits on the third floor"], "mobile": ["+1 555 0100"], "title": ["Treasurer"]}
        self.lab.modify(self.lab.dn_of(account_id), **text)

    def interfere(self, account_id: str, action: Action) -> None:
        if action is Action.HIDE_FROM_DIRECTORY:
            self.lab.modify(self.lab.dn_of(account_id), **{self.lab.hide_attribute: ["FALSE"]})
        else:
            self.lab.move(account_id, self.lab.dn_of(account_id).split(",")[0], self.lab.groups)

    def text_of(self, account_id: str) -> str:
        return "\n".join(
            text for attribute in ("description", "info") for text in self.lab.values(account_id, attribute)
        )

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        group = self.lab.add_group(name, *members)
        self.lab.modify(group, description=["Reaches the third floor"])
        if protected:
            self.lab.make_powerful(group)
        return self.lab.id_at(group)

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        return self.lab.look(group_id)

    def put_into_group(self, group_id: str, account_id: str) -> None:
        self.lab.add_members(self.lab.dn_of(group_id), account_id)

    def move_group_elsewhere(self, group_id: str) -> None:
        self.lab.move(group_id, self.lab.dn_of(group_id).split(",")[0], self.lab.disabled)

    def let_open(self, group_id: str, name: str) -> str:
        return self.lab.id_at(self.lab.add_group(name, group_id))

    def group_text_of(self, group_id: str) -> str:
        return self.text_of(group_id)

    def unset(self, connector: Connector[Any], action: Action) -> TargetConfig | None:
        return self.lab.config(disabled_ou=None)

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        return self.lab.look(account_id)

    def is_blocked(self, account_id: str) -> bool:
        return not self.lab.can_bind(account_id)

    def writes(self) -> int:
        return self.lab.writes


class WithoutSwitches(OnADirectory):
    """On servers that have no groups that open nothing."""

    declares = LdapConnector.capabilities
    tried = frozenset(LdapConnector.capabilities) - {Action.DISABLE_GROUP, Action.ENABLE_GROUP}


class TestOnOpenLdap(WithoutSwitches):
    @pytest.fixture(autouse=True)
    def _target(self, full_openldap: OpenLdapLab) -> None:
        self.lab = full_openldap


class TestOn389(WithoutSwitches):
    @pytest.fixture(autouse=True)
    def _target(self, ds389: Ds389Lab) -> None:
        self.lab = ds389


class TestOnActiveDirectory(OnADirectory):
    declares = LdapConnector.capabilities

    @pytest.fixture(autouse=True)
    def _target(self, samba: SambaLab) -> None:
        self.lab = samba
