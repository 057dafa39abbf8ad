from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connectors.scim import ScimConnector
from scimbridge.sdk import Action, Person
from scimbridge.sdk.conformance import GroupConformance
from scimbridge.sdk.conformance.deleting import Deleting
from scimbridge.sdk.conformance.suspending import Suspending
from scimbridge.sdk.conformance.undoing import Undoing
from tests.connectors.over_scim import OverScim
from tests.targets.scim import TOKEN, ScimTarget, running_scim_target


@pytest.fixture(scope="module")
def patching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScimTarget]:
    with running_scim_target(tmp_path_factory.mktemp("scim")) as running:
        yield running


@pytest.fixture(scope="module")
def putting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScimTarget]:
    with running_scim_target(tmp_path_factory.mktemp("scim"), patch=False) as running:
        yield running


class AtAServer(OverScim):
    """scim2-server, over HTTP: one that nobody here wrote."""

    target: ScimTarget
    groups = "on"

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

    def writes(self) -> int:
        return len(self.target.writes())

    def settings(self) -> Mapping[str, Any]:
        return {"base_url": self.target.base_url, "token": TOKEN, "groups": self.groups}


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
