"""connectors.ldap keeps the contract on the demo's small server, as far as that server goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.ldap import LdapConnector
from scimbridge.demo.entries import CHANGES_BY_ITSELF
from scimbridge.demo.mini_ldap import MiniLdap
from scimbridge.sdk import Action, Permit, Person
from scimbridge.sdk.conformance import ConnectorConformance
from tests.lab.connecting import ldap_connector

pytest_plugins = ("tests.lab.fixtures",)

OF_THE_DEMO = frozenset({Action.SUSPEND, Action.RESTORE, Action.DELETE})


class TestMiniLdap(ConnectorConformance):
    declares = LdapConnector.capabilities
    tried = OF_THE_DEMO
    tells_changes = False

    @pytest.fixture(autouse=True)
    def _target(self, mini_ldap: MiniLdap) -> None:
        self.directory = mini_ldap

    # It acts on groups, and the demo has none; on the real servers these promises are tested.
    test_whoever_acts_on_groups_keeps_the_promises_about_groups_too = None  # type: ignore[assignment]

    def connect(self, permit: Permit) -> LdapConnector:
        return ldap_connector(self.directory, permit, match={"userName": "uid", "emails.value": "mail"})

    def connect_wrongly(self, permit: Permit, secret: str) -> LdapConnector:
        return ldap_connector(self.directory, permit, bind_password=secret)

    def connect_nowhere(self, permit: Permit) -> LdapConnector:
        return ldap_connector(self.directory, permit, url="ldap://127.0.0.1:1")

    def create_account(self, name: str) -> str:
        return self.directory.add_person(name, "Some One", "One", f"{len(name)}@example.com")

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        mail = f"{name}@example.com"
        both = {self.directory.add_person(f"{name}.{number}", "Some One", "One", mail) for number in (1, 2)}
        return Person({"emails.value": (mail,)}), both

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        found = self.directory.get_by_id(account_id)
        return found and {name: values for name, values in found.items() if name not in CHANGES_BY_ITSELF}

    def is_blocked(self, account_id: str) -> bool:
        found = self.directory.get_by_id(account_id)
        return found is None or not self.directory.can_bind(found["uid"][0])

    def writes(self) -> int:
        return len(self.directory.writes())
