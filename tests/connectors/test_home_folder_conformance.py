from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.home_folder import HomeFolderConnector
from scimbridge.sdk import Permit, Person
from scimbridge.sdk.conformance import ConnectorConformance
from tests.connectors.homes import Homes


class TestHomeFolderConformance(ConnectorConformance):
    declares = HomeFolderConnector.capabilities
    tells_changes = False

    @pytest.fixture(autouse=True)
    def _target(self, tmp_path: Path) -> None:
        self.homes = Homes(tmp_path)

    def connect(self, permit: Permit) -> HomeFolderConnector:
        return self.homes.connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> HomeFolderConnector:
        """Lead it to a root that is not the bridge's: there is no secret that could be wrong."""
        other = self.homes.root.with_name("other")
        other.mkdir(exist_ok=True)
        return self.homes.connector(permit, root=other)

    def connect_nowhere(self, permit: Permit) -> HomeFolderConnector:
        return self.homes.connector(permit, root=self.homes.root.with_name("not-mounted"))

    def create_account(self, name: str) -> str:
        return self.homes.add(name)

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        return Person({"userName": (name,)}), {self.homes.add(each) for each in (name, name.upper())}

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        """Leave it empty: what holds something has to be archived before it is deleted, which the suite does not do."""

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        path = self.homes.path_of(account_id)
        return self.homes.look(path) if path is not None else None

    def is_blocked(self, account_id: str) -> bool:
        path = self.homes.path_of(account_id)
        assert path is not None
        return stat.S_IMODE(path.stat().st_mode) == 0

    def writes(self) -> int:
        return self.homes.writes()
