"""What the drill wants of the machine, and says where it is not there; nothing is started."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from scimbridge.cli import processes
from scimbridge.cli.app import app
from scimbridge.drill import run
from scimbridge.errors import QueueError


def test_without_the_sample_targets_it_says_what_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    ended = CliRunner().invoke(app, ["drill"])

    assert ended.exit_code == 1
    assert "pip install 'scimbridge[demo]'" in ended.stderr


def test_without_a_redis_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise QueueError("no redis-server found: install one")

    monkeypatch.setattr(processes, "set_up_logging", lambda _level: None)  # it would outlive this test
    monkeypatch.setattr(run, "find_server", missing)

    ended = CliRunner().invoke(app, ["drill"])

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "no redis-server found: install one" in ended.stderr
