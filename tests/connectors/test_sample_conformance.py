from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.sample import SampleConfig, SampleConnector
from connectors.sample.store import CONTAINERS, SampleFile
from scimbridge.sdk import AccountRef, Action, Connector, Context, Permit, Person, TargetConfig
from scimbridge.sdk.conformance import (
    GroupConformance,
    ambiguous_group,
)

TOKEN = "right-secret"


class TestSampleConformance(GroupConformance):
    declares = SampleConnector.capabilities

    @pytest.fixture(autouse=True)
    def _target(self, tmp_path: Path) -> None:
        self.file = SampleFile.create(tmp_path / "sample.db", token=TOKEN, containers=(*CONTAINERS, "board"))

    def connect(self, permit: Permit) -> SampleConnector:
        return self._connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> SampleConnector:
        return self._connector(permit, token=secret)

    def connect_nowhere(self, permit: Permit) -> SampleConnector:
        return self._connector(permit, file=self.file.path.with_name("nowhere.db"))

    def create_account(self, name: str) -> str:
        return self.file.add(name)

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        both = {self.file.add(f"{name}.{number}", external_id=name) for number in (1, 2)}
        return Person({"userName": (f"{name}.renamed",), "externalId": (name,)}), both

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        groups = [self.file.offer("Sales"), self.file.offer("Sales VPN")]
        if privileged:
            groups.append(self.file.offer("Administrators", is_privileged=True))
        licenses = (self.file.offer("Office", seats=10), self.file.offer("Drawing"))
        owns = (self.file.offer("Roadmap"),)
        self.file.edit(
            account_id,
            lambda record: replace(
                record,
                groups=tuple(groups),
                licenses=licenses,
                owns=owns,
                sessions=2,
                note="Sits on the third floor",
                mail_to="assistant@example.com",
            ),
        )

    def interfere(self, account_id: str, action: Action) -> None:
        match action:
            case Action.HIDE_FROM_DIRECTORY:
                self.file.edit(account_id, lambda record: replace(record, hidden=False))
            case Action.REDIRECT_MAIL:
                self.file.edit(account_id, lambda record: replace(record, mail_to="colleague@example.com"))
            case _:
                self.file.edit(account_id, lambda record: replace(record, container="board"))

    def text_of(self, account_id: str) -> str:
        found = self.file.look(account_id)
        assert found is not None
        return str(found["note"])

    def unset(self, connector: Connector[Any], action: Action) -> TargetConfig | None:
        return SampleConfig.model_validate({"connector": "sample", "file": self.file.path})

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        return self.file.look(account_id)

    def is_blocked(self, account_id: str) -> bool:
        found = self.file.look(account_id)
        return found is not None and bool(found["suspended"])

    def writes(self) -> int:
        return len(self.file.writes())

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        protection = "a group of administrators" if protected else ""
        return self.file.form(name, members, note="Made for the fair", protected=protection)

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        return self.file.look_at_group(group_id)

    def put_into_group(self, group_id: str, account_id: str) -> None:
        self.file.edit(account_id, lambda record: replace(record, groups=(*record.groups, group_id)))

    def move_group_elsewhere(self, group_id: str) -> None:
        self.file.edit_group(group_id, lambda group: replace(group, container="board"))

    def let_open(self, group_id: str, name: str) -> str:
        self.file.edit_group(group_id, lambda group: replace(group, opens=(*group.opens, AccountRef("share", name))))
        return "share"

    def group_text_of(self, group_id: str) -> str:
        found = self.file.look_at_group(group_id)
        assert found is not None
        return str(found["note"])

    def test_of_two_groups_of_one_name_none_is_taken(self, connector: Connector[Any], name: str) -> None:
        ambiguous_group(connector, name, {self.file.form(name) for _ in range(2)})

    def _connector(self, permit: Permit, **settings: Any) -> SampleConnector:
        config = SampleConfig.model_validate(
            {
                "connector": "sample",
                "file": self.file.path,
                "token": TOKEN,
                "leavers_container": "leavers",
                "groups_container": "old groups",
                **settings,
            }
        )
        return SampleConnector(config, Context(target="sample", permit=permit))
