"""The program of the how-to, as it stands there, over a file of accounts."""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

from connectors.command import CommandConfig, CommandConnector
from scimbridge.sdk import Action, Context, Permit
from scimbridge.sdk.testing import RecordingPermit

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "connect-by-a-program.md"


def save(path: Path, text: str) -> Path:
    """Write a program of Python, for the Python of these tests, without what would slow its start."""
    path.write_text(re.sub(r"\A(#!.*\n)?", f"#!{Path(sys.executable).resolve()} -IS\n", text), encoding="utf-8")
    path.chmod(0o755)
    return path


ACTIONS = frozenset({Action.SUSPEND, Action.RESTORE, Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS, Action.DELETE})
"""What the program can do."""


class Legacy:
    """Accounts in a file, and the program that knows them."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        (sample,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        self.program = save(folder / "legacy", sample)
        self.file = folder / "accounts.json"
        self._numbers = itertools.count(1)
        self.keep({})

    def accounts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return found

    def keep(self, accounts: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(accounts), encoding="utf-8")

    def add(self, name: str) -> str:
        number = str(next(self._numbers))
        self.keep({**self.accounts(), number: {"name": name, "suspended": False, "groups": []}})
        return number

    def connector(self, permit: Permit | None = None, **settings: Any) -> CommandConnector:
        config = CommandConfig.model_validate(
            {
                "connector": "command",
                "allow_program": True,
                "program": [str(self.program)],
                "environment": {"LEGACY_FILE": str(self.file)},
                "actions": sorted(ACTIONS),
                **settings,
            }
        )
        return CommandConnector(config, Context(target="legacy", permit=permit or RecordingPermit()))
