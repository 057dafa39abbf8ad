"""A configuration with its store, and the command line in front of it."""

from __future__ import annotations

import json
import logging
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scimbridge.bridge import Bridge
from scimbridge.cli.app import app
from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.sdk import Mode
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.databases import compiled_once
from tests.logs import forget_configuration
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage, an_exclusion

CONFIG = """
data_dir = "data"

[sources.okta]

[targets.crm]
connector = "scim"
mode = "enforce"
base_url = "http://127.0.0.1:9/scim/v2"
token = { env = "CRM_TOKEN" }

[targets.directory]
connector = "scim"
base_url = "http://127.0.0.1:9/scim/v2"
token = { env = "CRM_TOKEN" }

[[rules]]
name = "employees"
when = ["deactivated", "deleted"]

  [[rules.stages]]
  after = "7d"
  do = ["suspend"]

  [[rules.stages]]
  after = "90d"
  do = ["delete"]
  approval = false

[[exclusions]]
match = 'userType eq "Service"'
reason = "owned by platform"
"""


class Terminal:
    """Types commands; the process is this one, so that the clock can stand still."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def run(self, *arguments: str, code: int = 0, typed: str = "") -> Result:
        """Run a command, with what is typed into it, and see that it ends with this exit code."""
        result = CliRunner().invoke(app, list(arguments), input=typed)
        shown = f"{result.stdout}\n{result.stderr}"
        assert result.exit_code == code, f"{result.exit_code}: {shown} {result.exception!r}"
        assert isinstance(result.exception, SystemExit | None), repr(result.exception)
        assert "Traceback" not in shown
        return result

    def read(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with ``--json`` and return what it answers."""
        return json.loads(self.run(*arguments, "--json", code=code).stdout)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands send the logs to the terminal of their test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    forget_configuration()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without anything of this machine's in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCIMBRIDGE_CONFIG", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("CRM_TOKEN", "correct-horse-battery-staple")
    monkeypatch.setenv("LOGNAME", "olga")
    return tmp_path


@pytest.fixture
def config(empty_folder: Path) -> Path:
    path = empty_folder / "scimbridge.toml"
    path.write_text(textwrap.dedent(CONFIG))
    return path


@pytest.fixture
def terminal(config: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in the configuration's folder; there is no store yet."""
    monkeypatch.setattr(Bridge, "clock", property(lambda _self: clock))
    monkeypatch.setattr("scimbridge.bridge.parts.Database", lambda url: compiled_once(Database(url)))
    return Terminal(config)


@pytest.fixture
def bench(config: Path, sqlite_template: bytes, clock: FakeClock) -> Iterator[Bench]:
    """What the processes have done so far, in the configuration's store."""
    path = config.parent / "data" / "bridge.db"
    path.parent.mkdir()
    path.write_bytes(sqlite_template)
    database = compiled_once(Database(f"sqlite:///{path}"))
    rule = a_rule(a_stage("7d"), a_stage("90d", Action.DELETE), name="employees")
    rules = Ruleset((rule,), (an_exclusion('userType eq "Service"', "owned by platform"),))
    systems = {"crm": MemoryTarget(), "directory": MemoryTarget()}
    yield Bench(database, clock, rules, systems, {"directory": Mode.OBSERVE}, actions=FEW_ACTIONS)
    database.close()
