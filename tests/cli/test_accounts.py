"""``scimbridge targets accounts``: what a target tells of all of its accounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sample import SampleConnector
from connectors.sample.store import SampleFile
from scimbridge.sdk import AccountPage
from tests.cli.conftest import Terminal

CONFIG = """
data_dir = "data"

[targets.directory]
connector = "sample"
file = "directory.db"
"""


@pytest.fixture
def directory(config: Path, terminal: Terminal, sqlite_template: bytes) -> SampleFile:
    config.write_text(CONFIG)
    (config.parent / "data").mkdir()
    (config.parent / "data" / "bridge.db").write_bytes(sqlite_template)
    found = SampleFile.create(config.parent / "directory.db")
    found.add("ada", signed_in_at="2026-03-01T09:00:00+00:00", expires_at="never")
    found.add("bob", signed_in_at="2025-03-01T09:00:00+00:00", suspended=True)
    found.add("cid", signed_in_at="never", created_at="2020-03-01T09:00:00+00:00")
    found.add("dot")
    return found


def test_accounts_are_listed_as_the_target_tells_them(terminal: Terminal, directory: SampleFile) -> None:
    shown = terminal.run("targets", "accounts", "directory").stdout
    told = {each["name"]: each for each in terminal.read("targets", "accounts", "directory")}

    rows = {line.split()[1]: line.split()[2:] for line in shown.splitlines()[1:]}
    assert rows["ada"] == ["no", "2026-03-01", "09:00", "UTC", "never", "?", "?"]
    assert rows["dot"] == ["no", "?", "?", "?", "?"]
    assert told["bob"]["suspended"] is True
    assert told["bob"]["signed_in_at"] == "2025-03-01T09:00:00.000Z"
    assert (told["cid"]["signed_in_at"], told["dot"]["signed_in_at"]) == ("never", None)
    assert directory.writes() == []


@pytest.mark.usefixtures("directory")
def test_who_is_unused_is_told_and_of_how_many_that_is_not_known(terminal: Terminal) -> None:
    result = terminal.run("targets", "accounts", "directory", "--unused-for", "90d")
    nobody = terminal.run("targets", "accounts", "directory", "--unused-for", "3650d")

    assert {line.split()[1] for line in result.stdout.splitlines()[1:]} == {"bob", "cid"}
    assert "Of 1 more accounts" in result.stderr
    assert "No account at directory is known to be unused" in nobody.stdout
    terminal.run("targets", "accounts", "directory", "--unused-for", "long", code=2)
    terminal.run("targets", "accounts", "nowhere", code=1)


@pytest.mark.usefixtures("directory")
def test_a_list_that_breaks_off_is_no_list(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_short(_self: SampleConnector, since: str | None = None) -> Iterator[AccountPage]:
        yield AccountPage()

    monkeypatch.setattr(SampleConnector, "list_accounts", cut_short)

    result = terminal.run("targets", "accounts", "directory", "--json", code=1)

    assert not result.stdout
    assert "broke off" in result.stderr
