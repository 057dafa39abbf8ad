from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connectors.webhook import WebhookConnector
from scimbridge.sdk import Action, Permit, Person
from scimbridge.sdk.conformance import ConnectorConformance
from tests.connectors.crm import Crm, a_team, connector, running_crm


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with running_crm() as running:
        yield running


class TestWebhookConformance(ConnectorConformance):
    declares = WebhookConnector.capabilities
    lists_accounts = False
    unreadable = frozenset({Action.REVOKE_SESSIONS, Action.RESET_CREDENTIALS, Action.TRANSFER_OWNERSHIP})

    @pytest.fixture(autouse=True)
    def _target(self, crm: Crm) -> None:
        self.crm = crm

    def connect(self, permit: Permit) -> WebhookConnector:
        return self._connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> WebhookConnector:
        return self._connector(permit, token=secret)

    def connect_nowhere(self, permit: Permit) -> WebhookConnector:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            return self._connector(permit, base_url=f"http://127.0.0.1:{closed.getsockname()[1]}")

    def create_account(self, name: str) -> str:
        return self.crm.add(name)

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        return Person({"userName": (name,)}), {self.crm.add(name), self.crm.add(name)}

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        teams = ("t1", "t2", *(("t9",) if privileged else ()))
        self.crm.users[account_id] |= {"teams": [a_team(each) for each in teams], "seats": ["basic", "pro"]}

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        user = self.crm.users.get(account_id)
        return None if user is None else dict(user)

    def is_blocked(self, account_id: str) -> bool:
        return bool(self.crm.users[account_id]["status"] == "disabled")

    def writes(self) -> int:
        return self.crm.writes

    def _connector(self, permit: Permit, **settings: Any) -> WebhookConnector:
        made: WebhookConnector = connector(self.crm, permit, **settings)
        return made
