"""The demo as a user runs it: ``scimbridge demo``, without any configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scimbridge.cli.app import app
from scimbridge.demo import story
from scimbridge.demo.telling import Story, _tell
from tests.journeys.processes import Command, started

pytestmark = pytest.mark.journey

AS_TOLD = {
    "Ada": ("gone", "gone", "4"),
    "Ben": ("active", "active", "0"),
    "Cleo": ("active", "active", "0"),
    "Dora": ("active", "active", "0"),
    "Eli": ("gone", "gone", "4"),
    "Noor": ("suspended", "suspended", "2"),
    "Omar": ("active", "active", "4"),
}

TOLD = [
    'Entra ID    Ada   disables ada@example.com: PATCH {"op": "Replace", "path": "active", "value": "False"} -> 200',
    "bridge      Cleo  excluded: emergency accounts belong to the security team",
    "bridge      Ben   case canceled: the identity is active again",
    'Okta        Noor  deactivates noor@example.com: PUT {"active": false} -> 200',
    "Entra ID    Eli   deletes eli@example.com: DELETE -> 204",
    "bridge      Ada   suspend at application waits: reading an account: the target answered 429 Too Many Requests",
    "targets     Ada   application: suspended, directory: suspended",
    "bridge      Omar  restore at directory: done, and read back",
    "targets     Ada   application: gone, directory: gone",
]


@dataclass(frozen=True)
class Ended:
    demo: Command
    code: int
    folder: Path


def last_table(command: Command) -> dict[str, tuple[str, ...]]:
    """Return access at both targets and the number of changes, by person, as the demo says it has read them."""
    _, _, table = command.output.partition("read from the targets themselves")
    found = re.findall(r"^(\w+) .*\s(\w+)\s+(\w+)\s+(\d+)\s*$", table, re.MULTILINE)
    return {name: tuple(rest) for name, *rest in found}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """A demo that has told its story, and was interrupted while it stayed up."""
    folder = tmp_path_factory.mktemp("demo")
    with started("demo", TMPDIR=str(folder), NO_COLOR="1", TERM="dumb") as demo:
        demo.read_until("What to try next")
        demo.read_until("cases show")
        demo.interrupt()
        code = demo.end()
        yield Ended(demo, code, folder)


def test_it_stays_up_until_ctrl_c_and_says_what_to_try(ended: Ended) -> None:
    assert ended.code == 0, ended.demo.output
    assert "/scim/v2/Users?filter=active+eq+false" in ended.demo.output


def test_told_once_it_does_not_stay_up(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(Story, "tell", lambda _: told.append("story"))
    monkeypatch.setattr(Story, "stay", lambda _: told.append("stays"))
    monkeypatch.setattr(story, "run", lambda *, once: _tell(object.__new__(Story), once=once))

    codes = [CliRunner().invoke(app, ["demo", *options]).exit_code for options in (["--once"], [])]

    assert (codes, told) == ([0, 0], ["story", "story", "stays"])


def test_the_story_comes_out_as_told(ended: Ended) -> None:
    assert ended.code == 0, ended.demo.output
    assert last_table(ended.demo) == AS_TOLD


def test_the_demo_leaves_nothing_behind(ended: Ended) -> None:
    assert ended.demo.processes() == []
    assert list(ended.folder.iterdir()) == []


@pytest.mark.parametrize("told", TOLD)
def test_the_demo_shows_each_leavers_way(ended: Ended, told: str) -> None:
    lines = [re.sub(r"^ *[\d.]+ s +", "", line) for line in ended.demo.output.splitlines()]

    assert told in lines


def test_a_plain_terminal_gets_plain_lines(ended: Ended) -> None:
    assert "\x1b" not in ended.demo.output
    assert ended.demo.output.isascii()


@pytest.mark.parametrize("line", ["leavers on their way out", "suspend at directory"])
def test_ctrl_c_ends_everything_quietly(tmp_path: Path, line: str) -> None:
    with started("demo", TMPDIR=str(tmp_path)) as demo:
        demo.read_until(line)
        demo.interrupt()

        code = demo.end()

        assert code == 130, demo.output
        assert demo.processes() == []
        assert "Traceback" not in demo.output
        assert list(tmp_path.iterdir()) == []
