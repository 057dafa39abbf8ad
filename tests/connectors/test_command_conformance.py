from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.command import CommandConnector
from scimbridge.sdk import Permit, Person
from scimbridge.sdk.conformance import ConnectorConformance
from tests.connectors.legacy import ACTIONS, Legacy, save


class TestCommandConformance(ConnectorConformance):
    declares = ACTIONS
    lists_accounts = False

    @pytest.fixture(autouse=True)
    def _target(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.legacy = Legacy(tmp_path)

    def connect(self, permit: Permit) -> CommandConnector:
        return self.legacy.connector(permit)

    def connect_wrongly(self, permit: Permit, secret: str) -> CommandConnector:
        """Give it a password that the program finds wrong, and is careless enough to write out."""
        told = 'import os, sys\nprint(os.environ["PASSWORD"], file=sys.stderr)\nsys.exit(78)\n'
        program = save(self.folder / "careless", told)
        return self.legacy.connector(permit, program=[str(program)], secrets={"PASSWORD": secret})

    def connect_nowhere(self, permit: Permit) -> CommandConnector:
        program = save(self.folder / "unreachable", "import sys\nsys.exit(75)\n")
        return self.legacy.connector(permit, program=[str(program)])

    def create_account(self, name: str) -> str:
        return self.legacy.add(name)

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        return Person({"userName": (name,)}), {self.legacy.add(each) for each in (name, name.upper())}

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        accounts = self.legacy.accounts()
        accounts[account_id]["groups"] = ["staff", "vpn", *(["admins"] if privileged else [])]
        self.legacy.keep(accounts)

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.legacy.accounts().get(account_id)
        return found

    def is_blocked(self, account_id: str) -> bool:
        return bool(self.legacy.accounts()[account_id]["suspended"])

    def writes(self) -> int:
        """The program writes a new file each time."""
        return self.legacy.file.stat().st_mtime_ns
