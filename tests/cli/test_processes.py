"""The commands that run processes hand over what they were told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from scimbridge import supervisor
from scimbridge.config import Settings
from scimbridge.demo import story
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


@pytest.mark.parametrize(("options", "once", "code"), [((), False, 0), (("--once",), True, 1)])
def test_the_demo_ends_with_the_code_of_its_story(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], once: bool, code: int
) -> None:
    told: list[bool] = []

    def run(once: bool) -> int:
        told.append(once)
        return code

    monkeypatch.setattr(story, "run", run)

    Terminal(empty_folder).run("demo", *options, code=code)

    assert told == [once]


def test_up_runs_the_configuration_and_says_where_it_is_once_it_is_ready(
    bench: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Settings] = []

    def up(settings: Settings, on_ready: Any) -> None:
        started.append(settings)
        on_ready()

    # Undone after the test; the command sets it for the processes that it starts.
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr(supervisor, "up", up)

    shown = terminal.run("up").stdout

    assert [settings.path for settings in started] == [Path("scimbridge.toml")]
    assert "http://127.0.0.1:8085/scim/v2" in shown
    assert re.search(
        r"pages +http://127\.0\.0\.1:8085/sign-in/once\?token=[\w-]{43} \(once, as the admin olga\)", shown
    )
    assert "`scimbridge operator sign-in NAME`" in terminal.run("up").stdout
