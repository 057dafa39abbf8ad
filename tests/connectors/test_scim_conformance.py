from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from scimbridge.sdk import Action, Context, Permit, Person
from scimbridge.sdk.conformance import GroupConformance
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.deleting import Deleting
from scimbridge.sdk.conformance.suspending import Suspending
from scimbridge.sdk.conformance.undoing import Undoing
from tests.targets.scim import TOKEN, ScimTarget, running_scim_target


@pytest.fixture(scope="module")
def patching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScimTarget]:
    with running_scim_target(tmp_path_factory.mktemp("scim")) as running:
        yield running


@pytest.fixture(scope="module")
def putting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScimTarget]:
    with running_scim_target(tmp_path_factory.mktemp("scim"), patch=False) as running:
        yield running


class AtAServer(Arranging):
    """scim2-server, over HTTP: one that nobody here wrote."""

    target: ScimTarget
    groups = "on"

    def connect(self, permit: Permit) -> ScimConnector:
        return self._connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> ScimConnector:
        return self._connector(permit, token=secret)

    def connect_nowhere(self, permit: Permit) -> ScimConnector:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        return self._connector(permit, base_url=f"http://127.0.0.1:{port}")

    def create_account(self, name: str) -> str:
        return self.target.create_user(name, displayName="Somebody", nickName="kept")

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        both = {self.target.create_user(f"{name}.{number}", externalId=name) for number in (1, 2)}
        return Person({"userName": (f"{name}.renamed",), "externalId": (name,)}), both

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        names = [f"{account_id}.{number}" for number in (1, 2)] + (["Administrators"] if privileged else [])
        if self.target.patches:
            for name in names:
                self.target.create_group(name, account_id)
        licenses = [{"value": each, "display": each.title(), "type": "seat"} for each in ("writer", "reader")]
        self.target.give(account_id, entitlements=licenses)

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        user = self.target.user(account_id)
        return None if user is None else {**user, "groups": sorted(self.target.groups_of(account_id))}

    def text_of(self, account_id: str) -> str:
        user = self.look(account_id)
        assert user is not None
        return str(user.get("nickName", ""))

    def is_blocked(self, account_id: str) -> bool:
        user = self.target.user(account_id)
        return user is not None and user["active"] is False

    def writes(self) -> int:
        return len(self.target.writes())

    def _connector(self, permit: Permit, **settings: Any) -> ScimConnector:
        config = ScimConfig.model_validate(
            {
                "connector": "scim",
                "base_url": self.target.base_url,
                "token": TOKEN,
                "groups": self.groups,
                "entitlements": True,
                "stamp_attribute": "nickName",
                "privileged_groups": ["Administrators"],
                **settings,
            }
        )
        context = Context(target="sample", permit=permit)
        return ScimConnector(config, context, http=http_client(config, context, sleep=lambda _: None))


class TestScimConformance(AtAServer, GroupConformance):
    # The standard has no text of groups in which a mark could stand.
    declares = frozenset(ScimConnector.capabilities) - {Action.STAMP_GROUP, Action.UNSTAMP_GROUP}

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        return self.target.create_group("Administrators" if protected else name, *members)

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        group = self.target.group(group_id)
        return None if group is None else {**group, "members": sorted(self.target.members(group_id))}

    def put_into_group(self, group_id: str, account_id: str) -> None:
        self.target.join(group_id, account_id)

    @pytest.fixture(autouse=True)
    def _target(self, patching: ScimTarget) -> None:
        self.target = patching


class TestScimConformanceByPut(AtAServer, Suspending, Deleting, Undoing):
    """What is done by PUT where there is no PATCH; all the rest is as above, and in test_scim_vendors."""

    groups = "off"  # groups are changed by PATCH alone
    declares = frozenset(
        each
        for each in ScimConnector.capabilities
        if not each.is_of_groups and each not in (Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS)
    )

    @pytest.fixture(autouse=True)
    def _target(self, putting: ScimTarget) -> None:
        self.target = putting
